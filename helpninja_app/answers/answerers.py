"""Which model answers visitors, and the configured providers behind it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from helpninja_app.answers.catalogue import Model, ProviderName, find_model, visitor_model
from helpninja_app.answers.providers.anthropic_provider import AnthropicProvider
from helpninja_app.answers.providers.base import Provider, Timeouts
from helpninja_app.answers.providers.openai_provider import OpenAIProvider


@dataclass(frozen=True, slots=True)
class ProviderKey:
    """Access to one provider; ``base_url`` for a compatible server."""

    api_key: str
    base_url: str | None = None


class Answerers:
    """The model that answers visitors, and the provider to call for it; none when it is the offline one."""

    def __init__(
        self,
        *,
        openai: ProviderKey | None = None,
        anthropic: ProviderKey | None = None,
        model: str | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        timeouts = timeouts or Timeouts()
        self._providers: dict[ProviderName, Provider] = {}
        if openai is not None:
            self._providers["openai"] = OpenAIProvider(
                openai.api_key, base_url=openai.base_url, timeouts=timeouts
            )
        if anthropic is not None:
            self._providers["anthropic"] = AnthropicProvider(
                anthropic.api_key, base_url=anthropic.base_url, timeouts=timeouts
            )
        self.model: Model = (
            find_model(model) if model else visitor_model(tuple(self._providers), datetime.now(UTC).date())
        )

    @classmethod
    def with_provider(cls, provider: Provider, model: Model) -> Answerers:
        """Answerers around one given provider: a fake in tests."""
        answerers = cls()
        answerers._providers[model.provider] = provider
        answerers.model = model
        return answerers

    @property
    def provider(self) -> Provider | None:
        """The provider of the model, or ``None`` for the offline answerer."""
        return self._providers.get(self.model.provider)

    async def aclose(self) -> None:
        for provider in self._providers.values():
            await provider.aclose()
