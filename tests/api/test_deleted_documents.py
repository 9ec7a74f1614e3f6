"""What is deleted can be restored for seven days: as it was, within the plan, and not against a crawl."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from helpninja_app.accounts.identity import Credentials, identify
from helpninja_app.accounts.models import Role
from helpninja_app.errors import NotFound
from helpninja_app.kernel.columns import now
from helpninja_app.knowledge.bin import KEPT
from helpninja_app.knowledge.deadlines import meet_knowledge_deadline
from helpninja_app.knowledge.deleted import list_deleted
from helpninja_app.knowledge.documents import delete_documents, restore_documents
from helpninja_app.resources import Resources, knowledge_limits
from tests.api.ingesting import documents, found, html, ingest
from tests.api.test_sources import two_pages
from tests.api.uploading import finished, stored_files, upload, uploaded
from tests.conftest import OpenResources, OpenSite
from tests.factories import Factory, Tenant

pytestmark = pytest.mark.usefixtures("worker", "no_backoff")


async def page_ids(client: httpx.AsyncClient, tenant: Tenant) -> dict[str, str]:
    return {url: item["id"] for url, item in (await documents(client, tenant)).items()}


async def test_a_restored_document_is_as_it_was_with_its_file_and_its_vectors(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant = await factory.tenant()
    document = await uploaded(client, tenant, "tent.md")
    path = f"/api/documents/{document}"
    before = (await client.get(path, headers=tenant.headers)).json()
    vectors = text("select vector::text from embeddings where workspace_id = :id")
    async with resources.database.unit_of_work(tenant.scope) as session:
        stored = (await session.execute(vectors, {"id": tenant.id})).all()
    await client.delete(path, headers=tenant.headers)
    restored = await client.post(f"{path}/restore", headers=tenant.headers)
    assert restored.json() == before
    async with resources.database.unit_of_work(tenant.scope) as session:
        assert (await session.execute(vectors, {"id": tenant.id})).all() == stored
        for table in ("deleted_documents", "deleted_chunks"):
            assert (await session.execute(text(f"select count(*) from {table}"))).scalar_one() == 0
    assert (await client.get(f"{path}/file", headers=tenant.headers)).status_code == 200
    [source] = (await client.get("/api/sources", headers=tenant.headers)).json()["sources"]
    assert source["documents"] == 1
    assert (await client.post(f"{path}/restore", headers=tenant.headers)).status_code == 404


async def test_a_deleted_page_stays_away_until_it_is_restored(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    address = await two_pages(site)
    await ingest(client, tenant, address)
    page = (await page_ids(client, tenant))[f"{site.url}/a"]
    await client.delete(f"/api/documents/{page}", headers=tenant.headers)
    result = await ingest(client, tenant, address)
    assert (result["docs"], [item["url"] for item in result["skipped"]]) == (1, [f"{site.url}/a"])
    assert "deleted" in result["skipped"][0]["reason"]
    assert await found(resources, tenant, "axes") == [f"{site.url}/b"]
    await client.post(f"/api/documents/{page}/restore", headers=tenant.headers)
    assert f"{site.url}/a" in await found(resources, tenant, "axes")
    assert (await ingest(client, tenant, address))["unchanged"] == 2


async def test_a_deleted_page_comes_back_when_it_is_allowed_again(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant, other = await open_site(), await factory.tenant(), await factory.tenant()
    address = await two_pages(site)
    await ingest(client, tenant, address)
    page = (await page_ids(client, tenant))[f"{site.url}/a"]
    await client.delete(f"/api/documents/{page}", headers=tenant.headers)
    listed = (await client.get("/api/exclusions", headers=tenant.headers)).json()
    assert (listed["total"], listed["exclusions"][0]["url"]) == (1, f"{site.url}/a")
    path = f"/api/exclusions/{listed['exclusions'][0]['id']}"
    assert (await client.delete(path, headers=other.headers)).status_code == 404
    assert (await client.delete(path, headers=tenant.headers)).status_code == 200
    assert (await ingest(client, tenant, address))["changed"] == 1
    refused = await client.post(f"/api/documents/{page}/restore", headers=tenant.headers)
    assert refused.status_code == 409


async def test_whoever_names_a_deleted_page_wants_it_after_all(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    await ingest(client, tenant, await two_pages(site))
    page = (await page_ids(client, tenant))[f"{site.url}/a"]
    await client.delete(f"/api/documents/{page}", headers=tenant.headers)
    assert (await ingest(client, tenant, f"{site.url}/a"))["changed"] == 1


async def test_a_restored_page_keeps_its_audience_and_comes_back_to_nobody_else(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, open_site: OpenSite
) -> None:
    site, tenant = await open_site({"/a": html("axes")}), await factory.tenant()
    await ingest(client, tenant, f"{site.url}/a")
    page = (await page_ids(client, tenant))[f"{site.url}/a"]
    [source] = (await client.get("/api/sources", headers=tenant.headers)).json()["sources"]
    await client.delete(f"/api/documents/{page}", headers=tenant.headers)
    await client.patch(f"/api/sources/{source['id']}", json={"audience": "members"}, headers=tenant.headers)
    restored = await client.post(f"/api/documents/{page}/restore", headers=tenant.headers)
    assert restored.json()["audience"] == "members"
    assert await found(resources, tenant, "axes") == []


async def test_a_page_does_not_come_back_without_its_source(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site({"/a": html("axes")}), await factory.tenant()
    await ingest(client, tenant, f"{site.url}/a")
    page = (await page_ids(client, tenant))[f"{site.url}/a"]
    [source] = (await client.get("/api/sources", headers=tenant.headers)).json()["sources"]
    await client.delete(f"/api/sources/{source['id']}", headers=tenant.headers)
    refused = await client.post(f"/api/documents/{page}/restore", headers=tenant.headers)
    assert (refused.status_code, "source" in refused.json()["error"]) == (409, True)


async def test_a_file_that_was_deleted_as_a_source_is_listed_and_comes_back(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant = await factory.tenant()
    document = await uploaded(client, tenant, "tent.md")
    [source] = (await client.get("/api/sources", headers=tenant.headers)).json()["sources"]
    await client.delete(f"/api/sources/{source['id']}", headers=tenant.headers)
    async with resources.database.unit_of_work(tenant.scope) as session:
        listed, total = await list_deleted(session, tenant.id, limit=10, offset=0)
    assert [(each.kind, str(each.id)) for each in listed] == [("documents", document)]
    assert total == 1
    restored = await client.post(f"/api/documents/{document}/restore", headers=tenant.headers)
    assert restored.status_code == 200


async def test_a_website_is_listed_once_with_all_its_pages(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    await ingest(client, tenant, await two_pages(site))
    [source] = (await client.get("/api/sources", headers=tenant.headers)).json()["sources"]
    await client.delete(f"/api/sources/{source['id']}", headers=tenant.headers)
    async with resources.database.unit_of_work(tenant.scope) as session:
        listed, _ = await list_deleted(session, tenant.id, limit=10, offset=0)
    assert [(each.kind, str(each.id)) for each in listed] == [("source", source["id"])]


async def test_no_more_comes_back_than_the_plan_holds(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, with_resources: OpenResources
) -> None:
    tenant = await factory.in_person("free")
    async with resources.database.unit_of_work(tenant.scope) as session:
        await session.execute(
            text(
                "with s as (insert into sources (workspace_id, id, kind, location, audience) values"
                " (:id, gen_random_uuid(), 'sitemap', 'x', 'members') returning id) insert into documents"
                " (workspace_id, id, source_id, audience, status)"
                " select :id, gen_random_uuid(), s.id, 'members', 'completed' from s, generate_series(1, 99)"
            ),
            {"id": tenant.id},
        )
    async with with_resources(unlimited=False):
        first = await uploaded(client, tenant, "tent.md")
        await client.delete(f"/api/documents/{first}", headers=tenant.headers)
        await uploaded(client, tenant, "tent.txt")
        refused = await client.post(f"/api/documents/{first}/restore", headers=tenant.headers)
    assert (refused.status_code, refused.json()["limit"]) == (402, 100)


async def test_a_purged_file_is_gone_from_the_disk_and_cannot_come_back(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant = await factory.tenant()
    document = await uploaded(client, tenant, "tent.md")
    await client.delete(f"/api/documents/{document}", headers=tenant.headers)
    tools = resources.knowledge
    for moment, files in ((KEPT - timedelta(minutes=1), 1), (KEPT + timedelta(minutes=1), 0)):
        await meet_knowledge_deadline(
            resources.database, resources.queue, tools.files, tenant.id, now() + moment
        )
        assert len(stored_files(resources, tenant)) == files
    assert (
        await client.post(f"/api/documents/{document}/restore", headers=tenant.headers)
    ).status_code == 404


async def test_what_was_deleted_while_it_was_read_is_read_after_its_return(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant = await factory.tenant()
    document = await uploaded(client, tenant, "tent.md")
    async with resources.database.unit_of_work(tenant.scope) as session:
        await session.execute(text("update documents set status = 'processing'"))
    await client.delete(f"/api/documents/{document}", headers=tenant.headers)
    await client.post(f"/api/documents/{document}/restore", headers=tenant.headers)
    assert (await finished(client, tenant, document))["status"] == "completed"


async def test_another_workspace_restores_nothing_and_an_agent_what_is_their_own(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant, other = await factory.tenant(), await factory.tenant()
    _, one = await factory.member(tenant, Role.AGENT)
    _, two = await factory.member(tenant, Role.AGENT)
    document = (await upload(client, one)).json()["documentId"]
    await client.delete(f"/api/documents/{document}", headers=one)
    for headers, status in ((other.headers, 404), (two, 403), (one, 200)):
        restored = await client.post(f"/api/documents/{document}/restore", headers=headers)
        assert restored.status_code == status


async def test_several_are_deleted_and_restored_together_or_not_at_all(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant, other = await factory.tenant(), await factory.tenant()
    foreign = await factory.document(other, "# Boots\n\nBoots can be returned.")
    ids = [UUID(await uploaded(client, tenant, name)) for name in ("tent.md", "tent.txt")]
    database = resources.database
    async with database.unit_of_work() as session:
        caller = await identify(session, Credentials(bearer=tenant.key), None)
    with pytest.raises(NotFound):
        async with database.unit_of_work(tenant.scope) as session:
            await delete_documents(session, caller, [*ids, foreign])
    assert len(stored_files(resources, tenant)) == 2
    async with database.unit_of_work(tenant.scope) as session:
        assert await delete_documents(session, caller, [*ids, ids[0]]) == 2
    listed: dict[str, Any] = (await client.get("/api/documents", headers=tenant.headers)).json()
    assert listed["total"] == 0
    limits = knowledge_limits(resources.settings, tenant.workspace)
    async with database.unit_of_work(tenant.scope) as session:
        restored = await restore_documents(session, resources.queue, caller, ids, limits)
    assert {view.id for view in restored} == set(ids)


async def test_chunks_are_shown_in_their_order_and_in_pages(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant, other = await factory.tenant(), await factory.tenant()
    parts = "\n\n".join(f"## Part {number}\n\n" + f"Sentence {number} of it. " * 60 for number in range(3))
    document = await factory.document(tenant, f"# Boots\n\n{parts}", title="Boots")
    path = f"/api/documents/{document}/chunks"
    all_of_it = (await client.get(path, headers=tenant.headers)).json()
    assert all_of_it["total"] == len(all_of_it["chunks"]) >= 3
    assert [chunk["position"] for chunk in all_of_it["chunks"]] == list(range(all_of_it["total"]))
    assert all_of_it["chunks"][-1]["headingPath"][-1] == "Part 2"
    assert all(chunk["tokens"] > 0 and "Sentence" in chunk["text"] for chunk in all_of_it["chunks"])
    one = (await client.get(path, params={"limit": 1, "offset": 1}, headers=tenant.headers)).json()
    assert one["chunks"] == all_of_it["chunks"][1:2]
    assert (await client.get(path, headers=other.headers)).status_code == 404
