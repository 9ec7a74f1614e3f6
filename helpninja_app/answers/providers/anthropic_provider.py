"""Owns the talk with Anthropic's Messages API."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx2
from anthropic import (
    APIConnectionError,
    APIError,
    APIStatusError,
    AsyncAnthropic,
    omit,
)
from anthropic.types import MessageParam

from helpninja_app.answers.providers.attempts import (
    AttemptEvent,
    AttemptFailed,
    Vendor,
    events_of,
    failed_by_connection,
    failed_by_nonsense,
    failed_by_status,
    run_attempts,
)
from helpninja_app.answers.providers.base import (
    Finished,
    FinishReason,
    GenerationRequest,
    Retry,
    StreamEvent,
    Timeouts,
    TokenUsage,
    Turn,
)
from helpninja_app.answers.providers.event_stream import EventReader, ServerEvent, drain, raw_bytes, read_all
from helpninja_app.answers.providers.transport import provider_client
from helpninja_app.errors import ProviderTimedOut

ANTHROPIC_URL = "https://api.anthropic.com"
_VENDOR = Vendor(label="Anthropic", setting="ANTHROPIC_API_KEY")
_REASONS: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refusal",
}
# An error event in the middle of a stream comes with the stream's own status 200 and this type.
_STATUS_OF_TYPE = {
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
    "invalid_request_error": 400,
}
_MALFORMED = (ValueError, TypeError, AttributeError, KeyError, IndexError)


class AnthropicProvider:
    """The Messages API over ``base_url``; the client is made at the first use."""

    def __init__(
        self,
        api_key: str,
        *,
        base_url: str | None = None,
        timeouts: Timeouts | None = None,
        retry: Retry | None = None,
    ) -> None:
        self._api_key = api_key
        self._base_url = base_url or ANTHROPIC_URL
        self._timeouts = timeouts or Timeouts()
        self._retry = retry or Retry()
        self._client: AsyncAnthropic | None = None

    def stream(self, request: GenerationRequest) -> AsyncGenerator[StreamEvent, None]:
        """See ``Provider.stream``."""
        return run_attempts(
            lambda: self._attempt(request), vendor=_VENDOR, timeouts=self._timeouts, retry=self._retry
        )

    async def check(self) -> None:
        """See ``Provider.check``: lists a model, which costs nothing."""
        with _told_plainly():
            async with asyncio.timeout(self._timeouts.first_byte):
                await self._connected().models.list(limit=1)

    async def served_models(self) -> frozenset[str]:
        """See ``Provider.served_models``."""
        with _told_plainly():
            async with asyncio.timeout(self._timeouts.total):
                return frozenset([model.id async for model in self._connected().models.list(limit=100)])

    async def aclose(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def _connected(self) -> AsyncAnthropic:
        if self._client is None:
            # Waiting and retrying are ours (see attempts.py), so that they are the same for all vendors.
            self._client = AsyncAnthropic(
                api_key=self._api_key,
                base_url=self._base_url,
                max_retries=0,
                timeout=None,
                http_client=provider_client(),
            )
        return self._client

    async def _attempt(self, request: GenerationRequest) -> AsyncGenerator[AttemptEvent, None]:
        reading = _Reading()
        try:
            asking = self._connected().messages.with_streaming_response.create(
                model=request.model,
                system=request.system,
                messages=_messages(request),
                max_tokens=request.max_tokens,
                # "low" is the least these models take.
                output_config={"effort": "low"} if request.effort is not None else omit,
                stream=True,
            )
            async with asking as response:
                reader, body = EventReader(), raw_bytes(response.http_response)
                async for piece in body:
                    if events := reader.feed(piece):
                        before = reading.thought
                        text, failure = read_all(events, reading.take)
                        for event in events_of(text, reading.thought, before):
                            yield event
                        if failure is not None:
                            raise failure
                    if reading.is_complete:
                        await drain(body)
                        break
        except (APIError, httpx2.HTTPError, *_MALFORMED) as error:
            raise _failure(error) from error
        if reading.is_complete and reading.reason is not None:
            yield Finished(reading.reason, TokenUsage(input=reading.input, output=reading.output))


@dataclass(slots=True)
class _Reading:
    """What the events of one stream said so far; complete only with ``message_stop``."""

    reason: FinishReason | None = None
    is_complete: bool = False
    input: int = 0
    output: int = 0
    thought: int = 0

    def take(self, event: ServerEvent) -> str:
        """The text of ``event``, ``""`` if it carries none.

        Raises AttemptFailed for an error or an unknown ending, and any of ``_MALFORMED`` for nonsense.
        """
        match event.name:
            case "content_block_delta":
                delta = json.loads(event.data)["delta"]
                # Thoughts and signatures are deltas too and are not for the visitor.
                if delta["type"] == "thinking_delta":
                    self.thought += len(delta["thinking"])
                if delta["type"] == "text_delta":
                    if not isinstance(delta["text"], str):
                        raise failed_by_nonsense(_VENDOR)
                    return delta["text"]
            case "message_start":
                usage = json.loads(event.data)["message"]["usage"]
                # The caches' shares are counted apart and cost tokens as well.
                cached = [usage.get(f"cache_{each}_input_tokens") or 0 for each in ("creation", "read")]
                self.input = int(usage["input_tokens"]) + sum(cached)
                self.output = int(usage["output_tokens"])
            case "message_delta":
                told = json.loads(event.data)
                self.output = int(told["usage"]["output_tokens"])
                reason = told["delta"].get("stop_reason")
                if reason is not None:
                    if reason not in _REASONS:
                        raise failed_by_nonsense(_VENDOR)
                    self.reason = _REASONS[reason]
            case "message_stop":
                self.is_complete = True
            case "error":
                kind = json.loads(event.data)["error"]["type"]
                raise failed_by_status(_VENDOR, _STATUS_OF_TYPE.get(kind, 500), {})
            case _:
                pass
        return ""


@contextmanager
def _told_plainly() -> Iterator[None]:
    """Turn what goes wrong into the errors of ``Provider``."""
    try:
        yield
    except TimeoutError as error:
        raise ProviderTimedOut(f"{_VENDOR.label} took too long to answer.") from error
    except (APIError, httpx2.HTTPError, *_MALFORMED) as error:
        raise _failure(error).error from error


def _messages(request: GenerationRequest) -> list[MessageParam]:
    return [_message(turn) for turn in request.messages]


def _message(turn: Turn) -> MessageParam:
    if turn.role == "user":
        return {"role": "user", "content": turn.text}
    return {"role": "assistant", "content": turn.text}


def _failure(error: Exception) -> AttemptFailed:
    match error:
        case APIConnectionError() | httpx2.HTTPError():
            return failed_by_connection(_VENDOR)
        case APIStatusError():
            status = error.status_code
            if status < 400:
                status = _STATUS_OF_TYPE.get(error.type or "", 500)
            return failed_by_status(_VENDOR, status, error.response.headers)
        case APIError():
            return failed_by_nonsense(_VENDOR)
        case _:
            return failed_by_nonsense(_VENDOR)
