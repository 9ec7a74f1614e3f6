"""Answers show only what the passages contain, numbered in order."""

from __future__ import annotations

import pytest

from helpninja_app.answers.citations import resolve_citations
from helpninja_app.answers.passages import Passage
from tests.unit.hostile_answers import INJECTIONS, PASSAGES, POLICY, RETURNS, assert_harmless, shown

# Citations


@pytest.mark.parametrize(
    ("text", "expected", "cited"),
    [
        ("Free [1].", "Free [1].", (0,)),
        ("Small [2], free [1], small [2].", "Small [1], free [2], small [1].", (1, 0)),
        ("Both [3][1].", "Both [1][2].", (2, 0)),
        ("Both [3, 1].", "Both [1][2].", (2, 0)),
        ("All [1-3].", "All [1][2][3].", (0, 1, 2)),
        ("Twice [1][1].", "Twice [1].", (0,)),
        ("Unknown [9].", "Unknown.", ()),
        ("Unknown [9] here.", "Unknown here.", ()),
        ("Half [9, 2] known.", "Half [1] known.", (1,)),
        ("Zero [0] and far [400].", "Zero and far.", ()),
        ("Footnote [^1].", "Footnote [1].", (0,)),
        ("Wide 【2】 and 【1†source】.", "Wide [1] and [2].", (1, 0)),
        ("Wide 【9】.", "Wide.", ()),
        ("Great![1] Yes", "Great! [1] Yes", (0,)),
        ("A year [2024] is no marker.", "A year [2024] is no marker.", ()),
        ("Press [Save] now.", "Press [Save] now.", ()),
        ("[1](https://evil.example/x) linked", "[1] linked", (0,)),
        ("[1]: a list", "[1] : a list", (0,)),
        ("[9]\n\nText", "Text", ()),
        ("Free [1", "Free [1", ()),
        ("返品は無料です[1]。サイズ[9]。", "返品は無料です[1]。サイズ。", (0,)),
    ],
)
def test_markers_are_resolved_and_renumbered(text: str, expected: str, cited: tuple[int, ...]) -> None:
    resolved = resolve_citations(text, PASSAGES)

    assert (resolved.text, resolved.cited) == (expected, cited)


def test_citations_carry_title_address_and_a_plain_snippet() -> None:
    resolved = resolve_citations("Small [2]. Free [1].", PASSAGES)

    first, second = resolved.citations
    assert (first.n, first.title, first.url, first.snippet) == (1, "Sizes.pdf", None, "Shoes run small.")
    assert (second.n, second.url) == (2, RETURNS)
    assert second.snippet == "Free within 30 days . See the policy or write to help@shop.example."
    assert resolved.refs == (RETURNS,)


def test_refs_are_each_address_once() -> None:
    passages = (PASSAGES[0], PASSAGES[0], PASSAGES[2])

    resolved = resolve_citations("a [2] b [1] c [3]", passages)

    assert resolved.refs == (RETURNS, "https://shop.example/wood")
    assert len(resolved.citations) == 3


def test_a_long_snippet_ends_between_words() -> None:
    [citation] = resolve_citations("[1]", (Passage("Long", "returns " * 100, None),)).citations

    assert citation.snippet.endswith("returns…")
    assert len(citation.snippet) <= 200


# What may stay


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"See [here]({RETURNS}).", f"See [here]({RETURNS})."),
        (f'See [here]({RETURNS} "a title").', f"See [here]({RETURNS})."),
        (f"See [here](<{RETURNS}>).", f"See [here]({RETURNS})."),
        (f"See <{RETURNS}>.", f"See <{RETURNS}>."),
        (f"See {RETURNS}.", f"See {RETURNS}."),
        (f"See ({RETURNS}/).", f"See ({RETURNS})."),
        (f"See **{RETURNS}**!", f"See **{RETURNS}**!"),
        ("See HTTP://Shop.Example:80/help/returns", f"See {RETURNS}"),
        (f"See {POLICY} and [p]({POLICY})", f"See {POLICY} and [p]({POLICY})"),
        ("[Oak](https://wiki.example/Oak_(tree))", "[Oak](<https://wiki.example/Oak_(tree)>)"),
        ("See https://wiki.example/Oak_(tree).", "See https://wiki.example/Oak_(tree)."),
        ("www.wood.example/oak", "www.wood.example/oak"),
        ("[oak](www.wood.example/oak)", "[oak](https://www.wood.example/oak)"),
        ("We use ASP.NET and first.last@mail.com", "We use ASP.NET and first.last@mail.com"),
        ("[mail](mailto:help@shop.example)", "[mail](mailto:help@shop.example)"),
        ("Write to help@shop.example.", "Write to help@shop.example."),
        (f"请看{RETURNS}。", f"请看{RETURNS}。"),
        ("3 < 4 and a<5, x > y", "3 < 4 and a<5, x > y"),
        ("Paste `<script src='x'>` here", "Paste `<script src='x'>` here"),
        ("```html\n<div a=1>[1] a[0](b)\n```\nDone", "```html\n<div a=1>[1] a[0](b)\n```\nDone"),
        ("~~~\n<b>\n~~~\n", "~~~\n<b>\n~~~"),
        ("- one\n- two\n\n1. x\n   y", "- one\n- two\n\n1. x\n   y"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "| a | b |\n|---|---|\n| 1 | 2 |"),
        (
            "**bold** _it_ ~~no~~ 100% $5 & more; 24/7, and/or",
            "**bold** _it_ ~~no~~ 100% $5 & more; 24/7, and/or",
        ),
        ("مرحبا [1] نعم\u200cها", "مرحبا [1] نعم\u200cها"),
        ("Settings: open app.js/css, v1.2/v1.3", "Settings: open app.js/css, v1.2/v1.3"),
        ("Ends  \nwith\n\n\n\n\nblanks  ", "Ends  \nwith\n\n\nblanks"),
    ],
)
def test_what_the_documents_contain_and_plain_markdown_stay(text: str, expected: str) -> None:
    assert shown(text) == expected


# What must go


@pytest.mark.parametrize("attack", INJECTIONS)
@pytest.mark.parametrize("around", ["{}", "Hello {} world", "Hi [1]{}[2] ", "*{}*", "a\n\n{}\n\nb"])
def test_an_injection_leaves_no_address_image_or_markup(attack: str, around: str) -> None:
    text = shown(around.format(attack))

    assert "evil.example" not in text.lower()
    assert_harmless(text)


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "//evil.example", "file:///etc/passwd", ""]
)
def test_a_source_that_is_no_web_page_is_cited_without_its_address(url: str) -> None:
    resolved = resolve_citations("Free [1].", [Passage("Returns", "Returns are free.", url)])
    assert [citation.url for citation in resolved.citations] == [None]
    assert resolved.refs == ()
