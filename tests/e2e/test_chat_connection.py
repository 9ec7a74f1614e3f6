"""A question of which nothing was heard when its line was lost, its page loaded anew or the next one sent."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.chat_steps import (
    MINI,
    OFFLINE,
    SOON,
    Product,
    is_over,
    messages,
    open_chat,
    question,
    running_product,
    take_model,
)
from tests.e2e.lost_lines import Line

pytestmark = pytest.mark.timeout(300)

ASKED = "What is the notice period?"


SEND_BOTH = """(texts) => {
  const field = document.getElementById("question");
  for (const text of texts) {
    field.value = text;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.form.requestSubmit();
  }
}"""


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with running_product() as running:
        yield running


@pytest.mark.parametrize("is_reloaded", [False, True], ids=["lost", "reloaded"])
def test_a_new_chat_is_shown_with_the_question_that_was_stored_unheard(
    page: Page, product: Product, is_reloaded: bool
) -> None:
    line = Line(page)
    open_chat(page, product)
    take_model(page, MINI)
    line.is_deaf = True
    question(page).fill(ASKED)
    question(page).press("Enter")
    other = page.context.new_page()
    other.goto(product.chat)
    chats = other.get_by_role("region", name="Saved chats").get_by_role("link", name=ASKED)
    expect(chats).to_have_count(1, timeout=SOON)
    if is_reloaded:
        line.is_deaf = False
        page.reload()
    else:
        line.break_off()
    expect(messages(page)).to_contain_text(ASKED, timeout=SOON)
    expect(question(page)).to_have_value("")
    expect(page).to_have_url(re.compile(r"/app/chat/?\?chat=[0-9a-f-]{36}$"))
    is_over(page)
    expect(messages(page)).to_contain_text("word59")
    expect(chats).to_have_count(1)
    page.get_by_role("link", name="New", exact=True).click()
    expect(page.get_by_text("What would you like to know?")).to_be_visible()
    expect(question(page)).to_have_value("")


def test_only_the_question_that_was_stored_leaves_its_field(page: Page, product: Product) -> None:
    open_chat(page, product)
    take_model(page, OFFLINE)
    # The second is sent before the browser hears of the first, and so it is not asked.
    page.evaluate(SEND_BOTH, ["Why?", "And in winter?"])
    expect(messages(page)).to_contain_text("Why?")
    is_over(page)
    expect(question(page)).to_have_value("And in winter?")
    copy = messages(page).get_by_role("button", name="Copy", exact=True)
    before = copy.get_attribute("data-copies") or ""
    page.get_by_role("button", name="Ask again").click()
    expect(copy).not_to_have_attribute("data-copies", before)
    is_over(page)
    expect(question(page)).to_have_value("And in winter?")
    page.reload()
    expect(question(page)).to_have_value("And in winter?")
    question(page).press("Enter")
    expect(question(page)).to_have_value("")
    expect(messages(page)).to_contain_text("And in winter?")


def test_a_question_leaves_its_field_also_on_plain_http(page: Page, product: Product) -> None:
    """Where a browser makes no random ids."""
    page.add_init_script("delete Crypto.prototype.randomUUID")
    open_chat(page, product)
    assert page.evaluate("crypto.randomUUID") is None
    question(page).fill(ASKED)
    question(page).press("Enter")
    expect(messages(page).first).to_contain_text(ASKED, timeout=SOON)
    expect(question(page)).to_have_value("", timeout=SOON)
