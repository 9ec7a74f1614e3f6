"""What opens, fails or runs out on the chat page keeps nobody out, in both modes, on a desk and a phone."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.e2e.accessibility import findings
from tests.e2e.chat_steps import (
    MINI,
    OFFLINE,
    SOON,
    Product,
    ask,
    is_over,
    messages,
    open_chat,
    question,
    running_product,
    take_model,
)
from tests.e2e.dashboard_steps import wait_until
from tests.e2e.test_chat_screen import use_up_credits

pytestmark = pytest.mark.timeout(300)

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WIDTHS = (1440, 390)
CONTRACT = b"Framework agreement with Nordfell\n\nThe notice period for the winter range is six months.\n"


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with running_product() as running:
        yield running


@pytest.fixture
def chat(page: Page, product: Product) -> Page:
    page.set_viewport_size({"width": 1440, "height": 844})
    open_chat(page, product)
    return page


def findings_everywhere(chat: Page) -> list[str]:
    """In both modes and at both widths, as the page stands; it ends as it began."""
    # What the pointer is over still fades when the page moves below it.
    chat.mouse.move(0, 0)
    found = []
    for width, scheme in itertools.product(WIDTHS, SCHEMES):
        chat.set_viewport_size({"width": width, "height": 844})
        chat.emulate_media(color_scheme=scheme)
        found += [f"{width} {scheme} {each}" for each in findings(chat, touch=width < 500)]
        if chat.evaluate("document.documentElement.scrollWidth") > width:
            found.append(f"{width} {scheme}: wider than the page")
    chat.emulate_media(color_scheme="light")
    chat.set_viewport_size({"width": WIDTHS[0], "height": 844})
    return found


def upload(chat: Page, product: Product, name: str, content: bytes) -> None:
    """Beside the page, until it can be asked about."""
    url, file = product.server.url, FilePayload(name=name, mimeType="text/plain", buffer=content)
    sent = chat.request.post(f"{url}/api/upload", multipart={"file": file}, headers={"origin": url})
    address = f"{url}/api/documents/{sent.json()['documentId']}"
    wait_until(chat, lambda: chat.request.get(address).json()["status"] == "completed")


def test_the_passage_beside_an_answer_and_the_choice_of_a_model_keep_nobody_out(
    chat: Page, product: Product
) -> None:
    upload(chat, product, "nordfell.txt", CONTRACT)
    take_model(chat, OFFLINE)
    ask(chat, "What is the notice period for the winter range?")
    is_over(chat)
    chat.get_by_role("button", name="Passage 1").first.click()
    expect(chat.get_by_role("dialog")).to_contain_text("six months")
    expect(chat.get_by_role("link", name="Open the document")).to_be_visible()
    assert findings_everywhere(chat) == []
    chat.keyboard.press("Escape")
    expect(chat.get_by_role("dialog")).to_have_count(0)
    chat.get_by_title("Choose the model").click()
    expect(chat.get_by_role("menuitemradio", name=MINI)).to_be_visible()
    assert findings_everywhere(chat) == []


def test_the_editor_of_a_question_keeps_nobody_out(chat: Page) -> None:
    take_model(chat, OFFLINE)
    ask(chat, "Hello")
    is_over(chat)
    chat.get_by_role("button", name="Edit", exact=True).click()
    expect(chat.get_by_label("Your question, anew")).to_be_focused()
    assert findings_everywhere(chat) == []


def test_an_answer_that_failed_and_the_end_of_the_credits_keep_nobody_out(
    chat: Page, product: Product
) -> None:
    take_model(chat, MINI)
    product.provider.fails = True
    try:
        ask(chat, "Is anybody there?")
        expect(chat.get_by_role("button", name="Ask again")).to_be_visible(timeout=SOON)
    finally:
        product.provider.fails = False
    expect(messages(chat).locator("p.text-danger")).to_have_text(re.compile(r"^[A-Z].*\.$"))
    assert findings_everywhere(chat) == []
    use_up_credits(chat, product)
    question(chat).fill("Why?")
    question(chat).press("Enter")
    expect(chat.get_by_role("link", name="See the plans")).to_be_visible(timeout=SOON)
    assert findings_everywhere(chat) == []
