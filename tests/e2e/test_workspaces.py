"""Several workspaces of one person in a browser: making, changing, deleting and bringing them back."""

import re
import secrets

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.accessibility import findings
from tests.e2e.dashboard_steps import HOME_PAGE
from tests.e2e.demo_server import DemoServer
from tests.e2e.test_accounts import send, sign_up

pytestmark = pytest.mark.timeout(300)

FIRST, SECOND = "Harbour bakery", "Harbour café"


def go_to(page: Page, server: DemoServer, place: str) -> None:
    page.goto(f"{server.url}/app/{place}")
    expect(page.get_by_role("main").get_by_text("Loading", exact=True)).to_have_count(0)


def is_in(page: Page, workspace: str) -> None:
    expect(page.get_by_role("button", name=workspace, exact=True)).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("Home")
    expect(page.get_by_role("main").get_by_text("Loading", exact=True)).to_have_count(0)


def make_workspace(page: Page, server: DemoServer, name: str) -> None:
    go_to(page, server, "account")
    page.get_by_label("Name of the workspace").fill(name)
    send(page, "Make it")
    is_in(page, name)


def slug_of_this(page: Page, server: DemoServer) -> str:
    page.goto(f"{server.url}/app/settings")
    field = page.get_by_label("Name in addresses", exact=True)
    expect(field).not_to_have_value("")
    return field.input_value()


def said(page: Page) -> Locator:
    """What stands at the corner of the page."""
    return page.get_by_role("status").filter(has=page.get_by_role("button", name="Close the message"))


@pytest.fixture
def owner(page: Page, demo_server: DemoServer) -> Page:
    """Signed in with two workspaces, at home in the second one."""
    sign_up(page, demo_server, FIRST)
    make_workspace(page, demo_server, SECOND)
    return page


def test_the_menu_leads_to_another_workspace_which_stays_the_present_one(owner: Page) -> None:
    owner.get_by_role("button", name=SECOND, exact=True).click()
    menu = owner.get_by_role("menu", name="Workspaces")
    expect(menu.get_by_role("menuitemradio", name=SECOND)).to_have_attribute("aria-checked", "true")
    menu.get_by_role("menuitemradio", name=FIRST).click()
    is_in(owner, FIRST)
    owner.get_by_role("link", name="Team").click()
    expect(owner.get_by_role("heading", level=1)).to_have_text("Team")
    owner.reload()
    expect(owner.get_by_role("button", name=FIRST, exact=True)).to_be_visible()


def test_the_palette_leads_to_another_workspace_by_keyboard_alone(owner: Page) -> None:
    owner.keyboard.press("Control+k")
    owner.keyboard.type(FIRST)
    palette = owner.get_by_role("dialog", name="Command palette")
    expect(palette.get_by_role("option", name=FIRST)).to_have_attribute("aria-selected", "true")
    owner.keyboard.press("Enter")
    is_in(owner, FIRST)
    owner.keyboard.press("Control+k")
    owner.keyboard.type(SECOND)
    owner.keyboard.press("Enter")
    is_in(owner, SECOND)


def test_an_address_leads_to_a_workspace(owner: Page, demo_server: DemoServer) -> None:
    second = slug_of_this(owner, demo_server)
    owner.get_by_role("button", name=SECOND, exact=True).click()
    owner.get_by_role("menuitemradio", name=FIRST).click()
    is_in(owner, FIRST)
    owner.goto(f"{demo_server.url}/app?workspace={second}")
    is_in(owner, SECOND)
    owner.goto(f"{demo_server.url}/app")
    is_in(owner, SECOND)


def test_an_address_of_a_foreign_or_unknown_workspace_says_so_and_shows_nothing_of_it(
    owner: Page, browser: Browser, demo_server: DemoServer
) -> None:
    other = browser.new_context().new_page()
    sign_up(other, demo_server, "Somebody else's")
    foreign = slug_of_this(other, demo_server)
    other.context.close()
    frames: list[str] = []
    owner.on("websocket", lambda socket: socket.on("framereceived", lambda text: frames.append(str(text))))
    for slug in (foreign, f"unknown-{secrets.token_hex(4)}"):
        owner.goto(f"{demo_server.url}/app?workspace={slug}")
        expect(said(owner)).to_contain_text("There is no such workspace")
        expect(owner).to_have_url(HOME_PAGE)
        is_in(owner, SECOND)
    assert frames
    assert "Somebody else's" not in "".join(frames)


def test_a_new_name_is_saved_and_the_message_goes_away(owner: Page, demo_server: DemoServer) -> None:
    go_to(owner, demo_server, "account")
    owner.get_by_label("Name", exact=True).fill("Ada Fisher")
    send(owner, "Save")
    expect(said(owner)).to_have_text("Saved.")
    assert findings(owner) == []
    expect(said(owner)).to_have_count(0)
    owner.reload()
    expect(owner.get_by_role("button", name="Ada Fisher")).to_be_visible()


def test_a_mistake_is_said_until_it_is_closed(owner: Page, demo_server: DemoServer) -> None:
    go_to(owner, demo_server, "account")
    owner.get_by_label("Name of the workspace").fill(" ")
    send(owner, "Make it")
    expect(said(owner)).to_have_text("Give the workspace a name.")
    # Longer than what is no mistake stays.
    owner.wait_for_timeout(7_000)
    expect(said(owner)).to_have_text("Give the workspace a name.")
    said(owner).get_by_role("button", name="Close the message").click()
    expect(said(owner)).to_have_count(0)


def test_a_deleted_workspace_is_brought_back(owner: Page, demo_server: DemoServer) -> None:
    slug = slug_of_this(owner, demo_server)
    send(owner, "Delete the workspace")
    question = owner.get_by_role("dialog", name=f"Delete {SECOND}?")
    field = question.get_by_label(f"Type {slug} to confirm")
    expect(field).to_be_focused()
    field.fill("slip")
    field.press("Enter")
    expect(field).to_have_accessible_description(re.compile(f"Type {slug} to delete"))
    assert findings(owner) == []
    field.fill(slug)
    question.get_by_role("button", name="Delete").click()
    expect(owner).to_have_url(re.compile(r"/app/account\?done=deleted"))
    expect(owner.get_by_role("main")).to_contain_text("The workspace is deleted")
    expect(owner.get_by_role("button", name=FIRST, exact=True)).to_be_visible()
    owner.get_by_role("button", name=FIRST, exact=True).click()
    menu = owner.get_by_role("menu", name="Workspaces")
    expect(menu.get_by_role("menuitemradio")).to_have_text([FIRST])
    owner.keyboard.press("Escape")
    owner.goto(f"{demo_server.url}/app?workspace={slug}")
    expect(said(owner)).to_be_visible()
    go_to(owner, demo_server, "account")
    send(owner, "Bring it back")
    is_in(owner, SECOND)


@pytest.mark.parametrize("from_the_page_itself", [False, True])
def test_the_palette_leads_into_the_form_for_a_new_workspace(
    page: Page, demo_server: DemoServer, from_the_page_itself: bool
) -> None:
    sign_up(page, demo_server, FIRST)
    if from_the_page_itself:
        go_to(page, demo_server, "account")
    page.keyboard.press("Control+k")
    page.keyboard.type("new workspace")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name of the workspace")).to_be_focused()
    page.keyboard.type(SECOND)
    page.keyboard.press("Enter")
    is_in(page, SECOND)
