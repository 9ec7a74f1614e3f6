"""Accounts in a browser: signing up, forgetting a password, invites, and a name that is changed."""

import re
import secrets

import pytest
from playwright.sync_api import Browser, Page, WebSocketRoute, expect

from tests.e2e.accessibility import findings
from tests.e2e.dashboard_steps import HOME_PAGE, open_account_menu
from tests.e2e.demo_server import DemoServer

PASSWORD = "seven odd teapots dance"

pytestmark = pytest.mark.timeout(300)


def new_address() -> str:
    return f"{secrets.token_hex(6)}@example.com"


def send(page: Page, button: str) -> None:
    page.get_by_role("main").get_by_role("button", name=button).click()


def sign_up(page: Page, server: DemoServer, workspace: str = "Ada's shop", *, email: str = "") -> str:
    """From the front page to one's own dashboard; returns the address, a new one unless it is given."""
    email = email or new_address()
    page.goto(server.url)
    page.get_by_role("link", name="Make an account").click()
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Name of your workspace").fill(workspace)
    send(page, "Make an account")
    expect(page).to_have_url(HOME_PAGE)
    expect(page.get_by_role("complementary", name="Workspace")).to_contain_text(workspace)
    return email


def test_from_the_front_page_to_one_s_own_dashboard(page: Page, demo_server: DemoServer) -> None:
    email = sign_up(page, demo_server)
    expect(page.get_by_role("complementary", name="Workspace")).to_contain_text(email)
    expect(page.get_by_role("main")).not_to_contain_text("Returns and exchanges")


def test_a_weak_password_is_said_and_what_was_typed_stays(page: Page, demo_server: DemoServer) -> None:
    page.goto(f"{demo_server.url}/sign-up")
    page.get_by_label("E-mail address").fill("ada@example.com")
    page.get_by_label("Password").fill("password123")
    page.get_by_label("Name of your workspace").fill("Ada's shop")
    send(page, "Make an account")
    expect(page.get_by_role("alert")).to_contain_text("easy to guess")
    expect(page.get_by_label("E-mail address")).to_have_value("ada@example.com")
    expect(page.get_by_label("Name of your workspace")).to_have_value("Ada's shop")
    expect(page.get_by_label("Password")).to_have_value("")


def test_a_forgotten_password_is_replaced_by_the_mailed_link(page: Page, demo_server: DemoServer) -> None:
    email = sign_up(page, demo_server)
    page.context.clear_cookies()
    page.goto(f"{demo_server.url}/sign-in")
    page.get_by_role("link", name="Forgot your password?").click()
    # The page before has a field of the same name.
    expect(page.get_by_role("heading", level=1)).to_have_text("Choose a new password")
    page.get_by_label("E-mail address").fill(email)
    send(page, "Send the link")
    expect(page.get_by_role("alert").first).to_contain_text("a link is on its way")
    expect(page.get_by_text("No mail server is set up here")).to_be_visible()
    page.goto(demo_server.mailed_link(email, "/reset"))
    page.get_by_label("New password").fill("nine loud violins")
    send(page, "Change the password")
    expect(page.get_by_role("alert")).to_contain_text("Your password is changed")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill("nine loud violins")
    send(page, "Sign in")
    expect(page).to_have_url(HOME_PAGE)


def test_the_mailed_link_confirms_the_address(page: Page, demo_server: DemoServer) -> None:
    email = sign_up(page, demo_server)
    link = demo_server.mailed_link(email)
    page.goto(link)
    send(page, "Confirm my address")
    expect(page.get_by_role("alert")).to_contain_text("Your address is confirmed")
    page.goto(link)
    send(page, "Confirm my address")
    expect(page.get_by_role("alert")).to_contain_text("used already")


def test_who_is_quicker_than_the_page_s_first_event_loses_nothing_of_its_address(
    page: Page, demo_server: DemoServer
) -> None:
    page.route_web_socket(re.compile("_event"), lambda socket: None)
    email = new_address()
    page.goto(f"{demo_server.url}/sign-up?next=/app/billing")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill("password")
    send(page, "Make an account")
    expect(page).to_have_url(re.compile("error=weak.*next=(/|%2F)app(/|%2F)billing"))
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    send(page, "Make an account")
    expect(page).to_have_url(re.compile("/app/billing/?$"))
    page.goto(demo_server.mailed_link(email))
    send(page, "Confirm my address")
    expect(page).to_have_url(re.compile("/verify/?[?]done=1"))
    page.goto(f"{demo_server.url}/sign-in?next=/app/account")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    send(page, "Sign in")
    expect(page).to_have_url(re.compile("/app/account/?$"))


def test_what_is_typed_and_where_one_goes_is_right_before_and_after_the_page_s_first_event(
    page: Page, demo_server: DemoServer
) -> None:
    held: list[WebSocketRoute] = []
    page.route_web_socket(re.compile("_event"), lambda socket: held.append(socket))
    # A page whose address has no token has nothing to confirm.
    page.goto(f"{demo_server.url}/verify?done=1")
    expect(page.get_by_role("heading", name="Confirm your address")).to_be_visible()
    expect(page.get_by_role("button", name="Confirm my address")).to_be_hidden()
    page.goto(f"{demo_server.url}/sign-in/code?next=/app/billing")
    page.get_by_role("link", name="Use a recovery code").click()
    expect(page).to_have_url(re.compile("/sign-in/recovery/?[?]next=%2Fapp%2Fbilling$"))
    page.goto(f"{demo_server.url}/sign-up?invite=abc")
    page.get_by_role("link", name="You have an account?").click()
    expect(page).to_have_url(re.compile("/sign-in/?[?]next=%2Finvite%3Ftoken%3Dabc$"))
    page.get_by_role("link", name="Make an account").first.click()
    expect(page).to_have_url(re.compile("/sign-up/?[?]next=%2Finvite%3Ftoken%3Dabc$"))
    page.goto(f"{demo_server.url}/sign-up?error=weak&email=ada@shop.example")
    password = page.get_by_label("Password")
    password.fill("four words")
    expect(page.get_by_role("alert")).to_have_count(0)
    held[-1].connect_to_server()
    expect(page.get_by_role("alert")).to_contain_text("easy to guess")
    expect(password).to_be_focused()
    expect(password).to_have_value("four words")
    expect(page.get_by_label("E-mail address")).to_have_value("ada@shop.example")


def test_an_account_is_made_by_keyboard_alone(page: Page, demo_server: DemoServer) -> None:
    page.goto(f"{demo_server.url}/sign-up")
    expect(page.get_by_label("E-mail address")).to_be_focused()
    page.keyboard.type(new_address())
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Tab")
    page.keyboard.type("Keys alone")
    page.keyboard.press("Enter")
    expect(page).to_have_url(HOME_PAGE)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
@pytest.mark.parametrize(
    "path",
    [
        "/sign-in",
        "/sign-up",
        "/forgot",
        "/forgot?done=1",
        "/reset?token=x",
        "/verify?token=x",
        "/invite?token=x",
    ],
)
def test_axe_finds_nothing_on_the_pages_before_the_dashboard(
    page: Page, demo_server: DemoServer, path: str, width: int, scheme: str
) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{demo_server.url}{path}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert findings(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_an_invite_is_accepted_by_a_second_person_whose_role_holds(
    page: Page, browser: Browser, demo_server: DemoServer
) -> None:
    sign_up(page, demo_server, "Invitations")
    page.get_by_role("link", name="Team").click()
    page.get_by_label("E-mail address").fill(guest := new_address())
    page.get_by_label("Role", exact=True).select_option("viewer")
    send(page, "Invite")
    expect(page.get_by_role("main")).to_contain_text(guest)
    link = page.get_by_label("The link of the invite").inner_text()
    other = browser.new_context().new_page()
    other.goto(link)
    expect(other.get_by_role("main")).to_contain_text("invites you to Invitations as viewer")
    expect(other.get_by_label("E-mail address")).to_have_value(guest)
    other.get_by_label("Choose a password").fill(PASSWORD)
    send(other, "Make an account and join")
    expect(other).to_have_url(HOME_PAGE)
    sidebar = other.get_by_role("complementary", name="Workspace")
    expect(sidebar).to_contain_text("Invitations")
    for hidden in ("API keys", "Settings", "Audit log"):
        expect(sidebar.get_by_role("link", name=hidden)).to_have_count(0)
    other.goto(f"{demo_server.url}/app/team")
    expect(other.get_by_role("main")).to_contain_text("(you)")
    expect(other.get_by_role("button", name="Invite")).to_have_count(0)
    other.goto(f"{demo_server.url}/app/keys")
    expect(other.get_by_role("main")).to_contain_text("does not allow this")
    page.reload()
    expect(page.get_by_role("main")).to_contain_text(guest)
    # Suspended by the owner, the guest is out with the next page.
    page.get_by_role("button", name=f"More for {guest}").click()
    page.get_by_role("menuitem", name="Suspend").click()
    expect(page.get_by_role("main")).to_contain_text("Suspended")
    other.reload()
    expect(other.get_by_role("main")).to_contain_text("suspended")
    other.context.close()


def test_a_password_is_changed_on_the_account_page(page: Page, demo_server: DemoServer) -> None:
    sign_up(page, demo_server)
    open_account_menu(page).get_by_role("menuitem", name="Account").click()
    page.get_by_label("Present password").fill("wrong")
    page.get_by_label("New password").fill("nine loud violins")
    send(page, "Change the password")
    expect(page.get_by_role("alert").first).to_contain_text("present password is not right")
    page.get_by_label("Present password").fill(PASSWORD)
    page.get_by_label("New password").fill("nine loud violins")
    send(page, "Change the password")
    expect(page.get_by_role("alert").first).to_contain_text("Your password is changed")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
def test_axe_finds_nothing_on_the_pages_of_a_team(
    page: Page, demo_server: DemoServer, width: int, scheme: str
) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    sign_up(page, demo_server)
    page.set_viewport_size({"width": width, "height": 800})
    for path in ("team", "keys", "settings", "audit", "account"):
        page.goto(f"{demo_server.url}/app/{path}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.get_by_role("main").get_by_text("Loading", exact=True)).to_have_count(0)
        assert findings(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
