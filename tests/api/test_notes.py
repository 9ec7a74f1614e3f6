"""``/api/notes``: knowledge that members write, from its first word to its return from the bin."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from helpninja_app.billing import plans
from helpninja_app.kernel.scope import Audience
from helpninja_app.knowledge.embedding.hashing import HashingEmbedder
from helpninja_app.knowledge.embedding.protocol import Vector
from helpninja_app.knowledge.lexical_index import lock_index
from helpninja_app.knowledge.limits import KnowledgeLimits
from helpninja_app.knowledge.notes import get_note
from helpninja_app.knowledge.uploads import process_document
from helpninja_app.resources import Resources, knowledge_limits
from tests.api.uploading import finished, found
from tests.factories import Factory, Tenant

pytestmark = pytest.mark.usefixtures("worker")

TEXT = "The quokka tent weighs two kilograms and keeps the rain out for a whole night."


async def written(client: httpx.AsyncClient, tenant: Tenant, **fields: Any) -> str:
    response = await client.post(
        "/api/notes", json={"title": "Tents", "text": TEXT} | fields, headers=tenant.headers
    )
    assert response.status_code == 201, response.text
    note = str(response.json()["id"])
    await finished(client, tenant, note)
    return note


async def test_a_note_is_found_by_members_until_it_is_for_visitors(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant = await factory.tenant()
    note = await written(client, tenant)
    assert await found(resources, tenant) == [note]
    assert await found(resources, tenant, Audience.VISITORS) == []
    changed = await client.patch(f"/api/notes/{note}", json={"audience": "visitors"}, headers=tenant.headers)
    assert (changed.json()["audience"], changed.json()["text"]) == ("visitors", TEXT)
    assert await found(resources, tenant, Audience.VISITORS) == [note]
    [source] = (await client.get("/api/sources", headers=tenant.headers)).json()["sources"]
    assert (source["kind"], source["name"], source["audience"]) == ("note", "Tents", "visitors")


async def test_an_edit_takes_the_place_of_the_old_text(client: httpx.AsyncClient, factory: Factory) -> None:
    tenant = await factory.tenant()
    note = await written(client, tenant)
    changed = await client.patch(
        f"/api/notes/{note}", json={"title": "Shelters", "text": "Ask the wombat."}, headers=tenant.headers
    )
    assert (changed.json()["title"], changed.json()["status"]) == ("Shelters", "processing")
    await finished(client, tenant, note)
    chunks = (await client.get(f"/api/documents/{note}/chunks", headers=tenant.headers)).json()["chunks"]
    assert [chunk["text"] for chunk in chunks] == ["Ask the wombat."]
    read = (await client.get(f"/api/notes/{note}", headers=tenant.headers)).json()
    assert (read["title"], read["text"]) == ("Shelters", "Ask the wombat.")


async def test_an_older_text_that_is_still_being_read_does_not_take_the_place_of_a_newer_one(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await factory.tenant()
    note = await written(client, tenant)
    embed, go, reached = HashingEmbedder.embed_passages, asyncio.Event(), asyncio.Event()

    async def wait_for_the_old(self: HashingEmbedder, texts: Any) -> Vector:
        if any("aardvark" in text for text in texts):
            reached.set()
            await go.wait()
        return await embed(self, texts)

    monkeypatch.setattr(HashingEmbedder, "embed_passages", wait_for_the_old)
    path = f"/api/notes/{note}"
    await client.patch(path, json={"text": "Ask the aardvark."}, headers=tenant.headers)
    await asyncio.wait_for(reached.wait(), 60)
    await client.patch(path, json={"text": "Ask the wombat."}, headers=tenant.headers)
    limits: KnowledgeLimits = knowledge_limits(resources.settings, tenant.workspace)
    tools, model = resources.knowledge, tenant.workspace.embedding_model
    await process_document(tools, tenant.id, UUID(note), model, limits)
    go.set()
    await asyncio.sleep(0.5)
    chunks = (await client.get(f"/api/documents/{note}/chunks", headers=tenant.headers)).json()["chunks"]
    assert [chunk["text"] for chunk in chunks] == ["Ask the wombat."]


async def test_whoever_only_reads_a_note_keeps_nobody_from_writing_it(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant = await factory.tenant()
    note = await written(client, tenant)
    await finished(client, tenant, note)
    database = resources.database
    async with database.unit_of_work(tenant.scope) as reading, database.unit_of_work(tenant.scope) as writing:
        await get_note(reading, tenant.id, UUID(note))
        await writing.execute(text("set local lock_timeout = '1s'"))
        # As processing does; who deletes it then waits for the index.
        await lock_index(writing, tenant.id)
        await writing.execute(text("update sources set last_synced_at = now()"))


async def test_a_deleted_note_comes_back_and_is_read_again_by_hand(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant = await factory.tenant()
    note = await written(client, tenant)
    await client.delete(f"/api/documents/{note}", headers=tenant.headers)
    assert (await client.get(f"/api/notes/{note}", headers=tenant.headers)).status_code == 404
    assert (await client.get("/api/sources", headers=tenant.headers)).json()["total"] == 0
    await client.post(f"/api/documents/{note}/restore", headers=tenant.headers)
    assert (await client.get(f"/api/notes/{note}", headers=tenant.headers)).json()["text"] == TEXT
    await client.post("/api/rag", json={"documentId": note}, headers=tenant.headers)
    assert (await finished(client, tenant, note))["status"] == "completed"
    assert await found(resources, tenant) == [note]


@pytest.mark.parametrize(
    "fields",
    [{"title": " "}, {"text": "\n "}, {"title": "a" * 301}, {"text": "a" * 100_001}, {"audience": "all"}],
)
async def test_a_note_without_a_title_or_a_text_is_refused(
    client: httpx.AsyncClient, factory: Factory, fields: dict[str, str]
) -> None:
    tenant = await factory.tenant()
    body = {"title": "Tents", "text": TEXT} | fields
    assert (await client.post("/api/notes", json=body, headers=tenant.headers)).status_code == 422
    note = await written(client, tenant)
    assert (await client.patch(f"/api/notes/{note}", json=fields, headers=tenant.headers)).status_code == 422
    assert (await client.get(f"/api/notes/{note}", headers=tenant.headers)).json()["text"] == TEXT


async def test_a_note_is_renamed_as_a_note_wherever_its_title_is_changed(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant = await factory.tenant()
    note = await written(client, tenant)
    path = f"/api/documents/{note}"
    for title in (" ", "a" * 301):
        refused = await client.patch(path, json={"title": title}, headers=tenant.headers)
        assert (refused.status_code, "title" in refused.text) == (422, True)
    change = {"title": "Shelters ", "audience": "visitors"}
    changed = await client.patch(path, json=change, headers=tenant.headers)
    assert (changed.json()["title"], changed.json()["audience"]) == ("Shelters", "visitors")
    # Its passages are made anew, with their new title.
    assert changed.json()["status"] == "processing"
    assert (await finished(client, tenant, note))["title"] == "Shelters"
    assert (await client.get(f"/api/notes/{note}", headers=tenant.headers)).json()["text"] == TEXT


async def test_a_note_of_another_workspace_and_a_page_are_no_notes(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant, other = await factory.tenant(), await factory.tenant()
    note = await written(client, tenant)
    page = await factory.document(tenant, "# Boots\n\nBoots can be returned.")
    for headers, wanted in ((other.headers, note), (tenant.headers, str(page))):
        assert (await client.get(f"/api/notes/{wanted}", headers=headers)).status_code == 404
        changed = await client.patch(f"/api/notes/{wanted}", json={"text": "x"}, headers=headers)
        assert changed.status_code == 404


async def test_a_note_counts_as_a_document_of_the_plan(
    client: httpx.AsyncClient, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plans, "UNLIMITED", replace(plans.UNLIMITED, documents=1))
    tenant = await factory.tenant()
    await written(client, tenant)
    body = {"title": "Tents", "text": TEXT}
    refused = await client.post("/api/notes", json=body, headers=tenant.headers)
    assert (refused.status_code, refused.json()["limit"]) == (402, 1)
