"""Signing in with Supabase in a browser, against a twin of its auth server."""

import re
import secrets
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from helpninja_app.accounts.supabase.cookies import read_session, write_session
from tests.e2e.accessibility import findings
from tests.e2e.dashboard_steps import HOME_PAGE, SIGN_IN_PAGE, sign_out
from tests.e2e.demo_server import DemoServer, running_demo
from tests.twins.gotrue import Gotrue, running_gotrue

PASSWORD = "seven odd teapots dance"
COOKIE = "sb-127-auth-token"

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def gotrue() -> Iterator[Gotrue]:
    with running_gotrue() as running:
        yield running


@pytest.fixture(scope="module")
def server(gotrue: Gotrue) -> Iterator[DemoServer]:
    with running_demo(SUPABASE_URL=gotrue.url, SUPABASE_ANON_KEY=gotrue.anon_key) as made:
        gotrue.settings.redirect_urls = (f"{made.url}/**",)
        yield made


def new_address() -> str:
    return f"{secrets.token_hex(6)}@example.com"


def send(page: Page, button: str) -> None:
    page.get_by_role("main").get_by_role("button", name=button).click()


def sign_in(page: Page, server: DemoServer, email: str, path: str = "/app") -> None:
    page.goto(f"{server.url}{path}")
    expect(page).to_have_url(SIGN_IN_PAGE)
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    send(page, "Sign in")


def test_from_signing_up_to_the_dashboard_and_out_again(
    page: Page, server: DemoServer, gotrue: Gotrue
) -> None:
    email = new_address()
    page.goto(f"{server.url}/sign-up")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Name of your workspace").fill("Fernway Boots")
    send(page, "Make an account")
    expect(page.get_by_role("alert")).to_contain_text("open the link that was sent to you")
    page.goto(gotrue.last_mail(email, "signup").link)
    expect(page).to_have_url(HOME_PAGE)
    sidebar = page.get_by_role("complementary", name="Workspace")
    expect(sidebar).to_contain_text("Fernway Boots")
    expect(sidebar).to_contain_text(email)
    assert page.evaluate("document.cookie") == ""
    sign_out(page)
    expect(page).to_have_url(f"{server.url}/")
    page.goto(f"{server.url}/app")
    expect(page).to_have_url(SIGN_IN_PAGE)


def test_a_mailed_link_signs_in_and_leads_back(page: Page, server: DemoServer, gotrue: Gotrue) -> None:
    email = new_address()
    gotrue.add_user(email, PASSWORD)
    page.goto(f"{server.url}/app/team")
    expect(page).to_have_url(SIGN_IN_PAGE)
    page.get_by_label("E-mail address").fill(email)
    send(page, "Mail me a link instead")
    expect(page.get_by_role("alert")).to_contain_text("a link to sign in is on its way")
    page.goto(gotrue.last_mail(email, "magiclink").link)
    expect(page).to_have_url(re.compile(r"/app/team/?$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Team")


def test_another_service_signs_in(page: Page, server: DemoServer) -> None:
    email = new_address()
    page.goto(f"{server.url}/sign-in?next=/app/account")
    page.get_by_role("link", name="Continue with GitHub").click()
    page.get_by_label("Email").fill(email)
    page.get_by_role("button", name="Allow").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Account")
    expect(page.get_by_role("main")).to_contain_text(email)


def test_a_forgotten_password_is_replaced(page: Page, server: DemoServer, gotrue: Gotrue) -> None:
    email = new_address()
    gotrue.add_user(email, "the old one forgotten")
    page.goto(f"{server.url}/forgot")
    page.get_by_label("E-mail address").fill(email)
    send(page, "Send the link")
    expect(page).to_have_url(re.compile(r"/forgot/?\?.*done=1"))
    page.goto(gotrue.last_mail(email, "recovery").link)
    page.get_by_label("New password").fill(PASSWORD)
    send(page, "Change the password")
    expect(page.get_by_role("alert")).to_contain_text("Your password is changed")
    page.context.clear_cookies()
    sign_in(page, server, email)
    expect(page).to_have_url(HOME_PAGE)


def test_a_page_that_stays_open_longer_than_its_token_goes_on(
    page: Page, server: DemoServer, gotrue: Gotrue
) -> None:
    """The websocket keeps the cookies of its beginning; the browser gets new ones meanwhile."""
    email = new_address()
    gotrue.add_user(email, PASSWORD)
    gotrue.settings.token_lifetime = 400
    # The first renewal is asked for as soon as the page is there. The sign-in page renews too, before it.
    renewals: list[Route] = []

    def hold(route: Route) -> None:
        if "/sign-in" in route.request.frame.url:
            route.abort()
        else:
            renewals.append(route)

    page.route("**/api/auth/refresh", hold)
    try:
        sign_in(page, server, email)
        expect(page).to_have_url(HOME_PAGE)
    finally:
        gotrue.settings.token_lifetime = 3600
    expect(page.get_by_role("complementary", name="Workspace")).to_contain_text(email)
    before = {item["name"]: item["value"] for item in page.context.cookies()}
    expect(page.locator("[data-renews]")).to_be_attached()
    while not renewals:
        page.wait_for_timeout(50)
    for renewal in renewals:
        renewal.continue_()
    for _ in range(150):
        held = {item["name"]: item["value"] for item in page.context.cookies()}
        if held != before:
            break
        page.wait_for_timeout(100)
    new, old = read_session(held, COOKIE), read_session(before, COOKIE)
    assert new
    assert old
    assert new.refresh_token != old.refresh_token
    page.get_by_role("link", name="Team").click()
    expect(page.get_by_role("list").filter(has_text=email).first).to_be_visible()


def test_whoever_comes_back_after_hours_need_not_sign_in_again(
    page: Page, server: DemoServer, gotrue: Gotrue
) -> None:
    email = new_address()
    user = gotrue.add_user(email, PASSWORD)
    gotrue.advance(-7200)
    session = gotrue.sign_in(user)
    gotrue.advance(7200)
    page.context.add_cookies(
        [
            {"name": name, "value": value, "url": server.url, "httpOnly": True}
            for name, value in write_session(session, COOKIE).items()
        ]
    )
    page.goto(f"{server.url}/app/team")
    expect(page.get_by_role("heading", level=1)).to_have_text("Team")
    expect(page.get_by_role("complementary", name="Workspace")).to_contain_text(email)


def test_ending_the_other_device_ends_it(
    page: Page, browser: Browser, server: DemoServer, gotrue: Gotrue
) -> None:
    email = new_address()
    gotrue.add_user(email, PASSWORD)
    sign_in(page, server, email)
    expect(page).to_have_url(HOME_PAGE)
    phone = browser.new_context().new_page()
    sign_in(phone, server, email)
    expect(phone).to_have_url(HOME_PAGE)
    page.goto(f"{server.url}/app/account")
    other = page.get_by_role("main").get_by_role("button", name="Sign out", exact=True)
    other.click()
    expect(other).to_have_count(0)
    phone.get_by_role("link", name="Team").click()
    expect(phone).to_have_url(SIGN_IN_PAGE)
    phone.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
@pytest.mark.parametrize("path", ["/sign-in", "/sign-up", "/sign-in?error=unreachable&next=/app/team"])
def test_the_pages_to_come_in_hold_on_phones_and_in_the_dark(
    page: Page, server: DemoServer, path: str, width: int, scheme: str
) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(f"{server.url}{path}")
    expect(page.get_by_role("link", name="Continue with GitHub")).to_be_visible()
    assert findings(page, touch=True) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_supabase_being_away_is_said_and_nothing_is_lost(
    page: Page, server: DemoServer, gotrue: Gotrue
) -> None:
    gotrue.fail("token", kind="status", status=503)
    page.goto(f"{server.url}/sign-in?next=/app/team")
    page.get_by_label("E-mail address").fill("ada@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    send(page, "Sign in")
    expect(page.get_by_role("alert")).to_contain_text("cannot be reached right now")
    assert "next=%2Fapp%2Fteam" in page.url
