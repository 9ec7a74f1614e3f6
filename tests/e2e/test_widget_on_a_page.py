"""The widget on a customer's page: bubble, frame, session, foreign policies and styles, keyboard, phone."""

import gzip
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Frame, Page, expect

from api_routes.widget_files import lean
from tests.e2e.accessibility import findings
from tests.e2e.places import box_of
from tests.e2e.widget_steps import (
    QUESTION,
    ask,
    open_widget,
    ready_panel,
    visit_panel,
    visit_shop,
)
from tests.twins.widget_backend import TENANT, WidgetBackend

pytestmark = pytest.mark.timeout(300)

WIDGET = Path(__file__).parents[2] / "assets" / "widget"
WATCH_VIOLATIONS = """
window.violations = [];
const note = (event) => violations.push(event.violatedDirective + event.blockedURI);
document.addEventListener('securitypolicyviolation', note);
"""
# The page is too busy to hear that the frame is loaded, until `greet()`.
BUSY = """
const listen = EventTarget.prototype.addEventListener;
HTMLIFrameElement.prototype.addEventListener = function (type, heard) {
    if (type !== 'load') return listen.call(this, type, heard);
    window.greet = () => { listen.call(this, type, heard); heard(); };
};
"""


def test_the_history_is_there_after_a_reload_and_on_the_next_page(
    page: Page, widget_backend: WidgetBackend
) -> None:
    visit_shop(page, widget_backend)
    ask(open_widget(page))
    session = page.evaluate("localStorage.getItem('hn_sid')")
    page.goto(page.url.replace("/plain", "/next"))
    panel = open_widget(page)
    expect(panel.locator(".message.visitor")).to_contain_text(QUESTION)
    expect(panel.locator(".message.bot").last.locator("a.chip")).to_have_count(2)
    assert page.evaluate("localStorage.getItem('hn_sid')") == session
    assert page.evaluate("localStorage.getItem('hn_token')")


def test_a_session_without_its_token_starts_anew_and_shows_nothing_of_the_earlier_one(
    page: Page, widget_backend: WidgetBackend
) -> None:
    visit_shop(page, widget_backend)
    ask(open_widget(page))
    session = page.evaluate("localStorage.getItem('hn_sid')")
    page.evaluate("localStorage.removeItem('hn_token')")
    page.reload()
    panel = open_widget(page)
    expect(panel.locator(".message.visitor")).to_have_count(0)
    assert page.evaluate("localStorage.getItem('hn_sid')") != session


@pytest.mark.parametrize("seconds", [5, 15])
def test_a_page_that_is_busy_while_the_panel_loads_has_the_visitors_conversation_all_the_same(
    page: Page, widget_backend: WidgetBackend, seconds: int
) -> None:
    visit_shop(page, widget_backend)
    ask(open_widget(page))
    panel = open_on_a_busy_page(page, seconds)
    page.evaluate("greet()")
    expect(panel.locator(".message.visitor .bubble")).to_have_text([QUESTION])
    expect(panel.locator("#close")).to_be_visible()


def test_what_was_written_before_a_busy_page_had_time_for_the_panel_is_there_on_the_next_one(
    page: Page, widget_backend: WidgetBackend
) -> None:
    visit_shop(page, widget_backend)
    panel = open_on_a_busy_page(page, 15)
    ask(ready_panel(page))
    page.evaluate("greet()")
    expect(panel.locator("#close")).to_be_visible()
    ask(panel, "And shoes?")
    page.goto(page.url.replace("/plain", "/next"))
    page.locator("helpninja-widget button").click()
    page.evaluate("greet()")
    expect(ready_panel(page).locator(".message.visitor .bubble")).to_have_text([QUESTION, "And shoes?"])


def open_on_a_busy_page(page: Page, seconds: int) -> Frame:
    """The panel, which has waited so long for a word of the page."""
    page.add_init_script(BUSY)
    page.clock.install()
    page.reload()
    page.locator("helpninja-widget button").click()
    frame = page.locator("helpninja-widget iframe").element_handle().content_frame()
    assert frame is not None
    frame.wait_for_url(re.compile("/widget/panel"), wait_until="load")
    page.clock.fast_forward(seconds * 1000)
    return frame


def test_an_expired_token_is_renewed_without_the_visitor_noticing(
    page: Page, widget_backend: WidgetBackend
) -> None:
    visit_shop(page, widget_backend)
    panel = open_widget(page)
    ask(panel)
    widget_backend.expired.add(page.evaluate("localStorage.getItem('hn_token')"))
    ask(panel, "Where is my order?")
    expect(panel.locator(".failure")).to_have_count(0)
    assert [each["message"] for each in widget_backend.asked] == [QUESTION, "Where is my order?"]


def test_a_page_with_a_strict_policy_and_trusted_types_runs_the_widget(
    page: Page, widget_backend: WidgetBackend
) -> None:
    page.add_init_script(WATCH_VIOLATIONS)
    visit_shop(page, widget_backend, "strict")
    bubble = page.locator("helpninja-widget button")
    assert bubble.evaluate("bubble => getComputedStyle(bubble).position") == "fixed"
    panel = open_widget(page)
    ask(panel)
    expect(panel.locator(".message.bot").last).to_contain_text("60 days")
    assert page.evaluate("violations") == []
    assert panel.evaluate("violations") == []


def test_the_pages_own_styles_do_not_reach_the_widget(page: Page, widget_backend: WidgetBackend) -> None:
    visit_shop(page, widget_backend, "hostile")
    box = box_of(page.locator("helpninja-widget button"))
    assert (box["width"], box["height"]) == (58, 58)
    expect(open_widget(page).locator("h1")).to_have_text("Fernway help")


def test_the_pages_scripts_cannot_look_into_the_widget(page: Page, widget_backend: WidgetBackend) -> None:
    page.goto(f"{widget_backend.origin.replace('127.0.0.1', 'localhost')}/shop/plain")
    page.wait_for_function("document.querySelector('helpninja-widget')")
    assert page.evaluate("document.querySelector('helpninja-widget').shadowRoot") is None
    assert page.evaluate("Object.keys(HelpNinja)") == ["open", "close"]


def test_blocked_storage_keeps_the_conversation_as_long_as_the_page(
    page: Page, widget_backend: WidgetBackend
) -> None:
    blocked = "{ get() { throw new DOMException('blocked', 'SecurityError'); } }"
    for store in ("localStorage", "sessionStorage"):
        page.add_init_script(f"Object.defineProperty(window, '{store}', {blocked});")
    visit_shop(page, widget_backend)
    panel = open_widget(page)
    ask(panel)
    ask(panel, "Where is my order?")
    sessions = {each["sessionId"] for each in widget_backend.asked}
    assert len(widget_backend.asked) == 2
    assert len(sessions) == 1


def test_the_snippet_included_twice_makes_one_bubble(page: Page, widget_backend: WidgetBackend) -> None:
    visit_shop(page, widget_backend, "twice")
    page.wait_for_load_state("networkidle")
    expect(page.locator("helpninja-widget")).to_have_count(1)


def test_the_frame_is_only_loaded_when_the_panel_is_first_opened(
    page: Page, widget_backend: WidgetBackend
) -> None:
    visit_shop(page, widget_backend)
    expect(page.locator("helpninja-widget iframe")).to_have_count(0)
    page.evaluate("HelpNinja.open()")
    ready_panel(page)
    page.evaluate("HelpNinja.close()")
    expect(page.locator("helpninja-widget dialog")).to_be_hidden()
    expect(page.locator("helpninja-widget iframe")).to_have_count(1)


def test_everything_can_be_done_with_the_keyboard(page: Page, widget_backend: WidgetBackend) -> None:
    visit_shop(page, widget_backend)
    bubble = page.locator("helpninja-widget button")
    page.get_by_role("link", name="Cart").focus()
    page.keyboard.press("Tab")
    expect(bubble).to_be_focused()
    expect(bubble).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("Enter")
    panel = ready_panel(page)
    expect(bubble).to_have_attribute("aria-expanded", "true")
    expect(page.get_by_role("dialog", name="Fernway help")).to_be_visible()
    expect(panel.locator("#message")).to_be_focused()
    page.keyboard.type(QUESTION)
    page.keyboard.press("Enter")
    expect(panel.locator(".sources")).to_be_visible()
    expect(panel.locator("#send")).to_have_attribute("aria-disabled", "false")
    for name in ("Talk to a person", "Not helpful", "Helpful"):
        page.keyboard.press("Shift+Tab")
        expect(panel.get_by_role("button", name=name, exact=True)).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(panel.locator(".sources a").last).to_be_focused()
    for _ in range(4):
        page.keyboard.press("Shift+Tab")
    expect(panel.locator("#scroller")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(panel.get_by_role("button", name="Close")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("helpninja-widget dialog")).to_be_hidden()
    expect(bubble).to_be_focused()
    expect(bubble).to_have_attribute("aria-expanded", "false")


def test_an_answer_that_arrives_while_the_panel_is_closed_is_counted_on_the_bubble(
    page: Page, widget_backend: WidgetBackend
) -> None:
    visit_shop(page, widget_backend)
    panel = open_widget(page)
    widget_backend.hold()
    panel.locator("#message").fill(QUESTION)
    panel.locator("#message").press("Enter")
    panel.locator("#close").click()
    widget_backend.flow.set()
    bubble = page.locator("helpninja-widget button")
    expect(bubble).to_have_accessible_name("Fernway help (1)")
    bubble.click()
    expect(bubble).to_have_accessible_name("Fernway help")


def test_a_stranger_who_frames_the_panel_gets_no_session_of_ours(
    page: Page, widget_backend: WidgetBackend
) -> None:
    ask(visit_panel(page, widget_backend))
    page.clock.install()
    page.goto(f"{widget_backend.origin}/shop/plain")
    page.evaluate(
        """url => {
            window.heard = [];
            addEventListener('message', (event) => heard.push(event.data));
            const frame = Object.assign(document.createElement('iframe'), {id: 'stranger', src: url});
            frame.onload = () => frame.contentWindow.postMessage(
                {type: 'helpninja', sessionId: 'theirs', visible: true}, '*', [new MessageChannel().port2]);
            document.body.append(frame);
        }""",
        f"{widget_backend.origin}/widget/panel?t={TENANT}&o=https://shop.example",
    )
    frame = page.locator("#stranger").element_handle().content_frame()
    assert frame is not None
    frame.wait_for_url(re.compile("/widget/panel"), wait_until="load")
    page.clock.fast_forward(15_000)
    expect(frame.locator("#send")).to_have_attribute("aria-disabled", "false")
    expect(frame.locator(".message.visitor")).to_have_count(0)
    assert page.evaluate("heard") == []
    ask(frame, "Whose session is this?")
    assert widget_backend.asked[-1]["sessionId"] != "theirs"


def test_axe_finds_nothing_on_the_customers_page(page: Page, widget_backend: WidgetBackend) -> None:
    visit_shop(page, widget_backend)
    open_widget(page)
    assert findings(page) == []


@pytest.mark.browser_context_args(viewport={"width": 390, "height": 780}, has_touch=True, is_mobile=True)
def test_on_a_phone_the_panel_fills_the_screen_and_the_page_behind_is_inert(
    page: Page, widget_backend: WidgetBackend
) -> None:
    visit_shop(page, widget_backend)
    panel = open_widget(page)
    dialog = page.locator("helpninja-widget dialog")
    assert box_of(dialog) == {"x": 0, "y": 0, "width": 390, "height": 780}
    assert dialog.evaluate("dialog => dialog.matches(':modal')")
    expect(panel.locator("#message")).not_to_be_focused()
    panel.locator("#close").tap()
    expect(dialog).to_be_hidden()


def test_on_a_desk_the_panel_floats_above_the_bubble_in_its_corner(
    page: Page, widget_backend: WidgetBackend
) -> None:
    widget_backend.config["position"] = "left"
    visit_shop(page, widget_backend)
    page.evaluate("HelpNinja.open()")
    box = box_of(page.locator("helpninja-widget dialog"))
    bubble = box_of(page.locator("helpninja-widget button"))
    assert box["x"] == bubble["x"] == 20
    assert box["y"] + box["height"] < bubble["y"]


def sent(path: Path) -> int:
    """How many bytes of a file travel to a visitor."""
    source = path.read_text("utf-8")
    return len(gzip.compress((source if path.stem == "loader" else lean(source)).encode(), mtime=0))


def test_loader_and_panel_stay_within_their_budgets() -> None:
    size = {path.name: sent(path) for path in WIDGET.iterdir()}
    assert size.pop("loader.js") <= 4 * 1024
    size.pop("panel.html")
    languages = [size.pop(name) for name in list(size) if name.startswith("text-")]
    assert len(languages) == 10
    assert sum(size.values()) + max(languages) <= 20 * 1024


@pytest.mark.parametrize(
    ("tags", "spoken"), [(["fr-CA", "en"], "fr"), (["ar"], "ar"), (["fi", "ja"], "ja"), (["fi"], "de")]
)
def test_a_visitor_downloads_the_sentences_of_one_language_and_stays_within_the_budget(
    page: Page, widget_backend: WidgetBackend, tags: list[str], spoken: str
) -> None:
    widget_backend.config["languages"] = ["de", "en"]
    page.add_init_script(f"Object.defineProperty(navigator, 'languages', {{get: () => {tags}}})")
    loaded: set[str] = set()
    page.on("request", lambda request: loaded.add(urlsplit(request.url).path))
    ask(visit_panel(page, widget_backend))
    files = {path.removeprefix("/widget/") for path in loaded if re.search(r"^/widget/.+\.(js|css)$", path)}
    assert {name for name in files if name.startswith("text-")} == {f"text-{spoken}.js"}
    assert "panel.js" in files
    assert sum(sent(WIDGET / name) for name in files) <= 20 * 1024
