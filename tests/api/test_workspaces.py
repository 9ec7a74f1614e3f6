"""Workspaces: several for one person, their settings, deletion that can be undone, and the audit log."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from helpninja_app.accounts.models import Role
from helpninja_app.jobs import remove_expired_workspaces
from helpninja_app.resources import Resources
from tests.api.accounts import a_person, me, new_address
from tests.factories import Factory

pytestmark = pytest.mark.usefixtures("worker")


async def settings_of(client: httpx.AsyncClient, headers: dict[str, str], handle: str) -> Any:
    response = await client.get(f"/api/workspaces/{handle}", headers=headers)
    assert response.status_code == 200, response.text
    return response.json()


async def test_a_person_has_several_and_chooses_one(client: httpx.AsyncClient) -> None:
    _, headers, first = await a_person(client, workspace="First")
    made = await client.post("/api/workspaces", json={"name": "Second"}, headers=headers)
    assert made.status_code == 201
    second = made.json()["id"]
    # The new one is where they are now.
    assert (await client.get("/api/documents", headers=headers)).status_code == 200
    listed = (await client.get("/api/workspaces", headers=headers)).json()
    assert [item["name"] for item in listed["workspaces"]] == ["First", "Second"]
    assert (await client.post(f"/api/workspaces/{first}/switch", headers=headers)).status_code == 200
    for handle in (second, made.json()["slug"], made.json()["publicKey"]):
        assert (await settings_of(client, headers, handle))["id"] == second


async def test_a_name_that_another_workspace_has_gives_another_slug(client: httpx.AsyncClient) -> None:
    _, headers, _ = await a_person(client)
    slugs = set()
    for _ in range(3):
        made = await client.post("/api/workspaces", json={"name": "Größe & Söhne"}, headers=headers)
        slugs.add(made.json()["slug"])
    assert len(slugs) == 3
    assert all(slug.startswith("groe-sohne") or slug.startswith("groe") for slug in slugs)


CHANGES = {
    "name": "Fernway Outdoor",
    "voice": "formal",
    "threshold": 0.7,
    "allowedDomains": ["shop.example", "*.shop.example", "localhost:8080"],
    "timeZone": "Europe/Berlin",
    "businessHours": {"mon": [["09:00", "12:00"], ["13:00", "17:30"]], "sat": [["10:00", "24:00"]]},
    "holidays": ["2026-12-25", "2027-01-01"],
    "languages": ["de", "en"],
    "greeting": "Hello.",
    "suggestions": ["What does shipping cost?"],
}


async def test_settings_are_changed_and_what_is_absent_stays(client: httpx.AsyncClient) -> None:
    _, headers, workspace = await a_person(client)
    before = await settings_of(client, headers, workspace)
    response = await client.patch(f"/api/workspaces/{workspace}", json=CHANGES, headers=headers)
    assert response.status_code == 200, response.text
    assert response.json() == before | CHANGES
    only = await client.patch(f"/api/workspaces/{workspace}", json={"voice": "casual"}, headers=headers)
    assert only.json() == before | CHANGES | {"voice": "casual"}
    assert await settings_of(client, headers, workspace) == only.json()


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "   "},
        {"name": "x" * 101},
        {"slug": "Has Spaces"},
        {"slug": "-x"},
        {"slug": "api"},
        {"voice": "rude"},
        {"threshold": 1.1},
        {"threshold": "high"},
        {"allowedDomains": ["https://shop.example"]},
        {"allowedDomains": ["shop.example/path"]},
        {"allowedDomains": ["*"]},
        {"allowedDomains": ["a..b"]},
        {"timeZone": "Mars/Olympus"},
        {"businessHours": {"monday": []}},
        {"businessHours": {"mon": [["09:00"]]}},
        {"businessHours": {"mon": [["17:00", "09:00"]]}},
        {"businessHours": {"mon": [["09:00", "12:00"], ["11:00", "17:00"]]}},
        {"businessHours": {"mon": [["9:00", "12:00"]]}},
        {"holidays": ["25 December"]},
        {"holidays": ["2026-02-30"]},
        {"holidays": ["9999-12-31"]},
        {"holidays": ["2026-12-25"] * 101},
        {"languages": ["english"]},
        {"greeting": "x" * 501},
        {"suggestions": [""]},
        {"suggestions": ["x"] * 7},
    ],
    ids=str,
)
async def test_settings_that_cannot_be_are_refused_and_nothing_is_changed(
    client: httpx.AsyncClient, wrong: dict[str, Any]
) -> None:
    _, headers, workspace = await a_person(client)
    before = await settings_of(client, headers, workspace)
    response = await client.patch(
        f"/api/workspaces/{workspace}", json=wrong | {"voice": wrong.get("voice", "formal")}, headers=headers
    )
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"].startswith(f"body.{next(iter(wrong))}")
    assert await settings_of(client, headers, workspace) == before


async def test_a_slug_moves_and_a_taken_one_is_a_conflict(client: httpx.AsyncClient) -> None:
    _, headers, workspace = await a_person(client)
    _, others, theirs = await a_person(client)
    taken = (await settings_of(client, others, theirs))["slug"]
    old = (await settings_of(client, headers, workspace))["slug"]
    path = f"/api/workspaces/{workspace}"
    conflict = await client.patch(path, json={"slug": taken, "name": "New"}, headers=headers)
    assert conflict.status_code == 409
    assert (await settings_of(client, headers, workspace))["name"] != "New"
    new = f"moved-{workspace[:8]}{workspace[-4:]}"
    assert (await client.patch(path, json={"slug": new}, headers=headers)).status_code == 200
    assert (await settings_of(client, headers, new))["id"] == workspace
    assert (await client.get(f"/api/workspaces/{old}", headers=headers)).status_code == 404


async def test_a_deleted_workspace_is_out_of_reach_at_once_and_can_be_brought_back(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant = await factory.tenant()
    await factory.document(tenant, "Boots can be returned within sixty days.")
    _, owner = await factory.member(tenant)
    path = f"/api/workspaces/{tenant.id}"
    slip = await client.request("DELETE", path, json={"confirm": "something-else"}, headers=owner)
    assert slip.status_code == 422
    gone = await client.request("DELETE", path, json={"confirm": tenant.workspace.slug}, headers=owner)
    assert gone.status_code == 200
    widget = await client.get("/api/widget/config", params={"t": tenant.workspace.public_key})
    by_key = await client.get("/api/documents", headers=tenant.headers)
    by_cookie = await client.get(path, headers=owner)
    by_id = await client.get("/api/widget/config", params={"t": str(tenant.id)})
    assert [item.status_code for item in (widget, by_key, by_cookie, by_id)] == [404, 401, 404, 404]
    assert (await me(client, owner))["workspaces"] == []
    [deleted] = (await client.get("/api/workspaces", headers=owner)).json()["deleted"]
    assert (deleted["id"], deleted["goneAt"]) == (str(tenant.id), gone.json()["goneAt"])
    assert (await client.post(f"{path}/restore", headers=owner)).status_code == 200
    assert (await client.get("/api/documents", headers=tenant.headers)).json()["total"] == 1
    assert (await client.get(path, headers=owner)).status_code == 200
    assert (await client.post(f"{path}/restore", headers=owner)).status_code == 404


async def test_after_seven_days_everything_is_gone_files_included(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant, other = await factory.tenant(), await factory.tenant()
    _, owner = await factory.member(tenant)
    file = {"file": ("rules.md", b"# Rules\n\nBoots can be returned within sixty days.", "text/markdown")}
    uploaded = await client.post("/api/upload", files=file, headers=tenant.headers)
    document = f"/api/documents/{uploaded.json()['documentId']}"
    async with asyncio.timeout(60):
        while (await client.get(document, headers=tenant.headers)).json()["status"] == "processing":
            await asyncio.sleep(0.05)
    folder = resources.settings.data_dir / "files"
    assert list(folder.rglob(f"*{tenant.id}*"))
    await client.request(
        "DELETE",
        f"/api/workspaces/{tenant.id}",
        json={"confirm": tenant.workspace.slug},
        headers=owner,
    )
    await remove_expired_workspaces(resources)
    assert (await client.get("/api/workspaces", headers=owner)).json()["deleted"]
    async with resources.database.unit_of_work() as session:
        await session.execute(
            text("update workspace_handles set expires_at = now() where workspace_id = :id"),
            {"id": tenant.id},
        )
    await remove_expired_workspaces(resources)
    async with resources.database.unit_of_work(tenant.scope) as session:
        for table in ("workspaces", "documents", "members", "audit_events", "api_keys"):
            left = await session.execute(text(f"select count(*) from {table}"))
            assert left.scalar_one() == 0, table
    assert not list(folder.rglob(f"*{tenant.id}*"))
    assert (await client.post(f"/api/workspaces/{tenant.id}/restore", headers=owner)).status_code == 404
    assert (await client.get("/api/documents", headers=other.headers)).status_code == 200


async def test_only_who_owned_it_brings_it_back(client: httpx.AsyncClient, factory: Factory) -> None:
    tenant = await factory.tenant()
    _, owner = await factory.member(tenant)
    _, admin = await factory.member(tenant, Role.ADMIN)
    _, stranger, _ = await a_person(client)
    path = f"/api/workspaces/{tenant.id}"
    confirmed = {"confirm": tenant.workspace.slug}
    assert (await client.request("DELETE", path, json=confirmed, headers=admin)).status_code == 403
    assert (await client.request("DELETE", path, json=confirmed, headers=owner)).status_code == 200
    for headers in (admin, stranger):
        assert (await client.post(f"{path}/restore", headers=headers)).status_code == 404


async def test_every_change_is_in_the_audit_log_and_can_be_found(client: httpx.AsyncClient) -> None:
    email, headers, workspace = await a_person(client, workspace="Audited")
    path = f"/api/workspaces/{workspace}"
    await client.patch(path, json={"voice": "formal", "timeZone": "Europe/Berlin"}, headers=headers)
    invited = new_address()
    await client.post(f"{path}/invites", json={"email": invited, "role": "agent"}, headers=headers)
    key = {"name": "CI", "permissions": ["knowledge:read"]}
    await client.post(f"{path}/keys", json=key, headers=headers)

    async def events(**query: Any) -> list[tuple[str, str]]:
        response = await client.get(f"{path}/audit", params=query, headers=headers)
        assert response.status_code == 200, response.text
        return [(item["action"], item["subject"]) for item in response.json()["events"]]

    everything = [
        ("key.created", "CI"),
        ("member.invited", invited),
        ("workspace.changed", "Audited"),
        ("workspace.created", "Audited"),
    ]
    assert await events() == everything
    assert await events(action="workspace") == everything[2:]
    assert await events(action="key.created") == everything[:1]
    assert await events(actor=email[:10].upper()) == everything
    assert await events(actor="%") == []
    assert await events(limit=1, offset=1) == everything[1:2]
    assert await events(since="2100-01-01T00:00:00Z") == []
    assert await events(until="2020-01-01T00:00:00Z") == []
    page = (await client.get(f"{path}/audit", params={"limit": 1}, headers=headers)).json()
    assert page["total"] == 4
    changed = (await client.get(f"{path}/audit?action=workspace.changed", headers=headers)).json()["events"]
    assert changed[0]["detail"] == {
        "time_zone": {"before": "UTC", "after": "Europe/Berlin"},
        "voice": {"before": "friendly", "after": "formal"},
    }
    assert (changed[0]["actorName"], changed[0]["actor"].partition(":")[0]) == (email, "member")


async def test_what_happens_to_knowledge_is_in_the_audit_log(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant = await factory.tenant()
    document = await factory.document(tenant, "Boots can be returned within sixty days.", title="Returns")
    file = {"file": ("rules.md", b"# Rules\n\nTents can be returned within ten days.", "text/markdown")}
    uploaded = await client.post("/api/upload", files=file, headers=tenant.headers)
    again = {"documentId": uploaded.json()["documentId"]}
    await client.post("/api/rag", json=again, headers=tenant.headers)
    await client.patch(f"/api/documents/{document}", json={"audience": "members"}, headers=tenant.headers)
    await client.delete(f"/api/documents/{document}", headers=tenant.headers)
    response = await client.get(f"/api/workspaces/{tenant.id}/audit", headers=tenant.headers)
    told = [(item["action"], item["subject"], item["actorName"]) for item in response.json()["events"]]
    assert response.json()["events"][1]["detail"] == {"audience": {"before": "visitors", "after": "members"}}
    assert told == [
        ("document.deleted", "Returns", "tests"),
        ("document.changed", "Returns", "tests"),
        ("document.processed", "rules.md", "tests"),
        ("document.uploaded", "rules.md", "tests"),
    ]


async def test_no_name_takes_the_place_of_another_workspace_s_id(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    victim = await factory.tenant()
    _, headers, mine = await a_person(client, workspace=str(victim.id))
    slug = (await settings_of(client, headers, mine))["slug"]
    assert slug != str(victim.id)
    for handle in (str(victim.id), victim.id.hex):
        taken = await client.patch(f"/api/workspaces/{mine}", json={"slug": handle}, headers=headers)
        assert taken.status_code == 422
        config = await client.get("/api/widget/config", params={"t": handle})
        assert config.json()["name"] == victim.workspace.name


async def test_a_reserved_name_is_given_to_nobody(client: httpx.AsyncClient) -> None:
    _, headers, mine = await a_person(client, workspace="Settings")
    assert (await settings_of(client, headers, mine))["slug"].startswith("settings-")


async def test_nobody_owns_workspaces_without_end(client: httpx.AsyncClient) -> None:
    _, headers, _ = await a_person(client)
    made = [
        (await client.post("/api/workspaces", json={"name": "More"}, headers=headers)).status_code
        for _ in range(20)
    ]
    assert made == [201] * 19 + [402]
