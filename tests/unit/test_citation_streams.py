"""A stream shows what its whole text would, and nothing that harms, however it was cut into pieces."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from helpninja_app.answers.citations import CitationStream, resolve_citations
from helpninja_app.answers.safe_markdown import HOLD
from tests.unit.hostile_answers import INJECTIONS, PASSAGES, RETURNS, assert_harmless, shown

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
@example("```evil.example#1")
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
