"""The pages that everybody may see, with axe and on a phone: no sideways scrolling, nothing too small."""

from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from helpninja_app.kernel.failure_pages import failed_page, not_found_page
from tests.e2e.accessibility import findings
from tests.e2e.demo_server import DemoServer
from tests.e2e.test_accounts import new_address, send, sign_up

pytestmark = pytest.mark.timeout(300)
Scheme = Literal["light", "dark"]

SIZES = pytest.mark.parametrize("width", [390, 1200])
SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])


def look_at(page: Page) -> None:
    """What every page has to hold to, on phones and elsewhere."""
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert findings(page, touch=True) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def show(page: Page, width: int, scheme: Scheme) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": 844})


@pytest.fixture(scope="module")
def invite(browser: Browser, demo_server: DemoServer) -> Iterator[str]:
    """The link of an invite that counts."""
    page = browser.new_context().new_page()
    sign_up(page, demo_server, "Harbour bakery")
    page.get_by_role("link", name="Team").click()
    page.get_by_label("E-mail address").fill(guest := new_address())
    send(page, "Invite")
    expect(page.get_by_role("main").get_by_text(guest, exact=True)).to_be_visible()
    yield page.get_by_label("The link of the invite").inner_text()
    page.context.close()


@SIZES
@SCHEMES
@pytest.mark.parametrize("path", ["/", "/sign-in", "/sign-up", "/forgot", "/api/docs"])
def test_a_page_holds_on_phones_and_in_the_dark(
    page: Page, demo_server: DemoServer, path: str, width: int, scheme: Scheme
) -> None:
    show(page, width, scheme)
    page.goto(f"{demo_server.url}{path}")
    look_at(page)


@SIZES
@SCHEMES
def test_an_invite_that_counts_holds_too(
    page: Page, demo_server: DemoServer, invite: str, width: int, scheme: Scheme
) -> None:
    show(page, width, scheme)
    page.goto(invite)
    expect(page.get_by_role("main")).to_contain_text("invites you to Harbour bakery as agent")
    look_at(page)


@SCHEMES
def test_an_invite_holds_for_who_is_signed_in_already(
    page: Page, demo_server: DemoServer, invite: str, scheme: Scheme
) -> None:
    email = sign_up(page, demo_server)
    show(page, 390, scheme)
    page.goto(invite)
    expect(page.get_by_role("main")).to_contain_text(f"You are signed in as {email}")
    look_at(page)


@SIZES
@SCHEMES
def test_an_address_that_leads_nowhere_holds(
    page: Page, demo_server: DemoServer, width: int, scheme: Scheme
) -> None:
    show(page, width, scheme)
    page.goto(f"{demo_server.url}/nothing-here")
    expect(page.get_by_role("heading", level=1)).to_have_text("There is no page at this address")
    look_at(page)


@SIZES
@SCHEMES
@pytest.mark.parametrize("made", [failed_page("01a2b3c4-0000-7000-8000-0123456789ab"), not_found_page()])
def test_what_the_server_says_where_it_fails_holds(
    page: Page, demo_server: DemoServer, made: str, width: int, scheme: Scheme
) -> None:
    show(page, width, scheme)
    page.route("**/app", lambda route: route.fulfill(status=500, body=made, content_type="text/html"))
    page.goto(f"{demo_server.url}/app")
    look_at(page)
    viewport = page.locator("meta[name=viewport]")
    expect(viewport).to_have_attribute("content", "width=device-width, initial-scale=1")


@SIZES
@SCHEMES
def test_a_page_that_cannot_be_drawn_holds(
    page: Page, demo_server: DemoServer, width: int, scheme: Scheme
) -> None:
    show(page, width, scheme)
    broken = f"""export const meta = () => [{{ title: "The gallery" }}];
    export default function Broken() {{ throw new Error("{"broken" * 30}"); }}"""
    page.route(
        "**/assets/*gallery*.js", lambda route: route.fulfill(body=broken, content_type="text/javascript")
    )
    page.goto(f"{demo_server.url}/dev/gallery")
    expect(page.get_by_role("heading", level=1)).to_have_text("This page could not be shown")
    page.get_by_text("What went wrong").click()
    look_at(page)


@SCHEMES
def test_the_dashboard_has_nothing_too_small_for_a_finger(
    page: Page, demo_server: DemoServer, scheme: Scheme
) -> None:
    sign_up(page, demo_server)
    show(page, 390, scheme)
    for place in ("", "/team", "/keys", "/settings", "/audit", "/account"):
        page.goto(f"{demo_server.url}/app{place}")
        expect(page.get_by_role("main").get_by_text("Loading", exact=True)).to_have_count(0)
        look_at(page)
