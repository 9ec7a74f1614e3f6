"""Team, API keys and audit log in a browser: where the focus goes, what is copied, days that are typed."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.accessibility import findings
from tests.e2e.dashboard_steps import copied, wait_until
from tests.e2e.demo_server import DemoServer
from tests.e2e.places import box_of
from tests.e2e.test_accounts import send, sign_up

pytestmark = pytest.mark.timeout(300)

TWICE = "button => { button.click(); button.click(); }"


def test_after_an_invite_is_withdrawn_the_focus_is_at_the_list(page: Page, demo_server: DemoServer) -> None:
    sign_up(page, demo_server)
    page.get_by_role("link", name="Team").click()
    send(page, "Invite")
    page.get_by_role("button", name="Withdraw").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Withdraw").click()
    expect(page.get_by_role("button", name="Withdraw")).to_have_count(0)
    expect(page.get_by_role("heading", name="Members")).to_be_focused()


def test_a_new_key_is_copied(page: Page, demo_server: DemoServer) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=demo_server.url)
    sign_up(page, demo_server)
    page.get_by_role("link", name="API keys").click()
    page.get_by_label("Name", exact=True).fill("CI")
    page.get_by_label("knowledge:read").check()
    send(page, "Make the key")
    secret = page.get_by_label("The new key").inner_text()
    send(page, "Copy")
    expect(page.get_by_text("Copied.")).to_be_visible()
    wait_until(page, lambda: copied(page) == secret.strip())


def test_a_key_s_form_keeps_what_was_typed_until_the_key_is_made(page: Page, demo_server: DemoServer) -> None:
    sign_up(page, demo_server)
    page.get_by_role("link", name="API keys").click()
    name, lifetime = page.get_by_label("Name", exact=True), page.get_by_label("Valid for")
    name.fill("CI")
    lifetime.select_option("30")
    page.get_by_role("button", name="Make the key").click()
    expect(page.get_by_text("Choose at least one thing that the key may do.")).to_be_visible()
    expect(name).to_have_value("CI")
    expect(lifetime).to_have_value("30")
    page.get_by_label("knowledge:read").check()
    page.get_by_role("button", name="Make the key").click()
    expect(page.get_by_label("The new key")).to_be_visible()
    expect(name).to_have_value("")
    expect(page.get_by_label("knowledge:read")).not_to_be_checked()
    expect(page.get_by_role("button", name="Make the key")).to_be_focused()


def test_the_audit_log_is_narrowed_to_days_that_are_typed(page: Page, demo_server: DemoServer) -> None:
    sign_up(page, demo_server)
    page.get_by_role("link", name="Team").click()
    send(page, "Invite")
    expect(page.get_by_role("button", name="Withdraw")).to_be_visible()
    page.get_by_role("link", name="Audit log").click()
    rows = page.get_by_role("table", name="Audit log").locator("tbody tr")
    expect(rows.first).to_be_visible()
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    since = page.get_by_label("From", exact=True)
    since.focus()
    # As slowly as a person types: what the server says meanwhile must not take digits away.
    page.keyboard.type(f"{tomorrow:%m%d%Y}", delay=700)
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    expect(since).to_have_value(f"{tomorrow:%Y-%m-%d}")
    assert findings(page) == []
    page.reload()
    # What counts is what the field shows.
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    expect(since).to_have_value(f"{tomorrow:%Y-%m-%d}")
    since.fill("")
    expect(rows.first).to_be_visible()


def test_the_filters_of_the_audit_log_do_not_lie_on_each_other(page: Page, demo_server: DemoServer) -> None:
    sign_up(page, demo_server)
    page.goto(f"{demo_server.url}/app/audit")
    expect(page.get_by_role("table", name="Audit log")).to_be_visible()
    fields = (page.get_by_label("Kind"), page.get_by_label("Filter by person"))
    days = tuple(page.get_by_label(name, exact=True).locator("xpath=..") for name in ("From", "Until"))
    for width in (320, 390, 800, 1040, 1440):
        page.set_viewport_size({"width": width, "height": 800})
        boxes = [box_of(each) for each in (*fields, *days)]
        for number, box in enumerate(boxes):
            assert box["x"] + box["width"] <= width
            for other in boxes[number + 1 :]:
                is_below = other["y"] >= box["y"] + box["height"]
                assert is_below or other["x"] >= box["x"] + box["width"]


def test_what_is_pressed_twice_is_made_once(page: Page, demo_server: DemoServer) -> None:
    """Both presses are sent before the browser hears of the first."""
    sign_up(page, demo_server)
    page.get_by_role("link", name="API keys").click()
    page.get_by_label("Name", exact=True).fill("CI")
    page.get_by_label("knowledge:read").check()
    page.get_by_role("button", name="Make the key").evaluate(TWICE)
    expect(page.get_by_label("The new key")).to_be_visible()
    expect(page.get_by_role("button", name="Revoke").locator("visible=true")).to_have_count(1)
    expect(page.get_by_text("Give the key a name")).to_have_count(0)
    page.reload()
    expect(page.get_by_role("button", name="Revoke").locator("visible=true")).to_have_count(1)
    page.get_by_role("link", name="Team").click()
    page.get_by_label("E-mail address").fill("grace@example.com")
    page.get_by_role("button", name="Invite", exact=True).evaluate(TWICE)
    expect(page.get_by_text("grace@example.com", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Send again")).to_have_count(1)
    expect(page.get_by_text("invited already")).to_have_count(0)
    expect(page.get_by_label("E-mail address")).to_have_value("")
    page.reload()
    expect(page.get_by_role("button", name="Send again")).to_have_count(1)
