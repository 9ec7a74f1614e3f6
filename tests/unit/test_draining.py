"""Stopping although streams are open."""

from __future__ import annotations

import asyncio

import pytest

from helpninja_app.kernel import draining
from helpninja_app.kernel.draining import Draining
from helpninja_app.kernel.web import Message, Receive, Scope, Send


async def nothing() -> Message:
    return {}


async def nowhere(_message: Message) -> None: ...


@pytest.fixture(autouse=True)
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draining, "GRACE_SECONDS", 0.2)


@pytest.mark.parametrize("kind", ["http", "websocket"])
async def test_what_never_ends_is_cancelled_and_may_clean_up(kind: str) -> None:
    cleaned: list[str] = []

    async def endless(_scope: Scope, _receive: Receive, _send: Send) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.append(kind)

    all_requests = Draining()
    request = asyncio.ensure_future(all_requests.around(endless)({"type": kind}, nothing, nowhere))
    await asyncio.sleep(0)
    all_requests.end_all()
    await asyncio.wait_for(request, 60)
    assert cleaned == [kind]


async def test_what_ends_within_the_grace_is_left_alone() -> None:
    finished: list[bool] = []

    async def short(_scope: Scope, _receive: Receive, _send: Send) -> None:
        await asyncio.sleep(0.05)
        finished.append(True)

    all_requests = Draining()
    request = asyncio.ensure_future(all_requests.around(short)({"type": "http"}, nothing, nowhere))
    await asyncio.sleep(0)
    all_requests.end_all()
    all_requests.end_all()
    await asyncio.wait_for(request, 60)
    assert finished == [True]


async def test_the_lifespan_is_not_cancelled() -> None:
    ended = asyncio.Event()

    async def lifespan(_scope: Scope, _receive: Receive, _send: Send) -> None:
        await ended.wait()

    all_requests = Draining()
    running = asyncio.ensure_future(all_requests.around(lifespan)({"type": "lifespan"}, nothing, nowhere))
    await asyncio.sleep(0)
    all_requests.end_all()
    await asyncio.sleep(0.4)
    assert not running.done()
    ended.set()
    await running


async def test_a_cancellation_that_is_not_ours_is_passed_on() -> None:
    async def endless(_scope: Scope, _receive: Receive, _send: Send) -> None:
        await asyncio.Event().wait()

    request = asyncio.ensure_future(Draining().around(endless)({"type": "http"}, nothing, nowhere))
    await asyncio.sleep(0)
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
