"""Stripe's events in the browser of who runs the installation: seen, tried again, and done."""

import re
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.accessibility import findings
from tests.e2e.demo_server import running_demo
from tests.e2e.test_accounts import send, sign_up
from tests.e2e.test_billing import SOON, Shop, choose, look_at
from tests.screens.billing_shop import environment_of, sell_everything
from tests.twins.stripe import StripeTwin

pytestmark = pytest.mark.timeout(300)
OPERATOR = "operator@example.com"
STRANGE = "The price price_strange belongs to no plan in the settings."


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with ExitStack() as running:
        twin = running.enter_context(StripeTwin())
        sell_everything(twin)
        twin.add_price("price_strange", 100, "month", name="Strange")
        environment = environment_of(twin) | {"HELPNINJA_OPERATORS": OPERATOR}
        server = running.enter_context(running_demo(**environment))
        twin.deliver_to = f"{server.url}/api/webhooks/stripe"
        yield Shop(twin, server)


@pytest.fixture(scope="module")
def strange(browser: Browser, shop: Shop) -> str:
    """The id of a subscription to what is not for sale here, of a customer who was at the checkout."""
    with browser.new_context() as context:
        page = context.new_page()
        sign_up(page, shop.server, "Harbour bakery")
        page.goto(f"{shop.server.url}/app/billing")
        choose(page, "Upgrade to Starter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Subscribe")
    [customer] = shop.twin.state.customers
    return str(shop.twin.add_subscription(customer, "price_strange")["id"])


@pytest.fixture(scope="module")
def operator(browser: Browser, shop: Shop) -> Iterator[Page]:
    """Signed in, with an address that is confirmed."""
    with browser.new_context() as context:
        page = context.new_page()
        sign_up(page, shop.server, "Head office", email=OPERATOR)
        expect(page.get_by_role("link", name="Stripe events")).to_have_count(0)
        page.goto(shop.server.mailed_link(OPERATOR))
        send(page, "Confirm my address")
        expect(page.get_by_role("alert")).to_contain_text("Your address is confirmed")
        page.goto(f"{shop.server.url}/app")
        yield page


def rows_of(page: Page) -> Locator:
    return page.get_by_role("table", name="Stripe events").locator("tbody tr")


def see(page: Page, state: str) -> None:
    page.get_by_role("main").get_by_label("State").select_option(state)


def test_an_event_that_failed_is_seen_tried_again_and_done(operator: Page, shop: Shop, strange: str) -> None:
    operator.get_by_role("link", name="Stripe events").click()
    expect(operator.get_by_role("heading", level=1)).to_have_text("Stripe events")
    expect(rows_of(operator).first).to_be_visible()
    created = rows_of(operator).filter(has_text="customer.subscription.created")
    until_shown(operator, created.filter(has_text="Parked"))
    see(operator, "Parked")
    expect(created).to_contain_text(STRANGE)
    expect(created).to_contain_text(strange)
    look_at(operator)
    operator.set_viewport_size({"width": 1200, "height": 844})

    # Tried again while nothing has changed it comes to the same.
    created.get_by_role("button", name=re.compile("Try again")).click()
    expect(operator.get_by_text("1 event is worked on again.")).to_be_visible()
    until_shown(operator, created.filter(has_text="Parked").filter(has_text="2 tries"))

    item = shop.twin.subscription(strange)["items"]["data"][0]["id"]
    shop.twin.update_subscription(strange, {"items": [{"id": item, "price": "price_pro_monthly"}]})
    # Its own event first: of two that are worked on beside each other, the one that read last counts.
    see(operator, "Every state")
    updated = rows_of(operator).filter(has_text="customer.subscription.updated")
    until_shown(operator, updated.filter(has_text="Done").first)
    created.get_by_role("button", name=re.compile("Try again")).click()
    until_shown(operator, created.filter(has_text="Done"))
    expect(created).to_contain_text("active: the pro plan counts.")
    expect(created.get_by_role("button")).to_have_count(0)


def test_all_that_are_parked_are_tried_again_at_once(operator: Page, shop: Shop, strange: str) -> None:
    operator.goto(f"{shop.server.url}/app/operations")
    parked = rows_of(operator).filter(has_text="Parked")
    until_shown(operator, parked.first)
    operator.get_by_role("button", name=re.compile(r"Try all \d+ parked again")).click()
    expect(operator.get_by_text("worked on again.")).to_be_visible()
    expect(parked).to_have_count(0)
    expect(operator.get_by_role("button", name=re.compile("Try all"))).to_have_count(0)
    see(operator, "Parked")
    expect(operator.get_by_text("Nothing matches")).to_be_visible()
    assert findings(operator) == []


def test_who_is_no_operator_sees_nothing_of_it(page: Page, shop: Shop, strange: str) -> None:
    sign_up(page, shop.server, "Corner shop")
    expect(page.get_by_role("link", name="Stripe events")).to_have_count(0)
    page.goto(f"{shop.server.url}/app/operations")
    expect(page.get_by_role("heading", level=1)).to_have_text("There is no page at this address")
    expect(page.get_by_text("price_strange")).to_have_count(0)
    expect(page.get_by_text(strange)).to_have_count(0)


def until_shown(page: Page, wanted: Locator) -> None:
    """The page shows what there was when it was opened: it is opened anew until it shows what is wanted."""
    for _ in range(SOON // 1000):
        page.reload()
        expect(rows_of(page).first).to_be_visible()
        if wanted.count():
            return
        page.wait_for_timeout(1000)
    expect(wanted).to_be_visible()
