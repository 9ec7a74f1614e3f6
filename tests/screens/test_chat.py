"""The chat page's states, called as anybody with a websocket can call them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from helpninja_app import resources as resources_module
from helpninja_app.accounts.models import Role
from helpninja_app.answers.answerers import Answerers
from helpninja_app.answers.catalogue import find_model
from helpninja_app.answers.providers.base import Finished, TextDelta, TokenUsage
from helpninja_app.answers.providers.fake import FakeProvider, ScriptStep, spoken
from helpninja_app.billing.models import Unit
from helpninja_app.billing.plans import Terms
from helpninja_app.billing.reservations import reserve
from helpninja_app.chats import answering as answering_module
from helpninja_app.chats.at_once import begin_at_once
from helpninja_app.errors import ProviderFailed
from helpninja_app.resources import Resources
from helpninja_app.screens.chat.list_state import ChatListState
from helpninja_app.screens.chat.markup import GrowingAnswer, render_answer
from helpninja_app.screens.chat.state import NOTHING_WRITTEN, ChatState
from tests.factories import Factory, Tenant
from tests.screens.events import fire, tab_at

MODEL = find_model("gpt-4o-mini")
QUESTION = {"question": "What is the notice period?"}


@pytest.fixture
def provider(resources: Resources, monkeypatch: pytest.MonkeyPatch) -> FakeProvider:
    """What plays the model of everybody's chats."""
    fake = FakeProvider()
    answering = replace(resources, answerers=Answerers.with_provider(fake, MODEL))
    monkeypatch.setattr(resources_module, "_open", [answering])
    return fake


async def opened(cookie: str, chat_id: str = "") -> ChatState:
    tab = await tab_at(ChatState, cookie, {"chat": chat_id} if chat_id else None)
    await fire(tab, "open_chat")
    await fire(tab, "choose_scope", "none")
    return tab


async def member(factory: Factory, role: Role = Role.AGENT, tenant: Tenant | None = None) -> str:
    _, headers = await factory.member(tenant or await factory.tenant(), role)
    return headers["cookie"]


async def until(condition: Any) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


async def test_an_answer_is_shown_as_it_is_written_and_whole_at_its_end(
    factory: Factory, provider: FakeProvider
) -> None:
    go_on = asyncio.Event()
    script: list[ScriptStep] = [TextDelta("First.\n\nSec"), go_on, *spoken("ond **part**.")]
    provider.add(script)
    tab = await opened(await member(factory))
    asking = asyncio.create_task(fire(tab, "ask", QUESTION))
    await until(lambda: tab.writing)
    assert tab.finished == ["<p>First.</p>"]
    assert tab.writing == "<p>Sec</p>"
    assert [row.text for row in tab.messages] == [QUESTION["question"]]
    go_on.set()
    answer = await asking
    assert answer.refusal == ""
    assert tab.messages[-1].html == "<p>First.</p>\n<p>Second <strong>part</strong>.</p>"
    assert (tab.finished, tab.writing, tab.is_asking) == ([], "", False)


async def test_a_question_that_was_stored_already_is_not_asked_again_by_a_second_click(
    factory: Factory, provider: FakeProvider
) -> None:
    provider.add(spoken("Three months."))
    provider.add(spoken("Three months, still."))
    tab = await opened(await member(factory))
    clicked = QUESTION | {"client_id": "first"}
    await fire(tab, "ask", clicked)
    await fire(tab, "ask", clicked)
    assert len(provider.requests) == 1
    assert len(tab.messages) == 2
    # Whoever means it types it again.
    await fire(tab, "ask", QUESTION | {"client_id": "second"})
    assert len(tab.messages) == 4


async def test_only_what_was_stored_is_told_as_stored(factory: Factory, provider: FakeProvider) -> None:
    go_on = asyncio.Event()
    provider.add([TextDelta("Three"), go_on, *spoken(" months.")])
    provider.add(spoken("Four months."))
    tab = await opened(await member(factory))
    asking = asyncio.create_task(fire(tab, "ask", QUESTION | {"client_id": "first"}))
    await until(lambda: tab.writing)
    # It is sent before its browser hears that something is asked.
    await fire(tab, "ask", {"question": "And in winter?", "client_id": "second"})
    go_on.set()
    await asking
    assert tab.accepted == "first"
    await fire(tab, "ask_again", tab.messages[0].id)
    assert (tab.accepted, tab.messages[-1].html) == ("first", "<p>Four months.</p>")


async def test_while_an_answer_is_written_nothing_else_is_sent_again(
    factory: Factory, provider: FakeProvider
) -> None:
    go_on = asyncio.Event()
    provider.add([TextDelta("Sec"), go_on, *spoken("ond")])
    tab = await opened(await member(factory))
    asking = asyncio.create_task(fire(tab, "ask", QUESTION))
    await until(lambda: tab.writing)
    go_on.set()
    answer = await asking
    drawn = [
        values for delta in answer.deltas for values in delta.values() if any("writing" in n for n in values)
    ]
    first = next(values for values in drawn if any("<p>Sec" in str(value) for value in values.values()))
    assert not [name for name in first if name.startswith("messages")]


async def test_what_was_written_is_kept_when_it_is_stopped(factory: Factory, provider: FakeProvider) -> None:
    provider.add([TextDelta("Half of it"), asyncio.Event()])
    tab = await opened(await member(factory))
    asking = asyncio.create_task(fire(tab, "ask", QUESTION))
    await until(lambda: tab.writing)
    await fire(tab, "stop_answer")
    await asyncio.wait_for(asking, 60)
    assert (tab.messages[-1].state, tab.messages[-1].html) == ("interrupted", "<p>Half of it</p>")
    assert tab.messages[-1].note == "Stopped here."


async def test_a_question_whose_answer_failed_is_kept_and_asked_again(
    factory: Factory, provider: FakeProvider
) -> None:
    provider.add([ProviderFailed("The provider is away.")])
    provider.add(spoken("Three months."))
    tab = await opened(await member(factory))
    await fire(tab, "ask", QUESTION)
    question, failed = tab.messages
    assert (failed.state, failed.note) == ("failed", "The provider is away.")
    await fire(tab, "ask_again", question.id)
    assert [row.text or row.html for row in tab.messages] == [QUESTION["question"], "<p>Three months.</p>"]


@pytest.mark.parametrize("end", [ProviderFailed("The provider is away."), Finished("stop", TokenUsage(3, 0))])
async def test_what_was_to_be_replaced_is_shown_again_when_nothing_came_in_its_place(
    factory: Factory, provider: FakeProvider, end: ScriptStep
) -> None:
    provider.add(spoken("Three months."))
    tab = await opened(await member(factory))
    await fire(tab, "ask", QUESTION)
    before = tab.messages
    provider.add([end])
    await fire(tab, "ask_again", before[0].id)
    assert tab.messages == before
    assert tab.problem == ("The provider is away." if isinstance(end, Exception) else NOTHING_WRITTEN)
    assert (tab.editing, tab.announced) == ("", tab.problem)


async def test_a_question_written_anew_stays_written_when_it_failed(
    factory: Factory, provider: FakeProvider
) -> None:
    provider.add(spoken("Three months."))
    tab = await opened(await member(factory))
    await fire(tab, "ask", QUESTION)
    asked = tab.messages[0].id
    provider.add([ProviderFailed("The provider is away.")])
    provider.add(spoken("Four."))
    await fire(tab, "edit", asked)
    await fire(tab, "ask_edited", {"edited": "And in winter?"})
    assert (tab.editing, tab.rewritten) == (asked, "And in winter?")
    await fire(tab, "ask_edited", {"edited": "And in winter?"})
    assert (tab.editing, tab.rewritten) == ("", "")
    assert [row.text or row.html for row in tab.messages] == ["And in winter?", "<p>Four.</p>"]


async def test_an_answer_that_is_stopped_before_it_began_is_not_written(
    factory: Factory, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.add([TextDelta("Half of it"), asyncio.Event()])
    begins, go_on = asyncio.Event(), asyncio.Event()
    begin = begin_at_once

    async def late(*given: Any) -> Any:
        begins.set()
        await go_on.wait()
        return await begin(*given)

    monkeypatch.setattr(answering_module, "begin_at_once", late)
    tab = await opened(await member(factory))
    asking = asyncio.create_task(fire(tab, "ask", QUESTION))
    await asyncio.wait_for(begins.wait(), 60)
    await fire(tab, "stop_answer")
    go_on.set()
    await asyncio.wait_for(asking, 60)
    assert tab.messages[-1].state == "interrupted"
    assert tab.messages[-1].note == "Stopped before anything was written."


async def test_a_chat_is_found_in_the_list_of_its_owner_and_of_nobody_else(
    factory: Factory, provider: FakeProvider
) -> None:
    provider.add(spoken("Three months."))
    tenant = await factory.tenant()
    own, colleague = await member(factory, tenant=tenant), await member(factory, tenant=tenant)
    tab = await opened(own)
    await fire(tab, "ask", QUESTION)
    titles = {}
    for cookie in (own, colleague):
        chats = await tab_at(ChatListState, cookie)
        await fire(chats, "search_chats", "notice")
        titles[cookie] = [row.title for row in chats.rows]
    assert titles == {own: [QUESTION["question"]], colleague: []}
    other = await opened(colleague, tab.chat_id)
    assert other.failure == "There is no such chat."
    assert other.messages == []


async def test_a_viewer_is_refused_in_a_sentence(factory: Factory) -> None:
    tab = await opened(await member(factory, Role.VIEWER))
    assert "does not allow this" in tab.failure


@pytest.mark.parametrize("form", [{}, None, {"question": ["x"]}, {"question": " \x00 "}, "text"])
async def test_what_is_no_question_is_not_asked(factory: Factory, provider: FakeProvider, form: Any) -> None:
    tab = await opened(await member(factory))
    answer = await fire(tab, "ask", form)
    assert "Type a question first." in answer.refusal
    assert not tab.is_asking


async def test_a_locked_model_is_not_chosen(factory: Factory, provider: FakeProvider) -> None:
    tab = await opened(await member(factory, tenant=await factory.tenant(plan="free")))
    for hostile in ("claude-opus-5", "no-such-model", None, ["gpt-4o-mini"]):
        before = tab.model_id
        await fire(tab, "choose_model", hostile)
        assert tab.model_id == before


async def test_without_credits_the_question_is_not_stored_and_a_larger_plan_is_offered(
    factory: Factory, provider: FakeProvider, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering = resources_module.current_resources()
    settings = answering.settings.model_copy(update={"unlimited": False})
    monkeypatch.setattr(resources_module, "_open", [replace(answering, settings=settings)])
    tenant = await factory.tenant(plan="free")
    tab = await opened(await member(factory, tenant=tenant))
    assert tab.credits == "100 credits left"
    # By a colleague, say.
    async with resources.database.unit_of_work(tenant.scope) as session:
        plan = resources_module.current_resources().plan_of(Terms("free"))
        await reserve(session, tenant.id, plan, Unit.CREDIT, plan.credits or 0, at_least=1, description="x")
    await fire(tab, "ask", QUESTION | {"client_id": "first"})
    assert tab.is_at_limit
    assert "All credits" in tab.problem
    assert tab.credits == "0 credits left"
    assert (tab.messages, tab.accepted) == ([], "")


def test_only_what_is_cited_becomes_a_button_and_no_markup_comes_from_a_text() -> None:
    html = render_answer("See [1] and [2], `[1]`. <script>alert(1)</script>", "m", {1})
    assert html.count("<button") == 1
    assert "[2]" in html
    assert "<script" not in html


def test_an_answer_in_pieces_ends_as_it_would_have_been_drawn_at_once() -> None:
    text = "# Title\n\nSome *text*.\n\n- a\n- b\n\n```\ncode\n\nmore\n```\n\nEnd."
    growing = GrowingAnswer(has_markers=False)
    for letter in text:
        growing.feed(letter)
    whole = render_answer(text, "m", ())
    assert "\n".join([*growing.finished, growing.open]) == whole
