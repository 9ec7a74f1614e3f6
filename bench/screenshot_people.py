"""Pictures of what is about people: the inbox, and where escalations go."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from bench.screenshot_talks import CANNED, TALKS
from tests.e2e.dashboard_steps import sign_in
from tests.e2e.demo_server import DemoServer
from tests.e2e.test_billing import SOON


def inbox(page: Page, server: DemoServer) -> None:
    """A conversation in which a person is asked for, with a note, beside the others."""
    sign_in(page, server)
    page.goto(f"{server.url}/app/inbox")
    row = page.locator("[data-conversation]").filter(has_text=TALKS[-1].name)
    row.click()
    expect(page.get_by_role("group", name="Messages")).to_contain_text("batch")
    expect(page.locator("#sidebar")).to_contain_text("Fernway")
    page.wait_for_load_state("networkidle")


def inbox_list(page: Page, server: DemoServer) -> None:
    """All that wait, with none of them open."""
    sign_in(page, server)
    page.goto(f"{server.url}/app/inbox")
    expect(page.locator("[data-conversation]").filter(has_text=TALKS[-1].name)).to_be_visible()
    expect(page.locator("#sidebar")).to_contain_text("Fernway")
    page.wait_for_load_state("networkidle")


def inbox_chosen(page: Page, server: DemoServer) -> None:
    """Two of those who wait longest, chosen."""
    inbox_list(page, server)
    page.get_by_role("button", name="Sorted by").click()
    page.get_by_role("menuitemradio", name="Longest waiting").click()
    # The one that came last waits least.
    expect(page.locator("[data-conversation]").first).not_to_contain_text(TALKS[-1].name)
    boxes = page.get_by_role("list", name="Conversations").get_by_role("checkbox")
    for place in (0, 1):
        boxes.nth(place).click()
    expect(page.get_by_text("2 chosen")).to_be_visible()
    page.mouse.move(0, 0)


def inbox_context(page: Page, server: DemoServer) -> None:
    """What is known about a conversation, where that is a sheet."""
    inbox(page, server)
    page.get_by_role("button", name="About this conversation").click()
    expect(page.get_by_role("dialog", name="About this conversation")).to_be_visible()


def inbox_canned(page: Page, server: DemoServer) -> None:
    """A reply that is being chosen."""
    inbox(page, server)
    page.get_by_label("Your reply").press("/")
    listed = page.get_by_role("listbox", name="Canned replies").get_by_role("option")
    expect(listed).to_have_count(len(CANNED))


def inbox_rated(page: Page, server: DemoServer) -> None:
    """A conversation that is resolved, with what the visitor thought of it."""
    sign_in(page, server)
    page.goto(f"{server.url}/app/inbox")
    page.get_by_role("button", name="Resolved").click()
    page.locator("[data-conversation]").filter(has_text="Resolved").click()
    expect(page.get_by_role("group", name="Messages")).to_contain_text("5 of 5")
    page.wait_for_load_state("networkidle")


def inbox_shared(page: Page, server: DemoServer) -> None:
    """A link that was just made."""
    inbox(page, server)
    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_role("menuitem", name="Share link").click()
    page.get_by_role("button", name="Make a link").click()
    expect(page.get_by_label("The new link")).to_be_visible()
    expect(page.get_by_role("list", name="Links")).to_be_visible()
    expect(page.get_by_role("button", name="Make a link")).to_be_enabled()


def escalation(tab: str) -> Callable[[Page, DemoServer], None]:
    """The Escalation screen at a tab."""

    def take(page: Page, server: DemoServer) -> None:
        sign_in(page, server)
        page.goto(f"{server.url}/app/escalation")
        expect(page.locator("#sidebar")).to_contain_text("Fernway")
        page.get_by_role("tab", name=tab).click()
        panel = page.get_by_role("tabpanel", name=tab)
        expect(panel.get_by_role("heading", name=tab, exact=True)).to_be_visible()
        expect(panel.get_by_text("Loading", exact=True)).to_have_count(0, timeout=SOON)
        page.get_by_role("heading", level=1).click()

    return take


def escalation_rule(page: Page, server: DemoServer) -> None:
    """A rule with a group in it, being changed."""
    escalation("Rules")(page, server)
    page.get_by_role("button", name="More for Refunds").click()
    page.get_by_role("menuitem", name="Change").click()
    expect(page.get_by_label("Condition 2: from")).to_be_visible()


def escalation_test(page: Page, server: DemoServer) -> None:
    """The rules tried on a question."""
    escalation("Tester")(page, server)
    page.get_by_label("The visitor's question").fill("Two refunds for the same tent, who can help me?")
    page.get_by_label("Confidence in per cent").fill("62")
    page.get_by_label("Page", exact=True).fill("https://fernway.example/checkout/payment")
    page.get_by_role("button", name="Try the rules").click()
    expect(page.get_by_role("list", name="Rules that were tried")).to_be_visible()
    page.get_by_role("heading", level=1).click()
