"""What somebody presses before the page's own scripts are there: it is done when they are."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.dashboard_steps import HOME_PAGE, sign_in
from tests.e2e.demo_server import DemoServer

pytestmark = pytest.mark.timeout(300)

COUNTED = """window.waiting = new Set();
  const [begin, end] = [setInterval, clearInterval];
  window.setInterval = (act, pause) => {
    const timer = begin(act, pause);
    if (pause === 50) window.waiting.add(timer);
    return timer;
  };
  window.clearInterval = (timer) => { window.waiting.delete(timer); end(timer); };"""
OWN_SCRIPTS = re.compile(r"/assets/[^/]+\.js$")


def open_early(page: Page, address: str) -> Callable[[], None]:
    """The page as the server wrote it; what is returned lets its own scripts come."""
    held: list[Route] = []
    is_open = False
    page.route(OWN_SCRIPTS, lambda route: route.continue_() if is_open else held.append(route))
    page.goto(address, wait_until="domcontentloaded")

    def let_them_come() -> None:
        nonlocal is_open
        is_open = True
        for route in held:
            route.continue_()

    return let_them_come


def test_a_choice_is_made(page: Page, demo_server: DemoServer) -> None:
    let_them_come = open_early(page, f"{demo_server.url}/pricing")
    page.get_by_text("Yearly", exact=True).click()
    expect(page.get_by_text("$2,990", exact=True).locator("visible=true")).to_have_count(0)
    let_them_come()
    expect(page.get_by_text("$2,990", exact=True).locator("visible=true")).to_have_count(1)
    expect(page.get_by_label("Yearly")).to_be_checked()


def test_a_form_is_sent_and_nothing_of_it_stands_in_the_address(page: Page, demo_server: DemoServer) -> None:
    sign_in(page, demo_server)
    let_them_come = open_early(page, f"{demo_server.url}/app")
    field = page.get_by_label("A question as a visitor would ask it")
    field.fill("How long can I return something?")
    field.press("Enter")
    let_them_come()
    expect(page.locator("ol > li").first).to_be_visible()
    expect(page).to_have_url(HOME_PAGE)


def test_a_button_in_a_text_that_the_server_rendered_is_not_waited_for(
    page: Page, demo_server: DemoServer
) -> None:
    page.add_init_script(COUNTED)
    page.goto(f"{demo_server.url}/dev/gallery")
    text = page.locator(".rendered").first
    expect(text).to_be_visible()
    # Once it is heard what is pressed, all is taken over.
    page.get_by_role("button", name="By a state", exact=True).first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    text.evaluate("text => (text.innerHTML += '<button type=button>Copy</button>')")
    text.locator("button").evaluate("button => button.click()")
    assert page.evaluate("window.waiting.size") == 0
