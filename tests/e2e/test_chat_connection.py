"""A question whose connection is lost, or whose page is loaded anew, before anything was heard of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.chat_steps import (
    MINI,
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
