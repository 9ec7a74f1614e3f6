"""The inbox in one browser and a visitor's panel in another, from the hand-off to the end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from helpninja_app.demo.workspace import PUBLIC_KEY
from tests.e2e.accessibility import findings
from tests.e2e.dashboard_steps import sign_in
from tests.e2e.demo_server import DemoServer, running_demo
from tests.e2e.places import box_of
from tests.e2e.slow_provider import SlowProvider, running_slow_provider

pytestmark = pytest.mark.timeout(300)

SOON = 30_000
QUESTION = "How long do I have to return a jacket?"
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


@pytest.fixture(scope="module")
def provider() -> Iterator[SlowProvider]:
    with running_slow_provider(words=60, pause=0.3) as running:
        yield running


@pytest.fixture(scope="module")
def server(provider: SlowProvider) -> Iterator[DemoServer]:
    with running_demo(
        OPENAI_API_KEY="sk-test-0123456789",
        OPENAI_BASE_URL=provider.url,
        HELPNINJA_EMBEDDER="minilm",
        HELPNINJA_ANSWER_MODEL="gpt-4o-mini",
    ) as running:
        yield running


@contextmanager
def panel(browser: Browser, server: DemoServer) -> Iterator[Page]:
    """A visitor's own browser, with the widget's panel open."""
    context = browser.new_context(locale="en-GB", timezone_id="America/Sao_Paulo")
    page = context.new_page()
    page.goto(f"{server.url}/widget/panel?t={PUBLIC_KEY}")
    expect(page.locator("#send")).to_have_attribute("aria-disabled", "false")
    yield page
    context.close()


@pytest.fixture
def visitor(browser: Browser, server: DemoServer) -> Iterator[Page]:
    with panel(browser, server) as page:
        yield page


@pytest.fixture
def inbox(page: Page, server: DemoServer) -> Page:
    sign_in(page, server)
    page.set_viewport_size({"width": 1440, "height": 844})
    page.goto(f"{server.url}/app/inbox")
    expect(page.get_by_role("heading", name="Inbox", exact=True)).to_be_visible()
    # Both panes are loaded, and follow.
    expect(page.locator("[data-follows]")).to_have_count(2, timeout=SOON)
    return page


def say(visitor: Page, text: str) -> None:
    visitor.locator("#message").fill(text)
    expect(visitor.locator("#send")).to_have_attribute("aria-disabled", "false", timeout=SOON)
    visitor.locator("#message").press("Enter")


def ask_for_a_person(visitor: Page, inbox: Page) -> None:
    """The visitor asks, and the member opens the conversation as it appears in their list."""
    rows = inbox.locator("a[data-conversation]")
    known = rows.evaluate_all("rows => rows.map((row) => row.dataset.conversation)")
    say(visitor, "Can I talk to a human please?")
    others = "".join(f':not([data-conversation="{id}"])' for id in known)
    row = inbox.locator(f"a[data-conversation]{others}").first
    expect(row).to_contain_text("asked for a person", timeout=SOON)
    row.click()
    expect(row).to_have_attribute("aria-current", "true", timeout=SOON)
    expect(messages(inbox)).to_contain_text("Can I talk to a human please?", timeout=SOON)


def messages(inbox: Page) -> Locator:
    return inbox.get_by_role("group", name="Messages")


def head_button(inbox: Page, name: str) -> Locator:
    return inbox.get_by_role("region", name="Conversation", exact=True).get_by_role("button", name=name)


def findings_in_both_modes(inbox: Page) -> list[str]:
    # What the pointer is over still fades when the page moves below it.
    inbox.mouse.move(0, 0)
    found = []
    for scheme in SCHEMES:
        inbox.emulate_media(color_scheme=scheme)
        found += findings(inbox)
    return found


def test_a_member_takes_over_in_the_middle_of_an_answer_replies_hands_back_and_resolves(
    inbox: Page, visitor: Page, provider: SlowProvider
) -> None:
    ask_for_a_person(visitor, inbox)
    with provider.stopped_after(4):
        say(visitor, QUESTION)
        expect(visitor.locator("#messages, body").first).to_contain_text("word2", timeout=SOON)
        head_button(inbox, "Take over").click()
        expect(head_button(inbox, "Hand back")).to_be_visible(timeout=SOON)
    inbox.keyboard.press("r")
    reply = inbox.get_by_label("Your reply")
    expect(reply).to_be_focused()
    reply.fill("Sixty days, and I have written it down.")
    reply.press("Control+Enter")
    expect(visitor.locator("body")).to_contain_text("Sixty days, and I have written it down.", timeout=SOON)
    expect(reply).to_have_value("")
    expect(messages(inbox).get_by_text("Sixty days, and I have written it down.")).to_have_count(1)
    expect(messages(inbox)).not_to_contain_text("word59")
    head_button(inbox, "Hand back").click()
    expect(messages(inbox)).to_contain_text("handed it back to the assistant", timeout=SOON)
    expect(head_button(inbox, "Resolve")).to_be_enabled(timeout=SOON)
    inbox.get_by_role("heading", name="Inbox", exact=True).click()
    inbox.keyboard.press("e")
    expect(inbox.get_by_role("status").get_by_text("The conversation is resolved.")).to_be_visible(
        timeout=SOON
    )
    inbox.get_by_role("button", name="Undo").click()
    expect(messages(inbox)).to_contain_text("opened it again", timeout=SOON)
    visitor.locator(".thumbs .up").first.click()
    expect(messages(inbox)).to_contain_text("Helped the visitor", timeout=SOON)
    head_button(inbox, "Resolve").click()
    visitor.locator("#csat .scale label").nth(3).click()
    visitor.locator("#comment").fill("Quick and kind.")
    visitor.locator("#csat .primary").click()
    expect(visitor.locator("#csat")).to_be_hidden(timeout=SOON)
    expect(messages(inbox)).to_contain_text("rated the conversation 4 of 5: “Quick and kind.”", timeout=SOON)
    about = inbox.get_by_role("complementary", name="About this conversation")
    expect(about).to_contain_text("4 of 5")
    expect(about).to_contain_text("English (en-GB)")
    expect(about).to_contain_text(re.compile(r"\d\d:\d\d there \(America/Sao_Paulo\)"))
    assert findings_in_both_modes(inbox) == []


def test_what_waits_goes_on_waiting_when_its_resolve_is_undone(inbox: Page, visitor: Page) -> None:
    ask_for_a_person(visitor, inbox)
    expect(messages(inbox)).to_contain_text("I have passed this")
    expect(messages(inbox)).not_to_contain_text("confidence")
    why = inbox.get_by_role("complementary", name="About this conversation")
    expect(why).to_contain_text("The visitor asked for a person.")
    expect(why.get_by_role("progressbar")).to_have_count(0)
    head_button(inbox, "Resolve").click()
    inbox.get_by_role("button", name="Undo").click()
    expect(messages(inbox)).to_contain_text("opened it again", timeout=SOON)
    row = inbox.get_by_role("list", name="Conversations").get_by_role("link").first
    expect(row).to_contain_text("asked for a person", timeout=SOON)
    expect(head_button(inbox, "Resolve")).to_be_visible()


def test_a_draft_survives_news_a_failure_and_a_reload_and_is_sent_once(inbox: Page, visitor: Page) -> None:
    ask_for_a_person(visitor, inbox)
    reply = inbox.get_by_label("Your reply")
    reply.fill("Half a reply")
    say(visitor, "Size 44 by the way.")
    expect(messages(inbox)).to_contain_text("Size 44 by the way.", timeout=SOON)
    expect(reply).to_have_value("Half a reply")
    inbox.reload()
    expect(reply).to_have_value("Half a reply", timeout=SOON)
    inbox.get_by_role("tab", name="Note").click()
    expect(inbox.get_by_label("A note for members")).to_have_value("")
    inbox.get_by_label("A note for members").fill("Ask @")
    expect(inbox.get_by_role("listbox", name="Members to mention")).to_be_visible()
    inbox.get_by_label("A note for members").press("Enter")
    expect(inbox.get_by_label("A note for members")).to_have_value(re.compile("^Ask @.+ $"))
    inbox.get_by_role("button", name="Add note").click()
    expect(messages(inbox)).to_contain_text("Note · ", timeout=SOON)
    expect(visitor.locator("body")).not_to_contain_text("Ask @")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_on_it_keeps_anybody_out(
    inbox: Page, visitor: Page, scheme: Literal["light", "dark"], width: int
) -> None:
    ask_for_a_person(visitor, inbox)
    inbox.emulate_media(color_scheme=scheme)
    inbox.set_viewport_size({"width": width, "height": 844})
    expect(messages(inbox)).to_be_visible()
    assert findings(inbox) == []
    if width == 390:
        inbox.get_by_role("link", name="All conversations").click()
        expect(inbox.get_by_role("list", name="Conversations")).to_be_visible()
        assert findings(inbox) == []


def test_the_keys_move_through_the_list_and_not_while_something_is_typed(
    inbox: Page, visitor: Page, browser: Browser, server: DemoServer
) -> None:
    with panel(browser, server) as earlier:
        ask_for_a_person(earlier, inbox)
    ask_for_a_person(visitor, inbox)
    rows = inbox.locator("a[data-conversation]")
    inbox.get_by_role("heading", name="Inbox", exact=True).click()
    inbox.keyboard.press("j")
    expect(rows.nth(1)).to_have_attribute("aria-current", "true", timeout=SOON)
    inbox.keyboard.press("k")
    expect(rows.first).to_have_attribute("aria-current", "true", timeout=SOON)
    field = inbox.get_by_label("Search conversations")
    field.fill("")
    field.press("e")
    expect(field).to_have_value("e")
    expect(head_button(inbox, "Resolve")).to_be_visible()


def open_canned(inbox: Page) -> Locator:
    """The list of canned replies, opened as the keyboard does; its search has the focus."""
    reply = inbox.get_by_label("Your reply")
    reply.fill("")
    reply.press("/")
    field = inbox.get_by_role("combobox", name="Search canned replies")
    expect(field).to_be_focused()
    return field


def test_canned_replies_are_kept_found_by_keys_and_filled(inbox: Page, visitor: Page) -> None:
    ask_for_a_person(visitor, inbox)
    field = open_canned(inbox)
    inbox.get_by_role("dialog", name="Canned replies").get_by_role("button", name="Manage").click()
    kept = inbox.get_by_role("dialog", name="Canned replies")
    for name, text in (
        ("greeting", "Hello {{visitor.name}}, how can I help?"),
        ("old", "We are closed for good."),
        ("refund", "Your refund takes five days."),
        ("returns", "Returns are free for {{visitor.shoe}}."),
    ):
        kept.get_by_role("button", name="New reply").click()
        expect(kept.get_by_label("Name")).to_be_focused()
        kept.get_by_label("Name").fill(name)
        kept.get_by_label("Text").fill(text)
        kept.get_by_role("button", name="Add", exact=True).click()
        if "shoe" in text:
            expect(kept).to_contain_text("There is no variable {{visitor.shoe}}", timeout=SOON)
            assert findings_in_both_modes(inbox) == []
            expect(kept.get_by_label("Text")).to_have_value(text)
            kept.get_by_label("Text").fill("Returns are free for 60 days.")
            kept.get_by_role("button", name="Add", exact=True).click()
        expect(kept.get_by_role("listitem").filter(has_text=name)).to_be_visible(timeout=SOON)
    kept.get_by_role("button", name="Delete “old”").click()
    inbox.get_by_role("alertdialog", name="Delete “old”?").get_by_role("button", name="Delete").click()
    expect(kept.get_by_role("listitem")).to_have_count(3, timeout=SOON)
    expect(kept.get_by_role("button", name="New reply")).to_be_focused()
    inbox.keyboard.press("Escape")
    reply = inbox.get_by_label("Your reply")
    expect(reply).to_have_value("/")
    field = open_canned(inbox)
    options = inbox.get_by_role("listbox", name="Canned replies").get_by_role("option")
    expect(options).to_have_count(3)
    assert findings_in_both_modes(inbox) == []
    field.press("Escape")
    expect(reply).to_be_focused()
    expect(reply).to_have_value("/")
    field = open_canned(inbox)
    field.press_sequentially("re")
    # Those that begin so come first.
    expect(options).to_have_text([re.compile(f"^{name}") for name in ("refund", "returns", "greeting")])
    field.press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    field.press("Enter")
    expect(reply).to_have_value("Returns are free for 60 days.", timeout=SOON)
    expect(reply).to_be_focused()
    reply.press("Control+a")
    inbox.get_by_role("button", name="Canned replies").click()
    # Faster than the server finds it.
    inbox.get_by_role("combobox", name="Search canned replies").press_sequentially("greet")
    inbox.keyboard.press("Enter")
    expect(reply).to_have_value("Hello , how can I help?", timeout=SOON)
    expect(inbox.get_by_role("status").filter(has_text="the visitor's name")).to_be_visible()
    assert findings_in_both_modes(inbox) == []
    reply.press("Control+Enter")
    expect(visitor.locator("body")).to_contain_text("Hello , how can I help?", timeout=SOON)
    expect(inbox.get_by_role("status").filter(has_text="the visitor's name")).to_have_count(0)


def test_a_conversation_is_shared_by_a_link_and_downloaded(inbox: Page, visitor: Page) -> None:
    ask_for_a_person(visitor, inbox)
    head_button(inbox, "More").click()
    inbox.get_by_role("menuitem", name="Share link").click()
    shared = inbox.get_by_role("dialog", name="Share this conversation")
    shared.get_by_role("button", name="Make a link").click()
    link = shared.get_by_label("The new link")
    expect(link).to_contain_text("/api/shared-conversation?token=", timeout=SOON)
    assert findings_in_both_modes(inbox) == []
    url = link.inner_text()
    visitor.goto(url)
    expect(visitor.locator("main")).to_contain_text("Can I talk to a human please?")
    shared.get_by_role("button", name="Revoke").click()
    inbox.get_by_role("alertdialog", name="Revoke this link?").get_by_role("button", name="Revoke").click()
    expect(shared.get_by_role("list", name="Links")).to_contain_text("Revoked", timeout=SOON)
    assert visitor.reload().status == 404  # type: ignore[union-attr]
    inbox.keyboard.press("Escape")
    head_button(inbox, "More").click()
    with inbox.expect_download() as download:
        inbox.get_by_role("menuitem", name="Markdown", exact=True).click()
    assert "Can I talk to a human please?" in download.value.path().read_text()
    inbox.get_by_role("button", name="More of the inbox").click()
    with inbox.expect_download() as download:
        inbox.get_by_role("menuitem", name="Export as CSV").click()
    assert download.value.path().read_text().startswith("id,status,reason")


def open_one(inbox: Page) -> str:
    """The id of the conversation that is open."""
    row = inbox.locator("a[data-conversation][aria-current=true]")
    return str(row.get_attribute("data-conversation"))


def mention_the_owner(server: DemoServer, id: str) -> None:
    """A program notes something for them."""
    with httpx.Client(
        base_url=server.url, headers={"authorization": f"Bearer {server.api_key}"}, timeout=30
    ) as client:
        members = client.get(f"/api/workspaces/{PUBLIC_KEY}/members").json()["members"]
        note = {"text": "@Demo owner, have a look.", "mentions": [members[0]["id"]]}
        client.post(f"/api/conversations/{id}/note", json=note).raise_for_status()


def test_a_mention_is_counted_and_read_by_going_there(inbox: Page, visitor: Page, server: DemoServer) -> None:
    ask_for_a_person(visitor, inbox)
    id = open_one(inbox)
    inbox.goto(f"{server.url}/app/inbox")
    expect(inbox.locator("a[data-conversation][aria-current=true]")).to_have_count(0)
    expect(inbox.locator("[data-follows]")).to_have_count(2, timeout=SOON)
    mention_the_owner(server, id)
    inbox.get_by_role("button", name="Mentions, 1 unread").click(timeout=SOON)
    panel = inbox.get_by_role("dialog", name="Mentions")
    assert findings_in_both_modes(inbox) == []
    panel.get_by_role("link", name="have a look").click()
    expect(messages(inbox)).to_contain_text("@Demo owner, have a look.", timeout=SOON)
    expect(panel).to_be_hidden()
    expect(inbox.get_by_role("button", name="Mentions", exact=True)).to_be_visible(timeout=SOON)


# The headless browser never hides a page.
TURN_TO = """visibility => {
  Object.defineProperty(document, 'visibilityState', {configurable: true, get: () => visibility});
  document.dispatchEvent(new Event('visibilitychange', {bubbles: true}));
}"""


def test_what_comes_behind_another_tab_is_unread_until_somebody_looks(
    inbox: Page, visitor: Page, server: DemoServer
) -> None:
    ask_for_a_person(visitor, inbox)
    inbox.evaluate(TURN_TO, "hidden")
    mention_the_owner(server, open_one(inbox))
    expect(messages(inbox)).to_contain_text("@Demo owner, have a look.", timeout=SOON)
    expect(inbox.get_by_role("button", name="Mentions, 1 unread")).to_be_visible(timeout=SOON)
    inbox.evaluate(TURN_TO, "visible")
    expect(inbox.get_by_role("button", name="Mentions", exact=True)).to_be_visible(timeout=SOON)


def test_on_a_phone_the_buttons_about_a_conversation_stand_beside_its_name(
    inbox: Page, visitor: Page
) -> None:
    ask_for_a_person(visitor, inbox)
    inbox.set_viewport_size({"width": 390, "height": 844})
    name = inbox.get_by_role("region", name="Conversation", exact=True).get_by_role("heading", level=2)
    rows = []
    for found in (name, head_button(inbox, "About this conversation"), head_button(inbox, "Take over")):
        box = box_of(found)
        rows.append(box["y"] + box["height"] / 2)
    assert abs(rows[0] - rows[1]) < 20
    assert rows[2] > rows[1] + 20
    head_button(inbox, "About this conversation").click()
    # In the field for tags the keyboard of the phone would cover what one came to read.
    about = inbox.get_by_role("dialog", name="About this conversation")
    expect(about.get_by_role("button", name="Close")).to_be_focused()
