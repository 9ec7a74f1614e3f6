"""What a chat is about, on its page: for whom a document is, one that was deleted, where one is opened."""

from __future__ import annotations

from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from helpninja_app.accounts.models import Role
from helpninja_app.answers.providers.fake import FakeProvider, spoken
from helpninja_app.kernel.scope import Audience
from helpninja_app.resources import Resources
from helpninja_app.screens.chat.choosing_state import PickerState
from helpninja_app.screens.chat.state import ChatState
from tests.factories import Factory, Tenant
from tests.screens.events import fire, tab_at
from tests.screens.test_chat import QUESTION, member, opened, provider

__all__ = ["provider"]

TEXT = "The notice period of all contracts is three months."
GONE = "A document that this is asked about was deleted. Remove it below, and ask again."


async def asked_about(
    factory: Factory, fake: FakeProvider, tenant: Tenant, document: UUID, cookie: str = ""
) -> ChatState:
    """A tab with a chat about one document."""
    fake.add(spoken("Three months [1]."))
    tab = await opened(cookie or await member(factory, Role.AGENT, tenant))
    await fire(tab, "add_document", {"document": str(document)})
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
