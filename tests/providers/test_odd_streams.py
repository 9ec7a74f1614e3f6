"""Streams that a well-behaved mock never sends, byte for byte, from a loopback server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from helpninja_app.answers.providers.anthropic_provider import AnthropicProvider
from helpninja_app.answers.providers.attempts import Vendor, failed_by_status, retry_after
from helpninja_app.answers.providers.base import (
    Finished,
    GenerationRequest,
    Provider,
    Retry,
    StreamEvent,
    TextDelta,
    Thinking,
    TokenUsage,
    Turn,
)
from helpninja_app.answers.providers.openai_provider import OpenAIProvider
from helpninja_app.errors import ProviderFailed, ProviderUnavailable

REQUEST = GenerationRequest("m", "12345678", (Turn("user", "1234"),), max_tokens=50)


class Canned:
    """An HTTP server that answers every request with the same bytes and closes."""

    def __init__(self) -> None:
        self.status = "200 OK"
        self.body = b""
        self.calls = 0
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if b"content-length" in line), 0
        )
        await reader.readexactly(length)
        self.calls += 1
        kind = b"text/event-stream" if self.status.startswith("200") else b"application/json"
        writer.write(
            b"HTTP/1.1 " + self.status.encode() + b"\r\ncontent-type: " + kind + b"\r\nconnection: close\r\n"
            b"content-length: " + str(len(self.body)).encode() + b"\r\n\r\n" + self.body
        )
        await writer.drain()
        writer.close()

    def chunks(self, *chunks: object) -> None:
        """OpenAI's way: unnamed events and ``[DONE]``."""
        self.body = (
            b"".join(f"data: {json.dumps(chunk)}\n\n".encode() for chunk in chunks) + b"data: [DONE]\n\n"
        )

    def events(self, *events: dict[str, object]) -> None:
        """Anthropic's way: each event is named by its type."""
        self.body = b"".join(
            f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events
        )


@pytest_asyncio.fixture
async def canned() -> AsyncIterator[Canned]:
    canned = Canned()
    server = await asyncio.start_server(canned.answer, "127.0.0.1", 0)
    canned.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield canned


@pytest_asyncio.fixture
async def openai(canned: Canned) -> AsyncIterator[Provider]:
    provider = OpenAIProvider("k", base_url=canned.url, retry=Retry(pause=0))
    yield provider
    await provider.aclose()


@pytest_asyncio.fixture
async def anthropic(canned: Canned) -> AsyncIterator[Provider]:
    provider = AnthropicProvider("k", base_url=canned.url, retry=Retry(pause=0))
    yield provider
    await provider.aclose()


async def all_of(provider: Provider) -> list[StreamEvent]:
    async with aclosing(provider.stream(REQUEST)) as events:
        return [event async for event in events]


def chunk(delta: dict[str, object], finish: str | None = None) -> dict[str, object]:
    return {"id": "1", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


START: dict[str, object] = {
    "type": "message_start",
    "message": {
        "id": "1",
        "role": "assistant",
        "content": [],
        "usage": {"input_tokens": 5, "output_tokens": 1, "cache_read_input_tokens": 20},
    },
}
STOP: dict[str, object] = {"type": "message_stop"}


def delta(kind: str, **fields: object) -> dict[str, object]:
    return {"type": "content_block_delta", "index": 0, "delta": {"type": kind, **fields}}


def ending(reason: str | None, tokens: int = 7) -> dict[str, object]:
    return {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": tokens}}


async def test_what_no_database_can_hold_is_left_out_of_an_answer(
    canned: Canned, openai: Provider, anthropic: Provider
) -> None:
    canned.chunks(chunk({"content": "\x00"}), chunk({"content": "A\x00 falcon."}), chunk({}, "stop"))
    assert "".join(each.text for each in await all_of(openai) if isinstance(each, TextDelta)) == "A falcon."

    canned.events(START, delta("text_delta", text="A\x00 falcon."), ending("end_turn"), STOP)
    assert TextDelta("A falcon.") in await all_of(anthropic)

    # As JSON says it, \ud83d is half of a pair.
    canned.chunks(chunk({"content": "A falcon \ud83d."}), chunk({}, "stop"))
    assert TextDelta("A falcon \ufffd.") in await all_of(openai)


async def test_a_server_that_reports_no_usage_is_charged_by_estimate(
    canned: Canned, openai: Provider
) -> None:
    canned.chunks(chunk({"reasoning": "12345"}), chunk({"content": "abcdefgh"}), chunk({}, "stop"))

    assert await all_of(openai) == [
        Thinking(2),
        TextDelta("abcdefgh"),
        Finished("stop", TokenUsage(input=3, output=4, is_estimate=True)),
    ]


async def test_a_refusal_in_its_own_field_is_a_refusal_and_its_words_are_not_shown(
    canned: Canned, openai: Provider
) -> None:
    canned.chunks(chunk({"refusal": "I can't help with that."}), chunk({}, "stop"))

    [finished] = await all_of(openai)

    assert isinstance(finished, Finished)
    assert finished.reason == "refusal"


async def test_a_question_stopped_by_a_filter_with_status_400_is_a_refusal(
    canned: Canned, openai: Provider
) -> None:
    canned.status = "400 Bad Request"
    canned.body = json.dumps({"error": {"code": "content_filter", "message": "filtered"}}).encode()

    [finished] = await all_of(openai)

    assert isinstance(finished, Finished)
    assert finished.reason == "refusal"


@pytest.mark.parametrize(
    "chunks",
    [
        [{"error": {"message": "boom sk-secret", "type": "server_error"}}],
        [{"id": "1", "choices": "none"}],
        [{"id": "1", "choices": [7]}],
        [chunk({"content": ["not", "text"]}), chunk({}, "stop")],
        [chunk({"content": ""}), chunk({}, "stop")],
        [chunk({"content": None}), chunk({}, "tool_calls")],
        [["a", "list"]],
        [],
    ],
)
async def test_nonsense_from_openai_is_a_failure_with_a_plain_sentence(
    canned: Canned, openai: Provider, chunks: list[object]
) -> None:
    canned.chunks(*chunks)

    with pytest.raises(ProviderFailed) as caught:
        await all_of(openai)

    assert caught.value.status == 502
    assert caught.value.detail.startswith(("OpenAI ", "The answer of OpenAI"))
    assert "secret" not in caught.value.detail


async def test_thoughts_are_not_part_of_the_answer_and_cached_input_is_counted(
    canned: Canned, anthropic: Provider
) -> None:
    canned.events(
        START,
        delta("thinking_delta", thinking="Hmm"),
        delta("text_delta", text="Yes."),
        ending("end_turn"),
        STOP,
    )

    assert await all_of(anthropic) == [
        Thinking(1),
        TextDelta("Yes."),
        Finished("stop", TokenUsage(input=25, output=7)),
    ]


@pytest.mark.parametrize(
    ("told", "reason"),
    [("stop_sequence", "stop"), ("model_context_window_exceeded", "length"), ("refusal", "refusal")],
)
async def test_every_ending_of_anthropic_has_its_meaning(
    canned: Canned, anthropic: Provider, told: str, reason: str
) -> None:
    canned.events(START, delta("text_delta", text="Yes."), ending(told), STOP)

    finished = (await all_of(anthropic))[-1]

    assert isinstance(finished, Finished)
    assert finished.reason == reason


async def test_a_message_without_message_stop_is_cut_off(canned: Canned, anthropic: Provider) -> None:
    canned.events(START, delta("text_delta", text="Yes."), ending("end_turn"))

    with pytest.raises(ProviderFailed, match="cut off"):
        await all_of(anthropic)

    assert canned.calls == 1


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("overloaded_error", ProviderUnavailable),
        ("authentication_error", ProviderUnavailable),
        ("api_error", ProviderFailed),
        ("something_new", ProviderFailed),
    ],
)
async def test_an_error_event_in_the_stream_is_read_by_its_type(
    canned: Canned, anthropic: Provider, kind: str, error: type[ProviderFailed]
) -> None:
    canned.events(START, {"type": "error", "error": {"type": kind, "message": "boom sk-secret"}})

    with pytest.raises(error) as caught:
        await all_of(anthropic)

    assert type(caught.value) is error
    assert "secret" not in caught.value.detail
    assert canned.calls == (1 if kind == "authentication_error" else 2)


@pytest.mark.parametrize(
    "events",
    [
        [{"type": "message_start", "message": {}}, STOP],
        [START, delta("text_delta", text=7), ending("end_turn"), STOP],
        [START, delta("text_delta", text="a"), ending("pause_turn"), STOP],
        [START, ending("end_turn"), STOP],
        [START, STOP],
        [],
    ],
)
async def test_nonsense_from_anthropic_is_a_failure_with_a_plain_sentence(
    canned: Canned, anthropic: Provider, events: list[dict[str, object]]
) -> None:
    canned.events(*events)

    with pytest.raises(ProviderFailed) as caught:
        await all_of(anthropic)

    assert caught.value.status == 502
    assert caught.value.detail.startswith(("Anthropic ", "The answer of Anthropic"))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "Sat, 21 Nov 2026 12:00:10 GMT"}, 10.0),
        ({"retry-after": "Sat, 21 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-4"}, None),
        ({"retry-after": "nan"}, None),
    ],
)
def test_retry_after_is_read_in_all_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, now=datetime(2026, 11, 21, 12, tzinfo=UTC)) == seconds


@pytest.mark.parametrize("status", [429, 503, 529])
@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("60", {"retry-after": "60"}),
        ("1.2", {"retry-after": "2"}),
        ("0", {"retry-after": "1"}),
        ("999999999", {"retry-after": "3600"}),
        ("inf", {"retry-after": "3600"}),
        ("soon", {}),
        ("-4", {}),
        ("60\r\nx-evil: 1", {}),
    ],
)
def test_how_long_a_provider_wants_to_be_left_alone_is_passed_on_within_reason(
    status: int, asked: str, told: dict[str, str]
) -> None:
    failed = failed_by_status(Vendor("OpenAI", "OPENAI_API_KEY"), status, {"retry-after": asked})
    assert failed.error.headers == told
