"""What stands behind the answers of a conversation, in the inbox of a desk and of a phone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.accessibility import findings
from tests.e2e.dashboard_steps import sign_in
from tests.e2e.demo_server import DemoServer, running_demo
from tests.e2e.test_inbox_screen import SOON, ask_for_a_person, findings_in_both_modes, messages, panel, say

pytestmark = pytest.mark.timeout(300)

QUESTION = "How long do I have to return a jacket?"
ANOTHER = "Which ways to pay do you accept?"


@pytest.fixture(scope="module")
def server() -> Iterator[DemoServer]:
    with running_demo() as running:
        yield running


@pytest.fixture
def inbox(page: Page, server: DemoServer, browser: Browser) -> Page:
    """Of an owner, who has a conversation with two answers open."""
    sign_in(page, server)
    page.set_viewport_size({"width": 1440, "height": 844})
    page.goto(f"{server.url}/app/inbox")
    # Both panes are loaded, and follow.
    expect(page.locator("[data-follows]")).to_have_count(2, timeout=SOON)
    with panel(browser, server) as visitor:
        ask_for_a_person(visitor, page)
        for number, question in enumerate((QUESTION, ANOTHER)):
            say(visitor, question)
            expect(answers(page)).to_have_count(number + 1, timeout=SOON)
    return page


def answers(inbox: Page) -> Locator:
    """The bubbles that rest on passages."""
    return messages(inbox).locator("div:has(> div > [data-source])")


def test_a_source_shows_what_its_answer_rests_on_beside_the_thread(inbox: Page) -> None:
    source = answers(inbox).first.locator("[data-source]").last
    title = str(source.get_attribute("title"))
    source.focus()
    inbox.keyboard.press("Enter")
    expect(source).to_have_attribute("aria-pressed", "true", timeout=SOON)
    about = inbox.get_by_role("complementary", name="About this conversation")
    marked = about.locator("[aria-current=true]")
    expect(marked).to_contain_text(title)
    expect(marked).to_be_in_viewport()
    expect(inbox.get_by_role("dialog", name="About this conversation")).to_be_hidden()
    expect(about.locator("[data-passage]")).to_have_count(
        answers(inbox).first.locator("[data-source]").count()
    )
    assert findings_in_both_modes(inbox) == []
    # What was said of the other answer is one press on its number away.
    answers(inbox).last.get_by_role("button", name="Passage 1", exact=True).first.click()
    other = answers(inbox).last.locator("[data-source]").first
    expect(marked).to_contain_text(str(other.get_attribute("title")), timeout=SOON)
    expect(source).to_have_attribute("aria-pressed", "false")


def test_on_a_phone_a_source_opens_the_sheet_and_the_focus_comes_back(inbox: Page) -> None:
    inbox.set_viewport_size({"width": 390, "height": 844})
    source = answers(inbox).first.locator("[data-source]").first
    source.click()
    about = inbox.get_by_role("dialog", name="About this conversation")
    marked = about.locator("[aria-current=true]")
    expect(marked).to_contain_text(str(source.get_attribute("title")), timeout=SOON)
    expect(marked).to_be_in_viewport()
    assert findings(inbox) == []
    inbox.keyboard.press("Escape")
    expect(about).to_be_hidden()
    expect(source).to_be_focused()


def test_what_a_member_replied_becomes_a_curated_answer(inbox: Page) -> None:
    reply = inbox.get_by_label("Your reply")
    reply.fill("By card, or by bill for schools.")
    reply.press("Control+Enter")
    said = messages(inbox).locator("div:has(> p:text-is('By card, or by bill for schools.'))")
    said.get_by_role("button", name="Save as curated answer").click(timeout=SOON)
    editor = inbox.get_by_role("dialog").filter(has=inbox.get_by_label("Question", exact=True))
    expect(editor.get_by_label("Question", exact=True)).to_have_value(ANOTHER, timeout=SOON)
    expect(editor.get_by_label("Answer", exact=True)).to_have_value("By card, or by bill for schools.")
