"""Owns the count of what an answer uses while it is written, so that one that breaks off can be charged."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from helpninja_app.answers.providers.base import (
    Finished,
    GenerationRequest,
    Provider,
    StreamEvent,
    TextDelta,
    Thinking,
    TokenUsage,
    estimate_request,
)


class MeteredAnswer:
    """One answer of ``provider``: read ``events()`` once, and ask at any moment what was used and written."""

    def __init__(self, provider: Provider, request: GenerationRequest) -> None:
        self._provider = provider
        self._request = request
        self._pieces: list[str] = []
        self._thought = 0
        self.finished: Finished | None = None

    @property
    def text(self) -> str:
        """What was written so far."""
        return "".join(self._pieces)

    @property
    def usage(self) -> TokenUsage:
        """The provider's own count once it has finished.

        Of an answer that was broken off, by us or by a failure, an estimate: the whole question and what was
        thought and written. Nothing before the first word: who got nothing pays nothing.
        """
        if self.finished is not None:
            return self.finished.usage
        written = sum(map(len, self._pieces))
        asked = estimate_request(self._request) if written else 0
        thought = self._thought if written else 0
        return TokenUsage(input=asked, output=thought - (-written // 4), is_estimate=True)

    async def events(self) -> AsyncGenerator[StreamEvent, None]:
        """What ``Provider.stream`` yields; wrap it in ``contextlib.aclosing`` just so."""
        async with aclosing(self._provider.stream(self._request)) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    self._pieces.append(event.text)
                elif isinstance(event, Thinking):
                    self._thought = event.tokens
                else:
                    self.finished = event
                yield event
