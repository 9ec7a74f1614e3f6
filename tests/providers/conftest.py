"""Both providers against one llmock server on loopback, with short clocks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from llmock.pytest_plugin import LLMock

from helpninja_app.answers.providers.anthropic_provider import AnthropicProvider
from helpninja_app.answers.providers.base import (
    Finished,
    GenerationRequest,
    Provider,
    Retry,
    TextDelta,
    Timeouts,
    Turn,
)
from helpninja_app.answers.providers.openai_provider import OpenAIProvider

KEY = "sk-test-0123456789"
MODELS = {"openai": "gpt-4o-mini", "anthropic": "claude-haiku-5-5"}
# Chunks before the first text: the role; or message_start, content_block_start and a ping.
PREAMBLE = {"openai": 1, "anthropic": 3}


@dataclass
class Heard:
    """Everything one stream gave."""

    pieces: list[str] = field(default_factory=list)
    finished: Finished | None = None

    @property
    def text(self) -> str:
        return "".join(self.pieces)


@dataclass
class Talk:
    """One provider, its name at llmock and a request for it."""

    name: str
    provider: Provider
    llmock: LLMock
    remake: Callable[..., Provider]

    def request(self, **changes: object) -> GenerationRequest:
        values: dict[str, object] = {
            "model": MODELS[self.name],
            "system": "You answer.",
            "messages": (Turn("user", "Hello"), Turn("assistant", "Hi"), Turn("user", "What is new?")),
            "max_tokens": 200,
        }
        return GenerationRequest(**{**values, **changes})  # type: ignore[arg-type]

    async def listen(self, heard: Heard | None = None, provider: Provider | None = None) -> Heard:
        heard = heard or Heard()
        async with aclosing((provider or self.provider).stream(self.request())) as events:
            async for event in events:
                assert heard.finished is None, "something follows Finished"
                if isinstance(event, TextDelta):
                    heard.pieces.append(event.text)
                elif isinstance(event, Finished):
                    heard.finished = event
        return heard

    @property
    def calls(self) -> int:
        return len(self.llmock.requests)


@pytest.fixture(params=["openai", "anthropic"])
def vendor(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest_asyncio.fixture
async def talk(vendor: str, llmock: LLMock) -> AsyncIterator[Talk]:
    made: list[Provider] = []

    def make(timeouts: Timeouts, base_url: str | None = None) -> Provider:
        kind = OpenAIProvider if vendor == "openai" else AnthropicProvider
        made.append(
            kind(
                KEY,
                base_url=base_url or llmock.base_url(vendor),
                timeouts=timeouts,
                retry=Retry(pause=0.01, cap=30),
            )
        )
        return made[-1]

    yield Talk(vendor, make(Timeouts(first_byte=5, idle=5, total=10)), llmock, make)
    for provider in made:
        await provider.aclose()
