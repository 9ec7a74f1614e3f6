"""Webhooks in a browser: added with a secret that is shown once, told of a conversation, with their log."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Literal

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from helpninja_app.demo.workspace import PUBLIC_KEY
from tests.e2e.accessibility import findings
from tests.e2e.dashboard_steps import sign_in
from tests.e2e.demo_server import DemoServer, running_demo
from tests.e2e.site_thread import running_site
from tests.loopback_site import LoopbackSite, answer

pytestmark = pytest.mark.timeout(300)

SOON = 30_000
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


@pytest.fixture(scope="module")
def site() -> Iterator[LoopbackSite]:
    with running_site() as scripted:
        yield scripted


@pytest.fixture(scope="module")
def server(site: LoopbackSite) -> Iterator[DemoServer]:
    """One of its own, that may post to the site."""
    with running_demo(HELPNINJA_ALLOWED_PRIVATE_HOSTS=site.host) as running:
        yield running


@pytest.fixture
def webhooks(page: Page, server: DemoServer) -> Locator:
    """The list, of somebody signed in."""
    sign_in(page, server)
    page.goto(f"{server.url}/app/keys")
    page.get_by_role("tab", name="Webhooks").click()
    panel = page.get_by_role("tabpanel", name="Webhooks")
    expect(panel.get_by_role("button", name="Add a webhook")).to_be_visible(timeout=SOON)
    return panel


def in_both_modes(page: Page) -> list[str]:
    page.mouse.move(0, 0)
    found = []
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        found += findings(page)
    return found


def ask(server: DemoServer) -> None:
    body = {"tenantId": PUBLIC_KEY, "sessionId": f"visitor-{uuid.uuid4()}", "message": "Do you ship to Oslo?"}
    asked = httpx.post(f"{server.url}/api/chat", json=body, headers={"origin": server.url}, timeout=60)
    asked.raise_for_status()


def test_a_webhook_hears_of_a_conversation_and_its_log_tells_what_became_of_it(
    page: Page, webhooks: Locator, server: DemoServer, site: LoopbackSite
) -> None:
    site.routes["/hook"] = answer("<b>no</b>", status="500 Internal Server Error")
    webhooks.get_by_role("button", name="Add a webhook").click()
    sheet = page.get_by_role("dialog", name="Add a webhook")
    expect(sheet.get_by_label("Address")).to_be_focused(timeout=SOON)
    sheet.get_by_label("Address").fill("https://10.0.0.8/hook")
    for box in sheet.get_by_role("checkbox").all():
        box.uncheck()
    sheet.get_by_role("button", name="Save").click()
    expect(sheet).to_contain_text("Choose what it is to hear of.", timeout=SOON)
    expect(sheet).to_contain_text("10.0.0.8 is not a public address")
    expect(sheet.get_by_label("Address")).to_have_value("https://10.0.0.8/hook")
    assert in_both_modes(page) == []
    sheet.get_by_label("Address").fill(f"{site.url}/hook")
    sheet.get_by_label("What it is for").fill("The CRM")
    sheet.get_by_label("A conversation starts").check()
    sheet.get_by_role("button", name="Save").click()
    made = page.get_by_role("dialog", name="The secret of the webhook")
    expect(made.get_by_label("The secret", exact=True)).to_contain_text("whsec_", timeout=SOON)
    assert in_both_modes(page) == []
    made.get_by_role("button", name="Done").click()
    row = webhooks.get_by_role("listitem")
    expect(row).to_contain_text("Hears when a conversation starts", timeout=SOON)
    row.get_by_role("button", name="Log of").click()
    log = page.get_by_role("dialog", name="Log of the webhook")
    expect(log).to_contain_text("Nothing happened yet", timeout=SOON)
    ask(server)
    log.get_by_role("button", name="Look again").click()
    events = log.get_by_role("list", name="Events")
    expect(events).to_contain_text("A conversation starts", timeout=SOON)
    expect(events).to_contain_text("Tried once.", timeout=SOON)
    details = events.get_by_role("button", name="Details")
    details.click()
    expect(events.get_by_role("list", name="Attempts")).to_contain_text("answered 500", timeout=SOON)
    expect(events.get_by_role("figure", name="Its answer begins:")).to_contain_text("<b>no</b>")
    expect(events.get_by_label("What is sent")).to_contain_text('"type": "conversation.started"')
    expect(details).to_have_attribute("aria-expanded", "true")
    assert in_both_modes(page) == []
    details.click()
    expect(events.get_by_label("What is sent")).to_be_hidden(timeout=SOON)
    page.keyboard.press("Escape")
    expect(log).to_be_hidden()
    page.reload()
    page.get_by_role("tab", name="Webhooks").click()
    expect(row).to_contain_text("The last attempt failed", timeout=SOON)
    site.routes["/hook"] = answer("ok")
    row.get_by_role("button", name="More for").click()
    page.get_by_role("menuitem", name="Send a test event").click()
    expect(log).to_contain_text("A test event is on its way.", timeout=SOON)
    expect(events).to_contain_text("webhook.test", timeout=SOON)
    # Without being asked to look again.
    expect(events.get_by_role("list", name="Attempts")).to_contain_text("It was taken (200).", timeout=SOON)
    assert in_both_modes(page) == []
    page.keyboard.press("Escape")
    expect(log).to_be_hidden()
    assert in_both_modes(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert in_both_modes(page) == []
    row.get_by_role("button", name="More for").click()
    page.get_by_role("menuitem", name="Delete").click()
    page.get_by_role("alertdialog", name="Delete this webhook?").get_by_role("button", name="Delete").click()
    expect(webhooks).to_contain_text("No server of yours is told", timeout=SOON)
    expect(webhooks.get_by_role("heading", name="Webhooks")).to_be_focused()
