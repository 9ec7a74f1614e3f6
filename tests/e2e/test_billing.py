"""Billing in a browser, against a twin of Stripe that delivers its events: buying, changing, cancelling."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.accessibility import findings
from tests.e2e.demo_server import DemoServer, running_demo
from tests.e2e.test_accounts import PASSWORD, new_address, sign_up
from tests.screens.billing_shop import environment_of, sell_everything
from tests.twins.stripe import StripeTwin

pytestmark = pytest.mark.timeout(300)
BILLING = re.compile(r"/app/billing/?$")
# An event takes its way through the twin, the webhook and the queue.
SOON = 30_000


@dataclass(frozen=True)
class Shop:
    twin: StripeTwin
    server: DemoServer


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with StripeTwin() as twin:
        sell_everything(twin)
        with running_demo(**environment_of(twin)) as server:
            twin.deliver_to = f"{server.url}/api/webhooks/stripe"
            yield Shop(twin, server)


@pytest.fixture
def owner(page: Page, shop: Shop) -> Page:
    """On the billing page of a new workspace."""
    sign_up(page, shop.server, "Harbour bakery")
    page.get_by_role("link", name="Billing").click()
    expect(plan_of(page)).to_contain_text("The free plan costs nothing")
    return page


def plan_of(page: Page) -> Locator:
    return (
        page.get_by_role("main")
        .locator("section")
        .filter(has=page.get_by_role("heading", name="Plan", exact=True))
    )


def table_of(page: Page, name: str) -> Locator:
    return page.get_by_role("table", name=name)


def choose(page: Page, button: str) -> None:
    page.get_by_role("main").get_by_role("button", name=button).click()


def pay(page: Page, button: str = "Subscribe") -> None:
    """On the twin's page of a checkout."""
    page.get_by_role("button", name=button).click()


def buy(page: Page, plan: str) -> None:
    choose(page, f"Upgrade to {plan}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Subscribe")
    pay(page)
    expect(plan_of(page)).to_contain_text(f"{plan} is active and paid until", timeout=SOON)


def look_at(page: Page) -> None:
    """Nothing for axe to complain of, on phones and elsewhere, light and dark."""
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        for width in (390, 1200):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.set_viewport_size({"width": width, "height": 844})
            expect(page.get_by_role("main").get_by_text("Loading", exact=True)).to_have_count(0)
            assert findings(page, touch=True) == []
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_who_begins_with_a_year_from_the_prices_lands_on_its_prices_with_or_without_an_account(
    page: Page, shop: Shop
) -> None:
    def begin() -> None:
        page.goto(f"{shop.server.url}/pricing")
        page.get_by_text("Yearly", exact=True).click()
        expect(page.get_by_label("Yearly")).to_be_checked()
        page.get_by_role("link", name="Begin with Pro").locator("visible=true").click()

    begin()
    email = new_address()
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make an account").click()
    expect(plan_of(page)).to_contain_text("The free plan costs nothing")
    expect(page.get_by_label("Yearly")).to_be_checked()
    begin()
    expect(page.get_by_text(f"You are signed in as {email}")).to_be_visible()
    page.get_by_role("link", name="Go on").click()
    expect(page.get_by_label("Yearly")).to_be_checked()
    expect(plan_of(page)).to_contain_text("The free plan costs nothing")


def test_from_free_to_pro_while_the_page_waits_for_stripe(owner: Page, shop: Shop) -> None:
    shop.twin.delay = 60.0
    try:
        choose(owner, "Upgrade to Pro")
        expect(owner.get_by_role("heading", level=1)).to_have_text("Subscribe")
        pay(owner)
        expect(owner.get_by_text("Your payment is being confirmed")).to_be_visible()
        expect(plan_of(owner)).to_contain_text("The free plan costs nothing")
        shop.twin.flush()
        # First, since it is said for some seconds only.
        expect(owner.get_by_text("Stripe has confirmed it")).to_be_visible(timeout=SOON)
        expect(plan_of(owner)).to_contain_text("Pro is active and paid until", timeout=SOON)
    finally:
        shop.twin.delay = 0.0
    expect(owner.get_by_text("Your payment is being confirmed")).to_have_count(0)
    expect(owner).to_have_url(BILLING)
    expect(owner.get_by_role("main")).to_contain_text("0 of 10,000")
    invoice = table_of(owner, "Invoices").locator("tbody tr")
    expect(invoice).to_have_count(1)
    expect(invoice).to_contain_text("$99")
    expect(invoice).to_contain_text("Paid")
    links = invoice.get_by_role("link").all()
    number, shown = links[0].inner_text(), [link.get_attribute("href") for link in links]
    [told] = [each for each in shop.twin.state.invoices.values() if each["number"] == number]
    assert shown == [told["hosted_invoice_url"], told["invoice_pdf"]]
    look_at(owner)
    # A phone has room for fewer columns, and leads to the same.
    owner.set_viewport_size({"width": 390, "height": 844})
    assert [link.get_attribute("href") for link in invoice.get_by_role("link").all()] == shown


def test_what_the_plan_has_not_says_which_one_has_it_and_leads_to_the_plans(owner: Page, shop: Shop) -> None:
    owner.goto(f"{shop.server.url}/app/inbox")
    owner.get_by_role("button", name="More of the inbox").click()
    locked = owner.get_by_role("menuitem", name="Export as CSV or JSON")
    expect(locked).to_contain_text(
        "The free plan has no conversation export: it comes with the pro plan."
        " An owner can change the plan under Billing.",
        timeout=SOON,
    )
    expect(owner.get_by_role("menuitem", name="Export as CSV", exact=True)).to_have_count(0)
    assert findings(owner) == []
    owner.get_by_role("menuitem", name="See the plans").click()
    expect(owner).to_have_url(re.compile(r"/app/billing/?#plans$"))


def test_a_checkout_that_is_left_changes_nothing(owner: Page) -> None:
    choose(owner, "Upgrade to Starter")
    owner.get_by_role("link", name="Back").click()
    expect(plan_of(owner)).to_contain_text("The free plan costs nothing")
    expect(owner.get_by_text("being confirmed")).to_have_count(0)


def test_a_card_that_is_declined_changes_nothing(owner: Page) -> None:
    choose(owner, "Upgrade to Starter")
    owner.get_by_label("Visa 0002, is declined").check()
    pay(owner)
    expect(owner.get_by_role("alert")).to_be_visible()
    owner.get_by_role("link", name="Back").click()
    expect(plan_of(owner)).to_contain_text("The free plan costs nothing")


def test_credits_are_bought_and_stand_in_the_history_and_its_file(owner: Page) -> None:
    choose(owner, "Buy 1,000 credits")
    expect(owner.get_by_role("heading", level=1)).to_have_text("Pay")
    pay(owner, "Pay")
    expect(owner.get_by_text("and 1,000 bought, which do not expire")).to_be_visible(timeout=SOON)
    first = table_of(owner, "Credit history").locator("tbody tr").first
    expect(first).to_contain_text("1,000 credits bought")
    expect(first).to_contain_text("+1,000")
    owner.get_by_label("Type").select_option("Used")
    expect(owner.get_by_text("Nothing matches")).to_be_visible()
    owner.get_by_label("Type").select_option("Bought")
    expect(table_of(owner, "Credit history").locator("tbody tr")).to_have_count(1)
    with owner.expect_download() as begun:
        owner.get_by_role("link", name="CSV file of all credits").click()
    lines = begun.value.path().read_text().splitlines()
    assert lines[0] == "date,type,credits,left,description"
    assert "topup,1000" in lines[1]


def test_a_plan_is_cancelled_and_kept_after_all(owner: Page) -> None:
    buy(owner, "Pro")
    choose(owner, "Cancel plan")
    question = owner.get_by_role("alertdialog", name="Cancel Pro?")
    expect(question).to_contain_text("100 visitor messages a month instead of 10,000")
    expect(question).to_contain_text("Nothing is deleted")
    expect(question.get_by_role("button", name="Keep it")).to_be_focused()
    assert findings(owner) == []
    question.get_by_role("button", name="Cancel plan").click()
    expect(plan_of(owner)).to_contain_text("Pro ends on")
    expect(owner.get_by_role("heading", name="Plan", exact=True)).to_be_focused()
    choose(owner, "Keep Pro")
    expect(plan_of(owner)).to_contain_text("Pro is active and paid until")
    expect(owner.get_by_role("button", name="Keep Pro")).to_have_count(0)


def test_a_smaller_plan_is_confirmed_at_stripe_and_begins_later(owner: Page, shop: Shop) -> None:
    buy(owner, "Agency")
    choose(owner, "Switch to Pro")
    expect(owner.get_by_role("heading", level=1)).to_have_text("Confirm your updates")
    shop.twin.delay = 3.0
    try:
        owner.get_by_role("button", name="Confirm").click()
        expect(plan_of(owner)).to_contain_text("and changes to Pro on that day", timeout=SOON)
    finally:
        shop.twin.delay = 0.0
    expect(owner.get_by_role("button", name="Keep Agency")).to_be_visible()
    expect(owner.get_by_text("Keep Agency first, under Plan; then another one can be chosen")).to_be_visible()
    expect(owner.get_by_role("button", name="Switch to Starter")).to_have_count(0)


def test_the_page_of_the_portal_leads_back(owner: Page) -> None:
    buy(owner, "Starter")
    choose(owner, "Cards and addresses")
    expect(owner.get_by_role("heading", level=1)).to_have_text("Your billing")
    owner.get_by_role("link", name="Return").click()
    expect(plan_of(owner)).to_contain_text("Starter is active")


def test_a_yearly_price_is_shown_and_bought(owner: Page) -> None:
    main = owner.get_by_role("main")
    main.get_by_text("Yearly", exact=True).click()
    expect(main.get_by_text("$198 less than by the month").locator("visible=true")).to_have_count(1)
    choose(owner, "Upgrade to Pro")
    expect(owner.get_by_role("main")).to_contain_text("$990.00 per year")


def test_the_invoices_alone_fail_while_stripe_is_away(owner: Page, shop: Shop) -> None:
    buy(owner, "Starter")
    # More than the client tries again, and than events that are on their way ask for.
    shop.twin.fail_next(60, status=503, path="/v1/invoices")
    owner.reload()
    away = owner.get_by_role("alert").filter(has_text="Stripe cannot be reached right now")
    expect(away).to_be_visible(timeout=SOON)
    expect(plan_of(owner)).to_contain_text("Starter is active")
    shop.twin.api.faults.clear()
    choose(owner, "Try again")
    expect(table_of(owner, "Invoices").locator("tbody tr")).to_have_count(1)


def test_billing_holds_on_phones_and_in_the_dark(owner: Page) -> None:
    look_at(owner)
    owner.set_viewport_size({"width": 1200, "height": 844})
    buy(owner, "Pro")
    look_at(owner)


def test_the_prices_hold_on_phones_and_in_the_dark(page: Page, shop: Shop) -> None:
    page.goto(shop.server.url)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Pricing").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Pricing")
    expect(page.get_by_text("nothing is limited here")).to_have_count(0)
    page.get_by_text("Yearly", exact=True).click()
    expect(page.get_by_text("$2,990", exact=True).locator("visible=true")).to_have_count(1)
    look_at(page)


def test_a_failed_payment_is_told_on_every_page_with_the_way_to_billing(owner: Page, shop: Shop) -> None:
    buy(owner, "Pro")
    shop.twin.set_status(list(shop.twin.state.subscriptions)[-1], "past_due")
    told = owner.get_by_role("alert").filter(has_text="The last payment failed. Pro goes on until")
    for _ in range(SOON // 3000):
        owner.goto(f"{shop.server.url}/app/team")
        with suppress(AssertionError):
            expect(told).to_be_visible(timeout=3000)
            break
    expect(told).to_be_visible()
    look_at(owner)
    owner.set_viewport_size({"width": 1200, "height": 844})
    told.get_by_role("link", name="Go to billing").click()
    expect(owner).to_have_url(BILLING)
    expect(plan_of(owner)).to_contain_text("The last payment failed. Pro goes on until")
    expect(told).to_have_count(0)


def test_for_others_there_is_no_page_of_operations(owner: Page, shop: Shop) -> None:
    expect(owner.get_by_role("link", name="Stripe events")).to_have_count(0)
    owner.goto(f"{shop.server.url}/app/operations")
    expect(owner.get_by_role("heading", level=1)).to_have_text("There is no page at this address")
    look_at(owner)
