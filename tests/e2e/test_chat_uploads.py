"""A file is asked about in the chat whose composer took it, wherever its member is when it is uploaded."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.chat_steps import (
    OFFLINE,
    SOON,
    Product,
    ask,
    drop,
    is_over,
    open_chat,
    running_product,
    take_model,
)

pytestmark = pytest.mark.timeout(300)

UPLOADED = "Uploaded to Knowledge."
# Drops a file of that name, whose upload waits; returns what lets it go on.
Hold = Callable[[str], Callable[[], None]]


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with running_product() as running:
        yield running


@pytest.fixture
def held(page: Page, product: Product) -> Hold:
    """A new chat page."""
    waiting: list[Route] = []
    open_chat(page, product)
    take_model(page, OFFLINE)
    page.route("**/api/upload*", lambda route: waiting.append(route))

    def begin(name: str) -> Callable[[], None]:
        with page.expect_request("**/api/upload*"):
            drop(page, name, b"About boots.")
        return lambda: waiting.pop().continue_()

    return begin


def test_a_file_joins_the_chat_that_was_begun_meanwhile_and_no_other_one(page: Page, held: Hold) -> None:
    asked_about = page.get_by_role("list", name="Asked about").get_by_role("listitem")
    let_go = held("boots.txt")
    ask(page, "Why?")
    is_over(page)
    let_go()
    expect(asked_about).to_have_count(1, timeout=SOON)
    let_go = held("tents.txt")
    page.get_by_role("link", name="New", exact=True).click()
    expect(page.get_by_text("What would you like to know?")).to_be_visible()
    let_go()
    expect(page.get_by_role("status").filter(has_text=UPLOADED)).to_be_visible(timeout=SOON)
    expect(asked_about).to_have_count(0)
    expect(page.locator("#chat-uploads li")).to_have_count(0)


@pytest.mark.parametrize("is_taken", [True, False], ids=["taken", "refused"])
def test_whoever_left_the_page_is_told_what_became_of_a_file(page: Page, held: Hold, is_taken: bool) -> None:
    let_go = held("boots.txt" if is_taken else "song.mp3")
    page.get_by_role("link", name="Knowledge", exact=True).click()
    expect(page).to_have_url(re.compile("/app/knowledge"))
    expect(page.locator("#composer")).to_have_count(0)
    let_go()
    said = UPLOADED if is_taken else "was not uploaded"
    expect(page.get_by_role("status").filter(has_text=said)).to_be_visible(timeout=SOON)


def test_an_upload_that_is_cancelled_is_not_told_of(page: Page, held: Hold) -> None:
    held("boots.txt")
    page.get_by_role("button", name="Cancel the upload of boots.txt").click()
    expect(page.locator("#chat-uploads li")).to_have_count(0)
    let_go = held("tents.txt")
    page.get_by_role("link", name="Knowledge", exact=True).click()
    expect(page.locator("#composer")).to_have_count(0)
    let_go()
    # It would not be said over a failure that nobody has closed yet.
    expect(page.get_by_role("status").filter(has_text=UPLOADED)).to_be_visible(timeout=SOON)
