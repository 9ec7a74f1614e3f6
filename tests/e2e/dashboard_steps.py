"""The steps of the dashboard's browser tests: sign in, search, sign out."""

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from tests.e2e.demo_server import DemoServer

SIGN_IN_PAGE = re.compile(r"/sign-in/?\?next=")
HOME_PAGE = re.compile(r"/app/?$")


def sign_in(page: Page, server: DemoServer) -> None:
    """From the closed door of the dashboard to its home page, with everything on it loaded."""
    page.goto(f"{server.url}/app")
    expect(page).to_have_url(SIGN_IN_PAGE)
    page.get_by_label("E-mail address").fill(server.email)
    page.get_by_label("Password").fill(server.password)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(HOME_PAGE)
    expect(page.get_by_label("The line that installs the widget")).to_be_visible()
    expect(page.locator("#sidebar")).to_contain_text(server.email)


def open_knowledge(page: Page, server: DemoServer, tab: str = "Sources") -> Locator:
    """The Knowledge screen at one of its tabs, whose panel is returned, with its list loaded."""
    page.goto(f"{server.url}/app/knowledge")
    expect(page.get_by_role("table", name="Sources").locator("tbody tr").first).to_be_visible()
    page.get_by_role("tab", name=tab).click()
    panel = page.get_by_role("tabpanel", name=tab)
    expect(panel).to_be_visible()
    return panel


def open_account_menu(page: Page) -> Locator:
    """The menu at the foot of the sidebar, opened."""
    menu = page.get_by_role("menu", name="Account")
    page.locator("[popovertarget=account-menu]").click()
    expect(menu).to_be_visible()
    return menu


def sign_out(page: Page) -> None:
    open_account_menu(page).get_by_role("menuitem", name="Sign out").click()


def wait_until(page: Page, is_so: Callable[[], bool]) -> None:
    """For what no locator tells, such as what the browser says of its frames later than it acts on them."""
    for _ in range(200):
        if is_so():
            return
        page.wait_for_timeout(100)
    assert is_so()


def copied(page: Page) -> str:
    """What the clipboard holds; a note that something was copied does not wait for it."""
    return str(page.evaluate("navigator.clipboard.readText()"))


def search(page: Page, question: str) -> Locator:
    """Ask the test search; returns the list of results."""
    field = page.get_by_label("A question as a visitor would ask it")
    field.fill(question)
    field.press("Enter")
    results = page.locator("ol > li")
    expect(results.first).to_be_visible()
    return results
