"""The catalogue holds what the product promises about models."""

from __future__ import annotations

from datetime import date
from typing import get_args

import pytest
from anthropic.resources.messages.messages import DEPRECATED_MODELS
from anthropic.types import Model as AnthropicModel
from openai.types import ChatModel

from helpninja_app.answers.catalogue import (
    MODELS,
    OFFLINE,
    default_model,
    find_model,
    offered_models,
    plan_includes,
    visitor_model,
)
from helpninja_app.errors import Invalid

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
    assert default_model(configured, TODAY).id == chat
    assert visitor_model(configured, TODAY).id == visitor


def test_the_default_moves_on_when_its_model_is_shut_down() -> None:
    assert default_model({"openai"}, date(2027, 1, 13)).id == "gpt-4o-mini"
    assert default_model({"openai"}, date(2027, 1, 14)).id == "gpt-6-luna"


def test_what_is_offered_is_in_the_plan_has_a_key_and_still_runs() -> None:
    offered = offered_models("pro", {"openai"}, TODAY)

    assert OFFLINE in offered
    assert {model.provider for model in offered} == {"offline", "openai"}
    assert all(plan_includes("pro", model) for model in offered)
    assert find_model("gpt-4o") in offered
    assert find_model("gpt-4-turbo") not in offered
    assert find_model("gpt-6-astra") not in offered
    assert offered_models("free", (), TODAY) == (OFFLINE,)


def test_every_thousand_tokens_begun_is_charged() -> None:
    model = find_model("gpt-4o")

    assert [model.credits(tokens) for tokens in (0, 1, 1000, 1001)] == [0, 5, 5, 10]
    assert OFFLINE.credits(5000) == 0


def test_a_reasoning_model_gets_room_to_think() -> None:
    assert find_model("gpt-4o").output_budget(500) == 500
    assert find_model("gpt-6-luna").output_budget(500) > 1500
    assert find_model("gpt-4o").setting == "OPENAI_API_KEY"
    assert OFFLINE.setting is None
