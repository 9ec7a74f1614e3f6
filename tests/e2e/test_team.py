"""Handing a workspace over in a browser, and what its only owner reads in place of a way out."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.accessibility import findings
from tests.e2e.dashboard_steps import HOME_PAGE
from tests.e2e.demo_server import DemoServer
from tests.e2e.test_accounts import PASSWORD, new_address, send, sign_up

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def owner(page: Page, demo_server: DemoServer) -> Page:
    sign_up(page, demo_server, "Harbour bakery")
    page.get_by_role("link", name="Team").click()
    expect(page.get_by_text("(you)")).to_be_visible()
    return page


@pytest.fixture
def agent(owner: Page, browser: Browser) -> Iterator[tuple[Page, str]]:
    """Somebody in another browser who joined as agent, and their address."""
    owner.get_by_label("E-mail address").fill(email := new_address())
    send(owner, "Invite")
    other = browser.new_context().new_page()
    other.goto(owner.get_by_label("The link of the invite").inner_text())
    other.get_by_label("Choose a password").fill(PASSWORD)
    send(other, "Make an account and join")
    expect(other).to_have_url(HOME_PAGE)
    owner.reload()
    expect(row_of(owner, email)).to_be_visible()
    yield other, email
    other.context.close()


def row_of(page: Page, email: str) -> Locator:
    return page.get_by_role("main").get_by_role("listitem").filter(has_text=email)


def open_menu_of(page: Page, email: str) -> Locator:
    page.get_by_role("button", name=f"More for {email}").click()
    return page.get_by_role("menu", name=f"More for {email}")


def test_the_only_owner_reads_what_comes_before_leaving(owner: Page) -> None:
    mine = row_of(owner, "(you)")
    expect(mine).to_contain_text("To leave, make someone else the owner first")
    expect(mine.get_by_role("button")).to_have_count(0)
    mine.get_by_role("link", name="delete the workspace").click()
    expect(owner).to_have_url(re.compile("/app/settings/?#delete$"))
    expect(owner.get_by_role("button", name="Delete the workspace")).to_be_focused()


def test_ownership_is_not_given_by_a_key_in_a_list(owner: Page, agent: tuple[Page, str]) -> None:
    roles = owner.get_by_label(f"Role of {agent[1]}").get_by_role("option")
    expect(roles).to_have_text(["Admin", "Agent", "Analyst", "Viewer"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
def test_the_menu_of_a_member_and_the_question_are_accessible(
    owner: Page, agent: tuple[Page, str], width: int, scheme: str
) -> None:
    owner.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    owner.set_viewport_size({"width": width, "height": 844})
    menu = open_menu_of(owner, agent[1])
    expect(menu.get_by_role("menuitem")).to_have_text(["Make the owner", "Suspend", "Remove"])
    assert findings(owner) == []
    menu.get_by_role("menuitem", name="Make the owner").click()
    question = owner.get_by_role("alertdialog", name=f"Make {agent[1]} the owner of Harbour bakery?")
    expect(question.get_by_role("button", name="Cancel")).to_be_focused()
    assert findings(owner) == []
    assert owner.evaluate("document.documentElement.scrollWidth <= innerWidth")
    owner.keyboard.press("Enter")
    expect(question).to_be_hidden()
    expect(owner.get_by_role("button", name=f"More for {agent[1]}")).to_be_focused()
    expect(row_of(owner, agent[1]).get_by_label(f"Role of {agent[1]}")).to_have_value("agent")


def test_a_workspace_changes_hands_and_each_sees_what_they_may_from_then_on(
    owner: Page, agent: tuple[Page, str], demo_server: DemoServer
) -> None:
    other, email = agent
    open_menu_of(owner, email).get_by_role("menuitem", name="Make the owner").click()
    question = owner.get_by_role("alertdialog")
    expect(question).to_contain_text("You become an admin at once")
    question.get_by_role("button", name="Make the owner").click()
    expect(owner.get_by_role("status").filter(has_text="has a new owner")).to_be_visible()
    expect(owner.get_by_role("heading", name="Members")).to_be_focused()
    expect(row_of(owner, email)).to_contain_text("Owner")
    expect(row_of(owner, "(you)")).to_contain_text("Admin")
    expect(owner.get_by_role("button", name=re.compile("^More for"))).to_have_count(0)
    expect(row_of(owner, "(you)").get_by_role("button", name="Leave")).to_be_visible()
    owner.goto(f"{demo_server.url}/app/settings")
    expect(owner.get_by_label("Time zone")).to_have_value("UTC")
    expect(owner.get_by_role("button", name="Delete the workspace")).to_have_count(0)
    other.goto(f"{demo_server.url}/app/team")
    expect(row_of(other, "(you)")).to_contain_text("To leave, make someone else the owner first")
    expect(other.get_by_role("button", name=re.compile("^More for"))).to_have_count(1)
    other.goto(f"{demo_server.url}/app/audit")
    rows = other.get_by_role("table", name="Audit log").locator("tbody tr")
    expect(rows.filter(has_text="Workspace transferred")).to_contain_text(email)
