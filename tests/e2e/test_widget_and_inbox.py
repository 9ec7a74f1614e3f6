"""A visitor in the widget on a customer's page and a member in the inbox, from the question to the rating."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.dashboard_steps import sign_in
from tests.e2e.demo_server import DemoServer
from tests.e2e.widget_steps import OPEN_SHADOW, ask, open_widget

pytestmark = pytest.mark.timeout(300)

SOON = 30_000
WISH = "Can I talk to a human please? It is about my tent."


@pytest.fixture
def shop(browser: Browser, demo_server: DemoServer) -> Iterator[Page]:
    """A visitor's own browser, at a page that has the widget's line in it."""
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.add_init_script(OPEN_SHADOW)
    page.goto(f"{demo_server.url}/demo")
    page.wait_for_function("window.HelpNinja")
    yield page
    context.close()


@pytest.fixture
def inbox(page: Page, demo_server: DemoServer) -> Page:
    sign_in(page, demo_server)
    page.set_viewport_size({"width": 1440, "height": 844})
    page.goto(f"{demo_server.url}/app/inbox")
    expect(page.locator("[data-follows]")).to_have_count(2, timeout=SOON)
    return page


def of_conversation(inbox: Page, name: str) -> Locator:
    return inbox.get_by_role("region", name="Conversation", exact=True).get_by_role("button", name=name)


def reply(inbox: Page, text: str) -> None:
    field = inbox.get_by_label("Your reply")
    field.fill(text)
    field.press("Control+Enter")
    expect(field).to_have_value("", timeout=SOON)


def test_a_person_answers_in_the_open_widget_and_on_the_closed_bubble_and_is_rated(
    shop: Page, inbox: Page
) -> None:
    bubble = shop.locator("helpninja-widget button")
    name = bubble.get_attribute("aria-label") or ""
    widget = open_widget(shop)
    ask(widget, WISH)
    row = inbox.locator("a[data-conversation]").filter(has_text="my tent")
    expect(row).to_contain_text("asked for a person", timeout=SOON)
    row.click()
    messages = inbox.get_by_role("group", name="Messages")
    expect(messages).to_contain_text(WISH, timeout=SOON)

    of_conversation(inbox, "Take over").click()
    expect(widget.locator(".system").last).to_have_text(
        "A person has taken over and will answer here.", timeout=SOON
    )
    reply(inbox, "Which tent is it?")
    expect(widget.locator(".person .bubble")).to_have_text(["Which tent is it?"], timeout=SOON)
    expect(bubble).to_have_attribute("aria-label", name)
    ask(widget, "The blue one.")
    expect(messages).to_contain_text("The blue one.", timeout=SOON)

    widget.locator("#close").click()
    reply(inbox, "Then its poles are under guarantee.")
    expect(bubble).to_have_attribute("aria-label", f"{name} (1)", timeout=SOON)
    expect(bubble.locator("span")).to_have_text("1")
    bubble.click()
    expect(bubble).to_have_attribute("aria-label", name)
    expect(widget.locator(".person .bubble").last).to_have_text("Then its poles are under guarantee.")
    expect(widget.locator(".person .bubble").last).to_be_in_viewport()
    expect(widget.locator("#csat")).to_be_hidden()

    of_conversation(inbox, "Resolve").click()
    expect(widget.locator("#csat")).to_be_visible(timeout=SOON)
    widget.locator("#csat .scale label").nth(4).click()
    widget.locator("#csat .primary").click()
    expect(widget.locator("#csat")).to_be_hidden(timeout=SOON)
    expect(messages).to_contain_text(re.compile("rated the conversation 5 of 5"), timeout=SOON)
    # It is all there again when the page is loaded anew.
    shop.reload()
    shop.wait_for_function("window.HelpNinja")
    expect(open_widget(shop).locator(".person .bubble")).to_have_count(2)
