"""Answers that are broken off, by us or by the provider: it learns it at once, and what was used counts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, suppress
from typing import Any

import pytest
import pytest_asyncio

from helpninja_app.answers.providers.anthropic_provider import AnthropicProvider
from helpninja_app.answers.providers.base import (
    Finished,
    GenerationRequest,
    Provider,
    Retry,
    TextDelta,
    TokenUsage,
    Turn,
    estimate_tokens,
)
from helpninja_app.answers.providers.fake import FakeProvider, spoken
from helpninja_app.answers.providers.metering import MeteredAnswer
from helpninja_app.answers.providers.openai_provider import OpenAIProvider
from helpninja_app.errors import ProviderFailed

REQUEST = GenerationRequest("m", "12345678", (Turn("user", "1234"),), max_tokens=50)
FIRST: dict[str, list[dict[str, Any]]] = {
    "openai": [{"choices": [{"delta": {"content": "Once upon "}, "finish_reason": None}]}],
    "anthropic": [
        {"type": "message_start", "message": {"usage": {"input_tokens": 3, "output_tokens": 1}}},
        {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Once upon "}},
    ],
}

# Thoughts of ten characters, some of them together with the first word.
THOUGHTS: dict[str, list[dict[str, Any]]] = {
    "openai": [
        {"choices": [{"delta": {"reasoning_content": "Let me"}}]},
        {"choices": [{"delta": {"reasoning": " see"}}]},
    ],
    "anthropic": [
        {"type": "content_block_delta", "delta": {"type": "thinking_delta", "thinking": "Let me"}},
        {"type": "content_block_delta", "delta": {"type": "thinking_delta", "thinking": " see"}},
        {"type": "content_block_delta", "delta": {"type": "signature_delta", "signature": "c2ln"}},
    ],
}


class Teller:
    """Says the first words of an answer, waits, and notes when its listener left."""

    def __init__(self, vendor: str) -> None:
        self._vendor = vendor
        self.url = ""
        self.asked: dict[str, object] = {}
        self.hangs_up = False
        self.thinks = False
        self.left = asyncio.Event()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        self.asked = json.loads(await reader.readexactly(length))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
        for event in (THOUGHTS[self._vendor] if self.thinks else []) + FIRST[self._vendor]:
            name = f"event: {event['type']}\n" if "type" in event else ""
            writer.write(f"{name}data: {json.dumps(event)}\n\n".encode())
        await writer.drain()
        if not self.hangs_up:
            with suppress(ConnectionError):
                await reader.read()
            self.left.set()
        writer.close()


@pytest_asyncio.fixture(params=["openai", "anthropic"])
async def teller(request: pytest.FixtureRequest) -> AsyncIterator[Teller]:
    teller = Teller(request.param)
    server = await asyncio.start_server(teller.answer, "127.0.0.1", 0, limit=4_000_000)
    teller.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield teller


@pytest_asyncio.fixture
async def provider(teller: Teller) -> AsyncIterator[Provider]:
    kinds: dict[str, Callable[..., Provider]] = {"openai": OpenAIProvider, "anthropic": AnthropicProvider}
    provider = kinds[teller._vendor]("k", base_url=teller.url, retry=Retry(pause=0))
    yield provider
    await provider.aclose()


async def test_the_provider_sees_that_the_answer_was_closed(teller: Teller, provider: Provider) -> None:
    async with aclosing(provider.stream(REQUEST)) as events:
        assert await anext(events) == TextDelta("Once upon ")
        assert not teller.left.is_set()

    await asyncio.wait_for(teller.left.wait(), 30)


async def test_the_provider_sees_that_a_waiting_reader_was_cancelled(
    teller: Teller, provider: Provider
) -> None:
    has_begun = asyncio.Event()

    async def read() -> None:
        async with aclosing(provider.stream(REQUEST)) as events:
            async for _ in events:
                has_begun.set()

    reading = asyncio.create_task(read())
    await asyncio.wait_for(has_begun.wait(), 30)
    reading.cancel()
    await asyncio.wait_for(teller.left.wait(), 30)

    with pytest.raises(asyncio.CancelledError):
        await reading


async def test_what_was_written_before_we_stopped_is_counted(teller: Teller, provider: Provider) -> None:
    answer = MeteredAnswer(provider, REQUEST)
    before = answer.usage

    async with aclosing(answer.events()) as events:
        await anext(events)

    assert before == TokenUsage(input=0, output=0, is_estimate=True)
    assert answer.text == "Once upon "
    assert answer.usage == TokenUsage(input=3, output=3, is_estimate=True)
    await asyncio.wait_for(teller.left.wait(), 30)


async def test_hidden_thoughts_before_we_stopped_are_counted(teller: Teller, provider: Provider) -> None:
    teller.thinks = True
    answer = MeteredAnswer(provider, REQUEST)

    async with aclosing(answer.events()) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                break

    assert answer.text == "Once upon "
    assert answer.usage == TokenUsage(input=3, output=3 + 3, is_estimate=True)


async def test_what_was_written_before_the_provider_failed_is_counted(
    teller: Teller, provider: Provider
) -> None:
    teller.hangs_up = True
    answer = MeteredAnswer(provider, REQUEST)

    with pytest.raises(ProviderFailed, match="cut off"):
        _ = [event async for event in answer.events()]

    assert answer.finished is None
    assert answer.usage == TokenUsage(input=3, output=3, is_estimate=True)


async def test_a_finished_answer_has_the_providers_own_count() -> None:
    usage = TokenUsage(input=70, output=9)
    answer = MeteredAnswer(FakeProvider([spoken("Yes", ".", usage=usage)]), REQUEST)

    _ = [event async for event in answer.events()]

    assert answer.text == "Yes."
    assert answer.finished == Finished("stop", usage)
    assert answer.usage == usage


async def test_a_failure_before_the_first_word_costs_nothing() -> None:
    answer = MeteredAnswer(FakeProvider([[ProviderFailed()]]), REQUEST)

    with pytest.raises(ProviderFailed):
        _ = [event async for event in answer.events()]

    assert answer.usage.total == 0


async def test_a_chat_of_a_thousand_turns_is_sent_whole(teller: Teller, provider: Provider) -> None:
    turns = tuple(
        Turn("assistant" if number % 2 else "user", f"{number} " + "word " * 300) for number in range(1_001)
    )

    async with aclosing(provider.stream(GenerationRequest("m", "s", turns, max_tokens=9))) as events:
        await anext(events)

    sent = teller.asked["messages"]
    assert isinstance(sent, list)
    assert [message["content"] for message in sent if message["role"] != "system"] == [
        turn.text for turn in turns
    ]


def test_tokens_are_estimated_at_four_characters_rounded_up() -> None:
    assert [estimate_tokens(text) for text in ("", "a", "abcd", "abcde")] == [0, 1, 1, 2]
