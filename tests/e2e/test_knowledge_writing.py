"""Curated answers and notes in a browser: written, put in order, switched off, deleted and back."""

from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.accessibility import findings
from tests.e2e.dashboard_steps import open_knowledge, sign_in
from tests.e2e.demo_server import DemoServer, running_demo

pytestmark = pytest.mark.timeout(300)

SOON = 60_000
PHONE_WIDTH = 390
ISLANDS = "Do you deliver to the Shetland islands?"
ANSWER = "Yes, within three working days, for 9 euros."


@pytest.fixture(scope="module")
def server() -> Iterator[DemoServer]:
    """One of its own, whose answers and notes may come and go."""
    with running_demo() as running:
        yield running


def write_answer(page: Page, question: str, answer: str = ANSWER) -> None:
    """For members, so that nothing is asked."""
    page.get_by_role("button", name="Write an answer").first.click()
    sheet = page.get_by_role("dialog", name="Write an answer")
    sheet.get_by_label("Question").fill(question)
    sheet.get_by_label("Answer", exact=True).fill(answer)
    sheet.get_by_text("Members", exact=True).click()
    expect(sheet).to_contain_text("Only members of this workspace.")
    sheet.get_by_role("button", name="Save").click()
    expect(sheet).to_be_hidden(timeout=SOON)


def write_note(page: Page, title: str, text: str) -> None:
    page.get_by_role("button", name="Write a note").click()
    sheet = page.get_by_role("dialog", name="Write a note")
    sheet.get_by_label("Title").fill(title)
    sheet.get_by_label("Text").fill(text)
    expect(sheet).to_contain_text("Only members of this workspace.")
    sheet.get_by_role("button", name="Save").click()
    expect(sheet).to_be_hidden(timeout=SOON)


def rows_of(panel: Locator, table: str) -> Locator:
    return panel.get_by_role("table", name=table).locator("tbody tr")


def more(page: Page, row: Locator, entry: str) -> None:
    row.get_by_role("button", name="More for").click()
    page.get_by_role("menuitem", name=entry).click()


def delete(page: Page, row: Locator) -> None:
    more(page, row, "Delete")
    page.get_by_role("alertdialog", name="Delete").locator(":scope:visible").get_by_role(
        "button", name="Delete"
    ).click()


def test_an_answer_for_a_question_without_one_is_asked_about_and_then_given(
    page: Page, server: DemoServer
) -> None:
    sign_in(page, server)
    panel = open_knowledge(page, server, "Test search")
    field = panel.get_by_label("A question as a visitor would ask it")
    field.fill(ISLANDS)
    field.press("Enter")
    panel.get_by_role("button", name="Write an answer").click()
    sheet = page.get_by_role("dialog", name="Write an answer")
    expect(sheet.get_by_label("Question")).to_have_value(ISLANDS)
    sheet.get_by_role("button", name="Save").click()
    expect(sheet.get_by_text("Answer in 1 to 8,000 characters.", exact=True)).to_be_visible()
    expect(sheet.get_by_label("Question")).to_have_value(ISLANDS)
    assert findings(page) == []
    sheet.get_by_label("Other ways to ask it").fill("Is Lerwick served?")
    sheet.get_by_label("Answer", exact=True).fill(ANSWER)
    sheet.get_by_role("button", name="Save").click()
    question = page.get_by_role("alertdialog", name="Show this answer to visitors?")
    question.get_by_role("button", name="Keep it for members").click()
    expect(question).to_be_hidden()
    expect(sheet.get_by_label("Answer", exact=True)).to_have_value(ANSWER)
    sheet.get_by_role("button", name="Save").click()
    question.get_by_role("button", name="Make it public").click()
    expect(sheet).to_be_hidden(timeout=SOON)
    field.fill("is lerwick served")
    field.press("Enter")
    expect(panel).to_contain_text(f"The curated answer to “{ISLANDS}” would be given.")
    page.get_by_role("tab", name="Curated answers 1").click()
    [row] = rows_of(page.get_by_role("tabpanel", name="Curated answers"), "Curated answers").all()
    expect(row).to_contain_text("1 further phrasing")
    expect(row).to_contain_text("Visitors")


def test_answers_are_changed_put_in_order_by_keyboard_switched_off_deleted_and_back(
    page: Page, server: DemoServer
) -> None:
    sign_in(page, server)
    panel = open_knowledge(page, server, "Curated answers")
    for question in ("Do you repair tents?", "Do you rent out skis?"):
        write_answer(page, question)
    rows = rows_of(panel, "Curated answers")
    skis = rows.filter(has_text="Do you rent out skis?")
    expect(skis).to_be_visible()
    last = rows.count()
    expect(rows.nth(last - 1)).to_contain_text("Do you rent out skis?")
    up = panel.get_by_role("button", name="Move up: Do you rent out skis?")
    up.focus()
    for place in range(last - 1, 0, -1):
        page.keyboard.press("Enter")
        expect(panel.get_by_role("status").filter(has_text=f"is number {place} of {last} now")).to_have_count(
            1
        )
        expect(rows.nth(place - 1)).to_contain_text("Do you rent out skis?")
        expect(
            up if place > 1 else panel.get_by_role("button", name="Move down: Do you rent out skis?")
        ).to_be_focused()
    more(page, skis, "Edit")
    sheet = page.get_by_role("dialog", name="Change an answer")
    expect(sheet.get_by_label("Answer", exact=True)).to_have_value(ANSWER)
    sheet.get_by_label("Answer", exact=True).fill("Only in winter.")
    sheet.get_by_role("button", name="Save").click()
    expect(skis).to_contain_text("Only in winter.", timeout=SOON)
    switch = skis.get_by_role("switch")
    switch.click()
    expect(switch).not_to_be_checked()
    page.reload()
    page.get_by_role("tab", name="Curated answers").click()
    expect(switch).not_to_be_checked()
    expect(rows.first).to_contain_text("Do you rent out skis?")
    delete(page, skis)
    expect(skis).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(rows.first).to_contain_text("Do you rent out skis?")


def test_a_note_is_written_read_changed_deleted_and_comes_back(page: Page, server: DemoServer) -> None:
    sign_in(page, server)
    panel = open_knowledge(page, server, "Notes")
    write_note(page, "Christmas", "# Christmas\n\nThe shop in Bern is closed on 25 December.")
    row = rows_of(panel, "Notes").filter(has_text="Christmas")
    expect(row).to_contain_text("Ready", timeout=SOON)
    expect(row).to_contain_text("Members")
    more(page, row, "Show its passages")
    sheet = page.get_by_role("dialog", name="Passages of Christmas")
    expect(sheet.get_by_role("listitem").first).to_contain_text("closed on 25 December")
    sheet.get_by_role("button", name="Close").click()
    more(page, row, "Edit")
    sheet = page.get_by_role("dialog", name="Change a note")
    sheet.get_by_label("Text").fill("# Christmas\n\nThe shop in Bern is open on 25 December.")
    sheet.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("is open on 25 December", timeout=SOON)
    more(page, row, "Show to visitors…")
    page.get_by_role("alertdialog", name="Show Christmas to visitors?").get_by_role(
        "button", name="Make it public"
    ).click()
    expect(row).to_contain_text("Visitors")
    delete(page, row)
    expect(row).to_have_count(0)
    page.get_by_role("tab", name="Sources").click()
    sources = page.get_by_role("table", name="Sources")
    expect(sources).not_to_contain_text("Christmas")
    page.get_by_role("button", name="Undo").click()
    expect(sources).to_contain_text("Christmas")
    page.get_by_role("tab", name="Notes").click()
    expect(row).to_contain_text("Visitors")


def test_what_was_deleted_before_the_last_can_be_brought_back_too(page: Page, server: DemoServer) -> None:
    """The message at the corner only knows the last one."""
    sign_in(page, server)
    panel = open_knowledge(page, server, "Curated answers")
    rows = rows_of(panel, "Curated answers")
    for question in ("Do you sharpen knives?", "Do you sell maps?"):
        write_answer(page, question)
        delete(page, rows.filter(has_text=question))
        expect(rows.filter(has_text=question)).to_have_count(0)
    page.get_by_role("button", name="Deleted", exact=True).click()
    sheet = page.get_by_role("dialog", name="Deleted in the last seven days")
    expect(sheet.get_by_role("listitem").first).to_contain_text("Do you sell maps?")
    assert findings(page) == []
    sheet.get_by_role("button", name="Restore Do you sharpen knives?").click()
    expect(sheet.get_by_text("Do you sharpen knives?")).to_have_count(0)
    sheet.get_by_role("button", name="Close").click()
    expect(rows.filter(has_text="Do you sharpen knives?")).to_be_visible()
    expect(rows.filter(has_text="Do you sell maps?")).to_have_count(0)


def test_a_note_that_is_too_long_is_refused_with_all_that_was_typed(page: Page, server: DemoServer) -> None:
    sign_in(page, server)
    panel = open_knowledge(page, server, "Notes")
    page.get_by_role("button", name="Write a note").click()
    sheet = page.get_by_role("dialog", name="Write a note")
    sheet.get_by_label("Title").fill("Handbook")
    text, long = sheet.get_by_label("Text"), "The shop is open. " * 2000
    text.fill(long)
    sheet.get_by_role("button", name="Save").click()
    expect(text).to_be_focused()
    assert "too long to be sent at once" in text.evaluate("field => field.validationMessage")
    expect(text).to_have_value(long)
    text.fill(long[:28_000])
    sheet.get_by_role("button", name="Save").click()
    expect(sheet).to_be_hidden(timeout=SOON)
    row = rows_of(panel, "Notes").filter(has_text="Handbook")
    more(page, row, "Edit")
    changed = page.get_by_role("dialog", name="Change a note").get_by_label("Text")
    expect(changed).to_have_value(long[:28_000].strip())
    page.keyboard.press("Escape")
    delete(page, row)
    expect(row).to_have_count(0)


def test_what_is_typed_is_not_lost_by_a_press_beside_the_sheet(page: Page, server: DemoServer) -> None:
    sign_in(page, server)
    open_knowledge(page, server, "Notes")
    page.get_by_role("button", name="Write a note").click()
    sheet = page.get_by_role("dialog", name="Write a note")
    sheet.get_by_label("Title").fill("Half a thought")
    page.mouse.click(20, 400)
    expect(sheet.get_by_label("Title")).to_have_value("Half a thought")
    sheet.get_by_role("button", name="Cancel").click()
    expect(sheet).to_be_hidden()
    expect(page.get_by_role("button", name="Write a note")).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("tab", "write"), [("Curated answers", "Write an answer"), ("Notes", "Write a note")]
)
def test_axe_finds_nothing_and_a_phone_does_not_scroll_sideways(
    page: Page, server: DemoServer, scheme: Literal["light", "dark"], tab: str, write: str
) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    sign_in(page, server)
    panel = open_knowledge(page, server, tab)
    if tab == "Notes" and not rows_of(panel, "Notes").count():
        write_note(page, "A long title " * 12, "Text")
        expect(rows_of(panel, "Notes").first).to_be_visible()
    assert findings(page) == []
    page.set_viewport_size({"width": PHONE_WIDTH, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE_WIDTH
    assert findings(page) == []
    panel.get_by_role("button", name=write).first.click()
    expect(page.get_by_role("dialog", name=write)).to_be_visible()
    assert findings(page) == []
