"""What a chat is about, on its page: for whom a document is, one that was deleted, where one is opened."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from helpninja_app.accounts.callers import MemberCaller
from helpninja_app.accounts.models import Role
from helpninja_app.accounts.users import find_user_id
from helpninja_app.answers.providers.fake import FakeProvider, spoken
from helpninja_app.kernel.scope import Audience, Scope
from helpninja_app.resources import Resources
from helpninja_app.screens import page_state
from helpninja_app.screens.chat import following
from helpninja_app.screens.chat.choosing_state import PickerState
from helpninja_app.screens.chat.state import ChatState
from helpninja_app.screens.shell.state import UPLOADED
from tests.factories import Factory, Tenant
from tests.screens.events import fire, go, tab_at
from tests.screens.test_chat import MODEL, QUESTION, member, opened, provider, until
from tests.screens.test_page_state import hold

__all__ = ["provider"]

TEXT = "The notice period of all contracts is three months."
GONE = "A document that this is asked about was deleted. Remove it below, and ask again."


def uploaded(tab: ChatState, document: UUID) -> dict[str, str]:
    """What the browser says of a file that the composer takes now, once it is uploaded."""
    return {"document": str(document), "opening": tab.opening, "chat": tab.chat_id}


async def asked_about(
    factory: Factory, fake: FakeProvider, tenant: Tenant, document: UUID, cookie: str = ""
) -> ChatState:
    """A tab with a chat about one document."""
    fake.add(spoken("Three months [1]."))
    tab = await opened(cookie or await member(factory, Role.AGENT, tenant))
    await fire(tab, "add_document", uploaded(tab, document))
    await fire(tab, "ask", QUESTION)
    assert [row.id for row in tab.chosen] == [str(document)]
    return tab


async def delete(client: httpx.AsyncClient, tenant: Tenant, document: UUID) -> None:
    assert (await client.delete(f"/api/documents/{document}", headers=tenant.headers)).status_code < 300


async def test_a_document_says_for_whom_it_is(factory: Factory, provider: FakeProvider) -> None:
    tenant = await factory.tenant()
    document = await factory.document(tenant, TEXT, audience=Audience.MEMBERS)
    tab = await asked_about(factory, provider, tenant, document)
    assert [row.is_public for row in tab.chosen] == [False]
    public = await factory.document(tenant, TEXT, title="Opening hours")
    picker = await tab_at(PickerState, await member(factory, Role.AGENT, tenant))
    await fire(picker, "open_picker")
    assert {row.id: row.is_public for row in picker.rows} == {str(document): False, str(public): True}


async def test_a_file_that_is_added_while_the_tab_listens_is_shown_as_read_once_it_is(
    factory: Factory, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "FOLLOW_SECONDS", 600.0)
    monkeypatch.setattr(following, "LOOK_SECONDS", 0.05)
    tenant = await factory.tenant()
    document = await factory.document(tenant, TEXT)
    tab = await opened(await member(factory, Role.AGENT, tenant))
    watching = asyncio.create_task(fire(tab, "follow"))
    # Until it has looked and waits to be told; else it would see the file by its first look.
    await asyncio.sleep(0.5)
    await come_to(factory, tenant, "processing")
    await fire(tab, "add_document", uploaded(tab, document))
    assert tab.is_reading
    await come_to(factory, tenant, "completed")
    await until(lambda: not tab.is_reading)
    watching.cancel()


async def test_a_document_that_was_taken_out_does_not_come_back_with_what_was_read_before(
    factory: Factory, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await factory.tenant()
    document = await factory.document(tenant, TEXT)
    tab = await opened(await member(factory, Role.AGENT, tenant))
    await fire(tab, "add_document", uploaded(tab, document))
    is_read, may_show = asyncio.Event(), asyncio.Event()
    find, answer = ChatState._find, ChatState._answer

    async def held(self: ChatState, caller: MemberCaller) -> Any:
        found = await find(self, caller)
        if not is_read.is_set():
            is_read.set()
            await may_show.wait()
        return found

    async def late(self: ChatState, *arguments: Any, **named: Any) -> Any:
        may_show.set()
        await looking
        return await answer(self, *arguments, **named)

    monkeypatch.setattr(ChatState, "_find", held)
    monkeypatch.setattr(ChatState, "_answer", late)
    looking = asyncio.create_task(tab._catch_up(tab._follower))
    await is_read.wait()
    await fire(tab, "choose_document", str(document))
    assert tab.chosen == []


async def come_to(factory: Factory, tenant: Tenant, status: str) -> None:
    async with factory.resources.database.unit_of_work(tenant.scope) as session:
        await session.execute(text("update documents set status = :status"), {"status": status})


async def test_a_chat_about_a_deleted_document_asks_nothing_until_that_is_removed(
    factory: Factory, provider: FakeProvider, client: httpx.AsyncClient
) -> None:
    tenant = await factory.tenant()
    document = await factory.document(tenant, TEXT, title="Contract")
    cookie = await member(factory, Role.AGENT, tenant)
    chat_id = (await asked_about(factory, provider, tenant, document, cookie)).chat_id
    await delete(client, tenant, document)
    tab = await tab_at(ChatState, cookie, {"chat": chat_id})
    await fire(tab, "open_chat")
    assert [(row.title, row.status) for row in tab.chosen] == [("A document", "deleted")]
    assert (await fire(tab, "ask", QUESTION)).refusal == GONE
    assert len(provider.requests) == 1
    provider.add(spoken("Four months."))
    await fire(tab, "choose_document", str(document))
    assert tab.chosen == []
    assert (await fire(tab, "ask", QUESTION)).refusal == ""
    assert len(provider.requests) == 2


async def test_a_document_that_is_deleted_while_the_page_is_open_is_told_without_its_id(
    factory: Factory, provider: FakeProvider, client: httpx.AsyncClient
) -> None:
    tenant = await factory.tenant()
    document = await factory.document(tenant, TEXT, title="Contract")
    tab = await asked_about(factory, provider, tenant, document)
    await delete(client, tenant, document)
    await fire(tab, "ask", QUESTION | {"client_id": "second"})
    assert tab.problem == GONE
    assert [row.status for row in tab.chosen] == ["deleted"]
    assert (tab.accepted, tab.is_asking) == ("", False)


@pytest.mark.parametrize("kind", ["note", "file", "deleted"])
async def test_a_passage_leads_to_what_can_be_opened(
    factory: Factory, provider: FakeProvider, resources: Resources, client: httpx.AsyncClient, kind: str
) -> None:
    tenant = await factory.tenant()
    document = await factory.document(tenant, TEXT, title="Notice")
    tab = await asked_about(factory, provider, tenant, document)
    if kind == "file":
        async with resources.database.unit_of_work(tenant.scope) as session:
            await session.execute(text("update documents set filename = 'notice.pdf'"))
    elif kind == "deleted":
        await delete(client, tenant, document)
    answer = tab.messages[-1]
    await fire(tab, "open_source", answer.id, answer.sources[0].n)
    assert tab.source_title == "Notice"
    file = f"/api/documents/{document}/file?tenantId={tenant.id}"
    assert tab.source_url == {"note": "/app/knowledge", "file": file, "deleted": ""}[kind]
    assert tab.source_audience == ("" if kind == "deleted" else "visitors")


async def test_a_file_is_asked_about_in_the_new_chat_that_took_it_also_when_that_was_begun_meanwhile(
    factory: Factory, provider: FakeProvider
) -> None:
    tenant = await factory.tenant()
    document = await factory.document(tenant, TEXT)
    tab = await opened(await member(factory, Role.AGENT, tenant))
    taken = uploaded(tab, document)
    provider.add(spoken("Three months."))
    await fire(tab, "ask", QUESTION)
    answer = await fire(tab, "add_document", taken)
    assert tab.chosen_ids == [str(document)]
    assert answer.events == []


async def test_a_file_is_not_asked_about_in_another_chat_than_the_one_that_took_it(
    factory: Factory, provider: FakeProvider
) -> None:
    tenant = await factory.tenant()
    document = await factory.document(tenant, TEXT)
    cookie = await member(factory, Role.AGENT, tenant)
    provider.add(spoken("Three months."))
    tab = await opened(cookie)
    await fire(tab, "ask", QUESTION)
    first, taken = tab.chat_id, uploaded(tab, document)
    for another in ({"chat": "new"}, {}):
        go(tab, cookie, another)
        await fire(tab, "open_chat")
        answer = await fire(tab, "add_document", taken)
        assert tab.chosen == []
        assert UPLOADED in answer.said
    # Whoever comes back to it finds it asked about there.
    go(tab, cookie, {"chat": first})
    await fire(tab, "open_chat")
    await fire(tab, "add_document", taken)
    assert tab.chosen_ids == [str(document)]


async def test_a_file_of_one_new_chat_is_not_asked_about_in_the_next_one(
    factory: Factory, provider: FakeProvider
) -> None:
    tenant = await factory.tenant()
    document = await factory.document(tenant, TEXT)
    cookie = await member(factory, Role.AGENT, tenant)
    tab = await opened(cookie)
    taken = uploaded(tab, document)
    provider.add(spoken("Three months."))
    await fire(tab, "ask", QUESTION)
    go(tab, cookie, {"chat": "new"})
    await fire(tab, "open_chat")
    answer = await fire(tab, "add_document", taken)
    assert tab.chosen == []
    assert UPLOADED in answer.said


async def test_what_is_chosen_is_not_asked_about_in_a_chat_that_was_opened_meanwhile(
    factory: Factory, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await factory.tenant()
    document = await factory.document(tenant, TEXT)
    cookie = await member(factory, Role.AGENT, tenant)
    provider.add(spoken("Three months."))
    tab = await opened(cookie)
    await fire(tab, "ask", QUESTION)
    begun, go_on = hold(monkeypatch, page_state, "signed_in", when=lambda *_: not begun.is_set())
    choosing = asyncio.create_task(fire(tab, "choose_document", str(document)))
    await begun.wait()
    go(tab, cookie, {"chat": "new"})
    await fire(tab, "open_chat")
    go_on.set()
    await choosing
    assert tab.chosen == []


async def test_a_new_chat_is_about_all_documents_whatever_the_one_before_it_was_about(
    factory: Factory, provider: FakeProvider
) -> None:
    cookie = await member(factory)
    provider.add(spoken("Three months."))
    tab = await opened(cookie)
    await fire(tab, "ask", QUESTION)
    assert not tab.uses_all
    go(tab, cookie, {"chat": "new"})
    await fire(tab, "open_chat")
    assert tab.uses_all


@pytest.mark.parametrize("scope", ["all", "none"])
async def test_without_the_last_document_that_was_chosen_what_counted_before_counts_again(
    factory: Factory, provider: FakeProvider, scope: str
) -> None:
    tenant = await factory.tenant()
    document = str(await factory.document(tenant, TEXT))
    cookie = await member(factory, Role.AGENT, tenant)
    provider.add(spoken("Three months [1]."))
    tab = await opened(cookie)
    await fire(tab, "choose_scope", scope)
    await fire(tab, "choose_document", document)
    await fire(tab, "ask", QUESTION)
    for one in (tab, await tab_at(ChatState, cookie)):
        go(one, cookie, {"chat": tab.chat_id})
        await fire(one, "open_chat")
        assert one.chosen_ids == [document]
        await fire(one, "choose_document", document)
        assert one.chosen == []
        assert one.uses_all == (scope == "all")


@pytest.mark.parametrize("model", ["claude-opus-5-5", "gpt-4-turbo", "no-such-model"])
async def test_a_chat_whose_model_cannot_be_asked_takes_the_default_and_not_that_of_the_chat_before(
    factory: Factory, provider: FakeProvider, resources: Resources, model: str
) -> None:
    provider.add(spoken("Three months."))
    tenant = await factory.tenant()
    email, headers = await factory.member(tenant)
    cookie = headers["cookie"]
    tab = await opened(cookie)
    await fire(tab, "ask", QUESTION)
    chat_id = tab.chat_id
    async with resources.database.unit_of_work() as session:
        owner = Scope.members(tenant.id, await find_user_id(session, email))
    async with resources.database.unit_of_work(owner) as session:
        changed = await session.execute(
            text("update chats set model = :model returning id"), {"model": model}
        )
        assert str(changed.scalar_one()) == chat_id
    go(tab, cookie, {"chat": "new"})
    await fire(tab, "open_chat")
    await fire(tab, "choose_model", "gpt-6-astra")
    assert tab.model_id == "gpt-6-astra"
    go(tab, cookie, {"chat": chat_id})
    await fire(tab, "open_chat")
    assert tab.model_id == MODEL.id
