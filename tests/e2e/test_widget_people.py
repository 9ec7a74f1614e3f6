"""People in the widget's panel: replies, typing, status, and a connection that breaks or is left alone."""

import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.e2e.widget_steps import HIDE, QUESTION, ask, begun, listens, open_widget, visit_panel, visit_shop
from tests.twins.widget_backend import Fault, Reply, WidgetBackend

EVENTS = "/api/widget/events"
HISTORY = "/api/widget/conversation"
NOON = datetime(2026, 11, 5, 12, tzinfo=UTC)


def test_a_persons_reply_appears_under_their_name_and_is_read_out(
    page: Page, widget_backend: WidgetBackend
) -> None:
    session = begun(page, widget_backend)
    widget_backend.change(session, status="human")
    expect(page.locator(".system")).to_have_text("A person has taken over and will answer here.")
    widget_backend.reply(session, "Sixty days, see https://shop.example/a <b>now</b>.")
    expect(page.locator(".person .author")).to_have_text("Anna")
    expect(page.locator(".person .bubble")).to_have_text("Sixty days, see https://shop.example/a <b>now</b>.")
    expect(page.locator(".person a")).to_have_attribute("href", "https://shop.example/a")
    expect(page.locator("#subtitle")).to_have_text("Anna answers here.")
    expect(page.locator("#announcer")).to_contain_text("Anna: Sixty days")


def test_the_status_is_told_at_every_change_and_kept_in_the_head(
    page: Page, widget_backend: WidgetBackend
) -> None:
    session = begun(page, widget_backend)
    for status, line, head in [
        ("waiting", "A person has been asked and will answer here.", "A person has been asked."),
        ("human", "A person has taken over and will answer here.", "A person answers here."),
        ("bot", "Our assistant answers again.", "Answers from our help centre."),
        ("resolved", "This is settled. Write again whenever you need us.", "Answers from our help centre."),
    ]:
        widget_backend.change(session, status=status)
        expect(page.locator(".system").last).to_have_text(line)
        expect(page.locator("#announcer")).to_have_text(line)
        expect(page.locator("#subtitle")).to_have_text(head)
    expect(page.locator(".system")).to_have_count(4)


def test_the_members_typing_shows_until_their_words_come(page: Page, widget_backend: WidgetBackend) -> None:
    session = begun(page, widget_backend)
    widget_backend.change(session, status="human")
    expect(page.locator(".system")).to_have_count(1)
    widget_backend.type(session)
    expect(page.locator(".typing")).to_have_text("A person is writing")
    widget_backend.reply(session, "Here I am.")
    expect(page.locator(".person")).to_have_count(1)
    expect(page.locator(".typing")).to_have_count(0)


def test_the_members_typing_is_over_after_some_seconds_of_silence(
    page: Page, widget_backend: WidgetBackend
) -> None:
    session = begun(page, widget_backend)
    widget_backend.change(session, status="human")
    expect(page.locator(".system")).to_have_count(1)
    widget_backend.type(session)
    expect(page.locator(".typing")).to_be_visible()
    expect(page.locator(".typing")).to_have_count(0, timeout=20_000)


def test_the_visitors_typing_is_told_once_in_four_seconds_and_only_where_a_person_is_concerned(
    page: Page, widget_backend: WidgetBackend
) -> None:
    told: list[str] = []
    page.on("request", lambda request: told.append(request.url) if "/typing" in request.url else None)

    def write(words: str, at: float) -> int:
        """How often it was told when this was typed, all at once, so many seconds after noon."""
        page.clock.set_fixed_time(NOON + timedelta(seconds=at))
        page.locator("#message").press_sequentially(words)
        # What the page did before its answer to this is known by then.
        page.evaluate("0")
        return len(told)

    session = begun(page, widget_backend)
    assert write("for the bot", 0) == 0
    widget_backend.change(session, status="human")
    expect(page.locator(".system")).to_have_count(1)
    assert write(" and now for you", 60) == 1
    assert write(" and", 63.9) == 1
    assert write(" for you", 64) == 2
    until = time.monotonic() + 30
    while len(widget_backend.told_of("/api/widget/typing")) < 2 and time.monotonic() < until:
        page.wait_for_timeout(20)
    assert len(widget_backend.told_of("/api/widget/typing")) == 2


def test_what_was_said_while_the_connection_was_broken_comes_when_it_is_back_and_nothing_twice(
    page: Page, widget_backend: WidgetBackend
) -> None:
    session = begun(page, widget_backend)
    widget_backend.change(session, status="human")
    widget_backend.reply(session, "One")
    expect(page.locator(".person")).to_have_count(1)
    widget_backend.troubles[EVENTS].extend([500, 503])
    widget_backend.hang_up()
    widget_backend.reply(session, "Two")
    widget_backend.reply(session, "Three")
    expect(page.locator(".person .bubble")).to_have_text(["One", "Two", "Three"])
    expect(page.locator(".message.visitor")).to_have_count(1)
    expect(page.locator(".system")).to_have_count(1)
    first = next(each["id"] for each in widget_backend.conversations[session] if each["text"] == "One")
    assert widget_backend.listened[-1] == first
    assert widget_backend.most_listening == 1


@pytest.mark.parametrize("tells_first", [False, True])
def test_a_conversation_that_begins_after_some_days_is_the_one_that_is_heard_and_escalated(
    page: Page, widget_backend: WidgetBackend, tells_first: bool
) -> None:
    widget_backend.tells_first = tells_first
    session = begun(page, widget_backend)
    widget_backend.begin_anew(session)
    ask(page, "And shoes?")
    listens(page, widget_backend)
    while len(widget_backend.listened) < 2:
        page.wait_for_timeout(20)
    widget_backend.reply(session, "Shoes too.")
    expect(page.locator(".person .bubble")).to_have_text("Shoes too.")
    with page.expect_response("**/api/widget/conversation*"):
        page.get_by_role("button", name="Talk to a person").click()
    ask(page, "Thanks")
    expect(page.locator(".system")).to_have_text("A person has been asked and will answer here.")
    (asked,) = widget_backend.told_of("/api/escalate")
    assert asked["conversationId"] == f"c-{session}-1"
    expect(page.locator(".message.visitor .bubble")).to_have_text([QUESTION, "And shoes?", "Thanks"])


def test_what_a_person_said_in_the_conversation_that_goes_on_is_shown_once_it_is_written_in(
    page: Page, widget_backend: WidgetBackend
) -> None:
    """As when somebody takes over one that is older than the one that is open here."""
    session = begun(page, widget_backend)
    widget_backend.begin_anew(session)
    widget_backend.change(session, status="human")
    widget_backend.reply(session, "This is Anna.")
    ask(page, "And shoes?")
    expect(page.locator(".person .bubble")).to_have_text("This is Anna.")
    widget_backend.reply(session, "Shoes too.")
    expect(page.locator(".person .bubble")).to_have_text(["This is Anna.", "Shoes too."])


def test_a_token_that_expires_under_the_connection_is_renewed(
    page: Page, widget_backend: WidgetBackend
) -> None:
    session = begun(page, widget_backend)
    widget_backend.expired.add(f"{session}.{widget_backend.tokens}")
    widget_backend.hang_up()
    widget_backend.reply(session, "Still here")
    expect(page.locator(".person .bubble")).to_have_text("Still here")


def test_no_connection_is_opened_before_the_first_message(page: Page, widget_backend: WidgetBackend) -> None:
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    visit_panel(page, widget_backend)
    assert [url for url in requested if EVENTS in url] == []
    ask(page)
    listens(page, widget_backend)
    assert len([url for url in requested if EVENTS in url]) == 1
    ask(page, "And shoes?")
    assert len([url for url in requested if EVENTS in url]) == 1


def test_a_panel_that_is_hidden_for_long_lets_go_of_its_connection_and_catches_up_after(
    page: Page, widget_backend: WidgetBackend
) -> None:
    page.clock.install()
    session = begun(page, widget_backend)
    page.evaluate(HIDE, True)
    page.clock.fast_forward(70_000)
    widget_backend.reply(session, "Still heard")
    expect(page.locator(".person .bubble")).to_have_text("Still heard")
    page.clock.fast_forward(55_000)
    listens(page, widget_backend, 0)
    widget_backend.reply(session, "While you were away")
    page.evaluate(HIDE, False)
    expect(page.locator(".person .bubble")).to_have_text(["Still heard", "While you were away"])
    listens(page, widget_backend)


def test_what_a_person_says_while_nobody_looks_is_not_lost_after_a_first_message_that_was_kept_for_people(
    page: Page, widget_backend: WidgetBackend
) -> None:
    page.clock.install()
    visit_panel(page, widget_backend)
    widget_backend.faults.append(Fault(402, state={"status": "waiting"}))
    ask(page)
    listens(page, widget_backend)
    page.evaluate(HIDE, True)
    page.clock.fast_forward(125_000)
    listens(page, widget_backend, 0)
    widget_backend.reply(widget_backend.only_session(), "While you were away")
    page.evaluate(HIDE, False)
    expect(page.locator(".person .bubble")).to_have_text("While you were away")
    expect(page.locator(".message.visitor")).to_have_count(1)


def test_a_second_tab_hears_the_question_the_answer_and_the_person(
    page: Page, context: BrowserContext, widget_backend: WidgetBackend
) -> None:
    session = begun(page, widget_backend)
    other = visit_panel(context.new_page(), widget_backend)
    listens(page, widget_backend, 2)
    ask(other, "And shoes?")
    expect(page.locator(".message.visitor .bubble")).to_have_text([QUESTION, "And shoes?"])
    expect(page.locator(".message.bot")).to_have_count(3)
    widget_backend.change(session, status="human")
    widget_backend.reply(session, "For both of you")
    for tab in (page, other):
        expect(tab.locator(".person .bubble")).to_have_text("For both of you")
        expect(tab.locator(".message.visitor")).to_have_count(2)
        expect(tab.locator(".message.bot")).to_have_count(4)


def test_a_tab_that_was_open_before_the_first_message_shows_it_when_it_is_looked_at(
    page: Page, context: BrowserContext, widget_backend: WidgetBackend
) -> None:
    other = visit_panel(context.new_page(), widget_backend)
    begun(page, widget_backend)
    expect(other.locator("#suggestions")).to_be_visible()
    other.evaluate(HIDE, False)
    expect(other.locator(".message.visitor .bubble")).to_have_text([QUESTION])
    expect(other.locator("#suggestions")).to_be_hidden()


def test_replies_that_arrive_while_the_panel_is_closed_are_counted_on_the_bubble(
    page: Page, widget_backend: WidgetBackend
) -> None:
    visit_shop(page, widget_backend)
    panel = open_widget(page)
    ask(panel)
    listens(page, widget_backend)
    panel.locator("#close").click()
    for text in ("One", "Two"):
        widget_backend.reply(widget_backend.only_session(), text)
    bubble = page.locator("helpninja-widget button")
    expect(bubble).to_have_accessible_name("Fernway help (2)")
    bubble.click()
    expect(bubble).to_have_accessible_name("Fernway help")
    expect(panel.locator(".person .bubble")).to_have_text(["One", "Two"])


def test_a_closed_panel_says_that_nobody_looks_and_an_opened_one_that_somebody_does(
    page: Page, widget_backend: WidgetBackend
) -> None:
    visit_shop(page, widget_backend)
    panel = open_widget(page)
    ask(panel)
    looks(page, widget_backend, [False])
    panel.locator("#close").click()
    looks(page, widget_backend, [False, True])
    widget_backend.reply(widget_backend.only_session(), "One")
    bubble = page.locator("helpninja-widget button")
    expect(bubble).to_have_accessible_name("Fernway help (1)")
    bubble.click()
    looks(page, widget_backend, [False, True, False])
    widget_backend.reply(widget_backend.only_session(), "Two")
    expect(panel.locator(".person .bubble")).to_have_text(["One", "Two"])
    listens(page, widget_backend)


def test_a_panel_in_a_tab_that_is_hidden_says_that_nobody_looks(
    page: Page, widget_backend: WidgetBackend
) -> None:
    session = begun(page, widget_backend)
    page.evaluate(HIDE, True)
    looks(page, widget_backend, [False, True])
    widget_backend.hang_up()
    looks(page, widget_backend, [False, True, True])
    widget_backend.reply(session, "One")
    expect(page.locator(".person .bubble")).to_have_text(["One"])
    page.evaluate(HIDE, False)
    looks(page, widget_backend, [False, True, True, False])
    first = widget_backend.conversations[session][-1]["id"]
    assert widget_backend.listened[-1] == first


def test_a_closed_panel_in_a_tab_that_is_looked_at_has_nobody_who_looks(
    page: Page, widget_backend: WidgetBackend
) -> None:
    visit_shop(page, widget_backend)
    panel = open_widget(page)
    panel.locator("#close").click()
    panel.wait_for_function("!document.hasFocus()")
    with page.expect_response(f"**{HISTORY}*"):
        panel.evaluate(HIDE, False)
    assert widget_backend.away[HISTORY] == [False, True]


def looks(page: Page, backend: WidgetBackend, wanted: list[bool]) -> None:
    """Waits until so many connections were opened; each says whether nobody looks at its panel."""
    until = time.monotonic() + 30
    while len(backend.away[EVENTS]) < len(wanted) and time.monotonic() < until:
        page.wait_for_timeout(20)
    assert backend.away[EVENTS] == wanted


def test_a_reload_keeps_the_person_their_name_and_the_status(
    page: Page, widget_backend: WidgetBackend
) -> None:
    session = begun(page, widget_backend)
    widget_backend.change(session, status="human")
    widget_backend.reply(session, "Sixty days.")
    expect(page.locator(".person")).to_have_count(1)
    page.reload()
    expect(page.locator(".person .author")).to_have_text("Anna")
    expect(page.locator("#subtitle")).to_have_text("Anna answers here.")
    expect(page.locator(".system")).to_have_text("A person has taken over and will answer here.")
    widget_backend.reply(session, "And shoes too.")
    expect(page.locator(".person .bubble").last).to_have_text("And shoes too.")


def test_an_answer_whose_stream_broke_comes_over_the_live_connection(
    page: Page, widget_backend: WidgetBackend
) -> None:
    session = begun(page, widget_backend)
    widget_backend.replies["And shoes?"] = Reply("You have sixty", cut=True)
    ask(page, "And shoes?")
    expect(page.locator(".failure")).to_have_count(1)
    widget_backend.store(session, "bot", "Sixty days for shoes as well.")
    expect(page.locator(".message.bot").last).to_contain_text("Sixty days for shoes as well.")
    expect(page.locator(".failure")).to_have_count(0)
    expect(page.locator(".message.visitor")).to_have_count(2)


@pytest.mark.browser_context_args(locale="ar")
def test_in_arabic_people_are_told_of_in_arabic(page: Page, widget_backend: WidgetBackend) -> None:
    session = begun(page, widget_backend)
    widget_backend.change(session, status="human")
    widget_backend.reply(session, "Here.", author="ليلى")
    expect(page.locator("#subtitle")).to_have_text(re.compile("^ليلى"))
    expect(page.locator(".system")).to_have_text("تولّى أحد الموظفين المحادثة وسيرد هنا.")
