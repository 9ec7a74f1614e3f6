"""The steps of the widget's browser tests: open a customer's page or the panel alone, ask."""

import time

from playwright.sync_api import Frame, Page, expect

from tests.twins.widget_backend import TENANT, WidgetBackend

QUESTION = "How long do I have to return a jacket?"
# Tests look into the closed shadow root by opening it; what the page's own scripts see is tested apart.
OPEN_SHADOW = """
const attach = Element.prototype.attachShadow;
Element.prototype.attachShadow = function (options) { return attach.call(this, {...options, mode: 'open'}); };
"""
# The tab is looked at, or not any more.
HIDE = """hidden => {
    Object.defineProperty(document, 'hidden', {configurable: true, get: () => hidden});
    document.dispatchEvent(new Event('visibilitychange'));
}"""


def visit_shop(page: Page, backend: WidgetBackend, kind: str = "plain") -> None:
    """Opens a customer's page, which stands on another origin than the backend."""
    page.add_init_script(OPEN_SHADOW)
    page.goto(f"{backend.origin.replace('127.0.0.1', 'localhost')}/shop/{kind}")
    page.wait_for_function("window.HelpNinja")


def open_widget(page: Page) -> Frame:
    page.locator("helpninja-widget button").click()
    return ready_panel(page)


def ready_panel(page: Page) -> Frame:
    element = page.locator("helpninja-widget iframe").element_handle()
    frame = element.content_frame()
    assert frame is not None
    expect(frame.locator("#send")).to_have_attribute("aria-disabled", "false")
    return frame


def visit_panel(page: Page, backend: WidgetBackend) -> Page:
    """Opens the panel alone, without a customer's page around it."""
    page.goto(f"{backend.origin}/widget/panel?t={TENANT}")
    expect(page.locator("#send")).to_have_attribute("aria-disabled", "false")
    return page


def ask(panel: Page | Frame, question: str = QUESTION) -> None:
    panel.locator("#message").fill(question)
    panel.locator("#message").press("Enter")
    expect(panel.locator("#send")).to_have_attribute("aria-disabled", "false")


def begun(page: Page, backend: WidgetBackend) -> str:
    """A conversation with one answer whose panel listens; returns its session."""
    ask(visit_panel(page, backend))
    listens(page, backend)
    return backend.only_session()


def listens(page: Page, backend: WidgetBackend, wanted: int = 1) -> None:
    until = time.monotonic() + 30
    while backend.listening != wanted and time.monotonic() < until:
        page.wait_for_timeout(20)
    assert backend.listening == wanted
