"""Canned replies in the inbox: found, filled for a conversation, and kept by who may answer."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from helpninja_app.accounts.models import Role
from helpninja_app.screens.inbox.canned_state import CannedState, missing_in_words
from tests.factories import Factory, Tenant
from tests.screens.events import fire, tab_at
from tests.screens.test_inbox import agent, opened, reply, waiting

GREETING = {"name": "greeting", "text": "Hello {{visitor.name|there}}, I am {{member.name}}."}


@pytest.fixture
async def tenant(factory: Factory) -> Tenant:
    return await factory.tenant()


async def opened_list(cookie: str) -> CannedState:
    tab = await tab_at(CannedState, cookie)
    await fire(tab, "open_canned")
    return tab


async def kept(cookie: str, *forms: dict[str, str]) -> CannedState:
    """A tab in which these were added."""
    tab = await opened_list(cookie)
    for form in forms:
        await fire(tab, "begin")
        answer = await fire(tab, "save", form)
        assert answer.refusal == ""
    return tab


async def test_they_are_listed_by_name_and_found_by_a_part_of_name_or_text(
    factory: Factory, tenant: Tenant
) -> None:
    cookie = await agent(factory, tenant)
    tab = await kept(cookie, {"name": "returns", "text": "Within  sixty\ndays."}, GREETING)
    assert [row.name for row in tab.rows] == ["greeting", "returns"]
    assert tab.rows[0].preview.startswith("Hello [the visitor's name]")
    assert tab.rows[1].preview == "Within sixty days."
    await fire(tab, "search_canned", "sixty")
    assert ([row.name for row in tab.rows], tab.found_for) == (["returns"], "sixty")
    await fire(tab, "search_canned", "drones")
    assert tab.rows == []
    await fire(tab, "open_canned")
    assert (len(tab.rows), tab.found_for) == (2, "")


async def test_of_many_fifty_are_shown_and_the_others_counted(factory: Factory, tenant: Tenant) -> None:
    cookie = await agent(factory, tenant)
    tab = await kept(cookie, *({"name": f"reply {number:02}", "text": "Yes."} for number in range(52)))
    assert (len(tab.rows), tab.more) == (50, "2 more: type a part of their name or text.")
    await fire(tab, "search_canned", "reply 51")
    assert (len(tab.rows), tab.more) == (1, "")


async def test_one_is_filled_for_its_conversation_and_what_is_missing_is_said(
    factory: Factory, tenant: Tenant
) -> None:
    one = await waiting(factory, tenant, visitor_name="Noor")
    tab = await kept(await agent(factory, tenant), GREETING)
    await fire(tab, "choose", tab.rows[0].id, str(one))
    assert tab.filled.startswith("Hello Noor, I am ")
    assert (tab.filled_for, tab.fillings) == (str(one), 1)
    nobody = await waiting(factory, tenant)
    tab = await kept(await agent(factory, tenant), {"name": "name", "text": "Dear {{visitor.name}},"})
    await fire(tab, "choose", next(row.id for row in tab.rows if row.name == "name"), str(nobody))
    assert tab.filled == "Dear ,"
    assert tab.missing.startswith("Not known, and left out: the visitor's name.")
    await fire(tab, "close_missing")
    assert tab.missing == ""


def test_what_is_missing_is_a_sentence() -> None:
    assert missing_in_words(()) == ""
    assert "your own name and the page that" in missing_in_words(("member.name", "conversation.page"))


async def test_a_reply_that_is_stored_takes_the_hint_away_and_a_note_leaves_it(
    factory: Factory, tenant: Tenant
) -> None:
    tab = await opened(await agent(factory, tenant), await waiting(factory, tenant))
    answer = await reply(tab, "Dear ,", uuid4())
    assert "close_missing" in str(answer.events)
    form = {"conversation": tab.conversation_id, "text": "Look.", "client_id": str(uuid4())}
    assert "close_missing" not in str((await fire(tab, "send_note", form)).events)


async def test_one_is_changed_and_deleted(factory: Factory, tenant: Tenant) -> None:
    tab = await kept(await agent(factory, tenant), GREETING)
    await fire(tab, "edit", tab.rows[0].id)
    assert (tab.is_editing, tab.name, tab.text) == (True, GREETING["name"], GREETING["text"])
    await fire(tab, "save", {"name": "hello", "text": "Good day."})
    assert (tab.is_editing, [row.name for row in tab.rows]) == (False, ["hello"])
    await fire(tab, "delete", tab.rows[0].id)
    assert tab.rows == []


@pytest.mark.parametrize(
    ("form", "field", "sentence"),
    [
        ({"name": " ", "text": "x"}, "name", "Give it a name"),
        ({"name": "x" * 61, "text": "x"}, "name", "At most 60"),
        ({"name": "x", "text": "\u200b"}, "text", "Write what it says"),
        ({"name": "x", "text": "x" * 5001}, "text", "At most 5,000"),
        ({"name": "x", "text": "Dear {{visitor.shoe}}"}, "text", "There is no variable {{visitor.shoe}}"),
        ("no form", "name", "Give it a name"),
    ],
)
async def test_what_cannot_be_kept_says_why_at_its_field(
    factory: Factory, tenant: Tenant, form: Any, field: str, sentence: str
) -> None:
    tab = await opened_list(await agent(factory, tenant))
    await fire(tab, "begin")
    await fire(tab, "save", form)
    assert sentence in tab.errors[field]
    assert (tab.is_editing, tab.rows) == (True, [])


async def test_two_of_one_name_are_refused(factory: Factory, tenant: Tenant) -> None:
    tab = await kept(await agent(factory, tenant), GREETING)
    await fire(tab, "begin")
    answer = await fire(tab, "save", GREETING)
    assert "has this name" in answer.refusal
    assert tab.is_editing


async def test_who_may_only_read_changes_nothing(factory: Factory, tenant: Tenant) -> None:
    made = await kept(await agent(factory, tenant), GREETING)
    one = await waiting(factory, tenant)
    tab = await opened_list(await agent(factory, tenant, Role.VIEWER))
    assert [row.name for row in tab.rows] == ["greeting"]
    for name, given in (
        ("choose", (made.rows[0].id, str(one))),
        ("edit", (made.rows[0].id,)),
        ("save", (GREETING,)),
        ("delete", (made.rows[0].id,)),
    ):
        assert "does not allow this" in (await fire(tab, name, *given)).refusal
    assert (tab.filled, tab.is_editing, len(tab.rows)) == ("", False, 1)


async def test_those_of_another_workspace_and_its_conversations_are_not_there(
    factory: Factory, tenant: Tenant
) -> None:
    other = await factory.tenant()
    theirs = await kept(await agent(factory, other), GREETING)
    mine = await kept(await agent(factory, tenant), {"name": "mine", "text": "Yes."})
    foreign, own = theirs.rows[0].id, mine.rows[0].id
    there, here = await waiting(factory, other), await waiting(factory, tenant)
    await _refused(mine, foreign, here)
    await _refused(mine, own, there)
    for name in ("edit", "delete"):
        assert (await fire(mine, name, foreign)).refusal
    assert [row.name for row in mine.rows] == ["mine"]
    await fire(theirs, "open_canned")
    assert [row.name for row in theirs.rows] == ["greeting"]


async def _refused(tab: CannedState, reply_id: str, conversation: UUID) -> None:
    assert (await fire(tab, "choose", reply_id, str(conversation))).refusal
    assert (tab.filled, tab.fillings) == ("", 0)
