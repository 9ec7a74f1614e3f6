"""What changes in the conversation while the panel waits for an answer, and what it tells of it after."""

from playwright.sync_api import Page, Route, expect

from tests.e2e.widget_steps import ask, begun
from tests.twins.widget_backend import Reply, WidgetBackend
from tests.twins.widget_people import event


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
    waiting: list[Route] = []
    page.route("**/api/chat", lambda route: waiting.append(route))
    page.locator("#message").fill("And shoes?")
    page.locator("#message").press("Enter")
    while not waiting:
        page.wait_for_timeout(20)
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
    waiting[0].fulfill(body=event("done", done), content_type="text/event-stream")
    expect(page.locator(".system")).to_have_text("This is settled. Write again whenever you need us.")
    expect(page.locator(".message.bot")).to_have_count(3)
