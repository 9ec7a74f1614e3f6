"""On a slow line another conversation is open on the server than the one in which something was pressed."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest

from helpninja_app.screens import page_state
from helpninja_app.screens.inbox.page import inbox_page
from helpninja_app.screens.inbox.state import InboxState
from tests.factories import Factory, Tenant
from tests.screens.events import fire, go
from tests.screens.test_inbox import agent, opened, waiting
from tests.screens.test_page_state import hold
from tests.screens.test_rows import below

# What a member can press or send in a conversation, and how its form or its name says which one that is.
OF_A_CONVERSATION = {
    *("take_over", "hand_back", "resolve", "reopen", "undo_resolve", "assign", "snooze"),
    *("remove_tag", "mark_unread", "show_typing", "show_passage"),
}
FORMS = {"send_reply", "send_note", "add_tag"}


@pytest.fixture
async def tenant(factory: Factory) -> Tenant:
    return await factory.tenant()


@pytest.mark.parametrize(
    ("name", "given", "shown"),
    [
        ("take_over", (), {"status": "human"}),
        ("resolve", (), {"status": "resolved"}),
        ("snooze", ("tomorrow",), {}),
        ("add_tag", ({"tag": "boots"},), {"tags": ["boots"]}),
    ],
)
async def test_what_is_pressed_is_done_to_the_conversation_in_which_it_was(
    factory: Factory, tenant: Tenant, name: str, given: tuple[Any, ...], shown: dict[str, Any]
) -> None:
    one, other = await waiting(factory, tenant), await waiting(factory, tenant)
    cookie = await agent(factory, tenant)
    before = await opened(cookie, other)
    tab = await opened(cookie, other)
    answer = await fire(tab, name, *_naming(one, given))
    assert answer.refusal == ""
    changed, same = await opened(cookie, one), await opened(cookie, other)
    assert {var: getattr(changed, var) for var in shown} == shown
    assert bool(changed.snoozed) == (name == "snooze")
    assert (same.status, same.tags, same.snoozed) == (before.status, before.tags, before.snoozed)
    assert tab.conversation_id == str(other)


def _naming(conversation: UUID, given: tuple[Any, ...]) -> tuple[Any, ...]:
    if given and isinstance(given[0], dict):
        return ({**given[0], "conversation": str(conversation)},)
    return (str(conversation), *given)


async def test_what_is_refused_is_not_said_beside_another_conversation(
    factory: Factory, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = await waiting(factory, tenant), await waiting(factory, tenant)
    cookie = await agent(factory, tenant)
    tab = await opened(cookie, one)
    begun, go_on = hold(monkeypatch, page_state, "signed_in", when=lambda *_: not begun.is_set())
    sending = asyncio.create_task(fire(tab, "send_reply", {"text": " ", "conversation": str(one)}))
    await begun.wait()
    go(tab, cookie, {"conversation": str(other)})
    await fire(tab, "open_conversation")
    go_on.set()
    answer = await sending
    assert tab.problem == ""
    assert "Type something first." in answer.refusal
    # Beside its own it is.
    await fire(tab, "send_reply", {"text": " ", "conversation": str(other)})
    assert tab.problem == "Type something first."


async def test_what_is_put_back_as_unread_does_not_close_another_conversation(
    factory: Factory, tenant: Tenant
) -> None:
    one, other = await waiting(factory, tenant), await waiting(factory, tenant)
    tab = await opened(await agent(factory, tenant), other)
    answer = await fire(tab, "mark_unread", str(one))
    assert answer.events == []
    assert tab.conversation_id == str(other)


async def test_a_message_about_one_conversation_opens_that_one_again(
    factory: Factory, tenant: Tenant
) -> None:
    one, other = await waiting(factory, tenant), await waiting(factory, tenant)
    cookie = await agent(factory, tenant)
    tab = await opened(cookie, one)
    for each in (one, other):
        await fire(tab, "resolve", str(each))
    await fire(tab, "undo_resolve", str(one))
    assert tab.resolved == str(other)
    assert (await opened(cookie, one)).status == "waiting"
    assert (await opened(cookie, other)).status == "resolved"


def test_the_browser_says_which_conversation_it_shows() -> None:
    said = {
        str(spec.handler.fn.__name__): " ".join(str(value) for _, value in spec.args)
        for component in below(inbox_page())
        for chain in component.event_triggers.values()
        for spec in getattr(chain, "events", ())
        if InboxState.__name__ in spec.handler.fn.__qualname__
    }
    assert said.keys() >= OF_A_CONVERSATION | FORMS
    assert [name for name in OF_A_CONVERSATION if not _names_one(said[name])] == []


def _names_one(arguments: str) -> bool:
    return "conversation_id" in arguments or "resolved" in arguments
