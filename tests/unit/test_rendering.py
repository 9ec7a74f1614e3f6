"""Markdown becomes HTML that is safe to place into a page."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpninja_app.answers.rendering import last_block_at, render_markdown


def test_a_table_that_would_have_millions_of_cells_stays_text() -> None:
    columns = 1_000
    bomb = "|a" * columns + "\n" + "|-" * columns + "\n" + "|\n" * 8_000
    assert "<table>" not in render_markdown(bomb)
    assert last_block_at(bomb) == 0


def test_a_table_as_people_make_them_is_one() -> None:
    assert render_markdown("|a|b|\n|-|-|\n" + "|x|y|\n" * 200).count("<tr>") == 201


def test_ordinary_markdown_becomes_ordinary_html() -> None:
    html = render_markdown(
        "# Title\n\nSome **bold** and `code`.\n\n- one\n- two\n\n| a |\n|---|\n| 1 |\n\nline\nbreak"
    )

    for part in (
        "<h3>Title</h3>",
        "<strong>bold</strong>",
        "<code>code</code>",
        "<li>one</li>",
        "<td>1</td>",
        "line<br>\nbreak",
    ):
        assert part in html


def test_links_open_outside_and_give_nothing_away() -> None:
    html = render_markdown('[a](https://a.example/x "t")')

    assert html == (
        '<p><a href="https://a.example/x" title="t" target="_blank" rel="noopener nofollow ugc">a</a></p>'
    )


def test_code_keeps_its_angle_brackets_as_text() -> None:
    assert "<code>&lt;script&gt;\n</code>" in render_markdown("```html\n<script>\n```")


def test_mail_links_stay_and_headings_stop_at_six() -> None:
    assert 'href="mailto:a@b.example"' in render_markdown("<a@b.example>")
    assert render_markdown("###### deep") == "<h6>deep</h6>"


@pytest.mark.parametrize(
    "attack",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<svg onload=alert(1)>",
        "<iframe src=https://evil.example></iframe>",
        "<a href='javascript:alert(1)'>x</a>",
        "<style>*{display:none}</style>",
        "<p style='x' onclick='y'>z</p>",
        "<form action=//evil.example><input></form>",
        "<math><mtext></mtext><mglyph><style><img src=x onerror=alert(1)>",
        "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
        "<!--><img src=x onerror=alert(1)>-->",
        "![x](https://evil.example/p.png)",
        "![x](data:image/svg+xml,<svg onload=alert(1)>)",
        "[x](javascript:alert(1))",
        "[x](JAVASCRIPT:alert(1))",
        "[x](java&#10;script:alert(1))",
        "[x](&#106;avascript:alert(1))",
        "[x](data:text/html,<script>alert(1)</script>)",
        "[x](vbscript:x)",
        "[x](//evil.example/y)",
        "[x](/relative)",
        "[x](file:///etc/passwd)",
        "<javascript:alert(1)>",
        '[x](https://a.example/"onmouseover="alert(1))',
        '[x](https://a.example "\\" onmouseover=alert(1) x=\\"")',
        "[x]: javascript:alert(1)\n\n[x]",
        "`<img src=x onerror=alert(1)>`",
        "<div id=x name=y class=z>w</div>",
    ],
)
def test_an_attack_becomes_text_or_nothing(attack: str) -> None:
    assert_safe(render_markdown(attack))


@given(
    st.lists(
        st.sampled_from([*"<>\"'`[]()!&;:/= \n", "a", "script", "img src=x", "onerror=a", "https://a.b"])
    )
)
def test_no_text_gets_a_tag_or_attribute_through(pieces: list[str]) -> None:
    assert_safe(render_markdown("".join(pieces)))


_TAGS = {"a", "blockquote", "br", "code", "em", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "s"}
_TAGS |= {"strong", "table", "tbody", "td", "th", "thead", "tr", "ul"}


def assert_safe(html: str) -> None:
    attributes = {"href", "title", "target", "rel", "start"}
    for tag, rest in re.findall(r"<([a-zA-Z!][^\s>/]*)((?:\"[^\"]*\"|[^>\"])*)>", html):
        assert tag in _TAGS, html
        assert set(re.findall(r"([\w-]+)=\"", re.sub(r'"[^"]*"', '""', rest))) <= attributes, html
    for address in re.findall(r'href="([^"]*)"', html):
        assert re.match(r"https?://|mailto:", address, re.IGNORECASE), html
