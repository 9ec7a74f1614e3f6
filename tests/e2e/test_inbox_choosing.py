"""The list of the inbox by who waits longest, and what is done with several conversations of it at once."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from helpninja_app.demo.workspace import PUBLIC_KEY
from tests.e2e.accessibility import findings
from tests.e2e.dashboard_steps import sign_in
from tests.e2e.demo_server import DemoServer, running_demo
from tests.e2e.test_inbox_screen import SOON, findings_in_both_modes, messages

pytestmark = pytest.mark.timeout(300)

# In the order in which they come and ask for a person.
VISITORS = ("Ana Reis", "Bo Lind", "Cem Kaya", "Dana Novak")


@pytest.fixture
def server() -> Iterator[DemoServer]:
    with running_demo() as running:
        yield running


def come(server: DemoServer, name: str) -> None:
    """A visitor asks for a person and says who they are."""
    begun = {"tenantId": PUBLIC_KEY, "sessionId": f"visitor-{name.replace(' ', '-').lower()}"}
    with httpx.Client(base_url=server.url, headers={"origin": server.url}, timeout=30) as visitor:
        given = visitor.post("/api/widget/session", json=begun).raise_for_status().json()
        visitor.headers["authorization"] = f"Bearer {given['token']}"
        asked = {**begun, "message": "Can I talk to a human please?"}
        visitor.post("/api/chat", json=asked).raise_for_status()
        who = {"name": name, "email": f"{name.split()[0].lower()}@example.com"}
        visitor.post("/api/widget/contact", json=who).raise_for_status()


@pytest.fixture
def inbox(page: Page, server: DemoServer) -> Page:
    for name in VISITORS:
        come(server, name)
    sign_in(page, server)
    page.set_viewport_size({"width": 1440, "height": 844})
    page.goto(f"{server.url}/app/inbox")
    expect(page.locator("[data-follows]")).to_have_count(2, timeout=SOON)
    return page


def rows(inbox: Page) -> Locator:
    return inbox.locator("a[data-conversation]")


def box(inbox: Page, name: str) -> Locator:
    return inbox.get_by_role("checkbox", name=f"Choose the conversation with {name}")


def names(*those: str) -> list[re.Pattern[str]]:
    return [re.compile(name) for name in those]


def test_who_waits_longest_comes_first_until_they_are_answered(inbox: Page) -> None:
    expect(rows(inbox)).to_contain_text(names(*reversed(VISITORS)))
    inbox.get_by_role("button", name="Sorted by Newest").click()
    inbox.get_by_role("menuitemradio", name="Longest waiting").click()
    expect(rows(inbox)).to_contain_text(names(*VISITORS), timeout=SOON)
    expect(rows(inbox).first).to_contain_text("Waiting")
    assert findings_in_both_modes(inbox) == []
    rows(inbox).first.click()
    expect(messages(inbox)).to_contain_text("Can I talk to a human please?", timeout=SOON)
    inbox.keyboard.press("r")
    inbox.get_by_label("Your reply").fill("Of course, what is it about?")
    inbox.get_by_label("Your reply").press("Control+Enter")
    # Nobody has to answer there any more.
    expect(rows(inbox)).to_contain_text(names(*VISITORS[1:], VISITORS[0]), timeout=SOON)


def test_several_are_chosen_by_keys_and_pointer_resolved_and_opened_again(inbox: Page) -> None:
    expect(rows(inbox)).to_have_count(4)
    chosen = inbox.get_by_role("group", name="What is listed")
    rows(inbox).first.focus()
    inbox.keyboard.press("x")
    expect(box(inbox, "Dana Novak")).to_be_checked(timeout=SOON)
    inbox.keyboard.press("Escape")
    expect(chosen).to_contain_text("Choose all shown", timeout=SOON)
    box(inbox, "Dana Novak").click()
    expect(chosen).to_contain_text("1 chosen", timeout=SOON)
    box(inbox, "Bo Lind").click(modifiers=["Shift"])
    expect(chosen).to_contain_text("3 chosen", timeout=SOON)
    expect(box(inbox, "Ana Reis")).not_to_be_checked()
    assert findings_in_both_modes(inbox) == []
    chosen.get_by_role("button", name="Tag", exact=True).click()
    asked = inbox.get_by_role("dialog", name="Tag 3 conversations")
    asked.get_by_label("Tag").fill("boots")
    assert findings(inbox) == []
    asked.get_by_role("button", name="Add the tag").click()
    said = inbox.get_by_role("status").filter(has_text="3 conversations are tagged “boots”.")
    expect(said).to_be_visible(timeout=SOON)
    expect(asked).to_be_hidden()
    chosen.get_by_role("checkbox").click()
    expect(chosen).to_contain_text("4 chosen", timeout=SOON)
    box(inbox, "Ana Reis").click()
    expect(chosen).to_contain_text("3 chosen", timeout=SOON)
    chosen.get_by_role("button", name="Resolve").click()
    expect(rows(inbox)).to_contain_text(names("Ana Reis"), timeout=SOON)
    expect(rows(inbox)).to_have_count(1)
    said = inbox.get_by_role("status").filter(has_text="3 conversations are resolved.")
    expect(said).to_be_visible()
    expect(inbox.locator("#conversations")).to_be_focused()
    assert findings_in_both_modes(inbox) == []
    said.get_by_role("button", name="Undo").click()
    expect(rows(inbox)).to_contain_text(names(*reversed(VISITORS)), timeout=SOON)
    expect(rows(inbox).first).to_contain_text("Waiting")


def test_a_key_is_for_those_that_are_chosen_and_not_for_the_one_that_is_open(inbox: Page) -> None:
    rows(inbox).first.click()
    expect(messages(inbox)).to_contain_text("Can I talk to a human please?", timeout=SOON)
    box(inbox, "Ana Reis").click()
    expect(inbox.get_by_role("group", name="What is listed")).to_contain_text("1 chosen", timeout=SOON)
    inbox.keyboard.press("e")
    expect(rows(inbox)).to_contain_text(names(*reversed(VISITORS[1:])), timeout=SOON)
    expect(rows(inbox)).to_have_count(3)


def test_on_a_phone_a_tap_on_the_initials_chooses_and_nothing_overflows(inbox: Page) -> None:
    inbox.set_viewport_size({"width": 390, "height": 844})
    box(inbox, "Cem Kaya").click()
    chosen = inbox.get_by_role("group", name="What is listed")
    expect(chosen).to_contain_text("1 chosen", timeout=SOON)
    assert inbox.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert findings_in_both_modes(inbox) == []
    chosen.get_by_role("button", name="Assign").click()
    inbox.get_by_role("menuitem", name=re.compile("^Me ")).click()
    expect(inbox.get_by_role("status").filter(has_text="assigned to you")).to_be_visible(timeout=SOON)
    inbox.get_by_role("button", name=re.compile("^Mine")).click()
    expect(rows(inbox)).to_contain_text(names("Cem Kaya"), timeout=SOON)
