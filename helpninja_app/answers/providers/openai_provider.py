"""Owns the talk with OpenAI and every server that speaks its chat completions."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import httpx2
from openai import (
    APIConnectionError,
    APIError,
    APIStatusError,
    AsyncOpenAI,
    AsyncStream,
    omit,
)
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

from helpninja_app.answers.providers.attempts import (
    AttemptEvent,
    AttemptFailed,
    Vendor,
    estimated_usage,
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
)
from helpninja_app.answers.providers.event_stream import EventReader, ServerEvent, drain, raw_bytes, read_all
from helpninja_app.answers.providers.transport import provider_client
from helpninja_app.errors import ProviderTimedOut

OPENAI_URL = "https://api.openai.com/v1"
_VENDOR = Vendor(label="OpenAI", setting="OPENAI_API_KEY")
_REASONS: dict[str, FinishReason] = {"stop": "stop", "length": "length", "content_filter": "refusal"}
_MALFORMED = (ValueError, TypeError, AttributeError, KeyError, IndexError)


class OpenAIProvider:
    """Chat completions over ``base_url``; the client is made at the first use.

    ``vendor`` is how another server is called; ``namespace`` is what its models' ids begin with here but not
    there. Without ``api_key`` no Authorization is sent.
    """

    def __init__(
        self,
        api_key: str | None,
        *,
        base_url: str | None = None,
        timeouts: Timeouts | None = None,
        retry: Retry | None = None,
        vendor: Vendor = _VENDOR,
        namespace: str = "",
    ) -> None:
        self._api_key = api_key
        self._base_url = base_url or OPENAI_URL
        self._timeouts = timeouts or Timeouts()
        self._retry = retry or Retry()
        self._vendor = vendor
        self._namespace = namespace
        self._headers = {} if api_key else {"Authorization": omit}
        self._client: AsyncOpenAI | None = None

    def stream(self, request: GenerationRequest) -> AsyncGenerator[StreamEvent, None]:
        """See ``Provider.stream``."""
        return run_attempts(
            lambda: self._attempt(request), vendor=self._vendor, timeouts=self._timeouts, retry=self._retry
        )

    async def check(self) -> None:
        """See ``Provider.check``: lists the models, which costs nothing."""
        await self.served_models()

    async def served_models(self) -> frozenset[str]:
        """See ``Provider.served_models``."""
        try:
            async with asyncio.timeout(self._timeouts.first_byte):
                listed = self._connected().models.list(extra_headers=self._headers)
                return frozenset([self._namespace + model.id async for model in listed])
        except TimeoutError as error:
            raise ProviderTimedOut(f"{self._vendor.label} took too long to answer.") from error
        except (APIError, httpx2.HTTPError, *_MALFORMED) as error:
            raise _failure(self._vendor, error).error from error

    async def aclose(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def _connected(self) -> AsyncOpenAI:
        if self._client is None:
            # Waiting and retrying are ours (see attempts.py), so that they are the same for all vendors.
            self._client = AsyncOpenAI(
                # The library wants one, and would look for another server's in the environment.
                api_key=self._api_key or "none",
                base_url=self._base_url,
                max_retries=0,
                timeout=None,
                http_client=provider_client(),
            )
        return self._client

    async def _ask(self, request: GenerationRequest) -> httpx2.Response:
        """Begin the stream.

        By the library's plain ``post``: its method for completions goes through the types of all its
        parameters each time, which takes longer than to send them.
        """
        # Reasoning models refuse max_tokens; older servers of this protocol know nothing else.
        limit = "max_tokens" if request.effort is None else "max_completion_tokens"
        body: dict[str, object] = {
            "model": request.model.removeprefix(self._namespace),
            "messages": _messages(request),
            "stream": True,
            "stream_options": {"include_usage": True},
            limit: request.max_tokens,
        }
        if request.effort is not None:
            body["reasoning_effort"] = request.effort
        answered: object = await self._connected().post(
            "/chat/completions",
            cast_to=httpx2.Response,
            body=body,
            options={"headers": self._headers, "security": {"bearer_auth": True}},
            stream=True,
            stream_cls=AsyncStream[ChatCompletionChunk],
        )
        if not isinstance(answered, httpx2.Response):
            raise TypeError("The library gave no response as it came.")
        return answered

    async def _attempt(self, request: GenerationRequest) -> AsyncGenerator[AttemptEvent, None]:
        reading = _Reading(self._vendor)
        try:
            response = await self._ask(request)
            async with aclosing(response):
                reader, body = EventReader(), raw_bytes(response)
                async for piece in body:
                    if events := reader.feed(piece):
                        before = reading.thought
                        text, failure = read_all(events, reading.take)
                        for event in events_of(text, reading.thought, before):
                            yield event
                        if failure is not None:
                            raise failure
                    if reading.is_over:
                        await drain(body)
                        break
        except (APIError, httpx2.HTTPError, *_MALFORMED) as error:
            if not _is_content_filter(error):
                raise _failure(self._vendor, error) from error
            reading.reason = "refusal"
        if reading.reason is not None:
            usage = reading.usage or estimated_usage(request, reading.written + reading.thought)
            yield Finished(reading.reason, usage)


@dataclass(slots=True)
class _Reading:
    """What the chunks of one stream said so far."""

    vendor: Vendor
    reason: FinishReason | None = None
    usage: TokenUsage | None = None
    is_refused: bool = False
    is_over: bool = False
    written: int = 0
    thought: int = 0

    def take(self, event: ServerEvent) -> str:
        """The text of a chunk, ``""`` if it carries none.

        Raises AttemptFailed for an error or an unknown ending, and any of ``_MALFORMED`` for nonsense.
        """
        data = event.data
        if self.is_over or data.startswith("[DONE]"):
            self.is_over = True
            return ""
        chunk: Any = json.loads(data)
        if error := chunk.get("error"):
            self._fail(error)
            return ""
        if chunk.get("usage") is not None:
            self.usage = _usage(chunk["usage"])
        text = ""
        for choice in (chunk.get("choices") or ())[:1]:
            delta = choice.get("delta") or {}
            self.is_refused = self.is_refused or bool(delta.get("refusal"))
            text = delta.get("content") or ""
            # OpenAI keeps thoughts to itself; other servers have one of these names for them.
            thought = delta.get("reasoning_content") or delta.get("reasoning")
            self.thought += len(thought) if isinstance(thought, str) else 0
            reason = choice.get("finish_reason")
            if reason is not None:
                if reason not in _REASONS:
                    raise failed_by_nonsense(self.vendor)
                self.reason = "refusal" if self.is_refused else _REASONS[reason]
        if not isinstance(text, str):
            raise failed_by_nonsense(self.vendor)
        self.written += len(text)
        return text

    def _fail(self, error: Any) -> None:
        """An error in the middle of a stream carries no status; a filter's is an ending like others."""
        if isinstance(error, dict) and error.get("code") == "content_filter":
            self.reason, self.is_over = "refusal", True
            return
        raise failed_by_status(self.vendor, 500, {})


def _messages(request: GenerationRequest) -> list[ChatCompletionMessageParam]:
    messages: list[ChatCompletionMessageParam] = [{"role": "system", "content": request.system}]
    for turn in request.messages:
        if turn.role == "user":
            messages.append({"role": "user", "content": turn.text})
        else:
            messages.append({"role": "assistant", "content": turn.text})
    return messages


def _usage(usage: Any) -> TokenUsage:
    return TokenUsage(input=int(usage["prompt_tokens"]), output=int(usage["completion_tokens"]))


def _is_content_filter(error: Exception) -> bool:
    """Some servers of this protocol refuse a question with status 400 and this code instead of a stream."""
    return isinstance(error, APIError) and error.code == "content_filter"


def _failure(vendor: Vendor, error: Exception) -> AttemptFailed:
    match error:
        case APIConnectionError() | httpx2.HTTPError():
            return failed_by_connection(vendor)
        case APIStatusError():
            return failed_by_status(
                vendor,
                error.status_code,
                error.response.headers,
                is_out_of_credit=error.code == "insufficient_quota",
            )
        case APIError():
            # An error event in the middle of a stream carries no status.
            return failed_by_status(vendor, 500, {})
        case _:
            return failed_by_nonsense(vendor)
