"""Owns the talk with OpenAI and every server that speaks its chat completions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import httpx2
from openai import APIConnectionError, APIError, APIStatusError, APITimeoutError, AsyncOpenAI, omit
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

from helpninja_app.answers.providers.attempts import (
    Alive,
    AttemptEvent,
    AttemptFailed,
    Vendor,
    estimated_usage,
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
)
from helpninja_app.errors import ProviderTimedOut

OPENAI_URL = "https://api.openai.com/v1"
_VENDOR = Vendor(label="OpenAI", setting="OPENAI_API_KEY")
_REASONS: dict[str, FinishReason] = {"stop": "stop", "length": "length", "content_filter": "refusal"}
_MALFORMED = (ValueError, TypeError, AttributeError, KeyError, IndexError)


class OpenAIProvider:
    """Chat completions over ``base_url``; the client is made at the first use."""

    def __init__(
        self,
        api_key: str,
        *,
        base_url: str | None = None,
        timeouts: Timeouts | None = None,
        retry: Retry | None = None,
    ) -> None:
        self._api_key = api_key
        self._base_url = base_url or OPENAI_URL
        self._timeouts = timeouts or Timeouts()
        self._retry = retry or Retry()
        self._client: AsyncOpenAI | None = None

    def stream(self, request: GenerationRequest) -> AsyncGenerator[StreamEvent, None]:
        """See ``Provider.stream``."""
        return run_attempts(
            lambda: self._attempt(request), vendor=_VENDOR, timeouts=self._timeouts, retry=self._retry
        )

    async def check(self) -> None:
        """See ``Provider.check``: lists the models, which costs nothing."""
        try:
            async with asyncio.timeout(self._timeouts.first_byte):
                await self._connected().models.list()
        except TimeoutError as error:
            raise ProviderTimedOut(f"{_VENDOR.label} took too long to answer.") from error
        except (APIError, httpx2.HTTPError, *_MALFORMED) as error:
            raise _failure(error).error from error

    async def aclose(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def _connected(self) -> AsyncOpenAI:
        if self._client is None:
            # Waiting and retrying are ours (see attempts.py), so that they are the same for all vendors.
            self._client = AsyncOpenAI(
                api_key=self._api_key, base_url=self._base_url, max_retries=0, timeout=None
            )
        return self._client

    async def _attempt(self, request: GenerationRequest) -> AsyncGenerator[AttemptEvent, None]:
        reading = _Reading()
        try:
            # Reasoning models refuse max_tokens; older servers of this protocol know nothing else.
            stream = await self._connected().chat.completions.create(
                model=request.model,
                messages=_messages(request),
                stream=True,
                stream_options={"include_usage": True},
                max_tokens=request.max_tokens if request.effort is None else omit,
                max_completion_tokens=request.max_tokens if request.effort is not None else omit,
                reasoning_effort=request.effort if request.effort is not None else omit,
            )
            async with stream:
                async for chunk in stream:
                    text = reading.take(chunk)
                    yield TextDelta(text) if text else Alive()
        except (APIError, httpx2.HTTPError, *_MALFORMED) as error:
            if not _is_content_filter(error):
                raise _failure(error) from error
            reading.reason = "refusal"
        if reading.reason is not None:
            yield Finished(reading.reason, reading.usage or estimated_usage(request, reading.written))


@dataclass(slots=True)
class _Reading:
    """What the chunks of one stream said so far."""

    reason: FinishReason | None = None
    usage: TokenUsage | None = None
    is_refused: bool = False
    written: int = 0

    def take(self, chunk: ChatCompletionChunk) -> str:
        """The text of ``chunk``, ``""`` if it carries none. Raises AttemptFailed for an unknown ending."""
        if chunk.usage is not None:
            self.usage = _usage(chunk.usage)
        text = ""
        for choice in chunk.choices[:1]:
            if choice.delta is not None:
                self.is_refused = self.is_refused or bool(choice.delta.refusal)
                text = choice.delta.content or ""
            if choice.finish_reason is not None:
                if choice.finish_reason not in _REASONS:
                    raise failed_by_nonsense(_VENDOR)
                self.reason = "refusal" if self.is_refused else _REASONS[choice.finish_reason]
        if not isinstance(text, str):
            raise failed_by_nonsense(_VENDOR)
        self.written += len(text)
        return text


def _messages(request: GenerationRequest) -> list[ChatCompletionMessageParam]:
    messages: list[ChatCompletionMessageParam] = [{"role": "system", "content": request.system}]
    for turn in request.messages:
        if turn.role == "user":
            messages.append({"role": "user", "content": turn.text})
        else:
            messages.append({"role": "assistant", "content": turn.text})
    return messages


def _usage(usage: CompletionUsage) -> TokenUsage:
    return TokenUsage(input=int(usage.prompt_tokens), output=int(usage.completion_tokens))


def _is_content_filter(error: Exception) -> bool:
    """Some servers of this protocol refuse a question with status 400 and this code instead of a stream."""
    return isinstance(error, APIError) and error.code == "content_filter"


def _failure(error: Exception) -> AttemptFailed:
    match error:
        case APITimeoutError():
            return failed_by_status(_VENDOR, 504, {})
        case APIConnectionError() | httpx2.HTTPError():
            return failed_by_connection(_VENDOR)
        case APIStatusError():
            return failed_by_status(
                _VENDOR,
                error.status_code,
                error.response.headers,
                is_out_of_credit=error.code == "insufficient_quota",
            )
        case APIError():
            # An error event in the middle of a stream carries no status.
            return failed_by_status(_VENDOR, 500, {})
        case _:
            return failed_by_nonsense(_VENDOR)
