"""Owns the talk with Anthropic's Messages API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import httpx2
from anthropic import APIConnectionError, APIError, APIStatusError, APITimeoutError, AsyncAnthropic, omit
from anthropic.types import MessageParam, RawMessageStreamEvent

from helpninja_app.answers.providers.attempts import (
    Alive,
    AttemptEvent,
    AttemptFailed,
    Vendor,
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
    TextDelta,
    Timeouts,
    TokenUsage,
    Turn,
)
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
        try:
            async with asyncio.timeout(self._timeouts.first_byte):
                await self._connected().models.list(limit=1)
        except TimeoutError as error:
            raise ProviderTimedOut(f"{_VENDOR.label} took too long to answer.") from error
        except (APIError, httpx2.HTTPError, *_MALFORMED) as error:
            raise _failure(error).error from error

    async def aclose(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def _connected(self) -> AsyncAnthropic:
        if self._client is None:
            # Waiting and retrying are ours (see attempts.py), so that they are the same for all vendors.
            self._client = AsyncAnthropic(
                api_key=self._api_key, base_url=self._base_url, max_retries=0, timeout=None
            )
        return self._client

    async def _attempt(self, request: GenerationRequest) -> AsyncGenerator[AttemptEvent, None]:
        reading = _Reading()
        try:
            stream = await self._connected().messages.create(
                model=request.model,
                system=request.system,
                messages=[_message(turn) for turn in request.messages],
                max_tokens=request.max_tokens,
                # "low" is the least these models take.
                output_config={"effort": "low"} if request.effort is not None else omit,
                stream=True,
            )
            async with stream:
                async for event in stream:
                    text = reading.take(event)
                    yield TextDelta(text) if text else Alive()
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

    def take(self, event: RawMessageStreamEvent) -> str:
        """The text of ``event``, ``""`` if it carries none. Raises AttemptFailed for an unknown ending."""
        match event.type:
            case "message_start":
                usage = event.message.usage
                # The caches' shares are counted apart and cost tokens as well.
                cached = (usage.cache_creation_input_tokens or 0) + (usage.cache_read_input_tokens or 0)
                self.input = int(usage.input_tokens) + cached
                self.output = int(usage.output_tokens)
            case "content_block_delta":
                # Thoughts and signatures are deltas too and are not for the visitor.
                if event.delta.type == "text_delta":
                    if not isinstance(event.delta.text, str):
                        raise failed_by_nonsense(_VENDOR)
                    return event.delta.text
            case "message_delta":
                self.output = int(event.usage.output_tokens)
                if event.delta.stop_reason is not None:
                    if event.delta.stop_reason not in _REASONS:
                        raise failed_by_nonsense(_VENDOR)
                    self.reason = _REASONS[event.delta.stop_reason]
            case "message_stop":
                self.is_complete = True
            case _:
                pass
        return ""


def _message(turn: Turn) -> MessageParam:
    if turn.role == "user":
        return {"role": "user", "content": turn.text}
    return {"role": "assistant", "content": turn.text}


def _failure(error: Exception) -> AttemptFailed:
    match error:
        case APITimeoutError():
            return failed_by_status(_VENDOR, 504, {})
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
