"""A day's work without a mouse: everything is reached by Tab, the focus is seen, and it is never nowhere."""

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.dashboard_steps import HOME_PAGE, SIGN_IN_PAGE
from tests.e2e.demo_server import DemoServer
from tests.e2e.test_accounts import PASSWORD, new_address

pytestmark = pytest.mark.timeout(300)

# What of the focused element is wrong, or nothing.
_LOST = "document.activeElement === document.body ? 'the focus is nowhere' : ''"
_UNSEEN = """() => {
  const at = document.activeElement;
  if (at === document.body) return "";
  const style = getComputedStyle(at);
  const box = at.getBoundingClientRect();
  const isDrawn = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  const isSeen = at.matches(":focus-visible") && isDrawn && box.width > 0 && box.height > 0;
  return isSeen ? "" : `no ring around ${at.outerHTML.slice(0, 200)}`;
}"""


def is_seen(page: Page) -> None:
    """The focus is somewhere, and has a ring."""
    assert page.evaluate(_LOST) == ""
    assert page.evaluate(_UNSEEN) == ""


def tab_to(page: Page, wanted: Locator) -> None:
    """On with the tab key; each stop on the way has to be seen too."""
    expect(wanted).to_be_visible()
    for _ in range(80):
        page.keyboard.press("Tab")
        assert page.evaluate(_UNSEEN) == ""
        if wanted.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"The tab key never reaches {wanted}.")


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def team_of_two(server: DemoServer) -> tuple[str, str]:
    """The addresses of an owner and of an agent in a new workspace."""
    owner, agent = new_address(), new_address()
    with httpx.Client(base_url=server.url, headers={"origin": server.url}, timeout=30) as client:
        made = client.post(
            "/api/auth/sign-up", json={"email": owner, "password": PASSWORD, "workspace": "Keys"}
        )
        made.raise_for_status()
        workspace = client.get("/api/auth/me").json()["workspaces"][0]["id"]
        invited = client.post(f"/api/workspaces/{workspace}/invites", json={"email": agent, "role": "agent"})
        token = invited.json()["link"].partition("token=")[2]
    joined = httpx.post(
        f"{server.url}/api/auth/sign-up",
        json={"email": agent, "password": PASSWORD, "invite": token},
        headers={"origin": server.url},
        timeout=30,
    )
    joined.raise_for_status()
    return owner, agent


@pytest.fixture
def team(page: Page, demo_server: DemoServer) -> tuple[Page, str]:
    """Signed in by keyboard as owner, and the address of the agent beside them."""
    owner, agent = team_of_two(demo_server)
    page.goto(f"{demo_server.url}/app")
    expect(page).to_have_url(SIGN_IN_PAGE)
    expect(page.get_by_label("E-mail address")).to_be_focused()
    page.keyboard.type(owner)
    press(page, "Tab")
    is_seen(page)
    page.keyboard.type(PASSWORD)
    press(page, "Enter")
    expect(page).to_have_url(HOME_PAGE)
    expect(page.get_by_role("complementary", name="Workspace")).to_contain_text("Keys")
    return page, agent


def go_to(page: Page, place: str) -> None:
    tab_to(page, page.get_by_role("navigation", name="Main").get_by_role("link", name=place))
    press(page, "Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(place)


def test_a_member_is_invited_and_another_one_s_role_changed(team: tuple[Page, str]) -> None:
    page, agent = team
    go_to(page, "Team")
    guest = new_address()
    tab_to(page, page.get_by_label("E-mail address"))
    page.keyboard.type(guest)
    tab_to(page, page.get_by_role("main").get_by_role("button", name="Invite", exact=True))
    press(page, "Enter")
    expect(page.get_by_role("main").get_by_text(guest, exact=True)).to_be_visible()
    is_seen(page)
    role = page.get_by_label(f"Role of {agent}")
    tab_to(page, role)
    press(page, "ArrowDown")
    expect(role).to_have_value("analyst")
    is_seen(page)
    page.reload()
    expect(role).to_have_value("analyst")


def test_the_menu_and_the_questions_of_a_member_give_the_focus_back(team: tuple[Page, str]) -> None:
    page, agent = team
    go_to(page, "Team")
    more = page.get_by_role("button", name=f"More for {agent}")
    tab_to(page, more)
    press(page, "Enter")
    expect(page.get_by_role("menuitem", name="Make the owner")).to_be_focused()
    is_seen(page)
    press(page, "Enter")
    expect(page.get_by_role("alertdialog").get_by_role("button", name="Cancel")).to_be_focused()
    is_seen(page)
    press(page, "Escape")
    expect(more).to_be_focused()
    is_seen(page)
    menu = page.get_by_role("menu", name=f"More for {agent}")
    press(page, "Enter")
    expect(menu.get_by_role("menuitem", name="Make the owner")).to_be_focused()
    press(page, "s")
    expect(menu.get_by_role("menuitem", name="Suspend")).to_be_focused()
    press(page, "Enter")
    expect(page.get_by_role("main").get_by_text("Suspended")).to_be_visible()
    expect(more).to_be_focused()
    press(page, "Enter")
    expect(menu.get_by_role("menuitem", name="Let in")).to_be_focused()
    press(page, "r", "Enter")
    expect(page.get_by_role("alertdialog").get_by_role("button", name="Cancel")).to_be_focused()
    press(page, "Tab", "Enter")
    expect(more).to_have_count(0)
    expect(page.get_by_role("heading", name="Members")).to_be_focused()
    is_seen(page)


def test_a_key_is_made_and_revoked(team: tuple[Page, str]) -> None:
    page, _ = team
    go_to(page, "API keys & webhooks")
    tab_to(page, page.get_by_label("Name", exact=True))
    page.keyboard.type("CI")
    tab_to(page, page.get_by_label("knowledge:read"))
    press(page, "Space")
    tab_to(page, page.get_by_role("main").get_by_role("button", name="Make the key"))
    press(page, "Enter")
    expect(page.get_by_label("The new key")).to_be_visible()
    is_seen(page)
    revoke = page.get_by_role("listitem").filter(has_text="CI").get_by_role("button", name="Revoke")
    tab_to(page, revoke)
    press(page, "Enter")
    question = page.get_by_role("alertdialog", name="Revoke the key “CI”?")
    expect(question.get_by_role("button", name="Keep")).to_be_focused()
    is_seen(page)
    press(page, "Enter")
    expect(revoke).to_be_focused()
    is_seen(page)
    press(page, "Enter", "Tab")
    expect(question.get_by_role("button", name="Revoke")).to_be_focused()
    is_seen(page)
    press(page, "Enter")
    expect(revoke).to_have_count(0)
    expect(page.get_by_role("heading", name="Keys", exact=True)).to_be_focused()
    is_seen(page)


def test_one_signs_out_from_the_menu_of_the_account(team: tuple[Page, str], demo_server: DemoServer) -> None:
    page, _ = team
    account = page.locator("[popovertarget=account-menu]")
    tab_to(page, account)
    press(page, "Enter")
    menu = page.get_by_role("menu", name="Account")
    expect(menu.get_by_role("menuitem", name="Account")).to_be_focused()
    is_seen(page)
    press(page, "Escape")
    expect(account).to_be_focused()
    is_seen(page)
    press(page, "ArrowUp")
    expect(menu.get_by_role("menuitem", name="Account")).to_be_focused()
    press(page, "End")
    expect(menu.get_by_role("menuitem", name="Sign out")).to_be_focused()
    press(page, "Enter")
    expect(page).to_have_url(f"{demo_server.url}/")
    page.goto(f"{demo_server.url}/app")
    expect(page).to_have_url(SIGN_IN_PAGE)


def test_every_stop_of_the_public_pages_is_seen(page: Page, demo_server: DemoServer) -> None:
    for path in ("/", "/sign-in", "/sign-up", "/api/docs"):
        page.goto(f"{demo_server.url}{path}")
        page.wait_for_load_state("networkidle")
        stops = set[str]()
        for _ in range(12):
            press(page, "Tab")
            assert page.evaluate(_UNSEEN) == "", path
            stops.add(page.evaluate("document.activeElement.outerHTML"))
        assert len(stops) > 3, path
