"""Lets a web process stop within seconds although it has streams and websockets that never end."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from helpninja_app.kernel.web import ASGIApp, Receive, Scope, Send

GRACE_SECONDS = 1.5
"""What is under way may still finish within this time."""

STOP_SIGNAL = signal.SIGUSR1
"""Sent to a web process before it is told to end: the server waits for open connections, so we end them."""


_waiting: set[asyncio.Future[None]] = set()


async def stopping() -> None:
    """Return when this process is told to stop; for streams that want to say so before they are cut off."""
    told = asyncio.get_running_loop().create_future()
    _waiting.add(told)
    try:
        await told
    finally:
        _waiting.discard(told)


class Draining:
    """Knows every open request and websocket, and cancels those that do not end in time."""

    def __init__(self) -> None:
        self._open: set[asyncio.Task[object]] = set()
        self._ending: asyncio.Task[None] | None = None

    def around(self, app: ASGIApp) -> ASGIApp:
        """``app``, with its requests and websockets watched."""

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            task = asyncio.current_task()
            if scope["type"] == "lifespan" or task is None:
                await app(scope, receive, send)
                return
            self._open.add(task)
            try:
                await app(scope, receive, send)
            except asyncio.CancelledError:
                if self._ending is None:
                    raise
                # We cancelled it ourselves: an end, and no error for the server to report.
            finally:
                self._open.discard(task)

        return watched

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """While the block runs, ``STOP_SIGNAL`` and the death of our supervisor end what is open."""
        loop = asyncio.get_running_loop()
        supervisor = multiprocessing.parent_process()
        loop.add_signal_handler(STOP_SIGNAL, self.end_all)
        if supervisor is not None:
            loop.add_reader(supervisor.sentinel, self._follow_supervisor, supervisor.sentinel)
        try:
            yield
        finally:
            loop.remove_signal_handler(STOP_SIGNAL)
            if supervisor is not None:
                loop.remove_reader(supervisor.sentinel)

    def end_all(self) -> None:
        """Give what is open its grace, then cancel it."""
        if self._ending is None:
            for told in _waiting:
                if not told.done():
                    told.set_result(None)
            self._ending = asyncio.get_running_loop().create_task(self._end_all())

    async def _end_all(self) -> None:
        if self._open:
            _, still_open = await asyncio.wait(self._open, timeout=GRACE_SECONDS)
            for task in still_open:
                task.cancel()

    def _follow_supervisor(self, sentinel: int) -> None:
        asyncio.get_running_loop().remove_reader(sentinel)
        self.end_all()
        os.kill(os.getpid(), signal.SIGTERM)
