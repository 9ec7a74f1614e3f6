"""Pictures of what a visitor sees of people: asked for, answering, and rated."""

from __future__ import annotations

import httpx
from playwright.sync_api import Frame, Page, expect

from bench.screenshot_scenes import QUESTION
from bench.screenshot_talks import COLLEAGUE, COLLEAGUE_AT, signed_in
from tests.e2e.demo_server import DemoServer
from tests.e2e.test_accounts import PASSWORD
from tests.e2e.widget_steps import OPEN_SHADOW, ask, open_widget

WISH = "The zip of mine broke on the first day. Can I talk to a human please?"
REPLY = (
    "Hello Noor, that should not happen. A new jacket leaves today. Its parcel has a label in it, to send "
    "the old one back."
)


def widget_waiting(page: Page, server: DemoServer) -> None:
    """A person is asked for, and who asks is asked for an address."""
    _ask_for_a_person(page, server)


def widget_reply(page: Page, server: DemoServer) -> None:
    """A person has taken over and answers."""
    panel = _ask_for_a_person(page, server)
    with signed_in(server, COLLEAGUE_AT, PASSWORD) as colleague:
        _answer(panel, colleague)


def widget_rating(page: Page, server: DemoServer) -> None:
    """It is settled, and the visitor is asked how it was."""
    panel = _ask_for_a_person(page, server)
    with signed_in(server, COLLEAGUE_AT, PASSWORD) as colleague:
        address = _answer(panel, colleague)
        colleague.post(f"{address}/resolve").raise_for_status()
    expect(panel.locator("#csat")).to_be_visible()
    panel.locator("#csat .scale label").nth(4).click()


def _ask_for_a_person(page: Page, server: DemoServer) -> Frame:
    page.add_init_script(OPEN_SHADOW)
    page.goto(f"{server.url}/demo")
    page.wait_for_function("window.HelpNinja")
    panel = open_widget(page)
    ask(panel, QUESTION)
    ask(panel, WISH)
    expect(panel.locator("#contact")).to_be_visible()
    # The bubble is larger below the pointer.
    page.mouse.move(0, 0)
    return panel


def _answer(panel: Frame, colleague: httpx.Client) -> str:
    """The visitor says who they are, and the colleague answers; returns the conversation's address."""
    panel.locator("#visitorName").fill("Noor Haddad")
    panel.locator("#email").fill("noor.haddad@example.com")
    panel.locator("#contact .primary").click()
    expect(panel.locator("#contact")).to_be_hidden()
    found = colleague.get("/api/conversations", params={"status": "waiting", "q": "zip of mine"})
    address = f"/api/conversations/{found.raise_for_status().json()['conversations'][0]['id']}"
    colleague.post(f"{address}/take-over").raise_for_status()
    colleague.post(f"{address}/reply", json={"text": REPLY}).raise_for_status()
    expect(panel.locator(".person .author")).to_have_text(COLLEAGUE)
    return address
