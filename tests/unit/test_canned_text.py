"""Variables of canned replies: which there are, and what comes in their place."""

from __future__ import annotations

import pytest

from helpninja_app.answers.rendering import render_markdown
from helpninja_app.conversations.canned_text import VARIABLES, check_variables, fill_variables
from helpninja_app.errors import Invalid

KNOWN = {
    "visitor.name": "Ana",
    "member.name": "Zoë",
    "workspace.name": "Boots & Co",
    "conversation.page": "https://shop.example/cart",
}


def test_every_variable_is_replaced_by_its_value() -> None:
    filled = fill_variables("|".join(f"{{{{{name}}}}}" for name in VARIABLES), KNOWN)
    assert filled.text == "Ana|Zoë|Boots & Co|https://shop.example/cart"
    assert filled.missing == ()


@pytest.mark.parametrize(
    ("text", "values", "filled", "missing"),
    [
        ("Hi {{visitor.name|there}}!", {}, "Hi there!", ()),
        ("Hi {{ visitor.name | dear guest }}!", {"visitor.name": "  "}, "Hi dear guest!", ()),
        ("Hi {{visitor.name|there}}!", KNOWN, "Hi Ana!", ()),
        ("Hi{{visitor.name|}}!", {}, "Hi!", ()),
        ("{{visitor.name}} {{visitor.name}} {{member.name}}", {}, "  ", ("visitor.name", "member.name")),
        ("{ {visitor.name} }", KNOWN, "{ {visitor.name} }", ()),
    ],
)
def test_what_is_not_known_is_what_stands_behind_the_bar(
    text: str, values: dict[str, str], filled: str, missing: tuple[str, ...]
) -> None:
    found = fill_variables(text, values)
    assert found.text == filled
    assert found.missing == missing


def test_a_value_is_not_read_for_variables() -> None:
    filled = fill_variables("{{visitor.name}}", {"visitor.name": "{{member.name}}", "member.name": "Zoë"})
    assert filled.text == "{{member.name}}"


@pytest.mark.parametrize(
    "name",
    [
        "[refund](https://evil.example)",
        "![x](https://evil.example/x.png)",
        "[refund][1]\n\n[1]: https://evil.example",
        "<https://evil.example>",
        "<a href='https://evil.example'>refund</a>",
        "[x]\\(https://evil.example)",
    ],
)
def test_a_visitor_s_name_makes_no_link_of_a_reply(name: str) -> None:
    shown = render_markdown(fill_variables("Hello {{visitor.name}}", {"visitor.name": name}).text)
    assert "<a " not in shown
    assert "<img" not in shown


def test_a_value_is_one_line_of_limited_length() -> None:
    filled = fill_variables("{{visitor.name}}", {"visitor.name": "a\r\n\u202eb" + "c" * 1_000})
    assert filled.text.startswith("a bc")
    assert len(filled.text) == 300


@pytest.mark.parametrize("page", ["javascript:alert(1)", "https://a.example/)[x](https://evil.example", "x"])
def test_a_page_that_is_no_plain_address_is_not_known(page: str) -> None:
    filled = fill_variables("{{conversation.page|our shop}}", {"conversation.page": page})
    assert filled.text == "our shop"


@pytest.mark.parametrize("name", ["visitor.email", "Visitor.Name", "", "x" * 500])
def test_a_variable_that_does_not_exist_is_named(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_variables(f"Hello {{{{{name}|you}}}}")
    [error] = refused.value.errors
    assert error.field == "body.text"
    assert f"{{{{{name[:60]}}}}}" in error.message


@pytest.mark.parametrize("text", ["Hello {{visitor.name", "visitor.name}}", "{{ {{visitor.name}} }}"])
def test_braces_without_a_variable_are_refused(text: str) -> None:
    with pytest.raises(Invalid, match="braces"):
        check_variables(text)


def test_what_has_only_variables_that_exist_is_taken() -> None:
    check_variables("{{visitor.name|there}} {a} {{ member.name }} } {")
