"""The catalogue holds what the product promises about models."""

from __future__ import annotations

from datetime import date
from typing import get_args

import pytest
from anthropic.resources.messages.messages import DEPRECATED_MODELS
from anthropic.types import Model as AnthropicModel
from openai.types import ChatModel

from helpninja_app.answers.catalogue import (
    BUILT_IN,
    MODELS,
    OFFLINE,
    Catalogue,
    find_model,
    plan_includes,
    require_model,
)
from helpninja_app.billing.plans import FREE, PLANS, PRO, UNLIMITED
from helpninja_app.errors import Invalid, NotInPlan
from helpninja_app.model_servers import ModelServer
from helpninja_app.settings import Settings

TODAY = date(2026, 11, 21)
REFERENCE = {
    "gpt-4o-mini": ("openai", "free", 1),
    "gpt-4o": ("openai", "starter", 5),
    "gpt-4-turbo": ("openai", "pro", 10),
    "claude-3-5-sonnet-20241022": ("anthropic", "pro", 10),
    "claude-3-opus-20240229": ("anthropic", "agency", 15),
}


@pytest.mark.parametrize("model_id", REFERENCE)
def test_the_models_of_the_reference_stay_accepted_at_their_rates(model_id: str) -> None:
    model = find_model(model_id)

    assert (model.provider, model.plan, model.credits_per_1000) == REFERENCE[model_id]


def test_ids_are_unique_and_known_to_the_vendors_own_libraries() -> None:
    known = {*get_args(ChatModel), *get_args(get_args(AnthropicModel)[0]), *REFERENCE, "offline"}

    assert len({model.id for model in MODELS}) == len(MODELS)
    assert {model.id for model in MODELS} <= known


def test_a_deprecated_anthropic_model_has_its_end_of_life() -> None:
    for model in MODELS:
        if model.id in DEPRECATED_MODELS:
            assert model.end_of_life is not None, model.id


def test_rate_and_plan_are_one_class() -> None:
    assert {(model.credits_per_1000, model.plan) for model in MODELS} == {
        (0, "free"),
        (1, "free"),
        (5, "starter"),
        (10, "pro"),
        (15, "agency"),
    }


def test_an_unknown_id_is_invalid_and_names_the_field() -> None:
    with pytest.raises(Invalid) as caught:
        find_model("gpt-99")

    assert [error.field for error in caught.value.errors] == ["modelId"]


@pytest.mark.parametrize(
    ("configured", "chat", "visitor"),
    [
        (set(), "offline", "offline"),
        ({"openai"}, "gpt-4o-mini", "gpt-4o-mini"),
        ({"anthropic"}, "offline", "claude-haiku-5-5"),
        ({"anthropic", "openai"}, "gpt-4o-mini", "gpt-4o-mini"),
    ],
)
def test_defaults_follow_the_configured_keys(configured: set, chat: str, visitor: str) -> None:  # type: ignore[type-arg]
    assert BUILT_IN.default(configured, TODAY).id == chat
    assert BUILT_IN.for_visitors(configured, TODAY).id == visitor


def test_the_default_moves_on_when_its_model_is_shut_down() -> None:
    assert BUILT_IN.default({"openai"}, date(2027, 1, 13)).id == "gpt-4o-mini"
    assert BUILT_IN.default({"openai"}, date(2027, 1, 14)).id == "gpt-6-luna"


def test_what_is_offered_is_in_the_plan_has_a_key_and_still_runs() -> None:
    offered = BUILT_IN.offered(PRO, {"openai"}, TODAY)

    assert OFFLINE in offered
    assert {model.provider for model in offered} == {"offline", "openai"}
    assert all(plan_includes(PRO, model) for model in offered)
    assert find_model("gpt-4o") in offered
    assert find_model("gpt-4-turbo") not in offered
    assert find_model("gpt-6-astra") not in offered
    assert BUILT_IN.offered(FREE, (), TODAY) == (OFFLINE,)


def test_a_picker_shows_what_the_plan_has_not_with_a_lock_and_the_plan_that_has_it() -> None:
    choices = {choice.model.id: choice for choice in BUILT_IN.choices(FREE, {"openai"}, TODAY)}

    assert choices["gpt-4o-mini"].locked is None
    assert choices["gpt-4o-mini"].is_default
    assert choices["gpt-4o"].locked == "plan"
    assert "starter plan" in (choices["gpt-4o"].reason or "")
    assert "claude-haiku-5-5" not in choices
    assert "gpt-4-turbo" not in choices


def test_everything_that_may_be_asked_for_has_the_setting_that_is_missing() -> None:
    choices = {c.model.id: c for c in BUILT_IN.choices(FREE, {"openai"}, TODAY, include_all=True)}

    assert set(choices) == {model.id for model in MODELS}
    assert choices["claude-haiku-5-5"].locked == "setting"
    assert "ANTHROPIC_API_KEY" in (choices["claude-haiku-5-5"].reason or "")
    assert choices["claude-opus-5-5"].locked == "plan"


@pytest.mark.parametrize(
    ("model_id", "first"),
    [("gpt-4o-mini", "free"), ("gpt-4o", "starter"), ("claude-sonnet-5-5", "pro"), ("gpt-6-astra", "agency")],
)
def test_each_plan_has_its_class_of_models_and_all_below(model_id: str, first: str) -> None:
    model, names = find_model(model_id), list(PLANS)

    having = [name for name in names if plan_includes(PLANS[name], model)]

    assert having == names[names.index(first) :]
    assert plan_includes(UNLIMITED, model)


def test_a_model_beyond_the_plan_is_forbidden_naming_the_first_plan_that_has_it() -> None:
    with pytest.raises(NotInPlan, match="GPT-6 Astra comes with the agency plan"):
        require_model(PRO, find_model("gpt-6-astra"))


def test_the_models_of_a_server_are_found_by_its_name_and_hide_none_of_ours() -> None:
    server = ModelServer.model_validate_json(
        """{"name": "local", "base_url": "http://localhost:11434/v1", "models": [
            {"id": "gpt-4o"},
            {"id": "org/thinker", "label": "Thinker", "context": 32000, "plan": "pro", "credits_per_1000": 7,
             "reasoning": true}]}"""
    )
    catalogue = Catalogue.of(Settings(HELPNINJA_MODEL_SERVERS=(server,)))
    thinker, plain = catalogue.find("local/org/thinker"), catalogue.find("local/gpt-4o")

    assert catalogue.find("gpt-4o") is find_model("gpt-4o")
    assert (plain.provider, plain.label, plain.context, plain.plan) == ("local", "gpt-4o", 8_192, "free")
    assert (plain.credits_per_1000, plain.effort) == (1, None)
    assert (thinker.label, thinker.context, thinker.plan) == ("Thinker", 32_000, "pro")
    assert (thinker.credits_per_1000, thinker.effort) == (7, "low")
    assert thinker.setting == "HELPNINJA_MODEL_SERVERS"
    assert thinker not in catalogue.offered(FREE, {"local"}, TODAY)
    assert plain in catalogue.offered(FREE, {"local"}, TODAY)
    assert plain not in catalogue.offered(FREE, (), TODAY)
    assert catalogue.default({"local"}, TODAY) is OFFLINE


def test_every_thousand_tokens_begun_is_charged() -> None:
    model = find_model("gpt-4o")

    assert [model.credits(tokens) for tokens in (0, 1, 1000, 1001)] == [0, 5, 5, 10]
    assert OFFLINE.credits(5000) == 0


def test_a_reasoning_model_gets_room_to_think() -> None:
    assert find_model("gpt-4o").output_budget(500) == 500
    assert find_model("gpt-6-luna").output_budget(500) > 1500
    assert find_model("gpt-4o").setting == "OPENAI_API_KEY"
    assert OFFLINE.setting is None
