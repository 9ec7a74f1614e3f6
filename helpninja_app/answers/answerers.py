"""Which model answers visitors, and the configured providers behind it and all others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from helpninja_app.answers.catalogue import (
    BUILT_IN,
    SERVERS_SETTING,
    Catalogue,
    Model,
    ProviderName,
    why_not_configured,
)
from helpninja_app.answers.providers.anthropic_provider import AnthropicProvider
from helpninja_app.answers.providers.attempts import Vendor
from helpninja_app.answers.providers.base import Provider, Timeouts
from helpninja_app.answers.providers.openai_provider import OpenAIProvider
from helpninja_app.errors import ModelUnavailable
from helpninja_app.model_servers import ModelServer


@dataclass(frozen=True, slots=True)
class ProviderKey:
    """Access to one provider; ``base_url`` for a compatible server."""

    api_key: str = field(repr=False)
    base_url: str | None = None


class Answerers:
    """The model that answers visitors, and the providers to call for it and for any other model."""

    def __init__(
        self,
        *,
        openai: ProviderKey | None = None,
        anthropic: ProviderKey | None = None,
        servers: Sequence[ModelServer] = (),
        catalogue: Catalogue = BUILT_IN,
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
        for server in servers:
            self._providers[server.name] = OpenAIProvider(
                server.api_key.get_secret_value() if server.api_key else None,
                base_url=server.base_url,
                timeouts=timeouts,
                vendor=Vendor(label=server.name, setting=SERVERS_SETTING),
                namespace=f"{server.name}/",
            )
        self.model: Model = catalogue.find(model) if model else catalogue.for_visitors(self.configured)

    @classmethod
    def with_provider(cls, provider: Provider, model: Model) -> Answerers:
        """Answerers around one given provider: a fake in tests."""
        answerers = cls()
        answerers._providers[model.provider] = provider
        answerers.model = model
        return answerers

    @property
    def configured(self) -> frozenset[ProviderName]:
        """The providers that can be called; the offline answerer is none."""
        return frozenset(self._providers)

    @property
    def provider(self) -> Provider | None:
        """The provider of the visitors' model, or ``None`` for the offline answerer."""
        return self._providers.get(self.model.provider)

    def can_ask(self, model: Model) -> bool:
        """Whether ``model`` can answer here: its provider is configured, or it needs none."""
        return model.is_offline or model.provider in self._providers

    def provider_of(self, model: Model) -> Provider:
        """The provider to ask for ``model``, which must not be the offline one (``Model.is_offline``).

        Raises ModelUnavailable (503), naming the setting that is missing.
        """
        if model.is_offline:
            raise ValueError("The offline model has no provider: its answers are put together here.")
        provider = self._providers.get(model.provider)
        if provider is None:
            raise ModelUnavailable(why_not_configured(model))
        return provider

    async def aclose(self) -> None:
        for provider in self._providers.values():
            await provider.aclose()
