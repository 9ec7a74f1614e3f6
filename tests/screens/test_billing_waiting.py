"""Waiting on the billing page for what was paid at Stripe, however late that is told, in whichever tab."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from helpninja_app.errors import Unavailable
from helpninja_app.screens.billing import state as billing_state
from helpninja_app.screens.billing.page import billing_page
from helpninja_app.screens.billing.state import LATE, BillingState
from helpninja_app.screens.shell.state import ShellState
from tests.factories import Factory
from tests.screens.billing_shop import Shop
from tests.screens.events import go, tab_at
from tests.screens.test_billing import buy, page, shop, tenant
from tests.screens.test_home import call
from tests.screens.test_management import owner_of_two

__all__ = ["page", "shop", "tenant"]

pytestmark = pytest.mark.usefixtures("no_waiting")

PAID = {"checkout": "done"}


@pytest.fixture
def soon_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first minute is over at once, and nothing that is told counts as told just now."""
    monkeypatch.setattr(billing_state, "POLLS", 1)
    monkeypatch.setattr(billing_state, "JUST_NOW_SECONDS", 0.0)


async def pay_for_pro(shop: Shop, page: BillingState) -> None:
    """Come back with the same tab from a payment that Stripe does not tell of yet."""
    await call(page, "buy_plan", "pro", "month")
    shop.pay()
    go(page, page.router.headers.cookie, PAID)
    await call(page, "open_billing")


async def another_tab(page: BillingState) -> BillingState:
    return await tab_at(BillingState, page.router.headers.cookie, PAID)


async def test_who_comes_back_sees_it_as_soon_as_stripe_told_us(shop: Shop, page: BillingState) -> None:
    await call(page, "buy_plan", "pro", "month")
    shop.pay()
    go(page, page.router.headers.cookie, PAID)
    assert "follow_payment" in str(await call(page, "open_billing"))
    assert page.confirmation == "waiting"
    following = asyncio.create_task(call(page, "follow_payment"))
    await asyncio.sleep(0.05)
    assert page.plan == "Free"
    await shop.take_events()
    said = str(await following)
    assert "confirmed" in said
    assert "_redirect" in said
    assert (page.plan, page.badge, page.confirmation) == ("Pro", "Active", "")
    assert "paid until" in page.sentence


@pytest.mark.usefixtures("soon_late")
async def test_a_confirmation_that_does_not_come_is_told_as_late_and_looked_for_on(
    shop: Shop, page: BillingState
) -> None:
    await pay_for_pro(shop, page)
    assert await call(page, "follow_payment") is None
    assert page.confirmation == "late"
    assert "Nothing is lost" in LATE
    heard = page.heard
    assert await call(page, "follow_payment") is None
    # By that the browser asks again, as long as the page is open.
    assert page.heard == heard + 1
    await shop.take_events()
    assert "confirmed" in str(await call(page, "follow_payment"))
    assert (page.plan, page.confirmation) == ("Pro", "")


def test_a_page_on_which_a_payment_is_late_is_asked_for_again_by_the_browser() -> None:
    assert "data-follows" in str(billing_page().render())


@pytest.mark.usefixtures("soon_late")
async def test_what_came_while_nobody_looked_is_told_by_a_reload(shop: Shop, page: BillingState) -> None:
    await pay_for_pro(shop, page)
    await call(page, "follow_payment")
    await shop.take_events()
    assert "confirmed" in str(await call(page, "open_billing"))
    assert page.confirmation == ""


@pytest.mark.usefixtures("soon_late")
async def test_a_connection_that_is_found_again_does_not_make_what_is_late_seem_new(
    shop: Shop, page: BillingState
) -> None:
    await pay_for_pro(shop, page)
    await call(page, "follow_payment")
    assert "follow_payment" in str(await call(page, "open_billing"))
    assert page.confirmation == "late"


@pytest.mark.usefixtures("soon_late")
async def test_after_an_hour_it_says_that_it_looks_no_more_until_the_page_is_loaded_again(
    shop: Shop, page: BillingState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(billing_state, "LATE_LOOKS", 2)
    await pay_for_pro(shop, page)
    for _ in range(3):
        await call(page, "follow_payment")
    assert page.confirmation == "over"
    await call(page, "open_billing")
    assert page.confirmation == "late"
    await shop.take_events()
    assert "confirmed" in str(await call(page, "open_billing"))


@pytest.mark.usefixtures("soon_late")
async def test_after_an_hour_nothing_that_is_there_is_denied_either(
    shop: Shop, page: BillingState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(billing_state, "LATE_LOOKS", 1)
    await buy(shop, page)
    back = await another_tab(page)
    await call(back, "open_billing")
    await call(back, "follow_payment")
    assert back.confirmation == ""
    await call(back, "open_billing")
    assert back.confirmation == "unsure"


@pytest.mark.usefixtures("soon_late")
async def test_a_look_that_fails_is_not_the_last_one(
    shop: Shop, page: BillingState, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any) -> Any:
        raise Unavailable("The database is away.")

    await pay_for_pro(shop, page)
    with monkeypatch.context() as patch:
        patch.setattr(billing_state, "signed_in", away)
        await call(page, "follow_payment")
    assert (page.failure, page.confirmation) == ("The database is away.", "late")
    await shop.take_events()
    assert "confirmed" in str(await call(page, "follow_payment"))
    assert page.failure == ""


async def test_who_comes_back_in_a_new_tab_after_it_is_there_does_not_wait(
    shop: Shop, page: BillingState
) -> None:
    await buy(shop, page)
    back = await another_tab(page)
    assert "confirmed" in str(await call(back, "open_billing"))
    assert back.confirmation == ""


@pytest.mark.usefixtures("soon_late")
async def test_a_new_tab_denies_nothing_that_is_there_and_shows_what_is_not_yet(
    shop: Shop, page: BillingState
) -> None:
    await buy(shop, page)
    back = await another_tab(page)
    assert "follow_payment" in str(await call(back, "open_billing"))
    assert (back.plan, back.confirmation) == ("Pro", "unsure")
    await call(back, "follow_payment")
    await call(back, "open_billing")
    assert back.confirmation == "unsure"
    await call(page, "buy_credits", 1000)
    shop.pay()
    await shop.take_events()
    assert "confirmed" in str(await call(back, "follow_payment"))


@pytest.mark.usefixtures("soon_late")
async def test_a_new_tab_of_a_workspace_that_bought_nothing_waits(shop: Shop, page: BillingState) -> None:
    await call(page, "buy_credits", 1000)
    shop.pay()
    back = await another_tab(page)
    await call(back, "open_billing")
    assert back.confirmation == "waiting"
    await shop.take_events()
    again = await another_tab(page)
    await call(again, "open_billing")
    assert again.confirmation == "unsure"


@pytest.mark.usefixtures("soon_late")
async def test_a_plan_that_changes_meanwhile_is_not_taken_for_the_credits_that_were_paid(
    shop: Shop, page: BillingState
) -> None:
    await buy(shop, page)
    await call(page, "buy_credits", 1000)
    shop.pay()
    bought = shop.twin.held_events()
    shop.twin.held.clear()
    go(page, page.router.headers.cookie, PAID)
    await call(page, "open_billing")
    await call(page, "cancel_plan")
    assert await call(page, "follow_payment") is None
    assert page.confirmation == "late"
    shop.twin.held[:] = bought
    await shop.take_events()
    assert "confirmed" in str(await call(page, "follow_payment"))


@pytest.mark.usefixtures("soon_late")
@pytest.mark.usefixtures("soon_late")
async def test_a_plan_that_is_cancelled_here_is_not_told_as_what_was_paid(
    shop: Shop, page: BillingState
) -> None:
    await buy(shop, page)
    tab = await another_tab(page)
    await call(tab, "open_billing")
    assert tab.confirmation == "unsure"
    await call(tab, "cancel_plan")
    await shop.take_events()
    assert (await call(tab, "follow_payment"), tab.confirmation) == (None, "")


async def test_who_leaves_again_while_the_page_still_looks_does_not_have_that_forgotten(
    shop: Shop, page: BillingState, monkeypatch: pytest.MonkeyPatch
) -> None:
    await call(page, "buy_plan", "pro", "month")
    waits, goes_on = asyncio.Event(), asyncio.Event()

    async def wait(_seconds: float) -> None:
        waits.set()
        await goes_on.wait()

    monkeypatch.setattr(billing_state, "asyncio", SimpleNamespace(sleep=wait))
    looking = asyncio.create_task(call(page, "follow_payment"))
    await waits.wait()
    await call(page, "buy_credits", 1000)
    left_with = page._left_with
    goes_on.set()
    await looking
    assert left_with
    assert page._left_with == left_with


async def test_what_another_tab_bought_before_is_not_taken_for_what_this_one_did(
    shop: Shop, page: BillingState
) -> None:
    other = await another_tab(page)
    go(other, page.router.headers.cookie)
    await call(other, "open_billing")
    await call(page, "buy_credits", 1000)
    shop.pay()
    await shop.take_events()
    await call(other, "buy_credits", 5000)
    go(other, page.router.headers.cookie, PAID)
    await call(other, "open_billing")
    assert other.confirmation == "waiting"


@pytest.mark.parametrize("look", ["follow_payment", "open_billing"])
async def test_what_was_paid_for_one_workspace_is_not_awaited_in_another(
    shop: Shop, factory: Factory, look: str
) -> None:
    other, cookie = await owner_of_two(shop.resources, factory)
    page, tabs = await tab_at(BillingState, cookie), await tab_at(ShellState, cookie)
    await call(page, "open_billing")
    first = page._workspace_shown
    await call(tabs, "go_to_workspace", str(other.id))
    await buy(shop, await tab_at(BillingState, cookie))
    await call(tabs, "go_to_workspace", first)
    await call(page, "open_billing")
    await call(page, "buy_plan", "pro", "month")
    go(page, cookie, PAID)
    await call(page, "open_billing")
    assert page.confirmation == "waiting"
    await call(tabs, "go_to_workspace", str(other.id))
    assert "confirmed" not in str(await call(page, look))
    assert (page.confirmation, page._left_with) == ("", "")
