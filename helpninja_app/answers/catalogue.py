"""Owns the model catalogue: the one place that knows ids, providers, sizes, plans, rates and ends of life."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Literal

from helpninja_app.answers.providers.base import Effort
from helpninja_app.errors import FieldError, Invalid

ProviderName = Literal["openai", "anthropic", "offline"]
Plan = Literal["free", "starter", "pro", "agency"]
Capability = Literal["images", "reasoning"]

PLANS: tuple[Plan, ...] = ("free", "starter", "pro", "agency")
_SETTINGS: dict[ProviderName, str | None] = {
    "openai": "OPENAI_API_KEY",
    "anthropic": "ANTHROPIC_API_KEY",
    "offline": None,
}
# Room for hidden thoughts at low effort, on top of what is meant to be read.
_THINKING_TOKENS = 2_000


@dataclass(frozen=True, slots=True)
class Model:
    """One model that can be asked for.

    ``context`` counts tokens of question and answer together; ``plan`` is the lowest that includes the
    model; ``end_of_life`` is the provider's announced date of shutdown.
    """

    id: str
    provider: ProviderName
    label: str
    context: int
    plan: Plan
    credits_per_1000: int
    capabilities: frozenset[Capability] = frozenset()
    effort: Effort | None = None
    end_of_life: date | None = None

    @property
    def setting(self) -> str | None:
        """The setting that holds its provider's key; ``None`` where no key is needed."""
        return _SETTINGS[self.provider]

    def is_retired(self, today: date) -> bool:
        """Whether the provider has shut it down by ``today``."""
        return self.end_of_life is not None and self.end_of_life <= today

    def output_budget(self, visible: int) -> int:
        """Tokens to allow for an answer of ``visible`` tokens, hidden thoughts included."""
        return visible if self.effort is None else visible + _THINKING_TOKENS

    def credits(self, tokens: int) -> int:
        """What ``tokens`` (input and output) cost: every thousand begun counts."""
        return -(-tokens // 1000) * self.credits_per_1000


_SEES: frozenset[Capability] = frozenset({"images"})
_REASONS: frozenset[Capability] = frozenset({"images", "reasoning"})
_MILLION = 1_000_000

# A model's price class decides rate and plan: 1 free, 5 starter, 10 pro, 15 agency. New models stand in the
# class whose reference model costs about the same, or carries the same name. Newest first in each class.
MODELS: tuple[Model, ...] = (
    Model("offline", "offline", "Offline (extracts sentences)", 8_000, "free", 0),
    Model("gpt-6-luna", "openai", "GPT-6 Luna", 1_050_000, "free", 1, _REASONS, "low"),
    Model("claude-haiku-5-5", "anthropic", "Claude Haiku 5.5", _MILLION, "free", 1, _REASONS, "low"),
    Model("gpt-5.6-luna", "openai", "GPT-5.6 Luna", 1_050_000, "free", 1, _REASONS, "low"),
    Model("gpt-4o-mini", "openai", "GPT-4o mini", 128_000, "free", 1, _SEES, end_of_life=date(2027, 1, 14)),
    Model("gpt-6.1-terra", "openai", "GPT-6.1 Terra", 1_050_000, "starter", 5, _REASONS, "low"),
    Model("gpt-6.1-sol", "openai", "GPT-6.1 Sol", 1_050_000, "starter", 5, _REASONS, "low"),
    Model("gpt-5.6-terra", "openai", "GPT-5.6 Terra", 1_050_000, "starter", 5, _REASONS, "low"),
    Model("gpt-4o", "openai", "GPT-4o", 128_000, "starter", 5, _SEES, end_of_life=date(2027, 1, 14)),
    Model("claude-sonnet-5-5", "anthropic", "Claude Sonnet 5.5", _MILLION, "pro", 10, _REASONS, "low"),
    Model("claude-sonnet-5", "anthropic", "Claude Sonnet 5", _MILLION, "pro", 10, _REASONS, "low"),
    Model("gpt-5.6-sol", "openai", "GPT-5.6 Sol", 1_050_000, "pro", 10, _REASONS, "low"),
    Model("gpt-4-turbo", "openai", "GPT-4 Turbo", 128_000, "pro", 10, _SEES, end_of_life=date(2026, 10, 23)),
    Model(
        "claude-3-5-sonnet-20241022",
        "anthropic",
        "Claude 3.5 Sonnet",
        200_000,
        "pro",
        10,
        _SEES,
        end_of_life=date(2025, 10, 28),
    ),
    Model("gpt-6-astra", "openai", "GPT-6 Astra", 1_050_000, "agency", 15, _REASONS, "low"),
    Model("claude-opus-5-5", "anthropic", "Claude Opus 5.5", _MILLION, "agency", 15, _REASONS, "low"),
    Model("claude-fable-5-1", "anthropic", "Claude Fable 5.1", _MILLION, "agency", 15, _REASONS, "low"),
    Model("claude-opus-5", "anthropic", "Claude Opus 5", _MILLION, "agency", 15, _REASONS, "low"),
    Model(
        "claude-3-opus-20240229",
        "anthropic",
        "Claude 3 Opus",
        200_000,
        "agency",
        15,
        _SEES,
        end_of_life=date(2026, 1, 5),
    ),
)
_BY_ID = {model.id: model for model in MODELS}
OFFLINE = _BY_ID["offline"]
_DEFAULTS: dict[ProviderName, tuple[str, ...]] = {
    "openai": ("gpt-4o-mini", "gpt-6-luna"),
    "anthropic": ("claude-haiku-5-5",),
}


def find_model(model_id: str) -> Model:
    """The model called ``model_id``, retired or not. Raises Invalid (422) for an id nobody knows."""
    model = _BY_ID.get(model_id)
    if model is None:
        raise Invalid(errors=(FieldError("modelId", "There is no model of this name."),))
    return model


def plan_includes(plan: Plan, model: Model) -> bool:
    """Whether ``plan`` may use ``model``."""
    return PLANS.index(model.plan) <= PLANS.index(plan)


def default_model(configured: Collection[ProviderName], today: date) -> Model:
    """The model of a chat that names none: OpenAI's small one where there is a key, else the offline one."""
    return _first_alive("openai", today) if "openai" in configured else OFFLINE


def visitor_model(configured: Collection[ProviderName], today: date) -> Model:
    """The model that answers visitors: the small one of the first provider with a key, else offline."""
    for provider in _DEFAULTS:
        if provider in configured:
            return _first_alive(provider, today)
    return OFFLINE


def offered_models(plan: Plan, configured: Collection[ProviderName], today: date) -> tuple[Model, ...]:
    """The models to choose from: in the plan, with a key, not shut down."""
    return tuple(
        model
        for model in MODELS
        if plan_includes(plan, model)
        and (model.provider == "offline" or model.provider in configured)
        and not model.is_retired(today)
    )


def _first_alive(provider: ProviderName, today: date) -> Model:
    candidates = [_BY_ID[model_id] for model_id in _DEFAULTS[provider]]
    return next((model for model in candidates if not model.is_retired(today)), candidates[-1])
