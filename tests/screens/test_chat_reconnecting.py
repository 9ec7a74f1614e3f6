"""A question is told of to its end, also when its page is loaded anew or its connection lost meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from helpninja_app.answers.providers.base import TextDelta
from helpninja_app.answers.providers.fake import FakeProvider, ScriptStep, spoken
from helpninja_app.chats import answering as answering_module
from helpninja_app.errors import ProviderFailed, Unavailable
from helpninja_app.resources import current_resources
from helpninja_app.screens.chat import state as chat_state
from helpninja_app.screens.chat.state import ChatState
from tests.factories import Factory
from tests.screens.events import fire, go
from tests.screens.test_chat import QUESTION, member, opened, provider, until
from tests.screens.test_page_state import hold

__all__ = ["provider"]

SENT = {"chat": "new", "sent": "yes"}


async def asked(cookie: str, provider: FakeProvider) -> ChatState:
    """A tab with a chat that has a question and its answer."""
    provider.add(spoken("Three months."))
    tab = await opened(cookie)
    await fire(tab, "ask", QUESTION)
    go(tab, cookie, {"chat": tab.chat_id})
    return tab


def asked_of(tab: ChatState) -> list[str]:
    return [row.text for row in tab.messages if row.is_question]


async def test_a_question_written_anew_stays_written_when_it_fails_after_its_page_was_loaded_anew(
    factory: Factory, provider: FakeProvider
) -> None:
    tab = await asked(await member(factory), provider)
    before, go_on = tab.messages, asyncio.Event()
    script: list[ScriptStep] = [TextDelta("Half of it"), go_on, ProviderFailed("The provider is away.")]
    provider.add(script)
    await fire(tab, "edit", before[0].id)
    asking = asyncio.create_task(fire(tab, "ask_edited", {"edited": "And in winter?"}))
    await until(lambda: tab.writing)
    await fire(tab, "open_chat")
    assert (tab.writing, tab.is_asking) == ("<p>Half of it</p>", True)
    assert asked_of(tab) == ["And in winter?"]
    go_on.set()
    await asking
    assert tab.messages == before
    assert tab.problem == "The provider is away."
    assert (tab.editing, tab.rewritten) == (before[0].id, "And in winter?")


async def test_why_a_question_was_not_stored_is_said_also_when_its_page_was_loaded_anew(
    factory: Factory, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any) -> Any:
        begins.set()
        await go_on.wait()
        raise Unavailable("The database is away.")

    begins, go_on = asyncio.Event(), asyncio.Event()
    monkeypatch.setattr(answering_module, "begin_at_once", away)
    tab = await opened(await member(factory))
    asking = asyncio.create_task(fire(tab, "ask", QUESTION | {"client_id": "first"}))
    await asyncio.wait_for(begins.wait(), 60)
    await fire(tab, "open_chat")
    go_on.set()
    await asking
    assert tab.problem == "The database is away."
    assert (tab.is_asking, tab.accepted) == (False, "")


Held = tuple[asyncio.Event, asyncio.Event]


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Held:
    """A question that is about to be stored, and what lets it be."""
    return hold(monkeypatch, answering_module, "begin_at_once", when=lambda *_: True)


async def test_a_new_chat_is_shown_when_the_connection_was_back_before_its_question_was_stored(
    factory: Factory, provider: FakeProvider, held: Held
) -> None:
    begins, go_on = held
    provider.add(spoken("Three months."))
    tab = await opened(cookie := await member(factory))
    asking = asyncio.create_task(fire(tab, "ask", QUESTION | {"client_id": "first"}))
    await begins.wait()
    go(tab, cookie, SENT)
    await fire(tab, "open_chat")
    # Until it is stored nothing else is asked.
    assert tab.is_asking
    await fire(tab, "ask", QUESTION)
    go_on.set()
    await asking
    assert (asked_of(tab), tab.accepted) == ([QUESTION["question"]], "first")
    assert len(provider.requests) == 1


async def test_a_new_chat_is_shown_when_its_question_was_stored_before_the_connection_was_back(
    factory: Factory, provider: FakeProvider
) -> None:
    cookie = await member(factory)
    tab = await asked(cookie, provider)
    chat_id = tab.chat_id
    # The address as it was when the question was sent: what followed did not arrive.
    go(tab, cookie, SENT)
    await fire(tab, "open_chat")
    assert (tab.chat_id, asked_of(tab)) == (chat_id, [QUESTION["question"]])
    assert tab.is_thread_shown


async def test_whoever_goes_to_a_new_chat_from_one_that_was_begun_gets_a_new_one(
    factory: Factory, provider: FakeProvider
) -> None:
    cookie = await member(factory)
    tab = await asked(cookie, provider)
    go(tab, cookie, {"chat": "new"})
    await fire(tab, "open_chat")
    assert (tab.chat_id, tab.messages) == ("", [])
    go(tab, cookie, SENT)
    await fire(tab, "open_chat")
    assert (tab.chat_id, tab.messages) == ("", [])


async def elsewhere(tab: ChatState, cookie: str, other: str) -> None:
    go(tab, cookie, {"chat": other})
    await fire(tab, "open_chat")


async def deleted(tab: ChatState, cookie: str, _: str) -> None:
    await fire(tab, "delete")
    go(tab, cookie, {"chat": "new"})
    await fire(tab, "open_chat")


@pytest.mark.parametrize("leave", [elsewhere, deleted])
async def test_an_answer_is_not_shown_in_another_chat_than_its_own(
    factory: Factory, provider: FakeProvider, leave: Callable[[ChatState, str, str], Any]
) -> None:
    cookie = await member(factory)
    other = await asked(cookie, provider)
    go_on = asyncio.Event()
    provider.add([TextDelta("Half"), go_on, *spoken(" of it")])
    tab = await opened(cookie)
    asking = asyncio.create_task(fire(tab, "ask", {"question": "And in winter?"}))
    await until(lambda: tab.writing)
    await leave(tab, cookie, other.chat_id)
    shown = asked_of(tab)
    assert not tab.is_asking
    go_on.set()
    await asking
    assert asked_of(tab) == shown
    assert "And in winter?" not in shown


async def test_what_a_process_left_under_way_when_it_died_holds_up_nobody_for_ever(
    factory: Factory, provider: FakeProvider
) -> None:
    tab = await asked(await member(factory), provider)
    tab.is_asking, tab._stream, tab._asked_at = True, "its", time.time()
    await fire(tab, "open_chat")
    assert tab.is_asking
    tab._asked_at -= 2 * current_resources().settings.total_timeout
    await fire(tab, "open_chat")
    assert not tab.is_asking


async def test_nor_where_its_page_is_followed_on(factory: Factory, provider: FakeProvider) -> None:
    tab = await asked(await member(factory), provider)
    await fire(tab, "open_chat")
    tab.is_asking, tab._stream = True, "its"
    tab._asked_at = time.time() - 2 * current_resources().settings.total_timeout
    following = asyncio.create_task(fire(tab, "follow"))
    await until(lambda: not tab.is_asking)
    following.cancel()
    assert asked_of(tab) == [QUESTION["question"]]


async def test_a_question_that_is_read_before_it_is_told_of_is_shown_once(
    factory: Factory, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab = await asked(await member(factory), provider)
    stored, go_on = hold(monkeypatch, answering_module, "_begin", when=lambda *_: True)
    provider.add([TextDelta("Six"), asyncio.Event()])
    asking = asyncio.create_task(fire(tab, "ask", {"question": "And in winter?"}))
    await stored.wait()
    await fire(tab, "open_chat")
    go_on.set()
    await until(lambda: tab.writing)
    assert asked_of(tab) == [QUESTION["question"], "And in winter?"]
    await fire(tab, "stop_answer")
    await asking


async def test_a_finished_answer_stays_until_it_is_shown_as_it_is_stored(
    factory: Factory, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab = await asked(await member(factory), provider)
    stored, go_on = hold(monkeypatch, chat_state, "signed_in", when=lambda *_: bool(tab.writing))
    half = asyncio.Event()
    provider.add([TextDelta("Six"), half, *spoken(" months.")])
    asking = asyncio.create_task(fire(tab, "ask", {"question": "And in winter?"}))
    await until(lambda: tab.writing)
    half.set()
    await stored.wait()
    assert tab.is_asking
    # Nor is it replaced by what is asked meanwhile, or shown twice by what reads the chat.
    await fire(tab, "ask", {"question": "And in summer?"})
    await fire(tab, "open_chat")
    assert asked_of(tab) == [row.text for row in tab.messages if row.text]
    assert tab.messages[-1].text == "And in winter?"
    assert tab.writing
    go_on.set()
    await asking
    assert (tab.messages[-1].html, tab.writing) == ("<p>Six months.</p>", "")
    assert not tab.is_asking


async def test_an_answer_that_could_not_be_read_when_it_was_stored_can_be_tried_again(
    factory: Factory, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any) -> Any:
        raise Unavailable("The database is away.")

    tab = await asked(await member(factory), provider)
    half = asyncio.Event()
    provider.add([TextDelta("Six"), half, *spoken(" months.")])
    asking = asyncio.create_task(fire(tab, "ask", {"question": "And in winter?"}))
    await until(lambda: tab.writing)
    with monkeypatch.context() as patch:
        patch.setattr(chat_state, "signed_in", away)
        half.set()
        await asking
    assert (tab.failure, tab.is_asking) == ("The database is away.", False)
    await fire(tab, "open_chat")
    assert (tab.failure, tab.messages[-1].html) == ("", "<p>Six months.</p>")
