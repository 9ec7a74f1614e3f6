"""Saved chats on the chat page: in step with other tabs, renamed, deleted, in pages, about documents."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from helpninja_app import resources as resources_module
from helpninja_app.accounts.models import Role
from helpninja_app.answers.answerers import Answerers
from helpninja_app.answers.catalogue import find_model
from helpninja_app.answers.providers.base import TextDelta
from helpninja_app.answers.providers.fake import FakeProvider, spoken
from helpninja_app.resources import Resources
from helpninja_app.screens import page_state
from helpninja_app.screens.chat import following, thread_state
from helpninja_app.screens.chat.list_state import ChatListState
from helpninja_app.screens.chat.state import ChatState
from helpninja_app.screens.shell.state import ShellState
from tests.api.uploading import upload
from tests.factories import Factory
from tests.screens.events import fire, go, tab_at
from tests.screens.test_chat import MODEL, QUESTION, member, opened, provider, until
from tests.screens.test_management import owner_of_two
from tests.screens.test_page_state import hold

__all__ = ["provider"]


_watching: list[asyncio.Task[None]] = []


@pytest.fixture(autouse=True)
async def nobody_looks_any_more() -> AsyncIterator[None]:
    yield
    for task in _watching:
        task.cancel()
    await asyncio.gather(*_watching, return_exceptions=True)
    _watching.clear()


async def followed(tab: ChatState | ChatListState) -> asyncio.Task[None]:
    """Somebody who looks at this tab; until the task is cancelled, or the test is over."""
    began = tab._latest, tab.heard

    async def follow() -> None:
        while True:
            await fire(tab, "follow")
            # One that fails at once would never let go of the loop.
            await asyncio.sleep(0.01)

    task = asyncio.create_task(follow())
    _watching.append(task)
    await until(lambda: tab._follower > 0 and (tab._latest, tab.heard) is not began)
    return task


async def test_another_tab_sees_an_answer_begin_and_end_and_its_list_too(
    factory: Factory, provider: FakeProvider
) -> None:
    go_on = asyncio.Event()
    provider.add(spoken("First answer."))
    provider.add([TextDelta("Second"), go_on, *spoken(" answer.")])
    cookie = await member(factory)
    tab = await opened(cookie)
    chats = await tab_at(ChatListState, cookie)
    watching = [await followed(chats)]
    await fire(tab, "ask", QUESTION)
    await until(lambda: [row.title for row in chats.rows] == [QUESTION["question"]])
    other = await opened(cookie, tab.chat_id)
    watching.append(await followed(other))
    asking = asyncio.create_task(fire(tab, "ask", {"question": "And then?"}))
    await until(lambda: other.is_writing_elsewhere)
    assert other.messages[-2].text == "And then?"
    go_on.set()
    await asking
    await until(lambda: not other.is_writing_elsewhere)
    assert other.messages[-1].html == "<p>Second answer.</p>"
    for task in watching:
        task.cancel()


async def test_what_was_typed_wrong_is_still_said_while_other_tabs_change_things(
    factory: Factory, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "FOLLOW_SECONDS", 0.01)
    tab = await opened(await member(factory))
    await fire(tab, "ask", {"question": ""})
    await fire(tab, "follow")
    assert tab.problem == "Type a question first."


async def test_nobody_follows_the_chats_of_a_colleague(
    factory: Factory, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "FOLLOW_SECONDS", 0.3)
    provider.add(spoken("Three months."))
    tenant = await factory.tenant()
    own, colleague = await member(factory, tenant=tenant), await member(factory, tenant=tenant)
    chats = await tab_at(ChatListState, colleague)
    watching = asyncio.create_task(fire(chats, "follow"))
    await fire(await opened(own), "ask", QUESTION)
    await watching
    assert (chats.rows, chats.heard) == ([], 1)


async def test_a_follower_ends_when_another_one_was_started(factory: Factory) -> None:
    chats = await tab_at(ChatListState, await member(factory))
    first = asyncio.create_task(fire(chats, "follow"))
    await until(lambda: chats.is_loaded)
    async with asyncio.timeout(60):
        chats._follower += 1
        resources = resources_module.current_resources()
        for listeners in list(resources.live._listeners.values()):
            for listener in listeners:
                listener.take("chat:anything")
        await first
    assert chats.heard == 0


async def test_a_follower_in_another_workspace_than_its_page_is_not_started_again_at_once(
    factory: Factory, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "FOLLOW_SECONDS", 0.0)
    second, cookie = await owner_of_two(resources, factory)
    chats = await tab_at(ChatListState, cookie)
    await fire(chats, "open_chats")
    await fire(chats, "follow")
    assert chats.heard == 1
    await fire(await tab_at(ShellState, cookie), "go_to_workspace", str(second.id))
    await fire(chats, "follow")
    assert (chats.heard, chats.failure) == (1, "")


@pytest.mark.parametrize(
    ("handler", "arguments", "titles"),
    [
        ("rename", ({"title": "Notice"},), {QUESTION["question"], "Notice"}),
        ("delete", (), {QUESTION["question"]}),
    ],
)
async def test_what_is_done_to_a_chat_is_not_done_to_the_one_that_is_opened_meanwhile(
    factory: Factory,
    provider: FakeProvider,
    monkeypatch: pytest.MonkeyPatch,
    handler: str,
    arguments: tuple[Any, ...],
    titles: set[str],
) -> None:
    provider.add(spoken("Three months."))
    provider.add(spoken("Three months."))
    cookie = await member(factory)
    tab, other = await opened(cookie), await opened(cookie)
    await fire(tab, "ask", QUESTION)
    await fire(other, "ask", QUESTION)
    begun, go_on = hold(monkeypatch, page_state, "signed_in", when=lambda *_: not begun.is_set())
    doing = asyncio.create_task(fire(tab, handler, *arguments))
    await begun.wait()
    go(tab, cookie, {"chat": other.chat_id})
    await fire(tab, "open_chat")
    go_on.set()
    answer = await doing
    assert (tab.chat_id, tab.title, answer.events) == (other.chat_id, QUESTION["question"], [])
    chats = await tab_at(ChatListState, cookie)
    await fire(chats, "open_chats")
    assert {row.title for row in chats.rows} == titles
    assert other.chat_id in [row.id for row in chats.rows]


async def test_an_answer_is_stopped_also_where_another_chat_is_opened_meanwhile(
    factory: Factory, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.add(spoken("Three months."))
    provider.add([TextDelta("Half of it"), asyncio.Event()])
    cookie = await member(factory)
    other, tab = await opened(cookie), await opened(cookie)
    await fire(other, "ask", QUESTION)
    asking = asyncio.create_task(fire(tab, "ask", QUESTION))
    await until(lambda: tab.writing)
    chat_id = tab.chat_id
    begun, go_on = hold(monkeypatch, page_state, "signed_in", when=lambda *_: not begun.is_set())
    stopping = asyncio.create_task(fire(tab, "stop_answer"))
    await begun.wait()
    go(tab, cookie, {"chat": other.chat_id})
    await fire(tab, "open_chat")
    go_on.set()
    await stopping
    await asyncio.wait_for(asking, 60)
    assert (await opened(cookie, chat_id)).messages[-1].state == "interrupted"


async def test_a_chat_is_renamed_deleted_and_brought_back(factory: Factory, provider: FakeProvider) -> None:
    provider.add(spoken("Three months."))
    cookie = await member(factory)
    tab = await opened(cookie)
    await fire(tab, "ask", QUESTION)
    chat_id = tab.chat_id
    await fire(tab, "rename", {"title": "  Notice\n period "})
    assert tab.title == "Notice period"
    answer = await fire(tab, "rename", {"title": " \x00 "})
    assert "Type a title first." in answer.refusal
    await fire(tab, "delete")
    assert "“Notice period” is deleted" in tab.deleted
    assert (await opened(cookie, chat_id)).failure == "There is no such chat."
    await fire(tab, "restore")
    assert tab.deleted == ""
    assert (await opened(cookie, chat_id)).title == "Notice period"


async def test_a_colleague_neither_renames_nor_deletes_a_chat(
    factory: Factory, provider: FakeProvider
) -> None:
    provider.add(spoken("Three months."))
    tenant = await factory.tenant()
    own, colleague = await member(factory, tenant=tenant), await member(factory, tenant=tenant)
    tab = await opened(own)
    await fire(tab, "ask", QUESTION)
    other = await opened(colleague)
    for event, *given in (("rename", {"title": "Mine"}), ("delete",)):
        other.chat_id = tab.chat_id
        answer = await fire(other, event, *given)
        assert "There is no such chat." in answer.refusal, event
    assert (await opened(own, tab.chat_id)).title == QUESTION["question"]


async def test_a_long_chat_begins_with_its_end_and_shows_more_when_asked(
    factory: Factory, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thread_state, "MESSAGES", 2)
    cookie = await member(factory)
    tab = await opened(cookie)
    for number in range(3):
        provider.add(spoken(f"Answer {number}."))
        await fire(tab, "ask", {"question": f"Question {number}"})
    tab = await opened(cookie, tab.chat_id)
    assert [row.text for row in tab.messages if row.is_question] == ["Question 2"]
    assert tab.earlier == 4
    await fire(tab, "show_earlier")
    assert [row.text for row in tab.messages if row.is_question] == ["Question 1", "Question 2"]
    assert tab.earlier == 2


async def test_an_edited_question_takes_the_place_of_the_first_one(
    factory: Factory, provider: FakeProvider
) -> None:
    provider.add(spoken("Three months."))
    provider.add(spoken("Six months."))
    tab = await opened(await member(factory))
    await fire(tab, "ask", QUESTION)
    await fire(tab, "edit", tab.messages[0].id)
    await fire(tab, "ask_edited", {"edited": "And in winter?"})
    # A second click.
    await fire(tab, "ask_edited", {"edited": "And in winter?"})
    assert [row.text or row.html for row in tab.messages] == ["And in winter?", "<p>Six months.</p>"]
    assert len(provider.requests) == 2
    assert tab.editing == ""


async def test_a_document_that_is_still_read_is_waited_for_and_one_of_others_is_not_there(
    factory: Factory, provider: FakeProvider, client: httpx.AsyncClient
) -> None:
    tenant, stranger = await factory.tenant(), await factory.tenant()
    tab = await opened(await member(factory, Role.AGENT, tenant))
    for owner, refusal in ((stranger, "no such document"), (tenant, "")):
        uploaded = (await upload(client, owner.headers)).json()["documentId"]
        answer = await fire(tab, "add_document", {"document": uploaded, "opening": tab.opening})
        assert refusal in answer.refusal.lower()
    assert [row.status for row in tab.chosen] == ["processing"]
    answer = await fire(tab, "ask", QUESTION | {"client_id": "first"})
    assert "still being read" in answer.refusal
    assert tab.accepted == ""
    await fire(tab, "choose_document", tab.chosen[0].id)
    assert tab.chosen == []


async def test_a_model_that_the_plan_lost_meanwhile_offers_a_larger_plan(
    factory: Factory, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    dear = find_model("claude-opus-5")
    settings = resources.settings.model_copy(update={"unlimited": False})
    answering = replace(
        resources, settings=settings, answerers=Answerers.with_provider(FakeProvider(), MODEL)
    )
    monkeypatch.setattr(resources_module, "_open", [answering])
    tab = await opened(await member(factory, tenant=await factory.tenant(plan="free")))
    tab.model_id = dear.id
    answer = await fire(tab, "ask", QUESTION)
    assert "An owner can change the plan" in answer.refusal
    assert tab.is_at_limit
