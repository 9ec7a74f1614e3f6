"""The dashboard of a running installation in a browser: in, around, and out again."""

import re
from typing import Literal

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.accessibility import findings
from tests.e2e.dashboard_steps import (
    HOME_PAGE,
    SIGN_IN_PAGE,
    copied,
    open_knowledge,
    search,
    sign_in,
    sign_out,
    wait_until,
)
from tests.e2e.demo_server import DemoServer

QUESTION = "Can I return boots I wore once?"

# The first test of a run waits until the server is built, started and filled.
pytestmark = pytest.mark.timeout(300)


def test_the_front_page_leads_to_the_demo_and_to_the_sign_in(page: Page, demo_server: DemoServer) -> None:
    page.goto(demo_server.url)
    page.get_by_role("link", name="Try it in the demo shop").click()
    expect(page).to_have_title(re.compile("Fernway"))
    page.go_back()
    page.get_by_role("link", name="Sign in").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_the_built_page_holds_nothing_of_any_workspace(demo_server: DemoServer) -> None:
    html = httpx.get(f"{demo_server.url}/app", follow_redirects=True, timeout=30).text
    assert "Test search" in html
    assert "Fernway" not in html
    assert "hn_pk_" not in html


def test_who_is_not_signed_in_is_asked_to_and_sees_nothing(page: Page, demo_server: DemoServer) -> None:
    frames: list[str] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda text: frames.append(str(text))))
    page.goto(f"{demo_server.url}/app")
    expect(page).to_have_url(SIGN_IN_PAGE)
    wait_until(page, lambda: bool(frames))
    assert not [frame for frame in frames if "Fernway" in frame or "hn_pk_" in frame]


def test_a_wrong_password_is_said_in_a_sentence(page: Page, demo_server: DemoServer) -> None:
    page.goto(f"{demo_server.url}/sign-in")
    page.get_by_label("E-mail address").fill(demo_server.email)
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("The e-mail address or the password is not right.")


def test_home_shows_the_workspace_its_figures_and_documents(page: Page, demo_server: DemoServer) -> None:
    sign_in(page, demo_server)
    sidebar = page.get_by_role("complementary", name="Workspace")
    expect(sidebar).to_contain_text("Fernway Outdoor")
    expect(sidebar).to_contain_text(demo_server.email)
    documents = page.locator("dl > div", has_text="Documents").locator("dd span").first
    expect(documents).to_have_text(re.compile(r"^[1-9]\d*$"))
    expect(page.get_by_label("The line that installs the widget")).to_have_text(
        f'<script async src="{demo_server.url}/api/widget?t=hn_pk_demo"></script>'
    )
    page.get_by_role("main").get_by_role("link", name="Open Knowledge").click()
    page.get_by_role("tab", name="Documents").click()
    expect(page.get_by_role("table", name="Documents")).to_contain_text("Returns and exchanges")


def test_no_secret_reaches_the_browser(page: Page, demo_server: DemoServer) -> None:
    frames: list[str] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda text: frames.append(str(text))))
    sign_in(page, demo_server)
    # The browser tells us of a frame later than it shows what came with it.
    for _ in range(100):
        if any("Fernway" in frame for frame in frames):
            break
        page.wait_for_timeout(100)
    else:
        pytest.fail(f"None of {len(frames)} messages names the workspace.")
    [cookie] = [each for each in page.context.cookies() if each["name"] == "hn_session"]
    assert cookie["httpOnly"]
    assert not [frame for frame in frames if cookie["value"] in frame or "hn_sk_" in frame]


def test_the_documents_are_filtered_while_one_writes(page: Page, demo_server: DemoServer) -> None:
    sign_in(page, demo_server)
    open_knowledge(page, demo_server, "Documents")
    page.get_by_label("Filter documents").fill("gift")
    rows = page.get_by_role("table", name="Documents").locator("tbody tr")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("Gift cards")
    page.get_by_label("Filter documents").fill("no page is called this")
    expect(page.get_by_text("No document has this text")).to_be_visible()


def test_the_test_search_finds_the_page_and_says_how_sure_it_is(page: Page, demo_server: DemoServer) -> None:
    sign_in(page, demo_server)
    results = search(page, "How long do I have to return a jacket?")
    expect(results.filter(has_text="Returns and exchanges").first).to_be_visible()
    expect(results.first.locator("mark").first).to_be_visible()
    expect(results.first).to_contain_text(re.compile(r"meaning \d\.\d\d"))
    expect(page.get_by_text(re.compile(r"^\d+ % · would (answer|hand over)$"))).to_be_visible()


def test_the_line_to_install_is_copied(page: Page, demo_server: DemoServer) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=demo_server.url)
    sign_in(page, demo_server)
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    wait_until(page, lambda: "/api/widget?t=hn_pk_demo" in copied(page))


@pytest.mark.parametrize(("place", "path"), [("Demo shop", "/demo"), ("API docs", "/api/docs")])
def test_the_sidebar_leads_out_of_the_pages_too(
    page: Page, demo_server: DemoServer, place: str, path: str
) -> None:
    sign_in(page, demo_server)
    with page.expect_response(demo_server.url + path) as opened:
        page.get_by_role("link", name=place).click()
    assert opened.value.ok
    expect(page).to_have_url(demo_server.url + path)


def test_signing_out_closes_the_dashboard(page: Page, demo_server: DemoServer) -> None:
    sign_in(page, demo_server)
    sign_out(page)
    expect(page).to_have_url(f"{demo_server.url}/")
    page.goto(f"{demo_server.url}/app")
    expect(page).to_have_url(SIGN_IN_PAGE)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_home(
    page: Page, demo_server: DemoServer, scheme: Literal["light", "dark"]
) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    sign_in(page, demo_server)
    assert findings(page) == []
    search(page, QUESTION)
    assert findings(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_home_without_sideways_scrolling_and_the_menu_in_a_drawer(
    page: Page, demo_server: DemoServer, scheme: Literal["light", "dark"]
) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.set_viewport_size({"width": 390, "height": 844})
    sign_in(page, demo_server)
    search(page, QUESTION)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert findings(page) == []
    menu = page.get_by_role("button", name="Menu")
    expect(page.get_by_role("link", name="API docs")).to_be_hidden()
    menu.click()
    expect(page.get_by_role("link", name="API docs")).to_be_visible()
    assert findings(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="API docs")).to_be_hidden()
    expect(page).to_have_url(HOME_PAGE)
