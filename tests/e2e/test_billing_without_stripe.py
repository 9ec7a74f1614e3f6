"""The billing page where Stripe is not set up: nothing is limited, nothing leads nowhere, and it says why."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.demo_server import DemoServer
from tests.e2e.test_accounts import sign_up
from tests.e2e.test_billing import look_at, plan_of

pytestmark = pytest.mark.timeout(300)
REASON = "No payments are set up on this installation, so nothing is limited."
# What leads to Stripe, or would.
PAYING = re.compile("upgrade|switch|buy|cancel plan|keep|cards and addresses|stripe", re.IGNORECASE)


@pytest.fixture
def owner(page: Page, demo_server: DemoServer) -> Page:
    """On the billing page of a new workspace."""
    sign_up(page, demo_server, "Harbour bakery")
    page.get_by_role("link", name="Billing").click()
    expect(plan_of(page)).to_contain_text(REASON)
    return page


def test_nothing_is_limited_and_it_says_why(owner: Page) -> None:
    used = (
        owner.get_by_role("main")
        .locator("section")
        .filter(has=owner.get_by_role("heading", name="This month", exact=True))
    )
    expect(used).to_contain_text("Visitor messages")
    # A bar, or a number that it is out of, is there only where something is limited.
    expect(used.get_by_role("progressbar")).to_have_count(0)
    expect(used.get_by_text(re.compile(r"\d of \d"))).to_have_count(0)
    look_at(owner)


@pytest.mark.parametrize("interval", ["Monthly", "Yearly"])
def test_no_button_leads_to_a_payment(owner: Page, interval: str) -> None:
    owner.get_by_role("main").get_by_text(interval, exact=True).click()
    main = owner.get_by_role("main")
    for role in ("button", "link"):
        expect(main.get_by_role(role, name=PAYING)).to_have_count(0)
    for heading in ("More credits", "Invoices"):
        expect(main.get_by_role("heading", name=heading)).to_have_count(0)
    expect(main.get_by_role("alert")).to_have_count(0)


def test_other_pages_ask_nobody_to_upgrade(owner: Page, demo_server: DemoServer) -> None:
    for path, heading in (("team", "Members"), ("knowledge", "Knowledge")):
        owner.goto(f"{demo_server.url}/app/{path}")
        expect(owner.get_by_role("heading", name=heading, exact=True).first).to_be_visible()
        expect(owner.get_by_role("link", name=PAYING)).to_have_count(0)
