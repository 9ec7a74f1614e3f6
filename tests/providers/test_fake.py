"""The scripted provider keeps the Protocol's promises."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from helpninja_app.answers.providers.base import Finished, GenerationRequest, Provider, TextDelta, Turn
from helpninja_app.answers.providers.fake import FakeProvider, spoken
from helpninja_app.errors import ProviderFailed, ProviderTimedOut

REQUEST = GenerationRequest("m", "s", (Turn("user", "q"),), max_tokens=5)


async def test_scripts_are_played_in_order_and_requests_remembered() -> None:
    fake = FakeProvider([spoken("a", "b"), [TextDelta("c"), ProviderTimedOut()]])
    provider: Provider = fake

    first = [event async for event in provider.stream(REQUEST)]
    with pytest.raises(ProviderTimedOut):
        _ = [event async for event in provider.stream(REQUEST)]

    assert first[:2] == [TextDelta("a"), TextDelta("b")]
    assert isinstance(first[2], Finished)
    assert fake.requests == [REQUEST, REQUEST]
    assert fake.open_streams == 0


async def test_a_script_without_an_end_is_cut_off_and_a_request_too_many_fails() -> None:
    fake = FakeProvider([[TextDelta("a")]])

    with pytest.raises(ProviderFailed, match="cut off"):
        _ = [event async for event in fake.stream(REQUEST)]
    with pytest.raises(ProviderFailed, match="nothing left"):
        _ = [event async for event in fake.stream(REQUEST)]


async def test_a_stream_can_be_held_and_left() -> None:
    fake = FakeProvider([[TextDelta("a"), asyncio.Event()]])

    async with aclosing(fake.stream(REQUEST)) as events:
        assert await anext(events) == TextDelta("a")
        assert fake.open_streams == 1

    assert fake.open_streams == 0


async def test_a_check_raises_what_the_next_script_would() -> None:
    fake = FakeProvider()
    await fake.check()
    fake.add([ProviderTimedOut()])

    with pytest.raises(ProviderTimedOut):
        await fake.check()
