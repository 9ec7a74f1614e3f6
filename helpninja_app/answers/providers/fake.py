"""Owns the scripted provider: the same Protocol without a network, for tests and rehearsals."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Sequence

from helpninja_app.answers.providers.base import (
    Finished,
    FinishReason,
    GenerationRequest,
    StreamEvent,
    TextDelta,
    TokenUsage,
)
from helpninja_app.errors import ProviderFailed

ScriptStep = StreamEvent | ProviderFailed | asyncio.Event


class FakeProvider:
    """Plays one script per request, in order.

    A step is an event to yield, an error to raise, or an ``asyncio.Event`` to wait for. ``requests`` holds
    what was asked; ``open_streams`` counts those begun and not yet closed. A request too many is a
    ProviderFailed, and a script may end without ``Finished`` only by an error.
    """

    def __init__(self, scripts: Iterable[Sequence[ScriptStep]] = (), *, serves: Iterable[str] = ()) -> None:
        self._scripts = deque(scripts)
        self.serves = frozenset(serves)
        self.requests: list[GenerationRequest] = []
        self.open_streams = 0

    def add(self, script: Sequence[ScriptStep]) -> None:
        """Queue one more script."""
        self._scripts.append(script)

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[StreamEvent, None]:
        """See ``Provider.stream``."""
        self.requests.append(request)
        script = self._next_script()
        self.open_streams += 1
        try:
            for step in script:
                if isinstance(step, asyncio.Event):
                    await step.wait()
                elif isinstance(step, ProviderFailed):
                    raise step
                else:
                    yield step
                    if isinstance(step, Finished):
                        return
            raise ProviderFailed("The answer of the scripted provider was cut off.")
        finally:
            self.open_streams -= 1

    async def check(self) -> None:
        """See ``Provider.check``: refuses as the next script would at once."""
        step = self._scripts[0][0] if self._scripts and self._scripts[0] else None
        if isinstance(step, ProviderFailed):
            raise step

    async def served_models(self) -> frozenset[str]:
        """See ``Provider.served_models``: those it was made with."""
        await self.check()
        return self.serves

    async def aclose(self) -> None:
        """Nothing is held."""

    def _next_script(self) -> Sequence[ScriptStep]:
        if not self._scripts:
            raise ProviderFailed("The scripted provider has nothing left to say.")
        return self._scripts.popleft()


def spoken(*pieces: str, reason: FinishReason = "stop", usage: TokenUsage | None = None) -> list[ScriptStep]:
    """A script that says ``pieces`` and finishes."""
    steps: list[ScriptStep] = [TextDelta(piece) for piece in pieces]
    steps.append(Finished(reason, usage or TokenUsage(input=100, output=sum(map(len, pieces)) // 4 + 1)))
    return steps
