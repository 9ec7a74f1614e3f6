"""Pictures of what is about money: the plans, what is used of them, and what was paid."""

from __future__ import annotations

import httpx
from playwright.sync_api import Page, expect

from bench.screenshot_talks import rows_of
from helpninja_app.billing.plans import FREE
from tests.e2e.demo_server import DemoServer
from tests.e2e.test_accounts import sign_up
from tests.e2e.test_billing import SOON, buy, choose, pay, plan_of

NAME, OWNER = "Fernway Outdoor", "Mara Kessler"
_LATE = """
    update subscriptions set status = 'past_due', past_due_since = now() - interval '1 day'
    where workspace_id = %s
"""


def billing(page: Page, server: DemoServer) -> None:
    """Of a workspace that has just bought a plan and credits."""
    window = _begin(page, server)
    buy(page, "Pro")
    choose(page, "Buy 1,000 credits")
    pay(page, "Pay")
    expect(page.get_by_text("1,000 bought")).to_be_visible(timeout=SOON)
    page.get_by_role("button", name="Close the message").click()
    _end(page, window)
    expect(page.get_by_role("table", name="Credit history")).to_be_visible()
    expect(page.get_by_role("table", name="Invoices")).to_be_visible()


def billing_free(page: Page, server: DemoServer) -> None:
    """Of a workspace that is new."""
    _end(page, _begin(page, server))
    expect(page.get_by_text("There is no invoice yet")).to_be_visible(timeout=SOON)


def billing_late(page: Page, server: DemoServer) -> None:
    """Of a workspace whose last payment failed."""
    window = _begin(page, server)
    buy(page, "Pro")
    page.get_by_role("button", name="Close the message").click()
    with rows_of(server) as rows:
        rows.execute(_LATE, (_workspace(page, server)["id"],))
    _end(page, window)
    expect(plan_of(page)).to_contain_text("The last payment failed", timeout=SOON)
    expect(page.get_by_role("table", name="Invoices")).to_be_visible(timeout=SOON)


def billing_used_up(page: Page, server: DemoServer) -> None:
    """Of a workspace that has no message left."""
    window = _begin(page, server)
    key = _workspace(page, server)["publicKey"]
    with httpx.Client(base_url=server.url, headers={"origin": server.url}, timeout=60) as visitors:
        for number in range(FREE.messages or 0):
            said = {"tenantId": key, "sessionId": f"visitor-{key}-{number}", "message": "Are you open today?"}
            visitors.post("/api/chat", json=said).raise_for_status()
    _end(page, window)
    expect(page.get_by_text("All 100 visitor messages of this month are used.")).to_be_visible(timeout=SOON)


def billing_without_stripe(page: Page, server: DemoServer) -> None:
    """Where no payments are set up."""
    _end(page, _begin(page, server))
    expect(plan_of(page)).to_contain_text("No payments are set up", timeout=SOON)


def _begin(page: Page, server: DemoServer) -> dict[str, int]:
    """Sign up and go to billing, where there is room; returns the window of the picture."""
    window = page.viewport_size
    assert window is not None
    page.set_viewport_size({"width": 1200, "height": 844})
    sign_up(page, server, NAME)
    named = page.request.patch(
        f"{server.url}/api/auth/me", data={"name": OWNER}, headers={"origin": server.url}
    )
    assert named.ok
    page.get_by_role("link", name="Billing").click()
    expect(plan_of(page)).to_contain_text("The free plan costs nothing", timeout=SOON)
    return {"width": window["width"], "height": window["height"]}


def _end(page: Page, window: dict[str, int]) -> None:
    """Load the page anew, as one comes to it."""
    page.set_viewport_size({"width": window["width"], "height": window["height"]})
    page.goto(page.url)
    expect(page.get_by_role("main").get_by_text("Loading", exact=True)).to_have_count(0, timeout=SOON)


def _workspace(page: Page, server: DemoServer) -> dict[str, str]:
    """The workspace of who is signed in."""
    listed = page.request.get(f"{server.url}/api/workspaces").json()["workspaces"]
    found: dict[str, str] = page.request.get(f"{server.url}/api/workspaces/{listed[0]['id']}").json()
    return found
