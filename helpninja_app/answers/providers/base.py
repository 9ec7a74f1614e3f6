"""Owns what a model provider is asked and what it gives back, whichever vendor stands behind it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Literal, Protocol

Role = Literal["user", "assistant"]
Effort = Literal["none", "low"]
FinishReason = Literal["stop", "length", "refusal"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier or present message of the conversation."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """What a model is asked to write.

    ``max_tokens`` bounds everything that is generated, a reasoning model's hidden thoughts included.
    ``effort`` is how much such a model may think; ``None`` for models that only answer.
    """

    model: str
    system: str
    messages: tuple[Turn, ...]
    max_tokens: int
    effort: Effort | None = None


def estimate_tokens(text: str) -> int:
    """Tokens of ``text`` at four characters each, rounded up."""
    return -(-len(text) // 4)


def estimate_request(request: GenerationRequest) -> int:
    """Tokens of all that is asked: the system's text and every turn."""
    return -(-(len(request.system) + sum(len(turn.text) for turn in request.messages)) // 4)


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens to charge for; ``is_estimate`` where the provider reported none (four characters a token)."""

    input: int
    output: int
    is_estimate: bool = False

    @property
    def total(self) -> int:
        return self.input + self.output


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next piece of the answer, never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class Thinking:
    """Nothing to show: ``tokens`` are about what all hidden thoughts took so far.

    A provider that sends nothing of its thoughts has none of these: they are known at the end only.
    """

    tokens: int


@dataclass(frozen=True, slots=True)
class Finished:
    """The answer is complete as far as the provider is concerned; nothing follows."""

    reason: FinishReason
    usage: TokenUsage


StreamEvent = TextDelta | Thinking | Finished


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds until the first sign of life, between two of them, and for everything, retry included."""

    first_byte: float = 20.0
    idle: float = 20.0
    total: float = 90.0


@dataclass(frozen=True, slots=True)
class Retry:
    """The second attempt: after ``pause`` seconds, or the provider's Retry-After up to ``cap``."""

    pause: float = 0.5
    cap: float = 5.0


class Provider(Protocol):
    """A model provider.

    ``stream`` yields ``TextDelta`` and ``Thinking`` any number of times and then exactly one ``Finished``,
    or raises ProviderFailed (502), ProviderUnavailable (503) or ProviderTimedOut (504). A caller that may
    stop early wraps it in ``contextlib.aclosing``, so that the connection is closed at that moment.
    """

    def stream(self, request: GenerationRequest) -> AsyncGenerator[StreamEvent, None]: ...

    async def check(self) -> None:
        """Return when the provider can be reached with this key; raise as ``stream`` does otherwise."""

    async def served_models(self) -> frozenset[str]:
        """The ids, as the catalogue has them, of all models it serves to this key; raises as ``check``."""

    async def aclose(self) -> None:
        """Close the connections. The provider can be used again and opens new ones."""
