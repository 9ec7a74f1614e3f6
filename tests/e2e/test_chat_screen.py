"""The chat page in a browser, from a file that is dropped to the citation, and to the end of the credits."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect

from tests.e2e.accessibility import findings
from tests.e2e.chat_steps import (
    MINI,
    OFFLINE,
    SOON,
    Product,
    ask,
    drop,
    is_over,
    messages,
    open_chat,
    pdf_of,
    question,
    running_product,
    slower,
    take_model,
)

pytestmark = pytest.mark.timeout(300)

CONTRACT = pdf_of(
    "Framework agreement with Nordfell",
    "The notice period for the winter range is six months.",
    "Notice has to arrive before the end of March.",
)
NOTICE = "What is the notice period for the winter range?"
SEND = """void (XMLHttpRequest.prototype.send = function () { window.sent = this;
  this.upload.dispatchEvent(new ProgressEvent("progress", { loaded: 1, total: 1 })); })"""
LOSE = """() => {
  document.addEventListener("submit", (event) => {
    event.preventDefault();
    event.stopPropagation();
  }, { capture: true, once: true });
  document.getElementById("composer").requestSubmit();
}"""


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with running_product() as running:
        yield running


@pytest.fixture
def chat(page: Page, product: Product) -> Page:
    open_chat(page, product)
    return page


def use_up_credits(page: Page, product: Product) -> None:
    """Ask over HTTP, less and less, until not even a word can be paid."""
    product.provider.pieces = ["Yes."]
    try:
        for words in (20_000, 5_000, 1_000, 1):
            asked = {"role": "user", "content": "Why? " * words}
            body = {"modelId": "gpt-4o-mini", "messages": [asked]}
            for _ in range(30):
                answer = page.request.post(
                    f"{product.server.url}/api/chat", data=body, headers={"origin": product.server.url}
                )
                if not answer.ok:
                    break
            assert answer.status == 402, answer.text()
    finally:
        product.provider.pieces = []


def test_from_a_dropped_file_to_its_passage_to_the_end_of_the_credits(chat: Page, product: Product) -> None:
    drop(chat, "nordfell.pdf", CONTRACT)
    chip = chat.get_by_role("list", name="Asked about").get_by_role("listitem")
    expect(chip).to_contain_text("nordfell", ignore_case=True, timeout=SOON)
    expect(chip).not_to_contain_text("Being read", timeout=SOON)
    expect(chip).to_contain_text("For all members")
    expect(chat.get_by_title("Choose documents")).to_have_text("1 document")
    take_model(chat, OFFLINE)
    ask(chat, NOTICE)
    is_over(chat)
    expect(messages(chat)).to_contain_text("six months")
    chat.get_by_role("button", name="Passage 1").first.click()
    sheet = chat.get_by_role("dialog")
    expect(sheet).to_contain_text("six months")
    expect(sheet.get_by_role("link", name="Open the document")).to_have_attribute(
        "href", re.compile("^/api/documents/.+/file[?]tenantId=.+")
    )
    chat.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    take_model(chat, MINI)
    ask(chat, "And in a word?")
    is_over(chat)
    expect(messages(chat)).to_contain_text("word59")
    expect(messages(chat)).to_contain_text("1 credit")
    use_up_credits(chat, product)
    question(chat).fill("Why?")
    question(chat).press("Enter")
    expect(chat.get_by_role("link", name="See the plans")).to_be_visible(timeout=SOON)
    expect(question(chat)).to_have_value("Why?")
    expect(messages(chat)).not_to_contain_text("Why?")
    chat.get_by_role("link", name="See the plans").click()
    expect(chat).to_have_url(re.compile("/app/billing"))


def test_what_is_refused_says_why_beside_its_file(chat: Page) -> None:
    drop(chat, "song.mp3", b"ID3")
    row = chat.locator("#chat-uploads li")
    expect(row).to_contain_text("song.mp3")
    expect(row).to_contain_text("not supported", timeout=SOON)
    row.get_by_role("button", name="Close the message").click()
    expect(row).to_have_count(0)


def test_a_file_over_the_plan_is_refused_with_the_way_to_a_larger_one(chat: Page) -> None:
    chat.locator("#chat-files").evaluate("field => (field.dataset.most = '1')")
    drop(chat, "boots.txt", b"About boots.")
    expect(chat.locator("#chat-uploads").get_by_role("link", name="See the plans")).to_be_visible()


def test_an_upload_is_for_all_members_and_not_cancelled_once_it_is_sent(chat: Page) -> None:
    chat.evaluate(SEND)
    drop(chat, "boots.txt", b"About boots.")
    row = chat.locator("#chat-uploads li")
    expect(row).to_contain_text("For all members")
    expect(row).to_contain_text("Looking at it")
    expect(row.get_by_role("button")).to_have_count(0)
    chat.evaluate("sent.dispatchEvent(new ProgressEvent('loadend'))")
    expect(row).to_contain_text("The connection was lost")
    expect(row.get_by_role("button", name="Close the message")).to_be_visible()


def test_files_are_chosen_with_the_button_too(chat: Page) -> None:
    with chat.expect_file_chooser() as choosing:
        chat.get_by_role("button", name="Upload files").click()
    files: list[FilePayload] = [
        {"name": f"{name}.txt", "mimeType": "text/plain", "buffer": f"About {name}.".encode()}
        for name in ("boots", "tents")
    ]
    choosing.value.set_files(files)
    expect(chat.get_by_role("list", name="Asked about").get_by_role("listitem")).to_have_count(
        2, timeout=SOON
    )
    chat.get_by_role("button", name=re.compile("Do not ask about boots")).click()
    expect(chat.get_by_title("Choose documents")).to_have_text("1 document")


def test_what_was_sent_to_a_server_that_was_started_anew_stays_until_it_is_stored(chat: Page) -> None:
    take_model(chat, OFFLINE)
    ask(chat, "Why?")
    is_over(chat)
    question(chat).fill("And in winter?")
    # It is sent, and nobody takes it; then the server knows of none.
    chat.evaluate(LOSE)
    id = chat.evaluate("JSON.parse(sessionStorage.getItem('chat-draft')).id")
    for accepted, left in (("", "And in winter?"), (id, "")):
        chat.evaluate("id => document.getElementById('composer').dataset.accepted = id", accepted)
        expect(question(chat)).to_have_value(left)
        draft = chat.evaluate("JSON.parse(sessionStorage.getItem('chat-draft') ?? '{}').text ?? ''")
        assert draft == left


def test_an_answer_is_stopped_by_escape_and_kept(chat: Page, product: Product) -> None:
    take_model(chat, MINI)
    with slower(product):
        ask(chat, "Tell me something long.")
        expect(messages(chat)).to_contain_text("word8", timeout=SOON)
        chat.keyboard.press("Escape")
        is_over(chat)
    expect(messages(chat)).to_contain_text("Stopped here.")
    expect(messages(chat)).not_to_contain_text("word59")


def test_every_word_is_shown_while_it_is_written_and_a_reload_loses_none(
    chat: Page, product: Product
) -> None:
    take_model(chat, MINI)
    with slower(product):
        ask(chat, "Tell me something long.")
        expect(messages(chat)).to_contain_text(re.compile("word0 word1 word2 word3 "), timeout=SOON)
        expect(chat).to_have_url(re.compile("chat="))
        chat.reload()
        expect(messages(chat)).to_contain_text(re.compile("word0 word1 word2 word3 word4 word5 "))
        expect(messages(chat)).not_to_contain_text("word59")
    is_over(chat)
    expect(messages(chat)).to_contain_text(" ".join(f"word{number}" for number in range(60)))


def test_enter_with_shift_makes_a_new_line(chat: Page) -> None:
    question(chat).press_sequentially("One")
    question(chat).press("Shift+Enter")
    question(chat).press_sequentially("Two")
    expect(question(chat)).to_have_value("One\nTwo")
    chat.reload()
    expect(question(chat)).to_have_value("One\nTwo")
    question(chat).press("Enter")
    is_over(chat)
    expect(messages(chat)).to_contain_text("One\nTwo")


def test_what_is_too_long_to_be_sent_is_said_and_kept(chat: Page) -> None:
    long = "Why? " * 6_000
    question(chat).fill(long)
    question(chat).press("Enter")
    said = question(chat).evaluate("field => field.validationMessage")
    assert "Upload it as a file" in said
    expect(question(chat)).to_have_value(long)
    ask(chat, "Why? " * 5_000)
    is_over(chat)


def test_a_question_is_edited_and_asked_again(chat: Page) -> None:
    take_model(chat, OFFLINE)
    ask(chat, "Hallo")
    is_over(chat)
    chat.get_by_role("button", name="Edit", exact=True).click()
    editor = chat.get_by_label("Your question, anew")
    expect(editor).to_be_focused()
    editor.press("Escape")
    expect(editor).to_have_count(0)
    chat.get_by_role("button", name="Edit", exact=True).click()
    editor.fill("Thank you")
    editor.press("Enter")
    expect(editor).to_have_count(0)
    is_over(chat)
    expect(messages(chat)).to_contain_text("Thank you")
    expect(messages(chat)).not_to_contain_text("Hallo")
    copy = messages(chat).get_by_role("button", name="Copy", exact=True)
    before = copy.get_attribute("data-copies") or ""
    chat.get_by_role("button", name="Ask again").click()
    expect(copy).not_to_have_attribute("data-copies", before)
    is_over(chat)
    expect(copy).to_have_count(1)
    expect(messages(chat)).to_contain_text("Thank you")


def test_an_earlier_question_is_asked_again_only_after_a_question(chat: Page) -> None:
    take_model(chat, OFFLINE)
    for text in ("Hallo", "Thank you"):
        ask(chat, text)
        is_over(chat)
    again = messages(chat).get_by_role("button", name="Ask again")
    dialog = chat.get_by_role("alertdialog", name="Ask this again?")
    again.first.click()
    expect(dialog).to_contain_text("All that followed it is replaced.")
    dialog.get_by_role("button", name="Keep").click()
    expect(dialog).to_be_hidden()
    expect(again).to_have_count(2)
    again.first.click()
    dialog.get_by_role("button", name="Ask again").click()
    expect(dialog).to_be_hidden()
    expect(messages(chat)).not_to_contain_text("Thank you")
    is_over(chat)
    expect(again).to_have_count(1)
    expect(messages(chat)).to_contain_text("Hallo")


def test_a_chat_is_renamed_exported_deleted_and_brought_back(chat: Page) -> None:
    take_model(chat, OFFLINE)
    ask(chat, "Hello")
    is_over(chat)
    chat.get_by_role("button", name="This chat").click()
    chat.get_by_role("menuitem", name="Rename").click()
    chat.get_by_label("Title").fill("Greetings")
    chat.get_by_role("button", name="Rename", exact=True).click()
    expect(chat.get_by_role("heading", level=1)).to_have_text("Greetings")
    saved = chat.get_by_role("region", name="Saved chats").get_by_role("listitem")
    expect(saved).to_contain_text("Greetings")
    for name, ending in (("Export as Markdown", "md"), ("Export as JSON", "json")):
        chat.get_by_role("button", name="This chat").click()
        with chat.expect_download() as downloading:
            chat.get_by_role("menuitem", name=name).click()
        assert downloading.value.suggested_filename == f"Greetings.{ending}"
        text = Path(downloading.value.path()).read_text()
        assert (json.loads(text)["title"] if ending == "json" else text.splitlines()[0][2:]) == "Greetings"
    chat.get_by_role("button", name="This chat").click()
    chat.get_by_role("menuitem", name="Delete").click()
    chat.locator("#delete-chat").get_by_role("button", name="Delete").click()
    expect(chat.get_by_text("What would you like to know?")).to_be_visible()
    expect(saved).to_have_count(0)
    chat.get_by_role("button", name="Undo").click()
    expect(messages(chat)).to_contain_text("Hello")
    expect(saved).to_contain_text("Greetings")


def test_a_provider_that_fails_is_said_in_a_sentence(page: Page, product: Product) -> None:
    open_chat(page, product)
    take_model(page, MINI)
    product.provider.fails = True
    try:
        ask(page, "Is anybody there?")
        expect(page.get_by_role("button", name="Ask again")).to_be_visible(timeout=SOON)
    finally:
        product.provider.fails = False
    expect(messages(page).locator("p.text-danger")).to_have_text(re.compile(r"^[A-Z].*\.$"))
    page.get_by_role("button", name="Ask again").click()
    is_over(page)
    expect(messages(page)).to_contain_text("word59", timeout=SOON)
    expect(messages(page).locator("p.text-danger")).to_have_count(0)


def test_two_tabs_of_a_chat_stay_in_step(chat: Page, product: Product) -> None:
    take_model(chat, MINI)
    ask(chat, "Tell me something long.")
    expect(chat).to_have_url(re.compile("chat="))
    other = chat.context.new_page()
    other.goto(chat.url)
    expect(messages(other)).to_contain_text("word0", timeout=SOON)
    is_over(other)
    expect(messages(other)).to_contain_text("word59")
    with slower(product):
        ask(other, "And more?")
        expect(messages(chat)).to_contain_text("And more?", timeout=SOON)
        other.get_by_role("button", name="Stop").click()
        expect(messages(chat)).to_contain_text("Stopped", timeout=SOON)
    other.close()


def test_a_locked_model_says_which_plan_has_it(chat: Page) -> None:
    chat.get_by_title("Choose the model").click()
    locked = chat.get_by_role("menuitemradio").filter(has_text="comes with the").first
    expect(locked).to_be_disabled()
    expect(chat.get_by_role("menuitem", name="See the plans")).to_be_visible()


def test_chosen_documents_are_the_only_ones_asked(page: Page, product: Product) -> None:
    page.goto(f"{product.server.url}/sign-in")
    page.get_by_label("E-mail address").fill(product.server.email)
    page.get_by_label("Password").fill(product.server.password)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Chat", exact=True).click()
    suggestions = page.get_by_role("list", name="Suggestions").get_by_role("button")
    expect(suggestions.first).to_be_visible()
    page.get_by_title("Choose documents").click()
    page.get_by_label("Search documents").fill("Returns")
    page.get_by_role("checkbox", name="Returns and exchanges").click()
    expect(page.get_by_role("checkbox", name="Returns and exchanges")).to_be_checked()
    page.get_by_role("button", name="Done").click()
    expect(page.get_by_title("Choose documents")).to_have_text("1 document")
    take_model(page, OFFLINE)
    ask(page, "How many days do I have to send back a jacket?")
    is_over(page)
    expect(messages(page)).to_contain_text("60 days")
    page.reload()
    expect(page.get_by_title("Choose documents")).to_have_text("1 document")
    search = page.get_by_label("Search chats")
    search.fill("jacket")
    expect(page.get_by_role("region", name="Saved chats").get_by_role("listitem")).to_have_count(1)
    search.fill("penguins")
    expect(page.get_by_text("Nothing found")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_the_page_is_accessible(
    browser: Browser, product: Product, scheme: Literal["light", "dark"], width: int
) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 844}, color_scheme=scheme)
    page = context.new_page()
    open_chat(page, product)
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(f"{product.chat}?chat=new")
    expect(page.get_by_text("What would you like to know?")).to_be_visible()
    assert findings(page, touch=width < 500) == []
    ask(page, "Hello")
    is_over(page)
    assert findings(page, touch=width < 500) == []
    page.get_by_title("Choose documents").click()
    expect(page.get_by_role("button", name="Done")).to_be_visible()
    assert findings(page) == []
    page.keyboard.press("Escape")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if width < 500:
        page.get_by_role("link", name="All chats").click()
        expect(page.get_by_role("region", name="Saved chats")).to_contain_text("Hello")
        expect(question(page)).to_be_hidden()
        page.get_by_role("link", name=re.compile("Hello")).click()
        expect(question(page)).to_be_visible()
    context.close()
