"""A refund that fails, seconds or weeks later: what it took is there again, in whatever order it is told."""

from __future__ import annotations

import random
from typing import Literal

import httpx
import pytest

from helpninja_app.billing.models import Unit
from helpninja_app.billing.plans import FREE
from tests.buying import Buyer
from tests.ledgers import Books
from tests.twins.stripe import StripeTwin


async def buy_credits(client: httpx.AsyncClient, buyer: Buyer) -> str:
    """The id of the charge that 1,000 credits were paid by."""
    buyer.twin.complete_checkout(await buyer.top_up(client))
    await buyer.hear()
    customer = await buyer.customer()
    [charge] = [each["id"] for each in buyer.twin.state.charges.values() if each["customer"] == customer]
    return str(charge)


async def spend_credits(buyer: Buyer, amount: int) -> None:
    """Use all credits of the month, and so many that were bought."""
    books = Books(buyer.resources.database, buyer.tenant.id, Unit.CREDIT, FREE)
    all_of_it = amount + (FREE.credits or 0)
    await books.settle(await books.reserve(all_of_it), all_of_it)


@pytest.mark.parametrize("still_counts", [True, False])
@pytest.mark.parametrize(("status", "kind"), [("failed", "refund.failed"), ("canceled", "refund.updated")])
async def test_what_a_refund_took_is_there_again_once_it_failed(
    client: httpx.AsyncClient,
    buyer: Buyer,
    stripe_twin: StripeTwin,
    status: Literal["failed", "canceled"],
    kind: str,
    *,
    still_counts: bool,
) -> None:
    refund = stripe_twin.refund(await buy_credits(client, buyer), 7_50)["id"]
    await buyer.hear()
    taken = (await buyer.usage()).topped_up
    stripe_twin.fail_refund(refund, status=status, still_counts=still_counts)
    await buyer.hear([each for each in await buyer.events() if each["type"] == kind])
    assert (taken, (await buyer.usage()).topped_up) == (500, 1_000)
    assert await buyer.mistakes() == []


async def test_what_another_refund_took_stays_taken(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    charge = await buy_credits(client, buyer)
    first, _ = [stripe_twin.refund(charge, amount)["id"] for amount in (3_00, 6_00)]
    await buyer.hear()
    taken = (await buyer.usage()).topped_up
    stripe_twin.fail_refund(first, still_counts=True)
    await buyer.hear()
    assert (taken, (await buyer.usage()).topped_up) == (400, 600)


async def test_a_refund_that_the_bank_confirms_changes_nothing(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    refund = stripe_twin.refund(await buy_credits(client, buyer), 7_50)["id"]
    await buyer.hear()
    stripe_twin.settle_refund(refund)
    await buyer.hear()
    [confirmed] = [each for each in await buyer.events() if each["type"] == "refund.updated"]
    assert await buyer.detail(confirmed) == ("done", "Nothing is to be taken back.")
    assert (await buyer.usage()).topped_up == 500


@pytest.mark.parametrize("seed", range(4))
async def test_of_two_refunds_the_one_that_fails_is_told_in_any_order(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin, seed: int
) -> None:
    charge, chance = await buy_credits(client, buyer), random.Random(seed)
    # Of 1,000 credits 200 are left, which half of the money takes.
    await spend_credits(buyer, 800)
    for step in (
        lambda: stripe_twin.refund(charge, 7_50),
        lambda: stripe_twin.refund(charge, 7_50),
        lambda: stripe_twin.fail_refund(list(stripe_twin.state.refunds)[-1]),
    ):
        step()
        happened = await buyer.events()
        await buyer.hear(chance.sample(happened, chance.randrange(len(happened) + 1)))
    rest = await buyer.events()
    chance.shuffle(rest)
    await buyer.hear(rest)
    assert (await buyer.usage()).topped_up == 0
    assert await buyer.mistakes() == []


async def test_a_refund_of_no_charge_is_ignored(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    refund = stripe_twin.refund(await buy_credits(client, buyer), 7_50)["id"]
    stripe_twin.fail_refund(refund)
    [failed] = [each for each in await buyer.events() if each["type"] == "refund.failed"]
    stripe_twin.state.refunds[refund]["charge"] = None
    await buyer.hear([failed])
    assert await buyer.detail(failed) == ("ignored", "Of no charge.")


async def test_disputes_of_parts_take_their_shares(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    charge, left = await buy_credits(client, buyer), []
    first = stripe_twin.dispute(charge, 3_00)["id"]
    for step in (
        lambda: None,
        lambda: stripe_twin.dispute(charge, 6_00),
        lambda: stripe_twin.close_dispute(first, "won"),
        # More than what is left of the payment.
        lambda: stripe_twin.dispute(charge, 14_00),
    ):
        step()
        await buyer.hear()
        left.append((await buyer.usage()).topped_up)
    assert left == [800, 400, 600, 0]
    assert await buyer.mistakes() == []


@pytest.mark.parametrize(("currency", "left"), [("usd", 300), ("jpy", 0)])
async def test_a_part_that_is_disputed_is_taken_beside_what_was_refunded(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin, currency: str, left: int
) -> None:
    """An amount in another currency than the payment's says nothing of the part."""
    charge = await buy_credits(client, buyer)
    stripe_twin.refund(charge, 7_50)
    dispute = stripe_twin.dispute(charge, 3_00)["id"]
    stripe_twin.state.disputes[dispute]["currency"] = currency
    await buyer.hear()
    assert (await buyer.usage()).topped_up == left
