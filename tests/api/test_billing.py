"""Plans and credits are bought, changed, cancelled and given back."""

from __future__ import annotations

import httpx
import pytest
from sqlalchemy import text

from helpninja_app.accounts.callers import MemberCaller
from helpninja_app.accounts.models import Role
from helpninja_app.billing.models import Unit
from tests.buying import BILLING_ACTIONS, Buyer
from tests.factories import Factory
from tests.twins.stripe import StripeTwin


async def test_a_plan_counts_once_stripe_says_that_it_is_paid(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    checkout = await buyer.checkout(client, "pro")
    assert await buyer.plan() == "free"
    stripe_twin.complete_checkout(checkout)
    await buyer.hear()
    assert await buyer.plan() == "pro"
    assert (await buyer.usage()).left == 2_500
    assert (await buyer.usage(Unit.MESSAGE)).left == 10_000
    assert await buyer.mistakes() == []


async def test_a_second_click_opens_the_same_checkout(client: httpx.AsyncClient, buyer: Buyer) -> None:
    assert await buyer.checkout(client) == await buyer.checkout(client)


async def test_a_larger_plan_is_confirmed_in_the_portal_and_no_second_one_bought(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    stripe_twin.complete_checkout(await buyer.checkout(client, "starter"))
    await buyer.hear()
    answer = await client.post("/api/billing/checkout", headers=buyer.headers, json={"plan": "agency"})
    stripe_twin.use_portal(answer.json()["url"], "confirm")
    await buyer.hear()
    assert await buyer.plan() == "agency"
    assert (await buyer.usage()).left == 10_000
    created = [each for each in await buyer.events() if each["type"] == "customer.subscription.created"]
    assert len(created) == 1
    assert await buyer.mistakes() == []


async def test_the_plan_that_one_has_is_not_bought_again(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    stripe_twin.complete_checkout(await buyer.checkout(client, "starter"))
    await buyer.hear()
    answer = await client.post("/api/billing/checkout", headers=buyer.headers, json={"plan": "starter"})
    assert answer.status_code == 409


async def test_a_smaller_plan_begins_when_what_is_paid_for_is_used(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    stripe_twin.complete_checkout(await buyer.checkout(client, "agency"))
    await buyer.hear()
    answer = await client.post("/api/billing/checkout", headers=buyer.headers, json={"plan": "starter"})
    stripe_twin.use_portal(answer.json()["url"], "confirm")
    await buyer.hear()
    subscription = await buyer.subscription()
    assert subscription is not None
    assert (subscription.plan, subscription.next_plan) == ("agency", "starter")
    assert await buyer.plan() == "agency"


async def test_a_cancelled_plan_goes_on_to_its_end_and_can_be_kept(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    stripe_twin.complete_checkout(await buyer.checkout(client, "pro"))
    await buyer.hear()
    cashier = buyer.resources.cashier(await buyer.caller())
    await cashier.cancel_plan()
    cancelled = await buyer.subscription()
    await cashier.keep_plan()
    kept = await buyer.subscription()
    assert cancelled is not None
    assert cancelled.cancel_at == cancelled.period_end
    assert kept is not None
    assert kept.cancel_at is None
    assert await buyer.plan() == "pro"


async def test_an_ended_subscription_leaves_the_free_plan_and_what_was_topped_up(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    stripe_twin.complete_checkout(await buyer.checkout(client, "pro"))
    stripe_twin.complete_checkout(await buyer.top_up(client, 1000))
    await buyer.hear()
    subscription = await buyer.subscription()
    assert subscription is not None
    await buyer.resources.need_stripe().gateway.cancel(subscription.id)
    await buyer.hear()
    assert await buyer.plan() == "free"
    assert (await buyer.usage()).left == 1_100
    assert await buyer.mistakes() == []


@pytest.mark.parametrize("times", [1, 3])
async def test_credits_are_added_once_however_often_stripe_tells(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin, times: int
) -> None:
    stripe_twin.complete_checkout(await buyer.top_up(client, 5000))
    for _ in range(times):
        await buyer.hear()
    assert (await buyer.usage()).topped_up == 5_000


async def test_a_refund_takes_back_its_share(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    stripe_twin.complete_checkout(await buyer.top_up(client, 1000))
    await buyer.hear()
    charge = next(each for each in await buyer.events() if each["type"] == "charge.succeeded")
    stripe_twin.refund(charge["data"]["object"]["id"], 500)
    await buyer.hear()
    assert (await buyer.usage()).topped_up == 667
    stripe_twin.refund(charge["data"]["object"]["id"], 1000)
    await buyer.hear()
    assert (await buyer.usage()).topped_up == 0
    assert await buyer.mistakes() == []


@pytest.mark.parametrize(("outcome", "left"), [("won", 1_000), ("lost", 0)])
async def test_a_dispute_takes_credits_back_until_it_is_won(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin, outcome: str, left: int
) -> None:
    stripe_twin.complete_checkout(await buyer.top_up(client, 1000))
    await buyer.hear()
    charge = next(each for each in await buyer.events() if each["type"] == "charge.succeeded")
    dispute = stripe_twin.dispute(charge["data"]["object"]["id"])
    await buyer.hear()
    assert (await buyer.usage()).topped_up == 0
    stripe_twin.close_dispute(dispute["id"], "won" if outcome == "won" else "lost")
    await buyer.hear()
    assert (await buyer.usage()).topped_up == left


@pytest.mark.parametrize(
    "status", ["warning_needs_response", "warning_under_review", "warning_closed", "prevented"]
)
async def test_a_banks_inquiry_takes_no_credits_before_it_takes_the_money(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin, status: str
) -> None:
    stripe_twin.complete_checkout(await buyer.top_up(client, 1000))
    await buyer.hear()
    charge = next(each for each in await buyer.events() if each["type"] == "charge.succeeded")
    dispute = stripe_twin.dispute(charge["data"]["object"]["id"])
    stripe_twin.state.disputes[dispute["id"]]["status"] = status
    await buyer.hear([each for each in await buyer.events() if each["type"] == "charge.dispute.created"])
    assert (await buyer.usage()).topped_up == 1_000
    # It takes the money after all.
    stripe_twin.state.disputes[dispute["id"]]["status"] = "needs_response"
    await buyer.hear([each for each in await buyer.events() if each["type"].endswith("funds_withdrawn")])
    assert (await buyer.usage()).topped_up == 0


async def test_invoices_are_listed_and_those_of_another_customer_are_not_there(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    assert (await client.get("/api/billing/invoices", headers=buyer.headers)).json() == {"invoices": []}
    stripe_twin.complete_checkout(await buyer.checkout(client, "pro"))
    await buyer.hear()
    found = (await client.get("/api/billing/invoices", headers=buyer.headers)).json()["invoices"]
    assert [(each["amount"], each["currency"], each["status"]) for each in found] == [(9900, "usd", "paid")]
    own = await client.get(
        "/api/billing/invoices", headers=buyer.headers, params={"customerId": await buyer.customer()}
    )
    assert own.json()["invoices"] == found
    foreign = await client.get(
        "/api/billing/invoices", headers=buyer.headers, params={"customerId": "cus_other"}
    )
    assert foreign.status_code == 404


async def test_an_invoice_leads_to_stripes_page_and_to_its_file_and_to_nothing_else(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    stripe_twin.complete_checkout(await buyer.top_up(client))
    [invoice] = [
        each for each in stripe_twin.state.invoices.values() if each["customer"] == await buyer.customer()
    ]
    links = (invoice["hosted_invoice_url"], invoice["invoice_pdf"])
    assert await _links(client, buyer) == links
    async with httpx.AsyncClient() as outside:
        file = await outside.get(str(links[1]))
    assert (file.status_code, file.headers["content-type"]) == (200, "application/pdf")
    for told, shown in (
        ("https://pay.stripe.com/invoice/acct_1/pdf?s=ap", "https://pay.stripe.com/invoice/acct_1/pdf?s=ap"),
        ("http://elsewhere.example/invoice.pdf", None),
        ("javascript:alert(1)", None),
        ("//elsewhere.example/invoice.pdf", None),
        (None, None),
    ):
        invoice |= {"hosted_invoice_url": told, "invoice_pdf": told}
        assert await _links(client, buyer) == (shown, shown), told


async def _links(client: httpx.AsyncClient, buyer: Buyer) -> tuple[str | None, str | None]:
    answer = await client.get("/api/billing/invoices", headers=buyer.headers)
    [found] = answer.json()["invoices"]
    return found["invoiceUrl"], found["pdfUrl"]


async def test_credits_are_added_when_a_delayed_payment_arrives(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    checkout = await buyer.top_up(client, 1000)
    stripe_twin.complete_checkout(checkout, is_delayed=True)
    await buyer.hear()
    before = (await buyer.usage()).topped_up
    stripe_twin.settle_checkout(checkout)
    arrived = [each for each in await buyer.events() if each["type"].endswith("async_payment_succeeded")]
    await buyer.hear(arrived)
    assert (before, (await buyer.usage()).topped_up) == (0, 1_000)


async def test_credits_come_with_an_invoice(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    stripe_twin.complete_checkout(await buyer.top_up(client, 1000))
    found = (await client.get("/api/billing/invoices", headers=buyer.headers)).json()["invoices"]
    assert [(each["amount"], each["currency"], each["status"]) for each in found] == [(1500, "usd", "paid")]


async def test_the_portal_needs_a_customer(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    before = await client.post("/api/billing/portal", headers=buyer.headers)
    stripe_twin.complete_checkout(await buyer.checkout(client, "pro"))
    after = await client.post("/api/billing/portal", headers=buyer.headers)
    assert (before.status_code, after.status_code) == (409, 200)
    assert after.json()["url"].startswith(stripe_twin.url)


async def test_the_history_of_credits_is_told_newest_first_and_by_type(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    stripe_twin.complete_checkout(await buyer.checkout(client, "pro"))
    stripe_twin.complete_checkout(await buyer.top_up(client, 1000))
    await buyer.hear()
    answer = await client.get("/api/billing/credit-history", headers=buyer.headers, params={"type": "topup"})
    [row] = answer.json()["transactions"]
    assert (row["transaction_type"], row["amount"], row["balance_after"]) == ("topup", 1_000, 3_500)
    assert (answer.json()["total"], answer.json()["limit"], answer.json()["offset"]) == (1, 50, 0)
    everything = await client.get("/api/billing/credit-history", headers=buyer.headers)
    balances = [each["balance_after"] for each in everything.json()["transactions"]]
    assert balances[0] == 3_500
    wrong = await client.get("/api/billing/credit-history", headers=buyer.headers, params={"type": "gift"})
    assert wrong.status_code == 422


async def test_an_admin_has_nothing_to_do_with_billing(
    client: httpx.AsyncClient, factory: Factory, buyer: Buyer
) -> None:
    _, admin = await factory.member(buyer.tenant, Role.ADMIN)
    answer = await client.get("/api/billing/credit-history", headers=admin)
    assert answer.status_code == 403


async def test_the_audit_log_tells_who_changed_the_plan(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    stripe_twin.complete_checkout(await buyer.checkout(client, "pro"))
    stripe_twin.complete_checkout(await buyer.top_up(client))
    await buyer.hear()
    cashier = buyer.resources.cashier(await buyer.caller())
    await cashier.cancel_plan()
    await cashier.keep_plan()
    answer = await client.get(f"/api/workspaces/{buyer.tenant.id}/audit", headers=buyer.headers)
    told = [(each["action"], each["subject"], each["actorName"]) for each in answer.json()["events"]]
    caller = await buyer.caller()
    assert isinstance(caller, MemberCaller)
    assert told[::-1] == [
        ("plan.changed", "pro", "Billing"),
        ("credits.topped_up", "1,000 credits", "Billing"),
        ("plan.cancelled", "pro", caller.email),
        ("plan.kept", "pro", caller.email),
    ]
    # The last four have tests of their own: test_stripe_away.py, test_second_subscription.py,
    # test_unpaid_plans.py and test_custom_limits.py.
    elsewhere = ("plan.change_dropped", "plan.second_ended", "plan.unpaid_ended", "limits.changed")
    assert (*(action for action, *_ in told[::-1]), *elsewhere) == BILLING_ACTIONS


async def test_api_keys_come_with_the_starter_plan(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    wanted = {"name": "Script", "permissions": ["knowledge:read"]}
    path = f"/api/workspaces/{buyer.tenant.id}/keys"
    before = await client.post(path, headers=buyer.headers, json=wanted)
    stripe_twin.complete_checkout(await buyer.checkout(client, "starter"))
    await buyer.hear()
    after = await client.post(path, headers=buyer.headers, json=wanted)
    assert (before.status_code, after.status_code) == (403, 201)
    assert "starter" in before.json()["detail"]


async def test_a_plan_that_ends_while_its_workspace_is_deleted_does_not_come_back_with_it(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    stripe_twin.complete_checkout(await buyer.checkout(client, "pro"))
    await buyer.hear()
    subscription = await buyer.subscription()
    assert subscription is not None
    await _set_deleted(buyer, "now()")
    await buyer.resources.need_stripe().gateway.cancel(subscription.id)
    await buyer.hear()
    await _set_deleted(buyer, "null")
    assert await buyer.plan() == "free"


async def _set_deleted(buyer: Buyer, moment: str) -> None:
    async with buyer.resources.database.unit_of_work(buyer.tenant.scope) as session:
        await session.execute(text(f"update workspaces set deleted_at = {moment}"))
