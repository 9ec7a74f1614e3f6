"""Server-sent events are read as the standard has them, whatever the network makes of the bytes."""

from __future__ import annotations

import pytest

from helpninja_app.answers.providers.event_stream import LARGEST_EVENT, EventReader, ServerEvent

STREAM = (
    'event: first\r\ndata: {"text": "é"}\r\n\r\n'
    ": a comment\n\n"
    "data:one\ndata: two\nid: 7\nretry: 10\n\n"
    "event: nothing\n\n"
    "data: last\r\r"
).encode()
EVENTS = [
    ServerEvent("first", '{"text": "é"}'),
    ServerEvent("", "one\ntwo"),
    ServerEvent("", "last"),
]


@pytest.mark.parametrize("size", range(1, len(STREAM) + 1))
def test_events_are_the_same_in_pieces_of_any_size(size: int) -> None:
    reader = EventReader()

    pieces = [STREAM[at : at + size] for at in range(0, len(STREAM), size)]

    assert [event for piece in pieces for event in reader.feed(piece)] == EVENTS


def test_an_event_without_its_empty_line_is_not_given() -> None:
    assert EventReader().feed(b"data: half\n") == []


def test_a_line_without_an_end_is_refused_before_it_fills_the_memory() -> None:
    with pytest.raises(ValueError, match="too long"):
        EventReader().feed(b"data: " + b"x" * LARGEST_EVENT)


def test_an_event_of_many_lines_is_refused_as_well() -> None:
    with pytest.raises(ValueError, match="too large"):
        EventReader().feed(b"data: 12345678\n" * (LARGEST_EVENT // 8))


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(ValueError):
        EventReader().feed(b"data: \xff\n\n")
