"""Owns the model catalogue: the one place that knows ids, providers, sizes, plans, rates and ends of life."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

from helpninja_app.answers.providers.base import Effort
from helpninja_app.billing.plans import PLANS, Plan, PlanName
from helpninja_app.errors import FieldError, Invalid, NotInPlan
from helpninja_app.model_servers import ModelServer
from helpninja_app.settings import Settings

# `openai`, `anthropic`, `offline`, or the name of a server in HELPNINJA_MODEL_SERVERS.
ProviderName = str
Capability = Literal["images", "reasoning"]
Lock = Literal["plan", "setting"]

SERVERS_SETTING = "HELPNINJA_MODEL_SERVERS"
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
    plan: PlanName
    credits_per_1000: int
    capabilities: frozenset[Capability] = frozenset()
    effort: Effort | None = None
    end_of_life: date | None = None

    @property
    def setting(self) -> str | None:
        """The setting that holds its provider's key; ``None`` where no key is needed."""
        return _SETTINGS.get(self.provider, SERVERS_SETTING)

    @property
    def is_offline(self) -> bool:
        """Whether answers are put together here, out of what was found, without a provider."""
        return self.provider == "offline"

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


@dataclass(frozen=True, slots=True)
class Choice:
    """A model as a picker shows it; ``reason`` says why it is locked, and how to unlock it."""

    model: Model
    is_default: bool
    locked: Lock | None = None
    reason: str | None = None


class Catalogue:
    """The models of this installation.

    ``configured`` are the providers that can be called, ``today`` is the present day unless it is given.
    """

    def __init__(self, models: Iterable[Model]) -> None:
        self.models = tuple(models)
        self._by_id = {model.id: model for model in self.models}
        if len(self._by_id) != len(self.models):
            raise ValueError("Two models have the same id.")

    @classmethod
    def of(cls, settings: Settings) -> Catalogue:
        """Our models and those of the servers in the settings."""
        served = (model for server in settings.model_servers for model in _served_models(server))
        return cls((*MODELS, *served))

    def find(self, model_id: str) -> Model:
        """The model called ``model_id``, retired or not. Raises Invalid (422) for an id nobody knows."""
        model = self._by_id.get(model_id)
        if model is None:
            raise Invalid(errors=(FieldError("modelId", "There is no model of this name."),))
        return model

    def default(self, configured: Collection[ProviderName], today: date | None = None) -> Model:
        """The model of a chat that names none: OpenAI's small one where there is a key, else the offline."""
        return self._first_alive("openai", today) if "openai" in configured else OFFLINE

    def for_visitors(self, configured: Collection[ProviderName], today: date | None = None) -> Model:
        """The model that answers visitors: the small one of the first provider with a key, else offline."""
        for provider in _DEFAULTS:
            if provider in configured:
                return self._first_alive(provider, today)
        return OFFLINE

    def offered(
        self, plan: Plan, configured: Collection[ProviderName], today: date | None = None
    ) -> tuple[Model, ...]:
        """The models to choose from: in the plan, with a key, not shut down."""
        return tuple(
            choice.model for choice in self.choices(plan, configured, today) if choice.locked is None
        )

    def choices(
        self,
        plan: Plan,
        configured: Collection[ProviderName],
        today: date | None = None,
        *,
        include_all: bool = False,
    ) -> tuple[Choice, ...]:
        """What a picker shows: the models that run here, with a lock on what the plan has not.

        ``include_all`` adds those whose provider has no key, and those shut down, which may still be asked.
        """
        day = today or _today()
        default = self.default(configured, day)
        return tuple(
            _choice(model, plan, configured, is_default=model is default)
            for model in self.models
            if include_all or (_is_configured(model, configured) and not model.is_retired(day))
        )

    def _first_alive(self, provider: ProviderName, today: date | None) -> Model:
        day = today or _today()
        candidates = [self._by_id[model_id] for model_id in _DEFAULTS[provider]]
        return next((model for model in candidates if not model.is_retired(day)), candidates[-1])


# Without the models of servers that the settings name.
BUILT_IN = Catalogue(MODELS)


def find_model(model_id: str) -> Model:
    """One of our own models, whatever servers there are; see ``Catalogue.find``."""
    return BUILT_IN.find(model_id)


def plan_includes(plan: Plan, model: Model) -> bool:
    """Whether ``plan`` may use ``model``."""
    return plan.models.includes(PLANS[model.plan].models)


def require_model(plan: Plan, model: Model) -> None:
    """Raise ``NotInPlan`` (403), naming the first plan that has it, for a model that ``plan`` has not."""
    if not plan_includes(plan, model):
        raise NotInPlan(_why_not_in_plan(model))


def why_not_configured(model: Model) -> str:
    """The sentence for a model whose provider has no key here."""
    return f"{model.label} is not set up here: {model.setting} is not set."


def _why_not_in_plan(model: Model) -> str:
    return f"{model.label} comes with the {model.plan} plan. An owner can change the plan under Billing."


def _choice(model: Model, plan: Plan, configured: Collection[ProviderName], *, is_default: bool) -> Choice:
    if not plan_includes(plan, model):
        return Choice(model, is_default, "plan", _why_not_in_plan(model))
    if not _is_configured(model, configured):
        return Choice(model, is_default, "setting", why_not_configured(model))
    return Choice(model, is_default)


def _is_configured(model: Model, configured: Collection[ProviderName]) -> bool:
    return model.is_offline or model.provider in configured


def _served_models(server: ModelServer) -> Iterable[Model]:
    for model in server.models:
        yield Model(
            id=f"{server.name}/{model.id}",
            provider=server.name,
            label=model.label or model.id,
            context=model.context,
            plan=model.plan,
            credits_per_1000=model.credits_per_1000,
            capabilities=frozenset({"reasoning"}) if model.reasoning else frozenset(),
            effort="low" if model.reasoning else None,
        )


def _today() -> date:
    return datetime.now(UTC).date()
