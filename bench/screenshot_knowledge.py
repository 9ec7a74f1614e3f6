"""The pictures of the Knowledge screen."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from bench.screenshot_scenes import QUESTION
from tests.e2e.dashboard_steps import open_knowledge, search, sign_in
from tests.e2e.demo_server import DemoServer
from tests.e2e.test_billing import SOON


def knowledge(tab: str) -> Callable[[Page, DemoServer], None]:
    """The Knowledge screen at a tab, with everything read."""

    def take(page: Page, server: DemoServer) -> None:
        sign_in(page, server)
        open_knowledge(page, server, tab)
        expect(page.locator("td").get_by_text("Reading", exact=True)).to_have_count(0, timeout=SOON)
        page.get_by_role("heading", level=1).click()

    return take


def knowledge_search(page: Page, server: DemoServer) -> None:
    sign_in(page, server)
    open_knowledge(page, server, "Test search")
    search(page, QUESTION)
    page.get_by_role("heading", level=1).click()


def knowledge_answer(page: Page, server: DemoServer) -> None:
    """A curated answer being changed."""
    knowledge("Curated answers")(page, server)
    page.get_by_role("button", name="More for").and_(page.locator(":visible")).first.click()
    page.get_by_role("menuitem", name="Edit").click()
    expect(page.get_by_label("Answer", exact=True)).to_be_visible()


def knowledge_deleted(page: Page, server: DemoServer) -> None:
    """What can be brought back: an answer that was deleted, once."""
    knowledge("Curated answers")(page, server)
    sheet = page.get_by_role("dialog", name="Deleted in the last seven days")
    page.get_by_role("button", name="Deleted", exact=True).click()
    expect(sheet.get_by_role("listitem").or_(sheet.get_by_text("Nothing is deleted")).first).to_be_visible()
    if sheet.get_by_role("listitem").count():
        return
    sheet.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="More for").and_(page.locator(":visible")).first.click()
    page.get_by_role("menuitem", name="Delete").click()
    question = page.get_by_role("alertdialog", name="Delete").locator(":scope:visible")
    question.get_by_role("button", name="Delete").click()
    expect(question).to_be_hidden()
    page.get_by_role("button", name="Deleted", exact=True).click()
    expect(sheet.get_by_role("listitem").first).to_be_visible()
