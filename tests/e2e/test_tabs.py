"""Tabs of one browser: what happens to the session in one is seen in the others, without a touch."""

import re

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.dashboard_steps import HOME_PAGE, sign_in, sign_out, wait_until
from tests.e2e.demo_server import DemoServer
from tests.e2e.test_accounts import PASSWORD, send, sign_up
from tests.e2e.test_workspaces import FIRST, SECOND, is_in, make_workspace, slug_of_this

pytestmark = pytest.mark.timeout(300)

SOON = 30_000
BACK_TO_TEAM = re.compile(r"/sign-in/?\?next=(/|%2F)app(/|%2F)team$")


def open_team(context: BrowserContext, server: DemoServer, workspace: str) -> Page:
    """Another tab, with everything of the Team page on it."""
    tab = context.new_page()
    tab.goto(f"{server.url}/app/team")
    expect(tab.get_by_text("(you)")).to_be_visible()
    expect(tab.get_by_role("button", name=workspace, exact=True)).to_be_visible()
    return tab


def come_back_to(tab: Page) -> None:
    """As when somebody returns to a tab that stood behind another one."""
    tab.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_signing_out_in_one_tab_leads_the_other_to_the_sign_in_at_once(
    page: Page, context: BrowserContext, demo_server: DemoServer
) -> None:
    email = sign_up(page, demo_server, FIRST)
    other = open_team(context, demo_server, FIRST)
    frames: list[str] = []
    sign_out(page)
    expect(other).to_have_url(BACK_TO_TEAM, timeout=SOON)
    other.on("websocket", lambda socket: socket.on("framereceived", lambda text: frames.append(str(text))))
    expect(other.locator("body")).not_to_contain_text(email)
    expect(other.locator("body")).not_to_contain_text(FIRST)
    other.go_back()
    expect(other).not_to_have_url(re.compile("/app"))
    other.goto(f"{demo_server.url}/app/team")
    expect(other).to_have_url(BACK_TO_TEAM)
    wait_until(other, lambda: bool(frames))
    assert not [frame for frame in frames if email in frame or FIRST in frame]
    other.get_by_label("E-mail address").fill(email)
    other.get_by_label("Password").fill(PASSWORD)
    send(other, "Sign in")
    expect(other).to_have_url(re.compile("/app/team/?$"))


def test_a_session_that_ended_elsewhere_is_noticed_when_the_tab_is_looked_at(
    page: Page, browser: Browser, demo_server: DemoServer
) -> None:
    email = sign_up(page, demo_server, FIRST)
    tab = open_team(page.context, demo_server, FIRST)
    come_back_to(tab)
    expect(tab.get_by_text("(you)")).to_be_visible()
    phone = browser.new_context().new_page()
    phone.goto(f"{demo_server.url}/sign-in?next=/app/account")
    phone.get_by_label("E-mail address").fill(email)
    phone.get_by_label("Password").fill(PASSWORD)
    send(phone, "Sign in")
    expect(phone.get_by_role("heading", level=1)).to_have_text("Account")
    send(phone, "Sign out everywhere")
    expect(phone).to_have_url(f"{demo_server.url}/")
    phone.context.close()
    come_back_to(tab)
    expect(tab).to_have_url(BACK_TO_TEAM, timeout=SOON)
    expect(tab.locator("body")).not_to_contain_text(email)


def test_somebody_else_signing_in_takes_the_other_tab_along(
    page: Page, context: BrowserContext, demo_server: DemoServer
) -> None:
    email = sign_up(page, demo_server, FIRST)
    other = open_team(context, demo_server, FIRST)
    page.goto(f"{demo_server.url}/sign-in?next=/app")
    page.get_by_label("E-mail address").fill(demo_server.email)
    page.get_by_label("Password").fill(demo_server.password)
    send(page, "Sign in")
    expect(page).to_have_url(HOME_PAGE)
    expect(other.get_by_role("button", name="Fernway Outdoor")).to_be_visible(timeout=SOON)
    expect(other.get_by_role("main")).to_contain_text(demo_server.email)
    expect(other.locator("body")).not_to_contain_text(email)


def test_going_to_another_workspace_takes_tabs_along_that_name_none(
    page: Page, context: BrowserContext, demo_server: DemoServer
) -> None:
    sign_up(page, demo_server, FIRST)
    first = slug_of_this(page, demo_server)
    make_workspace(page, demo_server, SECOND)
    other = open_team(context, demo_server, SECOND)
    typing = open_team(context, demo_server, SECOND)
    typing.goto(f"{demo_server.url}/app/settings")
    typing.get_by_label("Greeting").fill("Good day.")
    expect(typing.get_by_text("You have changes that are not saved.")).to_be_visible()
    named = context.new_page()
    named.goto(f"{demo_server.url}/app?workspace={first}")
    is_in(named, FIRST)
    expect(other.get_by_role("button", name=FIRST, exact=True)).to_be_visible(timeout=SOON)
    expect(typing.get_by_label("Greeting")).to_have_value("Good day.")
    page.goto(f"{demo_server.url}/app/account")
    page.get_by_role("button", name=FIRST, exact=True).click()
    page.get_by_role("menuitemradio", name=SECOND).click()
    is_in(page, SECOND)
    expect(other.get_by_role("button", name=SECOND, exact=True)).to_be_visible(timeout=SOON)
    is_in(named, FIRST)


def test_a_tab_whose_person_stays_is_left_alone(
    page: Page, context: BrowserContext, demo_server: DemoServer
) -> None:
    sign_in(page, demo_server)
    other = open_team(context, demo_server, "Fernway Outdoor")
    other.get_by_label("E-mail address").fill("not-sent-yet@example.com")
    page.reload()
    page.get_by_role("link", name="API keys").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("API keys & webhooks")
    come_back_to(other)
    other.wait_for_timeout(1_000)
    expect(other.get_by_label("E-mail address")).to_have_value("not-sent-yet@example.com")
