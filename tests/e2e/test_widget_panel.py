"""The widget's panel in a real browser: streamed answers, failures, hostile text, languages, access."""

from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.e2e.accessibility import findings
from tests.e2e.places import box_of
from tests.e2e.widget_steps import QUESTION, ask, open_widget, visit_panel, visit_shop
from tests.twins.widget_backend import TENANT, Citation, Fault, Reply, WidgetBackend


@pytest.mark.browser_context_args(locale="en-GB", timezone_id="America/Sao_Paulo")
def test_an_answer_streams_in_and_ends_with_numbered_links_to_its_sources(
    page: Page, widget_backend: WidgetBackend
) -> None:
    visit_shop(page, widget_backend)
    panel = open_widget(page)
    widget_backend.hold()
    panel.locator("#message").fill(QUESTION)
    panel.locator("#message").press("Enter")
    answer = panel.locator(".message.bot").last
    expect(answer.locator(".text")).to_have_text("You have")
    expect(answer.locator(".sources")).to_have_count(0)
    widget_backend.flow.set()
    expect(answer.locator("strong")).to_have_text("60 days")
    chip = answer.locator("a.chip").first
    expect(chip).to_have_attribute("href", "https://shop.example/help/returns")
    expect(chip).to_have_attribute("target", "_blank")
    expect(chip).to_have_attribute("rel", "noopener")
    expect(chip).to_have_accessible_name("Source 1: Returns and exchanges")
    expect(answer.locator(".sources a")).to_have_text(["1 Returns and exchanges", "2 Shipping costs"])
    assert widget_backend.asked[0]["message"] == QUESTION
    assert widget_backend.asked[0]["tenantId"] == TENANT
    assert widget_backend.asked[0]["pageUrl"].endswith("/shop/plain")
    assert widget_backend.asked[0]["language"] == "en-GB"
    assert widget_backend.asked[0]["timeZone"] == "America/Sao_Paulo"


def test_dots_show_until_the_first_word_arrives(page: Page, widget_backend: WidgetBackend) -> None:
    waiting: list[Route] = []
    page.route("**/api/chat", lambda route: waiting.append(route))
    panel = visit_panel(page, widget_backend)
    panel.locator("#message").fill(QUESTION)
    panel.locator("#message").press("Enter")
    expect(panel.locator(".typing")).to_be_visible()
    while not waiting:
        page.wait_for_timeout(20)
    waiting[0].continue_()
    expect(panel.locator(".typing")).to_have_count(0)


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (Fault(500), "Not sent: something went wrong on our side."),
        (Fault(402), "Not sent: no more questions can be answered here at the moment."),
        (Fault(403), "Not sent: this chat is not available on this website."),
        (Fault(422), "Not sent: this message cannot be read. Please write it differently."),
        (Fault(429, 7), "Not sent: too many messages at once. Please wait 7 seconds."),
    ],
)
def test_a_refused_message_says_why_and_can_be_sent_again(
    page: Page, widget_backend: WidgetBackend, fault: Fault, sentence: str
) -> None:
    panel = visit_panel(page, widget_backend)
    widget_backend.faults.append(fault)
    ask(panel)
    expect(panel.locator(".failure span")).to_have_text(sentence)
    expect(panel.locator(".message.visitor .bubble")).to_have_text(QUESTION)
    expect(panel.locator("#announcer")).to_contain_text(sentence)
    panel.get_by_role("button", name="Try again").click()
    expect(panel.locator(".message.bot").last).to_contain_text("60 days")
    expect(panel.locator(".failure")).to_have_count(0)
    expect(panel.locator(".message.visitor")).to_have_count(1)


def test_a_stream_that_ends_half_way_is_a_failure_and_not_an_answer(
    page: Page, widget_backend: WidgetBackend
) -> None:
    widget_backend.replies[QUESTION] = Reply("You have sixty", cut=True)
    panel = visit_panel(page, widget_backend)
    ask(panel)
    expect(panel.locator(".failure span")).to_have_text("Not sent: there is no connection.")
    expect(panel.locator("#log")).not_to_contain_text("sixty")


def test_text_that_could_not_be_sent_is_still_there_after_a_reload(
    page: Page, widget_backend: WidgetBackend
) -> None:
    panel = visit_panel(page, widget_backend)
    widget_backend.faults.append(Fault(503))
    ask(panel)
    page.reload()
    expect(panel.locator("#message")).to_have_value(QUESTION)


def test_being_offline_is_said_and_the_text_is_kept(page: Page, widget_backend: WidgetBackend) -> None:
    panel = visit_panel(page, widget_backend)
    page.context.set_offline(True)
    expect(panel.locator("#banner")).to_have_text(
        "You are offline. What you write stays here until you are back."
    )
    ask(panel)
    expect(panel.locator(".failure span")).to_have_text("Not sent: there is no connection.")
    page.context.set_offline(False)
    expect(panel.locator("#banner")).to_be_hidden()
    panel.get_by_role("button", name="Try again").click()
    expect(panel.locator(".message.bot").last).to_contain_text("60 days")


def test_enter_pressed_twice_and_a_double_click_send_once(page: Page, widget_backend: WidgetBackend) -> None:
    panel = visit_panel(page, widget_backend)
    widget_backend.hold()
    panel.locator("#message").fill(QUESTION)
    panel.locator("#message").press("Enter")
    panel.locator("#message").press("Enter")
    panel.locator("#message").fill("Another")
    panel.locator("#send").dblclick(force=True)
    widget_backend.flow.set()
    expect(panel.locator("#send")).to_have_attribute("aria-disabled", "false")
    assert [each["message"] for each in widget_backend.asked] == [QUESTION]
    expect(panel.locator("#message")).to_have_value("Another")
    panel.locator("#send").dblclick(force=True)
    expect(panel.locator("#send")).to_have_attribute("aria-disabled", "false")
    assert [each["message"] for each in widget_backend.asked] == [QUESTION, "Another"]


def test_shift_enter_and_the_enter_of_an_input_method_do_not_send(
    page: Page, widget_backend: WidgetBackend
) -> None:
    panel = visit_panel(page, widget_backend)
    field = panel.locator("#message")
    height = field.evaluate("field => field.clientHeight")
    field.fill("one")
    field.press("Shift+Enter")
    field.press_sequentially("two")
    expect(field).to_have_value("one\ntwo")
    assert field.evaluate("field => field.clientHeight") > height
    field.dispatch_event("keydown", {"key": "Enter", "isComposing": True})
    field.dispatch_event("keydown", {"key": "Enter", "keyCode": 229})
    expect(panel.locator(".message.visitor")).to_have_count(0)
    field.press("Enter")
    expect(panel.locator(".message.visitor .bubble")).to_have_text("one\ntwo")


def test_a_message_over_the_limit_is_counted_and_not_sent(page: Page, widget_backend: WidgetBackend) -> None:
    panel = visit_panel(page, widget_backend)
    field = panel.locator("#message")
    field.fill("é" * 3599)
    expect(panel.locator("#counter")).to_be_hidden()
    field.fill("👍" * 4000)
    expect(panel.locator("#counter")).to_have_text("4,000 / 4,000")
    expect(panel.locator("#send")).to_have_attribute("aria-disabled", "false")
    field.fill("x" * 4001)
    expect(panel.locator("#counter")).to_have_text("4,001 / 4,000")
    expect(panel.locator("#announcer")).to_have_text("This message is too long. 4,000 characters fit.")
    field.press("Enter")
    expect(panel.locator(".message.visitor")).to_have_count(0)
    expect(field).to_have_value("x" * 4001)


def test_an_uncertain_answer_says_calmly_that_a_person_will_look_at_it(
    page: Page, widget_backend: WidgetBackend
) -> None:
    widget_backend.replies[QUESTION] = Reply("I am not sure about jackets.", confidence=0.2, escalated=True)
    panel = visit_panel(page, widget_backend)
    ask(panel)
    line = "I could not find this for certain, so a person will look at it."
    expect(panel.locator(".system")).to_have_text(line)
    expect(panel.locator("#announcer")).to_have_text(f"Fernway help: I am not sure about jackets. {line}")
    page.reload()
    expect(panel.locator(".system")).to_have_text("A person has been asked and will answer here.")
    widget_backend.is_old = True
    page.reload()
    expect(panel.locator(".system")).to_have_text(line)


def test_an_answer_that_stands_in_for_a_failed_model_says_so(
    page: Page, widget_backend: WidgetBackend
) -> None:
    widget_backend.replies[QUESTION] = Reply("Sixty days.", escalated=True, reason="provider_error")
    panel = visit_panel(page, widget_backend)
    ask(panel)
    expect(panel.locator(".system")).to_contain_text("Our assistant is down")


def test_an_answer_that_says_itself_that_a_person_was_asked_is_not_followed_by_the_same_again(
    page: Page, widget_backend: WidgetBackend
) -> None:
    widget_backend.replies[QUESTION] = Reply("I have asked a person.", escalated=True, reason="no_answer")
    panel = visit_panel(page, widget_backend)
    ask(panel)
    expect(panel.locator(".message.bot").last).to_contain_text("I have asked a person.")
    expect(panel.locator("#announcer")).to_have_text("Fernway help: I have asked a person.")
    expect(panel.locator(".system")).to_have_count(0)


def test_the_note_says_whether_answers_are_generated_or_quoted(
    page: Page, widget_backend: WidgetBackend
) -> None:
    panel = visit_panel(page, widget_backend)
    expect(panel.locator("#note")).to_have_text("Answers are generated. Sources are linked.")
    widget_backend.config["generated"] = False
    page.reload()
    expect(panel.locator("#note")).to_have_text("Answers are quoted. Sources are linked.")


def test_the_panel_names_us_where_the_plan_is_not_white_label(
    page: Page, widget_backend: WidgetBackend
) -> None:
    panel = visit_panel(page, widget_backend)
    expect(panel.locator("#note")).to_be_visible()
    expect(panel.get_by_role("link", name="HelpNinja")).to_have_count(0)
    widget_backend.config["branded"] = True
    page.reload()
    expect(panel.get_by_role("link", name="HelpNinja")).to_have_attribute("target", "_blank")


def test_while_a_person_handles_the_conversation_no_empty_answer_shows(
    page: Page, widget_backend: WidgetBackend
) -> None:
    widget_backend.replies[QUESTION] = Reply("", handled_by="human")
    panel = visit_panel(page, widget_backend)
    ask(panel)
    expect(panel.locator(".system")).to_have_text("A person has taken over and will answer here.")
    expect(panel.locator(".message.bot")).to_have_count(1)


def test_a_file_without_an_address_unfolds_its_passage(page: Page, widget_backend: WidgetBackend) -> None:
    widget_backend.replies[QUESTION] = Reply(
        "Nineteen euros [1].", (Citation(1, "Price list.pdf", None, "Norway 19.00 €"),)
    )
    panel = visit_panel(page, widget_backend)
    ask(panel)
    expect(panel.locator("blockquote")).to_be_hidden()
    panel.get_by_role("button", name="Source 1: Price list.pdf").click()
    expect(panel.locator("blockquote")).to_have_text("Norway 19.00 €")


HOSTILE = Reply(
    '<img src=x onerror="window.hit=1"> <script>window.hit=1</script> [click](javascript:window.hit=1) '
    "![spy](https://evil.example/p.png) [free](https://evil.example/) https://evil.example/x "
    "**<b onclick=alert(1)>b</b>** "
    "[1] [2] [9] [ok](https://shop.example/a)",
    (
        Citation(1, "<img src=x onerror=hit=1>", "javascript:hit=1", "<svg onload=hit=1>"),
        Citation(2, "Fine", "https://shop.example/a"),
    ),
)


def test_hostile_text_in_an_answer_stays_text(page: Page, widget_backend: WidgetBackend) -> None:
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    widget_backend.replies[QUESTION] = HOSTILE
    panel = visit_panel(page, widget_backend)
    ask(panel)
    for _ in ("streamed", "from the history"):
        answer = panel.locator(".message.bot").last
        expect(answer).to_contain_text('<img src=x onerror="window.hit=1">')
        expect(answer).to_contain_text("[9]")
        expect(answer.locator("img, script, svg:not(.thumbs svg), b, iframe")).to_have_count(0)
        links: list[str] = answer.locator("a").evaluate_all("links => links.map((link) => link.href)")
        assert set(links) == {"https://shop.example/a"}
        assert panel.evaluate("window.hit") is None
        page.reload()
        expect(panel.locator("#send")).to_have_attribute("aria-disabled", "false")
    assert not [url for url in requested if "evil" in url]


def test_lists_tables_code_and_headings_become_their_elements(
    page: Page, widget_backend: WidgetBackend
) -> None:
    widget_backend.replies[QUESTION] = Reply(
        "## Costs\nBy country:\n1. *Germany*\n2. Norway\n\n"
        "| Country | Cost |\n|---|---|\n| Norway | 19 € |\n\n"
        "- `a_b_c`\n\n```\nx < y\n```"
    )
    panel = visit_panel(page, widget_backend)
    ask(panel)
    text = panel.locator(".message.bot").last.locator(".text")
    expect(text.locator("p > strong")).to_have_text("Costs")
    expect(text.locator("ol li")).to_have_text(["Germany", "Norway"])
    expect(text.locator("li em")).to_have_text("Germany")
    expect(text.locator("th")).to_have_text(["Country", "Cost"])
    expect(text.locator("td")).to_have_text(["Norway", "19 €"])
    expect(text.locator("ul code")).to_have_text("a_b_c")
    expect(text.locator("pre")).to_have_text("x < y")


def test_the_finished_answer_is_read_out_once_without_its_marks(
    page: Page, widget_backend: WidgetBackend
) -> None:
    panel = visit_panel(page, widget_backend)
    widget_backend.hold()
    panel.locator("#message").fill(QUESTION)
    panel.locator("#message").press("Enter")
    expect(panel.locator(".message.bot").last.locator(".text")).to_have_text("You have")
    expect(panel.locator("#announcer")).to_be_empty()
    widget_backend.flow.set()
    expect(panel.locator("#announcer")).to_have_text(
        "Fernway help: You have 60 days from delivery, as long as it is unworn and has its tags. "
        "Returns from the EU are free."
    )


def test_a_suggested_question_is_asked_by_one_click(page: Page, widget_backend: WidgetBackend) -> None:
    panel = visit_panel(page, widget_backend)
    panel.get_by_role("button", name="Where is my order?").click()
    expect(panel.locator("#suggestions")).to_be_hidden()
    expect(panel.locator(".message.bot").last).to_contain_text("60 days")
    assert [each["message"] for each in widget_backend.asked] == ["Where is my order?"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("accent", ["#0b7a64", "#f5c518", "#777777"])
def test_axe_finds_nothing_in_light_and_dark_whatever_the_accent(
    page: Page, widget_backend: WidgetBackend, scheme: Any, accent: str
) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    widget_backend.config["accent"] = accent
    widget_backend.replies["table"] = Reply(
        "See\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n[1]", (Citation(1, "List.pdf", None, "x"),), escalated=True
    )
    panel = visit_panel(page, widget_backend)
    assert findings(panel) == []
    ask(panel)
    ask(panel, "table")
    panel.locator("summary").click()
    widget_backend.faults.append(Fault(500))
    ask(panel)
    assert findings(panel) == []


@pytest.mark.browser_context_args(locale="ar")
def test_in_arabic_the_panel_speaks_arabic_from_right_to_left(
    page: Page, widget_backend: WidgetBackend
) -> None:
    panel = visit_panel(page, widget_backend)
    expect(panel.locator("html")).to_have_attribute("dir", "rtl")
    expect(panel.locator("html")).to_have_attribute("lang", "ar")
    expect(panel.locator("#message")).to_have_attribute("placeholder", "اكتب رسالة")
    ask(panel)
    visitor = box_of(panel.locator(".message.visitor"))
    bot = box_of(panel.locator(".message.bot").last)
    assert visitor["x"] < bot["x"]
    expect(panel.locator(".message.bot .text").last).to_have_css("direction", "ltr")


@pytest.mark.browser_context_args(locale="fi-FI")
def test_a_language_the_panel_does_not_speak_falls_back_to_the_workspaces(
    page: Page, widget_backend: WidgetBackend
) -> None:
    widget_backend.config["languages"] = ["de", "en"]
    expect(visit_panel(page, widget_backend).locator("html")).to_have_attribute("lang", "de")


def test_every_language_has_every_sentence_with_the_same_slots(
    page: Page, widget_backend: WidgetBackend
) -> None:
    page.goto(f"{widget_backend.origin}/widget/panel?t={TENANT}")
    different = page.evaluate(
        """async () => {
            const {textsIn, chooseLanguage} = await import('/widget/texts.js');
            const {default: english} = await import('/widget/text-en.js');
            const slots = (text) => text?.match(/\\{\\w+\\}/g)?.sort().join();
            const different = [];
            for (const language of ['en', 'de', 'fr', 'es', 'pt', 'it', 'nl', 'pl', 'ja', 'ar']) {
                const {default: texts} = await import(`/widget/text-${language}.js`);
                if (chooseLanguage([`${language}-XX`]) !== language) different.push(language);
                if ((await textsIn(language))('send') !== texts.send) different.push(`${language}: say`);
                for (const key of new Set([...Object.keys(english), ...Object.keys(texts)]))
                    if (!texts[key] || !english[key] || slots(texts[key]) !== slots(english[key]))
                        different.push(`${language}.${key}`);
            }
            return different.concat(Object.keys(english).length > 20 ? [] : ['too few keys']);
        }"""
    )
    assert different == []


def test_two_visitors_do_not_see_each_others_conversation(
    page: Page, context: BrowserContext, new_context: Any, widget_backend: WidgetBackend
) -> None:
    ask(visit_panel(page, widget_backend))
    stranger = visit_panel(new_context().new_page(), widget_backend)
    expect(stranger.locator(".message.visitor")).to_have_count(0)
