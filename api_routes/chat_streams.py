"""Sends an answer to a member as it is written: as plain text, or as server-sent events.

The status waits for the first piece, so that a provider that fails before it is a problem with its status.
Whoever leaves ends the answer.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any
from uuid import UUID

import structlog
from fastapi.responses import Response

from api_routes.chat_citations import cited_passage
from api_routes.problems import problem_body, problem_response
from helpninja_app.answers.pipeline import Token
from helpninja_app.chats.answering import ChatEvent, Started
from helpninja_app.chats.writing import Answered
from helpninja_app.errors import HelpNinjaError, Unavailable
from helpninja_app.kernel.draining import stopping
from helpninja_app.kernel.telemetry import STREAMS
from helpninja_app.kernel.web import Receive, Scope, Send

log = structlog.get_logger(__name__)

HEARTBEAT_SECONDS = 15
# What is nearly said may still be said when the process ends; less than draining.GRACE_SECONDS.
LAST_SECONDS = 1.0
RESTARTING = "HelpNinja is being restarted. Please ask again in a moment."
_HEARTBEAT = b": heartbeat\n\n"


class AnswerCutOff(Exception):
    """The rest does not come: the connection is broken off, so that nobody takes the answer for whole."""


class ChatStream(Response):
    """The answer that ``events`` bring; ``is_sse`` chooses the form.

    ``stop`` ends it for a caller who leaves: it is not the process that does.
    """

    def __init__(
        self, events: AsyncGenerator[ChatEvent, None], *, is_sse: bool, stop: Callable[[UUID], None]
    ) -> None:
        super().__init__(
            headers={"cache-control": "no-store", "x-accel-buffering": "no"},
            media_type="text/event-stream" if is_sse else "text/plain",
        )
        del self.headers["content-length"]
        self._events, self._is_sse, self._stop = events, is_sse, stop
        self._message_id: UUID | None = None
        self._has_begun = False
        self._sent_at = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.ensure_future(self._send_all(scope, receive, send))
        leaving = asyncio.ensure_future(_left(receive))
        stop = asyncio.ensure_future(stopping())
        beating = asyncio.ensure_future(self._beat(send))
        STREAMS.inc()
        try:
            await asyncio.wait({sending, leaving, stop}, return_when=asyncio.FIRST_COMPLETED)
            if stop.done() and not leaving.done():
                await asyncio.wait({sending, leaving}, timeout=LAST_SECONDS)
            if sending.done():
                sending.result()
            elif stop.done() and not leaving.done():
                await _end(sending)
                await self._fail(Unavailable(RESTARTING), scope, receive, send)
        finally:
            STREAMS.dec()
            if leaving.done() and self._message_id is not None:
                self._stop(self._message_id)
            for task in (leaving, stop, beating):
                task.cancel()
            await _end(sending)

    async def _send_all(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with aclosing(self._events) as events:
                async for event in events:
                    if isinstance(event, Started):
                        self._name(event)
                    elif isinstance(event, Token):
                        await self._say(send, self._piece(event))
                    else:
                        await self._say(send, self._end_of(event), is_last=True)
        except HelpNinjaError as error:
            await self._fail(error, scope, receive, send)
        except Exception:
            log.exception("chat_stream_failed")
            await self._fail(HelpNinjaError(), scope, receive, send)

    def _name(self, started: Started) -> None:
        # What is told again another request began: whoever leaves this one ends nothing.
        self._message_id = None if started.is_told_again else started.message_id
        self.headers["x-chat-id"] = str(started.chat_id)
        self.headers["x-message-id"] = str(started.message_id)

    async def _say(self, send: Send, body: bytes, *, is_last: bool = False) -> None:
        self._sent_at = asyncio.get_running_loop().time()
        if not self._has_begun:
            self._has_begun = True
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        if body or is_last:
            await send({"type": "http.response.body", "body": body, "more_body": not is_last})

    async def _beat(self, send: Send) -> None:
        """Comments now and then, so that nothing on the way takes the silence for an end."""
        loop = asyncio.get_running_loop()
        while self._is_sse:
            await asyncio.sleep(max(self._sent_at + HEARTBEAT_SECONDS - loop.time(), 1.0))
            if self._has_begun and loop.time() - self._sent_at >= HEARTBEAT_SECONDS:
                await self._say(send, _HEARTBEAT)

    async def _fail(self, error: HelpNinjaError, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if error.status >= 500:
            log.warning("chat_failed", error=type(error).__name__, detail=error.detail)
        if not self._has_begun:
            response = problem_response(error, path)
            if (chat := self.headers.get("x-chat-id")) is not None:
                response.headers["x-chat-id"] = chat
            await response(scope, receive, send)
        elif self._is_sse:
            await self._say(send, _sse("error", problem_body(error, path)), is_last=True)
        else:
            raise AnswerCutOff(error.detail)

    def _piece(self, token: Token) -> bytes:
        return _sse("token", {"text": token.text}) if self._is_sse else token.text.encode()

    def _end_of(self, answered: Answered) -> bytes:
        if not self._is_sse:
            return b""
        done = {
            "chatId": self.headers["x-chat-id"],
            "messageId": str(answered.message_id),
            "model": answered.model,
            "usage": {
                "inputTokens": answered.usage.input,
                "outputTokens": answered.usage.output,
                "isEstimate": answered.usage.is_estimate,
            },
            "credits": answered.credits,
            "finish": answered.finish or "interrupted",
        }
        citations = [cited_passage(each) for each in answered.citations]
        return _sse("citations", {"citations": citations}) + _sse("done", done)


def _sse(event: str, data: dict[str, Any]) -> bytes:
    return f"event: {event}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


async def _left(receive: Receive) -> None:
    """Return when the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _end(task: asyncio.Future[None]) -> None:
    if not task.done():
        task.cancel()
    await asyncio.gather(task, return_exceptions=True)
