"""Streams whose reader leaves while nothing has come for a while."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from api_routes.chat import _until_stopped
from helpninja_app.answers.pipeline import Token
from helpninja_app.conversations.visitor_chat import Reply


async def test_a_reader_who_leaves_ends_what_was_awaited_without_an_error() -> None:
    awaited, ended = asyncio.Event(), asyncio.Event()

    async def events() -> AsyncGenerator[Token | Reply]:
        try:
            yield Token("Within ")
            awaited.set()
            await asyncio.sleep(60)
        finally:
            ended.set()

    async def read() -> None:
        async for _ in _until_stopped(events()):
            pass

    reader = asyncio.create_task(read())
    await awaited.wait()
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert ended.is_set()
