"""The workspace's settings in a browser: by mouse, by keyboard alone, and on a phone."""

import re
import time

import pytest
from playwright.sync_api import Browser, Dialog, Page, WebSocketRoute, expect

from tests.e2e.accessibility import findings
from tests.e2e.demo_server import DemoServer
from tests.e2e.test_accounts import send, sign_up

pytestmark = pytest.mark.timeout(300)

DRAWN = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
SAVED = re.compile(r"^Saved\.$")


def open_settings(page: Page, server: DemoServer) -> None:
    sign_up(page, server)
    page.goto(f"{server.url}/app/settings")
    expect(page.get_by_label("Time zone")).to_have_value("UTC")


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def tab_to(page: Page, name: str) -> None:
    """On with the tab key until the element of this name has the focus, as a person without a mouse."""
    wanted = page.get_by_label(name, exact=True).or_(page.get_by_role("button", name=name, exact=True))
    for _ in range(250):
        if wanted.first.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"The tab key never reaches {name}.")


def test_mistakes_are_said_at_their_fields_and_what_was_typed_stays(
    page: Page, demo_server: DemoServer
) -> None:
    open_settings(page, demo_server)
    status = page.get_by_role("main").get_by_role("status")
    expect(status).to_have_text("")
    page.get_by_label("Greeting").fill("Good day.")
    expect(status).to_have_text("You have changes that are not saved.")
    page.get_by_label("Time zone").fill("Mars/Olympus")
    page.get_by_label("Name in addresses", exact=True).fill("Two words")
    send(page, "Save")
    expect(page.get_by_role("alert")).to_have_text(re.compile("the 2 fields"))
    expect(page.get_by_label("Name in addresses", exact=True)).to_be_focused()
    zone = page.get_by_label("Time zone")
    expect(zone).to_have_attribute("aria-invalid", "true")
    expect(zone).to_have_accessible_description(re.compile("not a time zone"))
    expect(page.get_by_label("Greeting")).to_have_value("Good day.")
    expect(page.get_by_label("Name in addresses", exact=True)).to_have_value("Two words")
    page.get_by_label("Name in addresses", exact=True).fill("two-words-" + demo_server.url[-4:])
    zone.fill("Europe/Berlin")
    expect(page.get_by_text(re.compile("^It is "))).to_be_visible()
    send(page, "Save")
    expect(page.get_by_text(SAVED)).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.get_by_role("button", name="Save")).to_be_focused()
    page.reload()
    expect(page.get_by_label("Greeting")).to_have_value("Good day.")
    expect(page.get_by_label("Time zone")).to_have_value("Europe/Berlin")


def test_settings_are_made_by_keyboard_alone(page: Page, demo_server: DemoServer) -> None:
    open_settings(page, demo_server)
    page.get_by_label("Name", exact=True).focus()
    tab_to(page, "Time zone")
    press(page, "ControlOrMeta+a")
    page.keyboard.type("America/New_York")
    tab_to(page, "Confidence threshold, slider")
    for value in ("0.56", "0.57", "0.58", "0.59", "0.6"):
        press(page, "ArrowRight")
        expect(page.get_by_label("Confidence threshold", exact=True)).to_have_value(value)
    expect(page.get_by_text("less than 60% of the time")).to_be_visible()
    tab_to(page, "German")
    press(page, "Space")
    tab_to(page, "Monday")
    press(page, "Space")
    expect(page.get_by_label("Monday, hours 1, from")).to_have_value("09:00")
    tab_to(page, "Monday, hours 1, to")
    page.keyboard.type("0100PM")
    tab_to(page, "Add hours on Monday")
    press(page, "Enter")
    expect(page.get_by_label("Monday, hours 2, from")).to_be_visible()
    page.get_by_label("Monday, hours 1, to").focus()
    tab_to(page, "Monday, hours 2, from")
    page.keyboard.type("0230PM")
    tab_to(page, "Monday, hours 2, to")
    page.keyboard.type("0600PM")
    tab_to(page, "Copy to all weekdays")
    press(page, "Enter")
    expect(page.get_by_label("Friday, hours 2, to")).to_have_value("18:00")
    tab_to(page, "Save")
    press(page, "Enter")
    expect(page.get_by_text(SAVED)).to_be_visible()
    page.reload()
    expect(page.get_by_label("Time zone")).to_have_value("America/New_York")
    expect(page.get_by_label("Confidence threshold", exact=True)).to_have_value("0.6")
    expect(page.get_by_label("German")).to_be_checked()
    expect(page.get_by_label("Friday, hours 1, to")).to_have_value("13:00")
    expect(page.get_by_label("Friday, hours 2, from")).to_have_value("14:30")
    expect(page.get_by_role("switch", name="Saturday")).not_to_be_checked()
    expect(page.get_by_role("main")).to_contain_text(re.compile(r"(Open|Closed) now; .*\(America/New_York\)"))


def test_the_browser_s_own_zone_is_one_click_away(browser: Browser, demo_server: DemoServer) -> None:
    context = browser.new_context(timezone_id="America/Sao_Paulo")
    page = context.new_page()
    open_settings(page, demo_server)
    page.get_by_role("button", name="Use America/Sao_Paulo, as in this browser").click()
    expect(page.get_by_label("Time zone")).to_have_value("America/Sao_Paulo")
    expect(page.get_by_text("UTC-03:00")).to_be_visible()
    send(page, "Save")
    expect(page.get_by_text(SAVED)).to_be_visible()
    context.close()


def test_a_workspace_is_deleted_and_one_is_led_to_one_s_account(page: Page, demo_server: DemoServer) -> None:
    open_settings(page, demo_server)
    slug = page.get_by_label("Name in addresses", exact=True).input_value()
    send(page, "Delete the workspace")
    question = page.get_by_role("dialog", name="Delete Ada's shop?")
    question.get_by_label(f"Type {slug} to confirm").fill(slug)
    question.get_by_role("button", name="Delete").click()
    expect(page).to_have_url(re.compile(r"/app/account\?done=deleted"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Account")


def test_a_deletion_that_was_thought_better_of_begins_anew(page: Page, demo_server: DemoServer) -> None:
    open_settings(page, demo_server)
    question = page.get_by_role("dialog", name="Delete Ada's shop?")
    field = question.get_by_role("textbox")
    for _ in range(2):
        send(page, "Delete the workspace")
        expect(field).to_have_value("")
        expect(field).not_to_have_attribute("aria-invalid", "true")
        field.fill("slip")
        field.press("Enter")
        expect(field).to_have_attribute("aria-invalid", "true")
        question.get_by_role("button", name="Keep").click()
        expect(question).to_be_hidden()
    expect(page.get_by_role("main").get_by_role("alert")).to_have_count(0)


def test_a_new_name_stands_in_the_sidebar_at_once(page: Page, demo_server: DemoServer) -> None:
    open_settings(page, demo_server)
    page.get_by_label("Name", exact=True).fill("Grace's shop")
    send(page, "Save")
    expect(page.get_by_text(SAVED)).to_be_visible()
    expect(page.get_by_role("button", name="Grace's shop", exact=True)).to_be_visible()
    page.goto(f"{demo_server.url}/app/account")
    page.get_by_label("Name", exact=True).fill("Grace Hopper")
    send(page, "Save")
    expect(page.get_by_role("button", name="Grace Hopper")).to_be_visible()


def test_a_changed_form_is_not_left_without_a_question(page: Page, demo_server: DemoServer) -> None:
    open_settings(page, demo_server)
    greeting = page.get_by_label("Greeting")
    greeting.fill("Good day.")
    expect(page.get_by_text("You have changes that are not saved.")).to_be_visible()
    question = page.get_by_role("alertdialog", name="Leave without saving?")
    page.get_by_role("link", name="Team").click()
    expect(question.get_by_role("button", name="Stay")).to_be_focused()
    assert findings(page) == []
    page.keyboard.press("Enter")
    expect(question).to_be_hidden()
    expect(page.get_by_role("link", name="Team")).to_be_focused()
    expect(greeting).to_have_value("Good day.")
    asked: list[str] = []

    def refuse(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", refuse)
    with page.expect_event("dialog"):
        page.close(run_before_unload=True)
    assert asked == ["beforeunload"]
    press(page, "ControlOrMeta+k")
    page.keyboard.type("audit")
    press(page, "Enter")
    question.get_by_role("button", name="Leave").click()
    expect(page).to_have_url(re.compile("/app/audit/?$"))
    page.get_by_role("link", name="Settings").click()
    expect(greeting).to_have_value("")
    page.get_by_role("link", name="API docs").click()
    expect(page).to_have_url(f"{demo_server.url}/api/docs")
    assert asked == ["beforeunload"]


def test_what_is_changed_and_saved_is_left_without_a_question(page: Page, demo_server: DemoServer) -> None:
    open_settings(page, demo_server)
    page.get_by_label("Greeting").fill("Good day.")
    send(page, "Save")
    expect(page.get_by_text(SAVED)).to_be_visible()
    page.get_by_role("link", name="Team").click()
    expect(page).to_have_url(re.compile("/app/team/?$"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
def test_axe_finds_nothing_also_where_something_is_wrong(
    page: Page, demo_server: DemoServer, width: int, scheme: str
) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    open_settings(page, demo_server)
    page.set_viewport_size({"width": width, "height": 800})
    page.get_by_role("switch", name="Monday").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Add hours on Monday").click()
    expect(page.get_by_label("Monday, hours 2, from")).to_be_visible()
    page.get_by_label("Monday, hours 2, from").fill("18:00")
    page.get_by_label("Time zone").fill("Mars")
    page.get_by_label("German").check()
    send(page, "Save")
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_text("Say both when it begins")).to_be_visible()
    assert findings(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_connection_that_is_lost_and_found_takes_nothing_from_a_page(
    page: Page, demo_server: DemoServer
) -> None:
    sockets: list[WebSocketRoute] = []
    loaded: list[str] = []

    def pass_on(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def hand_on(said: str | bytes) -> None:
            socket.send(said)
            loaded.extend(re.findall(r'(settings|team)_state":{.*"is_loaded', str(said)))

        server.on_message(hand_on)
        sockets.append(socket)

    def reconnect(name: str) -> None:
        """Break the connection, and wait until what is done as the page loads was done and drawn."""
        loaded.clear()
        sockets[-1].close()
        until = time.monotonic() + 30
        while name not in loaded and time.monotonic() < until:
            page.wait_for_timeout(50)
        assert name in loaded
        page.evaluate(DRAWN)

    page.route_web_socket(re.compile("_event"), pass_on)
    open_settings(page, demo_server)
    greeting = page.get_by_label("Greeting")
    greeting.fill("Good day.")
    status = page.get_by_role("main").get_by_role("status")
    expect(status).to_have_text("You have changes that are not saved.")
    reconnect("settings")
    expect(greeting).to_have_value("Good day.")
    expect(status).to_have_text("You have changes that are not saved.")
    page.get_by_role("link", name="Team").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Leave").click()
    send(page, "Invite")
    link = page.get_by_label("The link of the invite")
    expect(link).to_be_visible()
    reconnect("team")
    expect(link).to_be_visible()
    page.get_by_role("link", name="Settings").click()
    expect(greeting).to_have_value("")
    expect(status).to_have_text("")
    page.get_by_role("link", name="Team").click()
    expect(page.get_by_role("heading", name="Team")).to_be_visible()
    expect(link).to_have_count(0)
