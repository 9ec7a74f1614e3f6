"""What the plans say to whoever asks for more than they have."""

from __future__ import annotations

import json

import pytest

from api_routes.problems import BILLING as ADDRESS
from helpninja_app.billing.plans import (
    AGENCY,
    FREE,
    MEGABYTE,
    PRO,
    STARTER,
    UNLIMITED,
    Feature,
    Plan,
    file_too_large,
    how_to_get_more,
    require_feature,
    why_lacking,
    without_larger,
)
from helpninja_app.errors import NotInPlan
from helpninja_app.screens.billing.words import refusals_of_files
from helpninja_app.screens.shell.frame import BILLING


@pytest.mark.parametrize(
    ("plan", "feature", "sentence"),
    [
        (FREE, Feature.API_KEYS, "The free plan has no API keys: they come with the starter plan."),
        (STARTER, Feature.RULES, "The starter plan has no escalation rules: they come with the pro plan."),
        (FREE, Feature.EXPORT, "The free plan has no conversation export: it comes with the pro plan."),
    ],
)
def test_a_missing_feature_is_named_with_the_plan_that_has_it(
    plan: Plan, feature: Feature, sentence: str
) -> None:
    with pytest.raises(NotInPlan) as refused:
        require_feature(plan, feature)
    assert refused.value.detail == f"{sentence} An owner can change the plan under Billing."
    assert refused.value.is_by_plan


def test_nothing_is_said_of_what_a_plan_has() -> None:
    assert [why_lacking(plan, Feature.EXPORT) for plan in (PRO, AGENCY, UNLIMITED)] == ["", "", ""]


@pytest.mark.parametrize(
    ("plan", "size", "sentence", "is_by_plan"),
    [
        (
            FREE,
            25 * MEGABYTE,
            "This file is larger than the 10 MB that the free plan takes. The pro plan takes up to 25 MB."
            " An owner can change the plan under Billing.",
            True,
        ),
        (
            STARTER,
            25 * MEGABYTE + 1,
            "This file is larger than the 10 MB that the starter plan takes."
            " The agency plan takes up to 50 MB. An owner can change the plan under Billing.",
            True,
        ),
        (
            PRO,
            None,
            "This file is larger than the 25 MB that the pro plan takes. Larger plans take up to 50 MB."
            " An owner can change the plan under Billing.",
            True,
        ),
        (
            FREE,
            50 * MEGABYTE + 1,
            "This file is larger than the 10 MB that the free plan takes, and no plan takes more than 50 MB.",
            False,
        ),
        (AGENCY, 60 * MEGABYTE, "This file is larger than 50 MB, the most that is taken.", False),
        (UNLIMITED, None, "This file is larger than 50 MB, the most that is taken.", False),
    ],
)
def test_a_file_that_is_too_large_hears_which_plan_takes_it(
    plan: Plan, size: int | None, sentence: str, is_by_plan: bool
) -> None:
    refusal = file_too_large(plan, size)
    assert (refusal.status, refusal.detail, refusal.is_by_plan) == (400, sentence, is_by_plan)


@pytest.mark.parametrize("plan", [FREE, STARTER, PRO, AGENCY, UNLIMITED])
def test_the_page_says_of_each_size_what_the_server_says(plan: Plan) -> None:
    steps = json.loads(refusals_of_files(plan))
    for size in range(plan.upload_bytes + 1, 60 * MEGABYTE, MEGABYTE):
        _, *said = next(step for step in steps if step[0] is None or size <= step[0])
        refusal = file_too_large(plan, size)
        assert said == [refusal.detail, refusal.is_by_plan]


def test_the_api_leads_to_the_page_of_the_plans() -> None:
    assert f"{BILLING}#plans" == ADDRESS


@pytest.mark.parametrize("plan", [FREE, STARTER, PRO])
def test_who_has_used_up_a_limit_reads_how_to_get_more(plan: Plan) -> None:
    assert how_to_get_more(plan.name) == "An owner can change the plan under Billing."
    assert how_to_get_more(plan.name, can_top_up=True) == (
        "An owner can top up credits or change the plan under Billing."
    )
    assert without_larger(plan.name) == ""


def test_on_the_largest_plan_nobody_is_sent_to_a_larger_one() -> None:
    assert how_to_get_more(AGENCY.name, can_top_up=True) == "An owner can top up credits under Billing."
    assert how_to_get_more(AGENCY.name) == without_larger(AGENCY.name)
    assert without_larger(AGENCY.name) == (
        "There is no larger plan: whoever runs this installation can agree more with this workspace."
    )
