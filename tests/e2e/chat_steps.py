"""The steps of the chat page's browser tests: a product with a slow provider, and asking it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect
from reportlab.pdfgen.canvas import Canvas

from tests.e2e.demo_server import DemoServer, running_demo
from tests.e2e.slow_provider import SlowProvider, running_slow_provider
from tests.e2e.test_accounts import sign_up

SOON = 30_000
OFFLINE = "Offline (extracts sentences)"
MINI = "GPT-4o mini"
DROP = """([bytes, name]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([new Uint8Array(bytes)], name));
  const drop = (type) => document.body.dispatchEvent(
    new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: transfer }));
  drop("dragover");
  drop("drop");
}"""


@dataclass(frozen=True)
class Product:
    """The product with credits that are counted, and the slow provider that plays OpenAI."""

    server: DemoServer
    provider: SlowProvider

    @property
    def chat(self) -> str:
        return f"{self.server.url}/app/chat"


@contextmanager
def running_product() -> Iterator[Product]:
    with (
        running_slow_provider(words=60, pause=0.1) as provider,
        running_demo(
            OPENAI_API_KEY="sk-test-0123456789",
            OPENAI_BASE_URL=provider.url,
            HELPNINJA_EMBEDDER="minilm",
            HELPNINJA_ANSWER_MODEL="offline",
            HELPNINJA_UNLIMITED="0",
        ) as server,
    ):
        yield Product(server, provider)


@contextmanager
def slower(product: Product) -> Iterator[None]:
    """While something has to be seen or done in the middle of an answer."""
    usual, product.provider.pause = product.provider.pause, 0.5
    try:
        yield
    finally:
        product.provider.pause = usual


def open_chat(page: Page, product: Product) -> None:
    """The chat page of a new workspace on the free plan."""
    sign_up(page, product.server, "Harbour bakery")
    page.get_by_role("link", name="Chat", exact=True).click()
    expect(page.get_by_text("What would you like to know?")).to_be_visible()


def question(page: Page) -> Locator:
    return page.get_by_label("Your question", exact=True)


def ask(page: Page, text: str) -> None:
    question(page).fill(text)
    question(page).press("Enter")
    expect(question(page)).to_have_value("")


def drop(page: Page, name: str, content: bytes) -> None:
    """Drop a file on the page."""
    page.evaluate(DROP, [list(content), name])


def messages(page: Page) -> Locator:
    return page.get_by_role("group", name="Messages")


def is_over(page: Page) -> None:
    """Until the answer is there as it is stored."""
    expect(page.get_by_role("button", name="Stop", exact=True)).to_have_count(0, timeout=SOON)
    expect(page.get_by_role("button", name="Copy", exact=True).last).to_be_visible(timeout=SOON)


def take_model(page: Page, name: str) -> None:
    page.get_by_title("Choose the model").click()
    page.get_by_role("menuitemradio", name=name).click()
    expect(page.get_by_title("Choose the model")).to_contain_text(name[:10])


def pdf_of(*lines: str) -> bytes:
    written = io.BytesIO()
    canvas = Canvas(written)
    for number, line in enumerate(lines):
        canvas.drawString(72, 760 - 24 * number, line)
    canvas.save()
    return written.getvalue()
