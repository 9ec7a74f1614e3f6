"""What is said of a trial and of the days after a failed payment: on the billing page, and on every page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from helpninja_app.accounts.models import Role
from helpninja_app.billing.models import Subscription, Unit
from helpninja_app.billing.plans import PLANS, Feature, Plan
from helpninja_app.billing.usage import Usage
from helpninja_app.kernel.database import new_id
from helpninja_app.screens.billing.state import BillingState
from helpninja_app.screens.billing.used import Used, used_rows
from helpninja_app.screens.billing.words import (
    ENDINGS,
    describe_plan,
    losses,
    lost_by_deletion,
    pressing_words,
)
from helpninja_app.screens.shell.state import ShellState
from tests.conftest import OpenResources
from tests.factories import Factory, Tenant
from tests.screens.billing_shop import Shop, open_shop
from tests.screens.test_home import call, signed_in_tab

BEGAN = datetime(2026, 11, 3, 22, 30, tzinfo=UTC)
DAY = timedelta(days=1)


def subscription(status: str, **changes: Any) -> Subscription:
    given: dict[str, Any] = {
        "plan": "pro",
        "interval": "month",
        "anchor": BEGAN,
        "period_start": BEGAN,
        "period_end": BEGAN + 30 * DAY,
        "past_due_since": BEGAN if status == "past_due" else None,
        "read_at": BEGAN,
    }
    return Subscription(workspace_id=new_id(), id="sub_1", status=status, **(given | changes))


def trial(**changes: Any) -> Subscription:
    return subscription("trialing", **({"trial_end": BEGAN + 14 * DAY} | changes))


def said(of: Subscription, after: timedelta, zone: str = "UTC") -> tuple[str, str, str]:
    words = describe_plan("pro", of, BEGAN + after, ZoneInfo(zone))
    return words.badge, words.tone, words.sentence


def test_a_trial_says_until_when_it_runs_and_what_comes_then() -> None:
    assert said(trial(), DAY) == (
        "Trial until 17 November 2026",
        "info",
        "The trial of Pro runs until 17 November 2026. It then costs $99 a month.",
    )
    yearly = trial(interval="year")
    assert said(yearly, DAY)[2].endswith("It then costs $990 a year.")


def test_what_a_price_that_is_no_longer_on_sale_comes_to_is_not_guessed() -> None:
    old, on_sale = {"price": "price_old"}, {"price_new": "pro"}
    for of in (subscription("active", **old), trial(**old)):
        words = pressing_words(of, BEGAN + 12 * DAY, UTC, on_sale) or describe_plan(
            "pro", of, BEGAN, UTC, on_sale
        )
        assert words.sentence.endswith(" the price it was bought at.")
    today = describe_plan("pro", subscription("active", price="price_new"), BEGAN, UTC, on_sale)
    assert today.sentence.endswith(" for $99 a month.")


def test_the_day_is_that_of_the_workspace_s_clocks() -> None:
    assert said(trial(), DAY, "Europe/Berlin")[0] == "Trial until 17 November 2026"
    assert said(trial(), DAY, "Asia/Tokyo")[0] == "Trial until 18 November 2026"


def test_a_trial_that_was_cancelled_says_when_it_ends_and_not_what_it_costs() -> None:
    badge, tone, sentence = said(trial(cancel_at=BEGAN + 14 * DAY), DAY)
    assert (badge, tone) == ("Ends on 17 November 2026", "warning")
    assert "$" not in sentence


def test_a_trial_with_a_change_ahead_says_what_it_becomes_and_can_be_kept_as_it_is() -> None:
    words = describe_plan("pro", trial(next_plan="starter"), BEGAN + DAY, UTC)
    assert (
        words.sentence == "The trial of Pro runs until 17 November 2026 and changes to Starter on that day."
    )
    assert (words.badge, words.keep, words.may_cancel) == ("Changes to Starter", "Keep Pro", True)


def test_a_trial_that_nobody_told_the_end_of_is_over_a_day_later() -> None:
    assert said(trial(), 15 * DAY - timedelta(seconds=1))[0].startswith("Trial until")
    assert said(trial(), 15 * DAY) == (
        "Trial over",
        "neutral",
        "The trial of Pro is over, so the free plan counts.",
    )


def test_after_a_failed_payment_the_plan_goes_on_for_seven_days() -> None:
    late = subscription("past_due")
    assert said(late, 7 * DAY - timedelta(seconds=1)) == (
        "Payment failed",
        "warning",
        "The last payment failed. Pro goes on until 10 November 2026; with a card that works, it stays.",
    )
    assert said(late, 7 * DAY) == (
        "Payment failed",
        "danger",
        "The last payment failed and the days of grace are over, so the free plan counts until Pro is paid.",
    )


@pytest.mark.parametrize(
    ("status", "way_on"),
    [
        ("unpaid", "Pay its invoice below, or choose a plan."),
        ("incomplete", "Pay its invoice below, or choose a plan."),
        ("incomplete_expired", "Choose a plan to try again."),
    ],
)
def test_a_plan_that_was_not_paid_says_how_to_go_on(status: str, way_on: str) -> None:
    assert said(subscription(status), DAY) == (
        "Not paid",
        "danger",
        f"The payment for Pro did not go through, so the free plan counts. {way_on}",
    )


def test_who_had_cancelled_before_the_payment_failed_can_still_keep_the_plan() -> None:
    for cancel_at, keep, may_cancel in ((None, "", True), (BEGAN + 30 * DAY, "Keep Pro", False)):
        words = describe_plan("pro", subscription("past_due", cancel_at=cancel_at), BEGAN, UTC)
        assert (words.keep, words.may_cancel) == (keep, may_cancel)


def test_what_is_said_of_an_unpaid_plan_that_was_cancelled_is_so() -> None:
    def sentence(cancelled_after: timedelta, after: timedelta) -> str:
        return said(subscription("past_due", cancel_at=BEGAN + cancelled_after), after)[2]

    assert sentence(30 * DAY, DAY) == (
        "The last payment failed. Pro goes on until 10 November 2026; with a card that works, it stays until"
        " 3 December 2026, when it ends."
    )
    assert sentence(3 * DAY, DAY) == (
        "The last payment failed, and Pro is cancelled: it ends on 6 November 2026."
    )
    assert sentence(30 * DAY, 8 * DAY).endswith("until Pro is paid. It ends on 3 December 2026 all the same.")


def test_who_cancels_reads_until_when_the_plan_stays_also_when_it_is_not_paid() -> None:
    for of, after, stays in (
        (subscription("active"), DAY, "Pro stays until 3 December 2026."),
        (trial(), DAY, "Pro stays until 3 December 2026."),
        (
            subscription("past_due"),
            DAY,
            "Pro stays until 10 November 2026, and if it is paid by then, until 3 December 2026.",
        ),
        (
            subscription("past_due"),
            8 * DAY,
            "The free plan counts now, as Pro is not paid. If it is paid, it stays until 3 December 2026.",
        ),
    ):
        assert losses(of, BEGAN + after, UTC).startswith(f"{stays} From then on the free plan counts: 100 ")


@pytest.mark.parametrize(
    ("of", "after", "is_said"),
    [
        (None, DAY, False),
        (subscription("active"), DAY, False),
        (subscription("active", cancel_at=BEGAN + 30 * DAY), DAY, False),
        (subscription("canceled"), DAY, False),
        (trial(), 11 * DAY - timedelta(seconds=1), False),
        (trial(), 11 * DAY, True),
        (trial(), 20 * DAY, True),
        (trial(trial_end=None), 27 * DAY, True),
        (subscription("past_due"), timedelta(0), True),
        (subscription("past_due"), 60 * DAY, True),
    ],
)
def test_every_page_says_a_failed_payment_and_the_last_three_days_of_a_trial(
    of: Subscription | None, after: timedelta, is_said: bool
) -> None:
    words = pressing_words(of, BEGAN + after, UTC)
    assert (words is not None) is is_said
    if words is not None and of is not None:
        assert words == describe_plan("pro", of, BEGAN + after, UTC)


@pytest.fixture
async def shop(with_resources: OpenResources) -> AsyncIterator[Shop]:
    async with open_shop(with_resources) as opened:
        yield opened


@pytest.fixture
async def tenant(factory: Factory) -> Tenant:
    return await factory.tenant(plan="pro")


async def store(shop: Shop, tenant: Tenant, status: str, *, began: timedelta, **changes: Any) -> None:
    """What Stripe said of the workspace's plan, whose period began so long ago."""
    start = datetime.now(UTC) - began
    given = {"anchor": start, "period_start": start, "period_end": start + 30 * DAY} | changes
    given |= {"past_due_since": start} if status == "past_due" else {}
    row = subscription(status, **given)
    row.workspace_id, row.id = tenant.id, f"sub_{new_id().hex}"
    async with shop.resources.database.unit_of_work(tenant.scope) as session:
        await session.merge(row)


async def shell_of(factory: Factory, tenant: Tenant, role: Role = Role.OWNER) -> ShellState:
    shell = await signed_in_tab(ShellState, factory, tenant, role)
    await call(shell, "open_shell")
    return shell


async def test_the_days_of_grace_are_told_on_every_page_to_owners_and_admins(
    shop: Shop, factory: Factory, tenant: Tenant
) -> None:
    await store(shop, tenant, "past_due", began=2 * DAY)
    page = await signed_in_tab(BillingState, factory, tenant)
    await call(page, "open_billing")
    assert page.badge == "Payment failed"
    assert "Pro goes on until" in page.sentence
    for role in Role:
        shell = await shell_of(factory, tenant, role)
        expected = page.sentence if role in (Role.OWNER, Role.ADMIN) else ""
        assert (shell.plan_notice, shell.is_plan_lost) == (expected, False), role


async def test_a_plan_that_was_lost_for_its_payment_is_told_until_it_is_paid(
    shop: Shop, factory: Factory, tenant: Tenant
) -> None:
    await store(shop, tenant, "past_due", began=8 * DAY)
    shell = await shell_of(factory, tenant)
    assert "the days of grace are over" in shell.plan_notice
    assert shell.is_plan_lost
    await store(shop, tenant, "active", began=8 * DAY)
    await call(shell, "open_shell")
    assert (shell.plan_notice, shell.is_plan_lost) == ("", False)


async def test_the_last_days_of_a_trial_are_told_with_what_comes_then(
    shop: Shop, factory: Factory, tenant: Tenant
) -> None:
    now = datetime.now(UTC)
    await store(shop, tenant, "trialing", began=DAY, trial_end=now + 13 * DAY)
    shell = await shell_of(factory, tenant)
    assert shell.plan_notice == ""
    await store(shop, tenant, "trialing", began=12 * DAY, trial_end=now + 2 * DAY)
    await call(shell, "open_shell")
    assert shell.plan_notice.startswith("The trial of Pro runs until")
    assert shell.plan_notice.endswith("It then costs $99 a month.")
    page = await signed_in_tab(BillingState, factory, tenant)
    await call(page, "open_billing")
    assert page.badge.startswith("Trial until")
    assert page.sentence == shell.plan_notice


async def test_one_workspace_s_payment_is_not_told_in_another(
    shop: Shop, factory: Factory, tenant: Tenant
) -> None:
    await store(shop, tenant, "past_due", began=8 * DAY)
    other = await factory.tenant(plan="pro")
    assert (await shell_of(factory, other)).plan_notice == ""


@pytest.mark.parametrize(
    ("used", "topped_up", "tone"),
    [(70, 0, "accent"), (75, 0, "warning"), (100, 0, "danger"), (100, 5, "warning")],
)
def test_the_bar_of_a_month_tells_that_little_or_nothing_is_left(
    used: int, topped_up: int, tone: str
) -> None:
    month = (BEGAN, BEGAN + 30 * DAY)
    messages = Usage(Unit.MESSAGE, used, 100, topped_up, 100 - used + topped_up, *month)
    credits = Usage(Unit.CREDIT, 0, 100, 0, 100, *month)
    rows = used_rows(Used(messages, credits, 1, 100, 1, 2), PLANS["free"])
    # What is full all the time, as the members may be, is no trouble.
    assert [row.tone for row in rows] == [tone, *["accent"] * 5]


def test_who_cancels_reads_all_that_the_free_plan_has_not() -> None:
    def lost(plan: str) -> str:
        return losses(subscription("active", plan=plan), BEGAN, UTC)

    assert lost("pro") == (
        "Pro stays until 3 December 2026. From then on the free plan counts: 100 visitor messages a month"
        " instead of 10,000, 100 chat credits a month instead of 2,500, 1 website instead of 3, 100 documents"
        " instead of 10,000, 50 pages per crawl instead of 5,000, 1 integration instead of any number, 2"
        " members instead of 10, files of at most 10 MB instead of 25 MB. API keys stop working, escalation"
        " rules do not run, outbound webhooks pause, conversations cannot be exported, and of the chat's"
        " models these are left: Offline, GPT-4o mini class. Nothing is deleted, credits that were bought"
        " stay, and until 3 December 2026 you can keep the plan after all."
    )
    assert "websites" not in lost("starter")
    assert "API keys stop working and of the chat's models" in lost("starter")
    assert "the widget names HelpNinja again" in lost("agency")
    assert "limits that were agreed do not count" in lost("agency")


@pytest.mark.parametrize("plan", [plan for plan in PLANS.values() if plan.price_month])
def test_no_feature_of_a_plan_is_left_out_of_what_is_lost_with_it(plan: Plan) -> None:
    lost = losses(subscription("active", plan=plan.name), BEGAN, UTC)
    assert [feature for feature in Feature if ENDINGS[feature] in lost] == [
        feature for feature in Feature if feature in plan.features
    ]


def test_only_what_was_paid_for_is_lost_with_a_workspace() -> None:
    tokyo = ZoneInfo("Asia/Tokyo")
    cancelled = subscription("active", cancel_at=BEGAN + 5 * DAY)
    assert lost_by_deletion(None, 0, UTC) == ""
    assert lost_by_deletion(None, 1, UTC) == "1 bought credit is not paid back."
    assert lost_by_deletion(trial(), 1_200, UTC) == "1,200 bought credits are not paid back."
    assert lost_by_deletion(subscription("past_due"), 0, UTC) == ""
    assert lost_by_deletion(subscription("canceled"), 0, UTC) == ""
    assert lost_by_deletion(cancelled, 0, tokyo) == (
        "Pro is paid until 9 November 2026; what is left of it is not paid back."
    )
