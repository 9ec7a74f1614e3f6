"""The design system in a browser: its gallery, its keys, and what people see when a page breaks."""

import re
import secrets
from collections.abc import Iterator
from typing import Literal

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.accessibility import findings
from tests.e2e.dashboard_steps import (
    HOME_PAGE,
    SIGN_IN_PAGE,
    open_account_menu,
    sign_in,
    sign_out,
)
from tests.e2e.demo_server import DemoServer
from tests.e2e.places import box_of

pytestmark = pytest.mark.timeout(300)
Scheme = Literal["light", "dark"]


@pytest.fixture(scope="module")
def gallery(browser: Browser, demo_server: DemoServer) -> Iterator[Page]:
    """The gallery, loaded once; each test begins and ends with nothing open."""
    page = browser.new_page(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    page.goto(f"{demo_server.url}/dev/gallery")
    page.wait_for_load_state("networkidle")
    yield page
    page.close()


@pytest.fixture
def dashboard(page: Page, demo_server: DemoServer) -> Page:
    sign_in(page, demo_server)
    return page


def option(page: Page, name: str) -> Locator:
    return page.get_by_role("dialog", name="Command palette").get_by_role("option", name=name, exact=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing_in_the_gallery(
    page: Page, demo_server: DemoServer, width: int, scheme: Scheme
) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": 900})
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{demo_server.url}/dev/gallery")
    page.wait_for_load_state("networkidle")
    assert findings(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert complaints == []


@pytest.mark.parametrize(
    ("opener", "opened"),
    [
        ("[data-opens={side}-dialog]", "#{side}-dialog"),
        ("[data-opens={side}-confirm]", "#{side}-confirm"),
        ("[data-opens={side}-sheet]", "#{side}-sheet"),
        ("[popovertarget={side}-menu]", "#{side}-menu"),
        ("[data-opens={side}-palette]", "#{side}-palette"),
    ],
)
@pytest.mark.parametrize("side", ["light", "dark"])
def test_what_opens_is_accessible_and_gives_the_focus_back(
    gallery: Page, opener: str, opened: str, side: str
) -> None:
    button = gallery.locator(opener.format(side=side)).first
    floating = gallery.locator(opened.format(side=side))
    button.focus()
    gallery.keyboard.press("Enter")
    expect(floating).to_be_visible()
    expect(floating.locator(":focus")).to_have_count(1)
    assert findings(gallery) == []
    gallery.keyboard.press("Escape")
    expect(floating).to_be_hidden()
    expect(button).to_be_focused()


def test_a_dialog_keeps_the_focus_and_begins_in_its_first_field(gallery: Page) -> None:
    gallery.locator("[data-opens=light-dialog]").click()
    dialog = gallery.get_by_role("dialog", name="Rename the chat")
    expect(dialog.get_by_label("Name")).to_be_focused()
    for _ in range(8):
        gallery.keyboard.press("Tab")
        outside = "!document.activeElement.closest('dialog') && document.activeElement !== document.body"
        assert not gallery.evaluate(outside)
    dialog.get_by_role("button", name="Cancel").click()
    expect(gallery.locator("[data-opens=light-dialog]")).to_be_focused()


def test_a_press_beside_closes_a_dialog_and_not_a_question(gallery: Page) -> None:
    for kind, is_open in (("dialog", False), ("confirm", True)):
        gallery.locator(f"[data-opens=light-{kind}]").first.click()
        gallery.mouse.click(5, 5)
        expect(gallery.locator(f"#light-{kind}")).to_be_visible(visible=is_open)
    gallery.keyboard.press("Escape")


def test_a_question_names_the_thing_and_begins_with_the_way_back(gallery: Page) -> None:
    gallery.locator("[data-opens=light-confirm]").first.click()
    question = gallery.get_by_role("alertdialog", name="Delete “fernway.example/blog”?")
    expect(question.get_by_role("button", name="Keep")).to_be_focused()
    gallery.keyboard.press("Tab")
    gallery.keyboard.press("Enter")
    expect(question).to_be_hidden()
    expect(gallery.get_by_text("fernway.example/blog is deleted.")).to_be_visible()


def test_a_dialog_that_follows_a_state_tells_it_when_it_is_closed(gallery: Page) -> None:
    button = gallery.get_by_role("button", name="By a state").first
    dialog = gallery.get_by_role("dialog", name="Opened by a state")
    for _ in range(2):
        button.click()
        expect(dialog).to_be_visible()
        gallery.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        expect(button).to_be_focused()


def test_a_menu_is_used_by_its_keys(gallery: Page) -> None:
    button = gallery.locator("[popovertarget=light-menu]")
    button.focus()
    gallery.keyboard.press("ArrowDown")
    menu = gallery.get_by_role("menu", name="Conversation")

    def is_at(name: str) -> None:
        expect(menu.locator(":focus")).to_contain_text(name)

    is_at("Assign")
    gallery.keyboard.press("ArrowDown")
    is_at("Resolve")
    gallery.keyboard.press("End")
    is_at("Delete")
    gallery.keyboard.press("ArrowDown")
    is_at("Assign")
    gallery.keyboard.press("ArrowUp")
    gallery.keyboard.press("m")
    is_at("Mine")
    expect(menu.get_by_role("menuitemradio", name="Everything")).to_have_attribute("aria-checked", "true")
    gallery.keyboard.press("Enter")
    expect(menu).to_be_hidden()
    expect(button).to_be_focused()


def test_tabs_follow_the_arrow_keys(gallery: Page) -> None:
    tabs = gallery.get_by_role("tablist", name="Knowledge, light")
    tabs.get_by_role("tab", name="Sources").click()
    gallery.keyboard.press("ArrowRight")
    chosen = tabs.get_by_role("tab", selected=True)
    expect(chosen).to_contain_text("Curated answers")
    expect(chosen).to_be_focused()
    expect(gallery.get_by_role("tabpanel", name="Curated answers").first).to_be_visible()
    expect(gallery.locator("#light-sources-panel")).to_be_hidden()
    gallery.keyboard.press("End")
    expect(chosen).to_contain_text("Gaps")
    gallery.keyboard.press("ArrowRight")
    expect(chosen).to_contain_text("Sources")
    gallery.keyboard.press("Tab")
    expect(gallery.locator("#light-sources-panel")).to_be_focused()


def test_a_table_is_sorted_by_its_headings_and_its_rows_are_chosen(gallery: Page) -> None:
    table = gallery.get_by_role("table", name="Sources, light")
    pages = table.get_by_role("columnheader", name="Pages")
    first = table.locator("tbody tr").first
    expect(table.get_by_role("columnheader", name="Source")).to_have_attribute("aria-sort", "ascending")
    pages.get_by_role("button").click()
    expect(pages).to_have_attribute("aria-sort", "ascending")
    expect(first).to_contain_text("Warranty handbook")
    pages.get_by_role("button").press("Enter")
    expect(pages).to_have_attribute("aria-sort", "descending")
    expect(first).to_contain_text("sitemap.xml")
    table.get_by_role("checkbox", name="Choose fernway.example/sitemap.xml").click()
    expect(gallery.get_by_text("1 source is chosen")).to_have_count(1)
    every = table.get_by_role("checkbox", name="Choose all")
    assert every.evaluate("box => box.indeterminate")


def test_a_tooltip_comes_with_the_focus_and_goes_with_escape(gallery: Page) -> None:
    control = gallery.locator("[data-tooltip=light-tip] button")
    tip = gallery.locator("#light-tip")
    gallery.mouse.move(0, 0)
    gallery.locator("[popovertarget=dark-above-end]").focus()
    gallery.keyboard.press("Tab")
    expect(control).to_be_focused()
    expect(tip).to_be_visible()
    expect(control).to_have_accessible_description("Costs 22 credits")
    gallery.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    control.hover()
    expect(tip).to_be_visible()
    beside, above = box_of(control), box_of(tip)
    assert 0 < beside["y"] - above["y"] < 60
    gallery.mouse.move(0, 0)
    expect(tip).to_be_hidden()


def test_a_field_says_what_is_wrong_with_it(gallery: Page) -> None:
    field = gallery.locator("#light-email")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(re.compile("a dot is missing.*Where the invite goes"))


def test_the_palette_goes_to_a_page_by_keyboard_alone(dashboard: Page) -> None:
    dashboard.keyboard.press("Control+k")
    field = dashboard.get_by_role("combobox", name="Go to a page, or do something")
    expect(field).to_be_focused()
    dashboard.keyboard.type("adlog")
    expect(option(dashboard, "Audit log")).to_have_attribute("aria-selected", "true")
    expect(option(dashboard, "Team")).to_be_hidden()
    active = field.get_attribute("aria-activedescendant")
    assert active
    assert dashboard.locator(f"#{active}").inner_text() == "Audit log"
    dashboard.keyboard.press("Enter")
    expect(dashboard).to_have_url(re.compile("/app/audit/?$"))
    expect(dashboard.get_by_role("dialog", name="Command palette")).to_be_hidden()


def test_the_palette_gives_the_focus_back_and_forgets_what_was_typed(dashboard: Page) -> None:
    search = dashboard.get_by_label("A question as a visitor would ask it")
    search.focus()
    dashboard.keyboard.press("Control+k")
    dashboard.keyboard.type("zzz")
    expect(dashboard.get_by_text("Nothing has this name.")).to_be_visible()
    dashboard.keyboard.press("Escape")
    expect(search).to_be_focused()
    dashboard.keyboard.press("Control+k")
    expect(option(dashboard, "Home")).to_have_attribute("aria-selected", "true")
    dashboard.keyboard.press("ArrowDown")
    expect(option(dashboard, "Inbox")).to_have_attribute("aria-selected", "true")
    dashboard.keyboard.press("ArrowUp")
    dashboard.keyboard.press("ArrowUp")
    expect(option(dashboard, "Sign out")).to_have_attribute("aria-selected", "true")
    assert findings(dashboard) == []


def test_the_palette_signs_out_and_works_by_touch(
    browser: Browser, page: Page, demo_server: DemoServer
) -> None:
    sign_in(page, demo_server)
    phone = browser.new_context(
        has_touch=True,
        viewport={"width": 390, "height": 844},
        storage_state=page.context.storage_state(),
    ).new_page()
    phone.goto(f"{demo_server.url}/app")
    phone.get_by_role("button", name="Search or jump to").tap()
    option(phone, "Team").tap()
    expect(phone).to_have_url(re.compile("/app/team/?$"))
    expect(phone.get_by_role("heading", level=1)).to_have_text("Team")
    phone.get_by_role("button", name="Search or jump to").tap()
    option(phone, "Sign out").tap()
    expect(phone).to_have_url(f"{demo_server.url}/")
    phone.goto(f"{demo_server.url}/app")
    expect(phone).to_have_url(SIGN_IN_PAGE)
    phone.context.close()


def test_a_palette_of_the_drawer_gives_the_focus_to_what_can_be_seen(
    page: Page, demo_server: DemoServer
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    sign_in(page, demo_server)
    page.get_by_role("button", name="Menu").click()
    page.locator("#sidebar").get_by_role("button", name=re.compile("Search or jump to")).click()
    expect(page.get_by_role("combobox", name="Go to a page")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Menu")).to_be_focused()


def test_the_menu_of_the_account_chooses_the_colours_and_keeps_them(dashboard: Page) -> None:
    page = dashboard.locator("html")
    for name, colours in (("Dark", "dark"), ("Light", "light")):
        open_account_menu(dashboard).get_by_role("menuitemradio", name=name).click()
        expect(page).to_have_class(re.compile(rf"\b{colours}\b"))
        dashboard.reload()
        expect(page).to_have_class(re.compile(rf"\b{colours}\b"))
        chosen = open_account_menu(dashboard).get_by_role("menuitemradio", name=name)
        expect(chosen).to_have_attribute("aria-checked", "true")
        assert findings(dashboard) == []
        dashboard.keyboard.press("Escape")
    open_account_menu(dashboard).get_by_role("menuitemradio", name="As the system").click()


def test_the_menu_of_the_account_leads_to_the_account_and_out(
    dashboard: Page, demo_server: DemoServer
) -> None:
    open_account_menu(dashboard).get_by_role("menuitem", name="Account").click()
    expect(dashboard).to_have_url(re.compile("/app/account/?$"))
    expect(dashboard.get_by_role("heading", level=1)).to_have_text("Account")
    sign_out(dashboard)
    expect(dashboard).to_have_url(f"{demo_server.url}/")
    dashboard.goto(f"{demo_server.url}/app")
    expect(dashboard).to_have_url(SIGN_IN_PAGE)


def test_the_menu_of_the_workspaces_leads_to_a_new_one(dashboard: Page) -> None:
    expect(dashboard.get_by_role("button", name="Demo owner")).to_be_visible()
    dashboard.get_by_role("button", name="Fernway Outdoor").press("Enter")
    menu = dashboard.get_by_role("menu", name="Workspaces")
    here = menu.get_by_role("menuitemradio", name="Fernway Outdoor")
    expect(here).to_be_focused()
    expect(here).to_have_attribute("aria-checked", "true")
    dashboard.keyboard.press("ArrowDown")
    dashboard.keyboard.press("Enter")
    expect(dashboard).to_have_url(re.compile("/app/account/?#"))
    expect(dashboard.get_by_label("Name of the workspace")).to_be_visible()


def test_the_question_mark_lists_the_shortcuts_but_not_while_one_writes(dashboard: Page) -> None:
    shortcuts = dashboard.get_by_role("dialog", name="Keyboard shortcuts")
    search = dashboard.get_by_label("A question as a visitor would ask it")
    search.press("?")
    expect(search).to_have_value("?")
    expect(shortcuts).to_be_hidden()
    search.blur()
    dashboard.keyboard.press("?")
    expect(shortcuts).to_be_visible()
    assert findings(dashboard) == []
    dashboard.keyboard.press("Escape")
    expect(shortcuts).to_be_hidden()
    expect(dashboard).to_have_url(HOME_PAGE)


def test_a_key_is_revoked_after_a_question_that_names_it(dashboard: Page) -> None:
    name = f"Key {secrets.token_hex(4)}"
    dashboard.get_by_role("link", name="API keys").click()
    dashboard.get_by_label("Name", exact=True).fill(name)
    dashboard.get_by_label("knowledge:read").check()
    dashboard.get_by_role("button", name="Make the key").click()
    row = dashboard.get_by_role("listitem").filter(has_text=name)
    question = dashboard.get_by_role("alertdialog", name=f"Revoke the key “{name}”?")
    row.get_by_role("button", name="Revoke").click()
    assert findings(dashboard) == []
    dashboard.keyboard.press("Enter")
    expect(question).to_be_hidden()
    expect(row).to_be_visible()
    row.get_by_role("button", name="Revoke").click()
    question.get_by_role("button", name="Revoke").click()
    expect(row).to_have_count(0)
    expect(dashboard.get_by_role("heading", name="Keys", exact=True)).to_be_focused()


def test_a_page_that_cannot_be_drawn_says_so_and_leads_on(page: Page, demo_server: DemoServer) -> None:
    broken = """export const meta = () => [{ title: "The gallery" }];
    export default function Broken() { throw new Error("the gallery is broken"); }"""
    page.route(
        re.compile(r"/assets/.*gallery.*\.js"),
        lambda route: route.fulfill(body=broken, content_type="text/javascript"),
    )
    page.goto(f"{demo_server.url}/dev/gallery")
    expect(page.get_by_role("heading", level=1)).to_have_text("This page could not be shown")
    page.get_by_text("What went wrong").click()
    expect(page.get_by_text("Error: the gallery is broken")).to_be_visible()
    assert findings(page) == []
    page.unroute_all()
    page.get_by_role("button", name="Load it again").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The design system")


def test_a_lost_connection_is_said_and_goes_by_itself(page: Page, demo_server: DemoServer) -> None:
    page.add_init_script(
        """window.isDown = true;
        window.WebSocket = class extends WebSocket {
          constructor(url, ...more) { super(window.isDown ? url.replace(/:\\d+/, ":1") : url, ...more); }
        };"""
    )
    page.goto(f"{demo_server.url}/sign-in")
    lost = page.get_by_role("status").filter(has_text="The connection to the server is lost")
    expect(lost).to_be_visible(timeout=30_000)
    assert findings(page) == []
    assert "websocket" not in page.locator("body").inner_text().lower()
    page.evaluate("window.isDown = false")
    expect(lost).to_be_hidden(timeout=30_000)


def test_no_page_is_a_page_too(page: Page, demo_server: DemoServer) -> None:
    response = page.goto(f"{demo_server.url}/nothing-here")
    assert response
    assert response.status == 404
    expect(page.get_by_role("heading", level=1)).to_have_text("There is no page at this address")
    assert findings(page) == []


def test_the_gallery_is_not_linked_from_any_page(demo_server: DemoServer) -> None:
    for path in ("/", "/sign-in", "/app"):
        answer = httpx.get(f"{demo_server.url}{path}", follow_redirects=True, timeout=30)
        assert "/dev/gallery" not in answer.text
