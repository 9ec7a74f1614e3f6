"""Two-factor sign-in in a browser: switched on, signed in with codes of both kinds, switched off again."""

import re
import time

import pyotp
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.accessibility import findings
from tests.e2e.dashboard_steps import HOME_PAGE, copied, sign_out, wait_until
from tests.e2e.demo_server import DemoServer
from tests.e2e.test_accounts import PASSWORD, send, sign_up
from tests.e2e.test_settings import press

CODE_PAGE = re.compile(r"/sign-in/code/?\?")
STEP_SECONDS = 30

pytestmark = pytest.mark.timeout(300)


def code_at(secret: str, steps: int = 0) -> str:
    return pyotp.TOTP(secret).at(int(time.time()) + steps * STEP_SECONDS)


def begin(page: Page, server: DemoServer) -> str:
    """From the account's page to the secret for the app."""
    page.goto(f"{server.url}/app/account")
    page.get_by_label("Your password").fill(PASSWORD)
    send(page, "Set it up")
    secret = page.get_by_label("The secret").inner_text()
    assert re.fullmatch("[A-Z2-7]{32}", secret)
    return secret


def switch_on(page: Page, server: DemoServer) -> tuple[str, list[str]]:
    secret = begin(page, server)
    page.get_by_label("Code that the app shows").fill(code_at(secret))
    send(page, "Switch it on")
    shown = page.get_by_role("list", name="Recovery codes").get_by_role("listitem")
    expect(shown).to_have_count(10)
    return secret, shown.all_inner_texts()


def give_password(page: Page, server: DemoServer, email: str, path: str = "/app") -> None:
    page.goto(f"{server.url}/sign-in?next={path}")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    send(page, "Sign in")
    expect(page).to_have_url(CODE_PAGE)
    expect(page.get_by_role("heading", level=1)).to_have_text("Enter your code")


def test_a_phone_beside_the_password_from_the_first_code_to_the_last(
    page: Page, demo_server: DemoServer
) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    email = sign_up(page, demo_server)
    page.goto(f"{demo_server.url}/app/account")
    page.get_by_label("Your password").fill("wrong")
    send(page, "Set it up")
    expect(page.get_by_role("alert").filter(has_text="Your password is not right")).to_be_visible()
    secret = begin(page, demo_server)
    picture = page.get_by_role("img", name="QR code")
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth > 0)")
    field = page.get_by_label("Code that the app shows")
    field.fill("000 000")
    send(page, "Switch it on")
    expect(field).to_have_accessible_description(re.compile("not right"))
    field.fill(code_at(secret))
    send(page, "Switch it on")
    shown = page.get_by_role("list", name="Recovery codes").get_by_role("listitem")
    expect(shown).to_have_count(10)
    codes = shown.all_inner_texts()
    page.get_by_role("button", name="Copy", exact=True).click()
    wait_until(page, lambda: copied(page).split() == codes)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.path().read_text().split() == codes
    send(page, "Done")
    # The browser itself asks for the box to be ticked.
    expect(shown).to_have_count(10)
    page.get_by_label("I have stored these codes").check()
    send(page, "Done")
    expect(page.get_by_text("10 recovery codes are left.")).to_be_visible()
    page.reload()
    expect(page.get_by_text("10 recovery codes are left.")).to_be_visible()
    expect(page.get_by_role("main")).not_to_contain_text(codes[0])
    sign_out(page)
    give_password(page, demo_server, email, "/app/team")
    page.get_by_label("Code", exact=True).fill("123")
    send(page, "Sign in")
    expect(page.get_by_role("alert")).to_contain_text("This code is not right")
    # The code of the next half minute: the present one is used.
    page.get_by_label("Code", exact=True).fill(code_at(secret, 1))
    send(page, "Sign in")
    expect(page).to_have_url(re.compile(r"/app/team/?$"))
    sign_out(page)
    give_password(page, demo_server, email)
    page.get_by_role("link", name="Use a recovery code").click()
    page.get_by_label("Recovery code").fill("abcd-efgh-ijkl-mnop")
    send(page, "Sign in")
    expect(page.get_by_role("alert")).to_contain_text("This code is not right")
    page.get_by_label("Recovery code").fill(codes[0].upper())
    send(page, "Sign in")
    expect(page).to_have_url(HOME_PAGE)
    page.goto(f"{demo_server.url}/app/account")
    expect(page.get_by_text("9 recovery codes are left.")).to_be_visible()
    page.get_by_label("Your password").fill(PASSWORD)
    send(page, "Switch it off")
    expect(page.get_by_role("alert").filter(has_text="Two-factor sign-in is off")).to_be_visible()
    sign_out(page)
    page.goto(f"{demo_server.url}/sign-in")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    send(page, "Sign in")
    expect(page).to_have_url(HOME_PAGE)


def test_the_keyboard_alone_gets_one_in_and_back(page: Page, demo_server: DemoServer) -> None:
    email = sign_up(page, demo_server)
    secret = begin(page, demo_server)
    expect(page.get_by_label("Code that the app shows")).to_be_focused()
    page.keyboard.type(code_at(secret))
    press(page, "Enter")
    expect(page.get_by_role("list", name="Recovery codes")).to_be_visible()
    sign_out(page)
    give_password(page, demo_server, email)
    expect(page.get_by_label("Code", exact=True)).to_be_focused()
    press(page, "Tab", "Tab", "Tab")
    expect(page.get_by_role("link", name="Back to the sign-in")).to_be_focused()
    press(page, "Shift+Tab")
    press(page, "Enter")
    expect(page.get_by_label("Recovery code")).to_be_focused()
    page.go_back()
    expect(page.get_by_label("Code", exact=True)).to_be_focused()
    page.keyboard.type(code_at(secret, 1))
    press(page, "Enter")
    expect(page).to_have_url(HOME_PAGE)


def test_too_many_wrong_codes_lead_back_to_the_password(page: Page, demo_server: DemoServer) -> None:
    email = sign_up(page, demo_server)
    switch_on(page, demo_server)
    sign_out(page)
    give_password(page, demo_server, email)
    for _ in range(5):
        page.get_by_label("Code", exact=True).fill("1")
        send(page, "Sign in")
        expect(page.get_by_label("Code", exact=True)).to_have_value("")
        expect(page.get_by_role("alert")).to_contain_text("This code is not right")
    page.get_by_label("Code", exact=True).fill("1")
    send(page, "Sign in")
    expect(page.get_by_role("alert")).to_contain_text("Please start again")
    expect(page.get_by_label("Password")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
def test_axe_finds_nothing_on_any_form_of_it(
    page: Page, demo_server: DemoServer, width: int, scheme: str
) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]

    def look() -> None:
        page.wait_for_load_state("networkidle")
        assert findings(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    # Before the window is narrow, where the sidebar that it looks at is closed.
    sign_up(page, demo_server)
    page.set_viewport_size({"width": width, "height": 800})
    for path in ("/sign-in/code", "/sign-in/code?error=code", "/sign-in/recovery?error=unreadable"):
        page.goto(f"{demo_server.url}{path}")
        expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("Enter (your|a recovery) code"))
        look()
    secret = begin(page, demo_server)
    look()
    page.get_by_label("Code that the app shows").fill(code_at(secret))
    send(page, "Switch it on")
    expect(page.get_by_role("list", name="Recovery codes")).to_be_visible()
    look()
    page.get_by_label("I have stored these codes").check()
    send(page, "Done")
    expect(page.get_by_role("button", name="Switch it off")).to_be_visible()
    look()
