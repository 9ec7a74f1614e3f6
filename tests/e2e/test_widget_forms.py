"""What a visitor can do besides writing: ask for a person, leave an address, rate."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.accessibility import findings
from tests.e2e.widget_steps import QUESTION, ask, listens, visit_panel
from tests.twins.widget_backend import Fault, WidgetBackend

CONTACT, FEEDBACK, ESCALATE = "/api/widget/contact", "/api/widget/feedback", "/api/escalate"
THANKS = "Thank you. The answer also comes to mo@fernway.example."
LANGUAGES = ["en", "de", "fr", "es", "pt", "it", "nl", "pl", "ja", "ar"]


def begun(page: Page, backend: WidgetBackend) -> str:
    ask(visit_panel(page, backend))
    return backend.only_session()


def talk(page: Page) -> None:
    page.get_by_role("button", name="Talk to a person").click()


def test_a_person_is_asked_for_by_one_click_and_a_double_click_asks_once(
    page: Page, widget_backend: WidgetBackend
) -> None:
    session = begun(page, widget_backend)
    widget_backend.change(session, contactRequested=True)
    page.get_by_role("button", name="Talk to a person").dblclick()
    expect(page.locator(".system").last).to_have_text("A person has been asked and will answer here.")
    expect(page.locator("#contact")).to_be_visible()
    expect(page.get_by_label("Name (optional)")).to_be_focused()
    assert widget_backend.told_of(ESCALATE) == [
        {
            "tenantId": "hn_pk_demo",
            "conversationId": f"c-{session}",
            "sessionId": session,
            "reason": "visitor_request",
        }
    ]


def test_before_the_first_message_a_person_is_asked_for_in_words(
    page: Page, widget_backend: WidgetBackend
) -> None:
    visit_panel(page, widget_backend)
    talk(page)
    expect(page.locator(".message.visitor .bubble")).to_have_text("Talk to a person")
    expect(page.locator("#suggestions")).to_be_hidden()
    expect(page.locator("#send")).to_have_attribute("aria-disabled", "false")
    assert [each["message"] for each in widget_backend.asked] == ["Talk to a person"]


def test_where_a_person_cannot_be_asked_the_panel_says_why(page: Page, widget_backend: WidgetBackend) -> None:
    begun(page, widget_backend)
    widget_backend.troubles[ESCALATE].append(503)
    talk(page)
    expect(page.locator(".system")).to_have_text("Not sent: something went wrong on our side.")
    talk(page)
    expect(page.locator(".system").last).to_have_text("A person has been asked and will answer here.")


def test_a_backend_without_the_newer_routes_is_asked_in_words_and_shows_no_thumbs(
    page: Page, widget_backend: WidgetBackend
) -> None:
    widget_backend.is_old = True
    begun(page, widget_backend)
    expect(page.locator(".thumbs")).to_have_count(0)
    expect(page.locator("#contact")).to_be_hidden()
    talk(page)
    expect(page.locator(".message.visitor .bubble")).to_have_text([QUESTION, "Talk to a person"])


def test_while_a_person_answers_the_button_is_gone(page: Page, widget_backend: WidgetBackend) -> None:
    session = begun(page, widget_backend)
    widget_backend.change(session, status="human")
    expect(page.locator("#talk")).to_be_hidden()
    widget_backend.change(session, status="bot")
    expect(page.locator("#talk")).to_be_visible()


@pytest.mark.parametrize(
    ("opens", "line"),
    [
        (None, "Nobody is here right now."),
        (timedelta(days=3), "Nobody is here right now. We are back {day} at 9:00"),
    ],
)
def test_outside_business_hours_the_visitor_learns_when_people_are_back_and_can_leave_an_address(
    page: Page, widget_backend: WidgetBackend, opens: timedelta | None, line: str
) -> None:
    session = begun(page, widget_backend)
    at = opens and (datetime.now(UTC) + opens).replace(hour=9, minute=0, second=0, microsecond=0)
    following = {"kind": "later", "opensAt": at.isoformat() if at else None, "closesAt": None}
    widget_backend.change(session, status="waiting", next=following, contactRequested=True)
    wanted = line.format(day=at.strftime("%A, %B %-d") if at else "")
    expect(page.locator(".system")).to_contain_text(wanted)
    expect(page.locator("#decline")).to_be_in_viewport()


def test_within_business_hours_the_visitor_learns_until_when_people_are_there(
    page: Page, widget_backend: WidgetBackend
) -> None:
    session = begun(page, widget_backend)
    at = (datetime.now(UTC) + timedelta(days=3)).replace(hour=18, minute=30, second=0, microsecond=0)
    following = {"kind": "soon", "opensAt": None, "closesAt": at.isoformat()}
    widget_backend.change(session, status="waiting", next=following)
    until = at.strftime("%A, %B %-d at 6:30")
    wanted = f"A person has been asked and will answer here. We are here until {until}"
    expect(page.locator(".system")).to_contain_text(wanted)


def test_an_address_is_sent_once_and_the_form_gives_way_to_a_line(
    page: Page, widget_backend: WidgetBackend
) -> None:
    session = begun(page, widget_backend)
    widget_backend.change(session, status="waiting", contactRequested=True)
    page.get_by_label("Name (optional)").fill(" Mo ")
    page.get_by_label("E-mail").fill("mo@fernway.example")
    page.locator("#contact .primary").dblclick()
    expect(page.locator(".system").last).to_have_text(THANKS)
    expect(page.locator("#announcer")).to_have_text(THANKS)
    expect(page.locator("#contact")).to_be_hidden()
    expect(page.locator("#message")).to_be_focused()
    assert widget_backend.told_of(CONTACT) == [{"name": "Mo", "email": "mo@fernway.example"}]
    page.reload()
    expect(page.locator("#send")).to_have_attribute("aria-disabled", "false")
    expect(page.locator("#contact")).to_be_hidden()


def test_where_no_mail_is_set_up_none_is_promised(page: Page, widget_backend: WidgetBackend) -> None:
    widget_backend.config["mailsAnswers"] = False
    session = begun(page, widget_backend)
    widget_backend.change(session, contactRequested=True)
    expect(page.locator("#contact")).to_be_visible()
    expect(page.locator("#contact")).to_have_accessible_description("")
    expect(page.locator("#leaveWhy")).to_be_hidden()
    page.get_by_label("E-mail").fill("mo@fernway.example")
    page.locator("#contact .primary").click()
    expect(page.locator(".system").last).to_have_text("All right. The answer comes here.")
    assert widget_backend.told_of(CONTACT) == [{"name": "", "email": "mo@fernway.example"}]


def test_an_address_can_be_declined_by_the_keyboard_alone(page: Page, widget_backend: WidgetBackend) -> None:
    session = begun(page, widget_backend)
    widget_backend.change(session, contactRequested=True)
    expect(page.locator("#contact")).to_be_visible()
    page.get_by_label("E-mail").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="No, thanks")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".system").last).to_have_text("All right. The answer comes here.")
    assert widget_backend.told_of(CONTACT) == [{"declined": True}]


@pytest.mark.parametrize("address", ["", "mo", "mo@", "mo fernway@x.example"])
def test_what_is_no_address_is_not_sent_and_said_beside_the_field(
    page: Page, widget_backend: WidgetBackend, address: str
) -> None:
    session = begun(page, widget_backend)
    widget_backend.change(session, contactRequested=True)
    page.get_by_label("E-mail").fill(address)
    page.get_by_label("E-mail").press("Enter")
    expect(page.get_by_role("alert")).to_have_text("This e-mail address is not complete.")
    expect(page.get_by_label("E-mail")).to_be_focused()
    expect(page.get_by_label("E-mail")).to_have_attribute("aria-invalid", "true")
    assert widget_backend.told_of(CONTACT) == []


@pytest.mark.parametrize(
    ("status", "sentence"),
    [(422, "This e-mail address is not complete."), (500, "Not saved. Please try again.")],
)
def test_an_address_that_was_refused_stays_in_the_form_to_be_sent_again(
    page: Page, widget_backend: WidgetBackend, status: int, sentence: str
) -> None:
    session = begun(page, widget_backend)
    widget_backend.change(session, contactRequested=True)
    widget_backend.troubles[CONTACT].append(status)
    page.get_by_label("E-mail").fill("mo@fernway.example")
    page.locator("#contact .primary").click()
    expect(page.get_by_role("alert")).to_have_text(sentence)
    expect(page.get_by_label("E-mail")).to_have_value("mo@fernway.example")
    page.locator("#contact .primary").click()
    expect(page.locator(".system").last).to_have_text(THANKS)


def test_where_no_more_can_be_answered_the_contact_form_shows_beside_the_sentence(
    page: Page, widget_backend: WidgetBackend
) -> None:
    session = begun(page, widget_backend)
    widget_backend.faults.append(Fault(402))
    ask(page, "And shoes?")
    expect(page.locator(".failure span")).to_contain_text("no more questions can be answered")
    expect(page.locator("#contact")).to_be_visible()
    listens(page, widget_backend)
    widget_backend.hang_up()
    # The connection that is opened anew says first how it stands: nobody is asked for an address there.
    widget_backend.reply(session, "We are here tomorrow.")
    expect(page.locator(".person .bubble")).to_have_text("We are here tomorrow.")
    expect(page.locator("#contact")).to_be_visible()
    page.get_by_label("E-mail").fill("mo@fernway.example")
    page.locator("#contact .primary").click()
    expect(page.locator("#contact")).to_be_hidden()


@pytest.mark.parametrize("is_first", [True, False])
def test_what_is_kept_for_people_where_no_more_can_be_answered_was_sent_and_they_are_heard(
    page: Page, widget_backend: WidgetBackend, is_first: bool
) -> None:
    visit_panel(page, widget_backend)
    if not is_first:
        ask(page)
    widget_backend.faults.append(Fault(402, state={"status": "waiting", "contactRequested": True}))
    ask(page, "And shoes?")
    expect(page.locator(".system")).to_have_text("A person has been asked and will answer here.")
    expect(page.locator("#announcer")).to_have_text("A person has been asked and will answer here.")
    expect(page.locator("#contact")).to_be_visible()
    expect(page.locator(".failure")).to_have_count(0)
    expect(page.locator("#message")).to_have_value("")
    session = widget_backend.only_session()
    while not widget_backend.listening:
        page.wait_for_timeout(20)
    widget_backend.reply(session, "Shoes too.")
    expect(page.locator(".message").last).to_contain_text("Shoes too.")
    expect(page.locator(".message.visitor")).to_have_count(1 if is_first else 2)
    # Said again where it was said before: nothing else answers the message.
    widget_backend.faults.append(Fault(402, state={}))
    ask(page, "And hats?")
    expect(page.locator(".system")).to_have_count(2)
    expect(page.locator(".message.visitor")).to_have_count(2 if is_first else 3)


def test_what_is_kept_without_a_person_being_asked_again_was_sent_as_well(
    page: Page, widget_backend: WidgetBackend
) -> None:
    begun(page, widget_backend)
    widget_backend.faults.append(Fault(402, state={"status": "bot"}))
    ask(page, "And shoes?")
    expect(page.locator(".system")).to_have_text("Answers are paused at the moment. Please try again later.")
    expect(page.locator(".failure")).to_have_count(0)


def test_thumbs_are_given_changed_taken_back_and_kept_over_a_reload(
    page: Page, widget_backend: WidgetBackend
) -> None:
    begun(page, widget_backend)
    expect(page.locator(".thumbs")).to_have_count(1)
    up, down = page.locator(".thumbs .up"), page.locator(".thumbs .down")
    expect(up).to_have_accessible_name("Helpful")
    up.dblclick()
    expect(up).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#announcer")).to_have_text("Thank you for telling us.")
    with page.expect_response(f"**{FEEDBACK}"):
        down.click()
    expect(down).to_have_attribute("aria-pressed", "true")
    expect(up).to_have_attribute("aria-pressed", "false")
    page.reload()
    expect(down).to_have_attribute("aria-pressed", "true")
    with page.expect_response(f"**{FEEDBACK}"):
        down.press("Enter")
    expect(down).to_have_attribute("aria-pressed", "false")
    assert [each["rating"] for each in widget_backend.told_of(FEEDBACK)] == ["up", "down", None]


def test_a_thumb_that_could_not_be_saved_springs_back_and_says_so(
    page: Page, widget_backend: WidgetBackend
) -> None:
    begun(page, widget_backend)
    widget_backend.troubles[FEEDBACK].append(503)
    page.locator(".thumbs .up").click()
    expect(page.locator(".thumbs [role=status]")).to_have_text("Not saved. Please try again.")
    expect(page.locator(".thumbs .up")).to_have_attribute("aria-pressed", "false")


def test_a_rating_that_brings_a_person_says_so(page: Page, widget_backend: WidgetBackend) -> None:
    begun(page, widget_backend)
    widget_backend.escalates_at_thumbs_down = True
    page.locator(".thumbs .down").click()
    expect(page.locator(".system")).to_have_text("A person has been asked and will answer here.")


def test_neither_the_greeting_nor_a_persons_words_have_thumbs(
    page: Page, widget_backend: WidgetBackend
) -> None:
    session = begun(page, widget_backend)
    widget_backend.reply(session, "Sixty days.")
    expect(page.locator(".person")).to_have_count(1)
    expect(page.locator(".thumbs")).to_have_count(1)


def test_a_settled_conversation_is_rated_once_with_a_comment(
    page: Page, widget_backend: WidgetBackend
) -> None:
    session = begun(page, widget_backend)
    widget_backend.change(session, status="resolved", csatRequested=True)
    page.locator("#csat .primary").click()
    expect(page.get_by_role("radio", name="1")).to_be_focused()
    page.get_by_role("radio", name="4").check()
    page.get_by_label("Comment (optional)").fill("Quick.")
    widget_backend.troubles[FEEDBACK].append(500)
    page.locator("#csat .primary").click()
    expect(page.get_by_role("alert")).to_have_text("Not saved. Please try again.")
    page.locator("#csat .primary").dblclick()
    expect(page.locator(".system").last).to_have_text("Thank you for telling us.")
    expect(page.locator("#csat")).to_be_hidden()
    assert widget_backend.told_of(FEEDBACK)[1:] == [{"csat": 4, "comment": "Quick."}]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("accent", ["#0b7a64", "#f5c518"])
def test_axe_finds_nothing_in_the_forms_and_among_people(
    page: Page, widget_backend: WidgetBackend, scheme: Any, accent: str
) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    widget_backend.config["accent"] = accent
    session = begun(page, widget_backend)
    widget_backend.troubles[FEEDBACK].append(500)
    page.locator(".thumbs .up").click()
    expect(page.locator(".thumbs [role=status]")).not_to_be_empty()
    page.locator(".thumbs .up").click()
    widget_backend.change(session, status="human", contactRequested=True, csatRequested=True)
    widget_backend.reply(session, "Sixty days.")
    widget_backend.type(session)
    page.locator("#contact .primary").click()
    page.get_by_role("radio", name="4").check()
    expect(page.locator(".person")).to_have_count(1)
    assert findings(page) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_in_every_language_everything_fits_a_narrow_phone(
    page: Page, widget_backend: WidgetBackend, language: str
) -> None:
    page.set_viewport_size({"width": 320, "height": 640})
    tags = json.dumps([language])
    page.add_init_script(f"Object.defineProperty(navigator, 'languages', {{get: () => {tags}}})")
    session = begun(page, widget_backend)
    widget_backend.change(session, status="waiting", contactRequested=True, csatRequested=True)
    expect(page.locator("#csat")).to_be_visible()
    wide = "nodes => nodes.filter((node) => node.scrollWidth > node.clientWidth + 1).map((node) => node.id)"
    assert page.locator("#scroller, #contact, #csat, footer, .actions, body").evaluate_all(wide) == []
    assert page.locator("[data-say]").evaluate_all("nodes => nodes.filter((node) => !node.textContent)") == []
