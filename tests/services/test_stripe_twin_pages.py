"""The hosted pages: what somebody reads and clicks in checkout, in the portal and on an invoice."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import httpx
import pypdfium2
import pytest
import stripe

from tests.services.stripe_clients import ALL_FEATURES, CANCEL, SUCCESS, open_client, running_shop
from tests.twins.stripe import StripeTwin

RETURN = "http://helpninja.test/billing"


@pytest.fixture
def twin() -> Iterator[StripeTwin]:
    with running_shop() as running:
        yield running


@pytest.fixture
def client(twin: StripeTwin) -> Iterator[stripe.StripeClient]:
    with open_client(twin) as opened:
        yield opened


@pytest.fixture
def customer(twin: StripeTwin) -> str:
    return str(twin.add_customer("ada@example.com")["id"])


@pytest.fixture
def subscription(twin: StripeTwin, customer: str) -> Any:
    return twin.add_subscription(customer, "price_small")


@pytest.fixture
def checkout(client: stripe.StripeClient) -> stripe.checkout.Session:
    return client.v1.checkout.sessions.create(
        {
            "mode": "subscription",
            "line_items": [{"price": "price_small", "quantity": 1}],
            "success_url": SUCCESS,
            "cancel_url": CANCEL,
        }
    )


def configure(client: stripe.StripeClient, **changes: Any) -> str:
    features = copy.deepcopy(ALL_FEATURES)
    for name, value in changes.items():
        features[name] |= value
    return client.v1.billing_portal.configurations.create({"features": features}).id  # type: ignore[typeddict-item]


def open_portal(client: stripe.StripeClient, customer: str, flow: Any = None, **changes: Any) -> str:
    asked: Any = {"customer": customer, "return_url": RETURN, "configuration": configure(client, **changes)}
    return client.v1.billing_portal.sessions.create(asked | ({"flow_data": flow} if flow else {})).url


def changing(subscription: Any, price: str, after: Any = None) -> Any:
    item = {"id": subscription["items"]["data"][0]["id"], "price": price, "quantity": 1}
    confirmed = {"subscription": subscription["id"], "items": [item]}
    flow: Any = {"type": "subscription_update_confirm", "subscription_update_confirm": confirmed}
    return flow | ({"after_completion": after} if after else {})


def url_of(session: stripe.checkout.Session) -> str:
    assert session.url
    return session.url


def now_of(twin: StripeTwin, subscription: Any) -> Any:
    return twin.state.subscriptions[subscription["id"]]


def price_of(twin: StripeTwin, subscription: Any) -> str:
    return str(now_of(twin, subscription)["items"]["data"][0]["price"]["id"])


@pytest.mark.parametrize(
    "said", ["Small plan", "$20.00 per month", ">Subscribe</button>", ">Back</a>", "declined", 'type="email"']
)
def test_the_checkout_page_says_what_is_bought(checkout: stripe.checkout.Session, said: str) -> None:
    assert said in httpx.get(url_of(checkout)).text


def test_paying_leads_back_with_the_session(checkout: stripe.checkout.Session) -> None:
    answer = httpx.post(url_of(checkout), data={"card": "good", "email": "ada@example.com"})
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        SUCCESS.replace("{CHECKOUT_SESSION_ID}", checkout.id),
    )


def test_a_declined_card_is_said_and_leaves_the_session_open(
    twin: StripeTwin, checkout: stripe.checkout.Session
) -> None:
    answer = httpx.post(url_of(checkout), data={"card": "declined"})
    assert '<p role="alert">Your card was declined.</p>' in answer.text
    assert (twin.state.sessions[checkout.id]["status"], twin.state.subscriptions) == ("open", {})


def test_paying_twice_is_paying_once(twin: StripeTwin, checkout: stripe.checkout.Session) -> None:
    answers = [httpx.post(url_of(checkout), data={"card": "good"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert (len(twin.state.subscriptions), len(twin.state.charges)) == (1, 1)


def test_a_session_that_is_over_offers_nothing(twin: StripeTwin, checkout: stripe.checkout.Session) -> None:
    url = url_of(checkout)
    twin.complete_checkout(checkout.id)
    assert "<button" not in httpx.get(url).text


def test_names_are_escaped(twin: StripeTwin, client: stripe.StripeClient) -> None:
    twin.add_price("price_odd", 100, None, name="<script>alert(1)</script>")
    session = client.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "line_items": [{"price": "price_odd", "quantity": 1}],
            "success_url": SUCCESS,
            "cancel_url": 'http://helpninja.test/?a="><script>',
        }
    )
    assert "<script" not in httpx.get(url_of(session)).text


@pytest.mark.parametrize(
    "said",
    ["Small plan, $20.00 per month", ">Cancel plan</button>", "<h2>Invoices</h2>", "-0001", ">Return</a>"],
)
def test_the_portal_says_what_the_customer_has(
    client: stripe.StripeClient, customer: str, subscription: Any, said: str
) -> None:
    assert said in httpx.get(open_portal(client, customer)).text


def test_the_portal_cancels_at_the_end_of_the_period_and_takes_it_back(
    twin: StripeTwin, client: stripe.StripeClient, customer: str, subscription: Any
) -> None:
    url, seen = open_portal(client, customer), []
    for action in ("cancel", "renew"):
        httpx.post(url, data={"action": action, "subscription": subscription["id"]}).raise_for_status()
        seen.append(
            (now_of(twin, subscription)["cancel_at_period_end"], now_of(twin, subscription)["status"])
        )
    assert seen == [(True, "active"), (False, "active")]


def test_an_account_in_flexible_mode_sees_a_date_of_cancellation(
    twin: StripeTwin, client: stripe.StripeClient, customer: str, subscription: Any
) -> None:
    twin.portal_cancels_by = "cancel_at"
    twin.use_portal(open_portal(client, customer), "cancel")
    read = now_of(twin, subscription)
    assert (read["cancel_at_period_end"], read["cancel_at"]) == (
        False,
        read["items"]["data"][0]["current_period_end"],
    )


def test_a_customer_cannot_cancel_what_is_another_ones(
    twin: StripeTwin, client: stripe.StripeClient, customer: str, subscription: Any
) -> None:
    other = twin.add_subscription(twin.add_customer()["id"], "price_small")
    httpx.post(open_portal(client, customer), data={"action": "cancel", "subscription": other["id"]})
    assert now_of(twin, other)["cancel_at_period_end"] is False


@pytest.mark.parametrize(
    "said", ["Small plan, $20.00 per month", "Big plan, $50.00 per month", ">Confirm</button>"]
)
def test_a_change_of_plan_shows_both_prices(
    client: stripe.StripeClient, customer: str, subscription: Any, said: str
) -> None:
    assert said in httpx.get(open_portal(client, customer, changing(subscription, "price_big"))).text


def test_an_upgrade_applies_now_and_is_prorated(
    twin: StripeTwin, client: stripe.StripeClient, customer: str, subscription: Any
) -> None:
    after = {"type": "redirect", "redirect": {"return_url": f"{RETURN}?done"}}
    url = open_portal(client, customer, changing(subscription, "price_big", after))
    answer = httpx.post(url, data={"action": "confirm"})
    invoice = client.v1.invoices.list({"customer": customer}).data[0]
    assert (answer.status_code, answer.headers["location"]) == (303, f"{RETURN}?done")
    assert price_of(twin, subscription) == "price_big"
    assert (invoice.status, invoice.billing_reason) == ("paid", "subscription_update")
    assert 2990 <= invoice.amount_paid <= 3000


def test_confirming_twice_is_confirming_once(
    twin: StripeTwin, client: stripe.StripeClient, customer: str, subscription: Any
) -> None:
    url = open_portal(client, customer, changing(subscription, "price_big"))
    for _ in range(2):
        twin.use_portal(url, "confirm")
    assert len(twin.state.invoices) == 2


def test_an_upgrade_with_a_declined_card_changes_nothing(
    twin: StripeTwin, client: stripe.StripeClient, customer: str, subscription: Any
) -> None:
    twin.cards[customer] = "declining"
    url = open_portal(client, customer, changing(subscription, "price_big"))
    assert 'role="alert"' in httpx.post(url, data={"action": "confirm"}).text
    assert price_of(twin, subscription) == "price_small"


def test_a_downgrade_waits_for_the_end_of_the_period(
    twin: StripeTwin, client: stripe.StripeClient, customer: str
) -> None:
    big = twin.add_subscription(customer, "price_big")
    url = open_portal(client, customer, changing(big, "price_small"))
    said = httpx.get(url).text
    httpx.post(url, data={"action": "confirm"}).raise_for_status()
    schedule = client.v1.subscription_schedules.retrieve(now_of(twin, big)["schedule"])
    before = price_of(twin, big)
    twin.advance(days=32)
    assert price_of(twin, big) == "price_small"
    # Its last phase lasts for a period.
    assert now_of(twin, big)["schedule"] == schedule.id
    twin.advance(days=32)
    assert "Your plan changes on" in said
    assert [one.items[0]["price"] for one in map(_plain, schedule.phases)] == ["price_big", "price_small"]
    assert (before, price_of(twin, big), now_of(twin, big)["schedule"]) == ("price_big", "price_small", None)


def test_a_second_change_that_waits_comes_after_the_first(
    twin: StripeTwin, client: stripe.StripeClient, customer: str
) -> None:
    big = twin.add_subscription(customer, "price_big")
    urls = [open_portal(client, customer, changing(big, "price_small")) for _ in range(2)]
    for url in urls:
        twin.use_portal(url, "confirm")
    [schedule] = twin.state.schedules.values()
    planned = [phase["items"][0]["price"] for phase in schedule["phases"]]
    assert planned == ["price_big", "price_small", "price_small"]


def test_what_is_scheduled_stands_in_the_way_of_a_change_now(
    twin: StripeTwin, client: stripe.StripeClient, customer: str, subscription: Any
) -> None:
    url = open_portal(client, customer, changing(subscription, "price_big"))
    twin.schedule(subscription["id"], "price_small")
    assert 'role="alert"' in httpx.post(url, data={"action": "confirm"}).text
    assert price_of(twin, subscription) == "price_small"


@pytest.mark.parametrize("enabled", [True, False])
def test_the_overview_changes_a_plan_where_that_is_enabled(
    twin: StripeTwin, client: stripe.StripeClient, customer: str, subscription: Any, *, enabled: bool
) -> None:
    url = open_portal(client, customer, subscription_update={"enabled": enabled})
    assert (">Update plan</button>" in httpx.get(url).text) is enabled
    httpx.post(url, data={"action": "update", "price": "price_big"})
    assert price_of(twin, subscription) == ("price_big" if enabled else "price_small")


@pytest.mark.parametrize(("behavior", "paid"), [("end_trial", [5000]), ("continue_trial", [])])
def test_a_change_ends_a_trial_unless_it_is_to_go_on(
    twin: StripeTwin, client: stripe.StripeClient, customer: str, behavior: str, paid: list[int]
) -> None:
    trial = twin.add_subscription(customer, "price_small", trial_days=14)
    update = {"trial_update_behavior": behavior}
    url = open_portal(client, customer, changing(trial, "price_big"), subscription_update=update)
    twin.use_portal(url, "confirm")
    assert price_of(twin, trial) == "price_big"
    assert [each["amount"] for each in twin.state.charges.values()] == paid


def test_without_conditions_a_downgrade_applies_now_as_credit(
    twin: StripeTwin, client: stripe.StripeClient, customer: str
) -> None:
    big = twin.add_subscription(customer, "price_big")
    flow = changing(big, "price_small")
    url = open_portal(
        client, customer, flow, subscription_update={"schedule_at_period_end": {"conditions": []}}
    )
    twin.use_portal(url, "confirm")
    assert price_of(twin, big) == "price_small"
    assert -3000 <= (client.v1.customers.retrieve(customer).balance or 0) <= -2990


def test_what_a_schedule_manages_is_not_changed_directly(
    twin: StripeTwin, client: stripe.StripeClient, customer: str
) -> None:
    big = twin.add_subscription(customer, "price_big")["id"]
    schedule = twin.schedule(big, "price_small")["id"]
    with pytest.raises(stripe.InvalidRequestError, match="managed by the subscription schedule"):
        client.v1.subscriptions.update(big, {"cancel_at_period_end": True})
    client.v1.subscription_schedules.release(schedule)
    assert client.v1.subscriptions.update(big, {"cancel_at_period_end": True}).cancel_at_period_end


@pytest.mark.parametrize(
    ("flow", "said"),
    [
        ({"type": "subscription_update_confirm"}, "Missing required param"),
        ({"type": "dance"}, "must be one of"),
        (
            {"type": "subscription_cancel", "subscription_cancel": {"subscription": "sub_none"}},
            "No such subscr",
        ),
    ],
)
def test_a_flow_that_makes_no_sense_is_refused(
    client: stripe.StripeClient, customer: str, flow: Any, said: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=said):
        open_portal(client, customer, flow)


@pytest.mark.parametrize(
    ("price", "said"),
    [("price_small", "nothing to change"), ("price_pack", "not in the portal configuration")],
)
def test_a_change_to_a_plan_that_is_not_offered_is_refused(
    client: stripe.StripeClient, customer: str, subscription: Any, price: str, said: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=said):
        open_portal(client, customer, changing(subscription, price))


def test_a_disabled_feature_has_no_flow(
    client: stripe.StripeClient, customer: str, subscription: Any
) -> None:
    flow = {"type": "subscription_cancel", "subscription_cancel": {"subscription": subscription["id"]}}
    with pytest.raises(stripe.InvalidRequestError, match="disabled"):
        open_portal(client, customer, flow, subscription_cancel={"enabled": False})


def test_without_a_configuration_there_is_no_portal(client: stripe.StripeClient, customer: str) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="No configuration provided"):
        client.v1.billing_portal.sessions.create({"customer": customer, "return_url": RETURN})


def test_the_cancel_flow_cancels(
    twin: StripeTwin, client: stripe.StripeClient, customer: str, subscription: Any
) -> None:
    flow = {"type": "subscription_cancel", "subscription_cancel": {"subscription": subscription["id"]}}
    url = open_portal(client, customer, flow)
    assert ">Cancel plan</button>" in httpx.get(url).text
    httpx.post(url, data={"action": "cancel"}).raise_for_status()
    assert now_of(twin, subscription)["cancel_at_period_end"] is True


def test_a_new_card_is_saved(twin: StripeTwin, client: stripe.StripeClient, customer: str) -> None:
    url = open_portal(client, customer, {"type": "payment_method_update"})
    httpx.post(url, data={"action": "save-card", "card": "declined"}).raise_for_status()
    assert twin.cards[customer] == "declining"


def test_an_invoice_has_a_page_and_a_pdf(
    client: stripe.StripeClient, customer: str, subscription: Any
) -> None:
    invoice = client.v1.invoices.list({"customer": customer, "limit": 1}).data[0]
    assert invoice.hosted_invoice_url
    assert invoice.invoice_pdf
    page = httpx.get(invoice.hosted_invoice_url).text
    document = pypdfium2.PdfDocument(httpx.get(invoice.invoice_pdf).content)
    text = document[0].get_textpage().get_text_range()
    document.close()
    assert f"Invoice {invoice.number}" in page
    assert "Total: $20.00" in text


def test_an_open_invoice_is_paid_on_its_page(twin: StripeTwin, customer: str, subscription: Any) -> None:
    twin.cards[customer] = "declining"
    twin.advance(days=31)
    invoice = twin.state.invoices[now_of(twin, subscription)["latest_invoice"]]
    httpx.post(invoice["hosted_invoice_url"], data={"card": "good"}).raise_for_status()
    assert (invoice["status"], now_of(twin, subscription)["status"]) == ("paid", "active")


@pytest.mark.parametrize("path", ["/c/pay/cs_test_none", "/p/session/none", "/i/in_none", "/i/in_none/pdf"])
def test_an_unknown_page_is_not_found(twin: StripeTwin, path: str) -> None:
    assert httpx.get(twin.url + path).status_code == 404


def _plain(value: stripe.StripeObject) -> Any:
    return type("Phase", (), {"items": value.to_dict()["items"]})
