"""A question is asked as it was meant: on a slow line, across a restart, and when the connection is back."""

from __future__ import annotations

import asyncio

import pytest

from helpninja_app.answers.providers.fake import FakeProvider, spoken
from helpninja_app.screens import page_state
from helpninja_app.screens.chat.state import ChatState
from tests.factories import Factory
from tests.screens.events import fire, go, tab_at
from tests.screens.test_chat import QUESTION, member, opened, provider
from tests.screens.test_page_state import hold

__all__ = ["provider"]


async def asked(cookie: str, provider: FakeProvider) -> ChatState:
    """A tab with a chat that has a question and its answer."""
    provider.add(spoken("Three months."))
    tab = await opened(cookie)
    await fire(tab, "ask", QUESTION)
    return tab


async def test_a_question_that_was_sent_to_a_server_that_was_started_anew_is_asked(
    factory: Factory, provider: FakeProvider
) -> None:
    provider.add(spoken("Three months."))
    tab = await opened(await member(factory))
    await fire(tab, "ask", QUESTION | {"client_id": "first"})
    assert [row.text or row.html for row in tab.messages] == [QUESTION["question"], "<p>Three months.</p>"]
    assert tab.accepted == "first"


async def test_a_question_before_the_page_was_read_shows_the_chat(
    factory: Factory, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.add(spoken("Three months."))
    tab = await tab_at(ChatState, await member(factory))
    begun, go_on = hold(monkeypatch, page_state, "signed_in", when=lambda *_: not begun.is_set())
    opening = asyncio.create_task(fire(tab, "open_chat"))
    await begun.wait()
    await fire(tab, "ask", QUESTION)
    assert tab.is_loaded
    assert len(tab.messages) == 2
    go_on.set()
    await opening
    assert (len(tab.messages), tab.failure) == (2, "")


async def test_what_is_no_question_before_the_page_was_read_does_not_keep_it_from_being_shown(
    factory: Factory, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab = await tab_at(ChatState, await member(factory))
    begun, go_on = hold(monkeypatch, page_state, "signed_in", when=lambda *_: not begun.is_set())
    opening = asyncio.create_task(fire(tab, "open_chat"))
    await begun.wait()
    await fire(tab, "ask", {"question": " "})
    go_on.set()
    await opening
    assert (tab.is_loaded, tab.is_asking) == (True, False)


async def test_a_question_while_another_chat_is_read_is_asked_in_that_chat(
    factory: Factory, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = await member(factory)
    first = await asked(cookie, provider)
    provider.add(spoken("Six months."))
    tab = await tab_at(ChatState, cookie, {"chat": first.chat_id})
    begun, go_on = hold(monkeypatch, page_state, "signed_in", when=lambda *_: not begun.is_set())
    opening = asyncio.create_task(fire(tab, "open_chat"))
    await begun.wait()
    await fire(tab, "ask", {"question": "And in winter?"})
    go_on.set()
    await opening
    assert tab.chat_id == first.chat_id
    assert [row.text for row in tab.messages if row.is_question] == [QUESTION["question"], "And in winter?"]
    # It is asked about what that chat is about.
    assert not tab.uses_all


async def test_what_is_chosen_and_edited_stays_when_the_connection_is_back(
    factory: Factory, provider: FakeProvider
) -> None:
    tenant = await factory.tenant()
    document = str(await factory.document(tenant, "Returns."))
    cookie = await member(factory, tenant=tenant)
    tab = await asked(cookie, provider)
    go(tab, cookie, {"chat": tab.chat_id})
    await fire(tab, "choose_document", document)
    await fire(tab, "edit", tab.messages[0].id)
    await fire(tab, "open_chat")
    assert tab.chosen_ids == [document]
    assert tab.editing == tab.messages[0].id
    go(tab, cookie, {"chat": "new"})
    await fire(tab, "open_chat")
    assert (tab.chosen_ids, tab.editing, tab.messages) == ([], "", [])


async def test_what_is_chosen_for_a_chat_that_is_not_begun_stays_when_the_connection_is_back(
    factory: Factory,
) -> None:
    tenant = await factory.tenant()
    document = str(await factory.document(tenant, "Returns."))
    tab = await opened(await member(factory, tenant=tenant))
    await fire(tab, "choose_document", document)
    await fire(tab, "open_chat")
    assert tab.chosen_ids == [document]


async def test_with_a_chat_what_was_chosen_for_it_goes(factory: Factory, provider: FakeProvider) -> None:
    tenant = await factory.tenant()
    document = str(await factory.document(tenant, "Returns."))
    tab = await asked(await member(factory, tenant=tenant), provider)
    await fire(tab, "choose_document", document)
    await fire(tab, "delete")
    assert (tab.chat_id, tab.chosen_ids, tab.messages) == ("", [], [])
