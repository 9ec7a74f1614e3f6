"""The demo shop with its widget, from the question to the page that the answer comes from."""

import re

import httpx
import pytest
from playwright.sync_api import Frame, Page, expect

from tests.e2e.demo_server import DemoServer
from tests.e2e.widget_steps import OPEN_SHADOW, ask, open_widget, ready_panel

ANSWERABLE = "How long do I have to return a jacket?"
UNANSWERABLE = "Which camera drones do you have in stock?"

pytestmark = pytest.mark.timeout(300)


def visit(page: Page, server: DemoServer) -> Frame:
    """Open the shop and the widget's panel."""
    page.add_init_script(OPEN_SHADOW)
    page.goto(f"{server.url}/demo")
    page.wait_for_function("window.HelpNinja")
    return open_widget(page)


def test_an_answer_cites_a_page_that_opens(page: Page, demo_server: DemoServer) -> None:
    panel = visit(page, demo_server)
    ask(panel, ANSWERABLE)
    answer = panel.locator(".message.bot").last
    expect(answer).to_contain_text("60 days")
    citation = answer.locator("a.chip").first
    expect(citation).to_have_attribute("href", re.compile(r"/demo/help/"))
    assert httpx.get(citation.get_attribute("href") or "", timeout=30).status_code == 200
    with page.context.expect_page() as opened:
        citation.click()
    expect(opened.value.locator("body")).to_contain_text("60 days")


def test_what_the_pages_do_not_say_is_declined_and_a_person_is_called(
    page: Page, demo_server: DemoServer
) -> None:
    panel = visit(page, demo_server)
    ask(panel, UNANSWERABLE)
    expect(panel.locator(".message.bot").last.locator("a.chip")).to_have_count(0)
    # The answer says itself that a person was asked, and nothing says it again.
    expect(panel.locator(".message.bot").last).to_contain_text("I have passed your question on to a person.")
    expect(panel.locator(".system")).to_have_count(0)


def test_the_conversation_is_still_there_after_a_reload(page: Page, demo_server: DemoServer) -> None:
    panel = visit(page, demo_server)
    ask(panel, ANSWERABLE)
    ask(panel, UNANSWERABLE)
    page.reload()
    page.wait_for_function("window.HelpNinja")
    is_open = page.locator("helpninja-widget iframe").is_visible()
    panel = ready_panel(page) if is_open else open_widget(page)
    expect(panel.locator(".message.visitor .bubble")).to_have_text([ANSWERABLE, UNANSWERABLE])
    expect(panel.locator(".message.bot").filter(has_text="60 days")).to_have_count(1)
