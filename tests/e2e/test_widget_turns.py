"""What changes in the conversation while the panel waits for an answer, and what it tells of it after."""

import time

import pytest
from playwright.sync_api import APIResponse, BrowserContext, Page, Route, expect

from tests.e2e.places import box_of
from tests.e2e.widget_steps import HIDE, QUESTION, ask, begun, listens, visit_panel
from tests.twins.widget_backend import Reply, WidgetBackend
from tests.twins.widget_people import event


def held(page: Page, path: str) -> list[Route]:
    """The requests to `path` from now on, which wait to be let go on."""
    waiting: list[Route] = []
    page.route(f"**{path}", lambda route: waiting.append(route))
    return waiting


def first_of(page: Page, waiting: list[Route]) -> Route:
    until = time.monotonic() + 30
    while not waiting and time.monotonic() < until:
        page.wait_for_timeout(20)
    return waiting[0]


def test_a_person_who_takes_over_in_the_middle_of_an_answer_ends_it(
    page: Page, widget_backend: WidgetBackend
) -> None:
    session = begun(page, widget_backend)
    widget_backend.hold()
    page.locator("#message").fill("And shoes?")
    page.locator("#message").press("Enter")
    expect(page.locator(".message.bot .text").last).to_have_text("You have")
    widget_backend.change(session, status="human")
    expect(page.locator(".system")).to_have_text("A person has taken over and will answer here.")
    widget_backend.reply(session, "I look at it myself.")
    expect(page.locator(".message").last).to_contain_text("I look at it myself.")
    expect(page.locator(".failure")).to_have_count(0)
    expect(page.locator(".message.bot:not(.person)")).to_have_count(2)
    ask(page, "Thank you")
    expect(page.locator(".message.visitor")).to_have_count(3)


def test_a_status_of_before_the_answer_is_not_told_after_it(
    page: Page, widget_backend: WidgetBackend
) -> None:
    session = begun(page, widget_backend)
    widget_backend.change(session, status="resolved", csatRequested=True)
    expect(page.locator(".system")).to_have_text("This is settled. Write again whenever you need us.")
    widget_backend.replies["And shoes?"] = Reply("I do not know.", escalated=True)
    widget_backend.hold()
    page.locator("#message").fill("And shoes?")
    page.locator("#message").press("Enter")
    expect(page.locator(".message.bot .text").last).to_have_text("I do")
    # What is heard after the status shows at once.
    widget_backend.type(session)
    expect(page.locator(".typing")).to_be_visible()
    widget_backend.flow.set()
    expect(page.locator("#send")).to_have_attribute("aria-disabled", "false")
    expect(page.locator("#csat")).to_be_hidden()
    widget_backend.change(session, status="human")
    expect(page.locator("#subtitle")).to_have_text("A person answers here.")
    expect(page.locator(".system")).to_have_text(
        [
            "This is settled. Write again whenever you need us.",
            "I could not find this for certain, so a person will look at it.",
            "A person has taken over and will answer here.",
        ]
    )


def test_a_person_who_takes_over_what_was_settled_in_the_middle_of_an_answer_is_told_of_once(
    page: Page, widget_backend: WidgetBackend
) -> None:
    session = begun(page, widget_backend)
    widget_backend.change(session, status="resolved")
    expect(page.locator(".system")).to_have_count(1)
    widget_backend.hold()
    page.locator("#message").fill("And shoes?")
    page.locator("#message").press("Enter")
    expect(page.locator(".message.bot .text").last).to_have_text("You have")
    widget_backend.type(session)
    expect(page.locator(".typing")).to_be_visible()
    widget_backend.change(session, status="human")
    expect(page.locator("#send")).to_have_attribute("aria-disabled", "false")
    widget_backend.reply(session, "I look at it myself.")
    expect(page.locator(".person")).to_have_count(1)
    expect(page.locator(".system")).to_have_text(
        [
            "This is settled. Write again whenever you need us.",
            "A person has taken over and will answer here.",
        ]
    )


def test_a_status_that_is_newer_than_the_answer_is_told_after_it(
    page: Page, widget_backend: WidgetBackend
) -> None:
    session = begun(page, widget_backend)
    asking = held(page, "/api/chat")
    page.locator("#message").fill("And shoes?")
    page.locator("#message").press("Enter")
    answering = first_of(page, asking)
    # The live connection is faster than the answer itself.
    widget_backend.store(session, "visitor", "And shoes?")
    answer = widget_backend.store(session, "bot", "Sixty days.")
    widget_backend.change(session, status="resolved")
    widget_backend.type(session)
    expect(page.locator(".typing")).to_have_count(2)
    done = {
        "answer": answer["text"],
        "messageId": answer["id"],
        "conversationId": f"c-{session}",
        "handledBy": "bot",
        "escalated": False,
        "status": "bot",
    }
    answering.fulfill(body=event("done", done), content_type="text/event-stream")
    expect(page.locator(".system")).to_have_text("This is settled. Write again whenever you need us.")
    expect(page.locator(".message.bot")).to_have_count(3)


def talk(page: Page, clicks: int = 1) -> None:
    """One click, the so-maniest of a row that is as fast as double clicks are."""
    box = box_of(page.get_by_role("button", name="Talk to a person"))
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down(click_count=clicks)
    page.mouse.up(click_count=clicks)


def test_the_second_click_of_a_double_click_does_not_ask_again_however_fast_the_first_was_answered(
    page: Page, widget_backend: WidgetBackend
) -> None:
    begun(page, widget_backend)
    with page.expect_response("**/api/widget/conversation*"):
        talk(page)
    expect(page.locator(".system")).to_have_count(1)
    talk(page, clicks=2)
    ask(page, "And shoes?")
    assert len(widget_backend.told_of("/api/escalate")) == 1
    # Whoever asks again is told so again.
    talk(page)
    expect(page.locator(".system")).to_have_count(2)


def test_who_asks_for_a_person_just_when_one_takes_over_learns_that(
    page: Page, widget_backend: WidgetBackend
) -> None:
    session = begun(page, widget_backend)
    escalation = held(page, "/api/escalate")
    talk(page)
    asking = first_of(page, escalation)
    page.route("**/api/widget/events*", lambda route: route.abort())
    widget_backend.hang_up()
    listens(page, widget_backend, 0)
    widget_backend.change(session, status="human")
    asking.continue_()
    expect(page.locator(".system")).to_have_text("A person has taken over and will answer here.")
    expect(page.locator("#subtitle")).to_have_text("A person answers here.")


def test_who_writes_on_after_asking_for_a_person_keeps_the_keyboard_where_it_is(
    page: Page, widget_backend: WidgetBackend
) -> None:
    session = begun(page, widget_backend)
    widget_backend.change(session, contactRequested=True)
    expect(page.locator("#contact")).to_be_visible()
    escalation = held(page, "/api/escalate")
    talk(page)
    asking = first_of(page, escalation)
    page.locator("#message").press_sequentially("It is ab")
    with page.expect_response("**/api/widget/conversation*"):
        asking.continue_()
    expect(page.locator(".system")).to_have_count(1)
    page.keyboard.type("out shoes")
    expect(page.locator("#message")).to_have_value("It is about shoes")


def test_what_was_read_before_a_person_took_over_does_not_send_them_away(
    page: Page, widget_backend: WidgetBackend
) -> None:
    widget_backend.tells_first = True
    session = begun(page, widget_backend)
    reading: list[Route] = []

    def read(route: Route) -> None:
        answer = route.fetch()
        widget_backend.change(session, status="human")
        reading.append(route)
        answers.append(answer)

    answers: list[APIResponse] = []
    page.route("**/api/widget/conversation*", read)
    talk(page)
    expect(page.locator("#subtitle")).to_have_text("A person answers here.")
    first_of(page, reading).fulfill(response=answers[0])
    ask(page, "Are you there?")
    expect(page.locator("#subtitle")).to_have_text("A person answers here.")
    expect(page.locator(".system")).to_have_text(
        ["A person has been asked and will answer here.", "A person has taken over and will answer here."]
    )


@pytest.mark.parametrize("is_known", [True, False])
def test_a_thumb_that_brings_a_person_says_when_people_are_back(
    page: Page, widget_backend: WidgetBackend, is_known: bool
) -> None:
    session = begun(page, widget_backend)
    widget_backend.escalates_at_thumbs_down = True
    widget_backend.following = {"kind": "later", "opensAt": None, "closesAt": None}
    if not is_known:
        page.route("**/api/widget/conversation*", lambda route: route.abort())
    page.locator(".thumbs .down").click()
    expect(page.locator(".system").last).to_have_text("Nobody is here right now.")
    expect(page.locator(".thumbs .down")).to_have_attribute("aria-pressed", "true")
    widget_backend.change(session, status="human")
    expect(page.locator("#subtitle")).to_have_text("A person answers here.")
    if is_known:
        expect(page.locator(".system")).to_have_count(2)


@pytest.mark.parametrize("is_answered", [True, False])
def test_a_first_message_that_arrived_though_its_stream_broke_stands_there_once(
    page: Page, widget_backend: WidgetBackend, is_answered: bool
) -> None:
    visit_panel(page, widget_backend)
    widget_backend.replies[QUESTION] = Reply("You have sixty", cut=True)
    ask(page)
    expect(page.locator(".failure")).to_have_count(1)
    session = widget_backend.only_session()
    if is_answered:
        widget_backend.store(session, "bot", "Sixty days.")
    page.evaluate(HIDE, False)
    listens(page, widget_backend)
    if not is_answered:
        expect(page.locator(".failure")).to_have_count(1)
        widget_backend.store(session, "bot", "Sixty days.")
    expect(page.locator(".message.bot").last).to_contain_text("Sixty days.")
    expect(page.locator(".failure")).to_have_count(0)
    expect(page.locator(".message.visitor .bubble")).to_have_text([QUESTION])
    page.reload()
    expect(page.locator(".message.visitor")).to_have_count(1)
    expect(page.locator("#message")).to_have_value("")


def test_what_was_written_elsewhere_stands_before_a_message_that_did_not_arrive_here(
    page: Page, context: BrowserContext, widget_backend: WidgetBackend
) -> None:
    visit_panel(page, widget_backend)
    other = visit_panel(context.new_page(), widget_backend)
    ask(other, "And shoes?")
    widget_backend.replies[QUESTION] = Reply("You have sixty", cut=True)
    ask(page)
    expect(page.locator(".failure")).to_have_count(1)
    page.evaluate(HIDE, False)
    expect(page.locator(".message.visitor .bubble")).to_have_text(["And shoes?", QUESTION])
    expect(page.locator(".failure")).to_have_count(1)
