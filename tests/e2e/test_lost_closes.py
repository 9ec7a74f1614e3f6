"""What was closed while the connection was lost opens again."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.dashboard_steps import open_knowledge, sign_in
from tests.e2e.demo_server import DemoServer
from tests.e2e.lost_lines import Line

pytestmark = pytest.mark.timeout(300)

SOON = 30_000


def test_a_sheet_that_was_closed_unheard_opens_again_and_as_it_was_written_where_it_is_open(
    page: Page, demo_server: DemoServer
) -> None:
    line = Line(page)
    sign_in(page, demo_server)
    open_knowledge(page, demo_server, "Notes")
    write = page.get_by_role("button", name="Write a note")
    write.click()
    sheet = page.get_by_role("dialog", name="Write a note")
    sheet.get_by_label("Title").fill("Half a thought")
    counter = page.locator("[data-connections]")
    before = counter.get_attribute("data-connections") or ""
    line.break_off()
    expect(counter).not_to_have_attribute("data-connections", before, timeout=SOON)
    expect(sheet.get_by_label("Title")).to_have_value("Half a thought")
    line.is_mute = True
    sheet.get_by_role("button", name="Cancel").click()
    expect(sheet).to_be_hidden()
    before = counter.get_attribute("data-connections") or ""
    line.break_off()
    expect(counter).not_to_have_attribute("data-connections", before, timeout=SOON)
    write.click()
    expect(sheet).to_be_visible(timeout=SOON)
    expect(sheet.get_by_label("Title")).to_have_value("")
