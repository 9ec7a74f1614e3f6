"""Every route for every kind of caller. A route that is not in the table here fails the first test."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from api_routes.app import create_api
from helpninja_app.accounts.models import Role
from helpninja_app.accounts.permissions import KEY_PERMISSIONS, ROLE_PERMISSIONS, Permission
from helpninja_app.resources import Resources
from tests.api.accounts import a_person
from tests.factories import Factory, Tenant

pytestmark = pytest.mark.usefixtures("worker")

# What a route asks for: nothing, a visitor's token, a session of whoever, or a permission in a workspace.
PUBLIC = "public"
VISITOR = "visitor"
PERSON = "person"
MEMBER = "any member"

ACCESS: dict[str, str | Permission] = {
    "GET /api/health/live": PUBLIC,
    "GET /api/health/ready": PUBLIC,
    "GET /metrics": PUBLIC,
    "GET /api/chat": PUBLIC,
    "POST /api/chat": VISITOR,
    "GET /api/widget": VISITOR,
    "GET /api/widget/config": VISITOR,
    "POST /api/widget/session": VISITOR,
    "GET /api/widget/conversation": VISITOR,
    "POST /api/auth/sign-in": PUBLIC,
    "POST /api/auth/sign-in-code": PUBLIC,
    "POST /api/auth/sign-out": PUBLIC,
    "POST /api/auth/sign-up": PUBLIC,
    "POST /api/auth/verify-email": PUBLIC,
    "POST /api/auth/reset-password": PUBLIC,
    "POST /api/invites/look-up": PUBLIC,
    "GET /api/auth/me": PERSON,
    "PATCH /api/auth/me": PERSON,
    "GET /api/auth/sessions": PERSON,
    "DELETE /api/auth/sessions/{session_id}": PERSON,
    "POST /api/auth/resend-verification": PERSON,
    "POST /api/auth/update-password": PERSON,
    "GET /api/auth/two-factor": PERSON,
    "POST /api/auth/two-factor": PERSON,
    "POST /api/auth/two-factor/confirm": PERSON,
    "POST /api/auth/two-factor/recovery-codes": PERSON,
    "POST /api/auth/two-factor/remove": PERSON,
    "POST /api/invites/accept": PERSON,
    "GET /api/workspaces": PERSON,
    "POST /api/workspaces": PERSON,
    "POST /api/workspaces/{workspace_id}/restore": PERSON,
    "POST /api/workspaces/{workspace_id}/switch": MEMBER,
    "GET /api/workspaces/{workspace_id}": MEMBER,
    "PATCH /api/workspaces/{workspace_id}": Permission.MANAGE_WORKSPACE,
    "DELETE /api/workspaces/{workspace_id}": Permission.DELETE_WORKSPACE,
    "POST /api/workspaces/{workspace_id}/transfer": Permission.DELETE_WORKSPACE,
    "GET /api/workspaces/{workspace_id}/audit": Permission.READ_AUDIT,
    "GET /api/workspaces/{workspace_id}/members": Permission.READ_MEMBERS,
    "PATCH /api/workspaces/{workspace_id}/members/{user_id}": Permission.MANAGE_MEMBERS,
    "DELETE /api/workspaces/{workspace_id}/members/{user_id}": Permission.MANAGE_MEMBERS,
    "GET /api/workspaces/{workspace_id}/invites": Permission.MANAGE_MEMBERS,
    "POST /api/workspaces/{workspace_id}/invites": Permission.MANAGE_MEMBERS,
    "POST /api/workspaces/{workspace_id}/invites/{invite_id}/resend": Permission.MANAGE_MEMBERS,
    "DELETE /api/workspaces/{workspace_id}/invites/{invite_id}": Permission.MANAGE_MEMBERS,
    "GET /api/workspaces/{workspace_id}/keys": Permission.MANAGE_KEYS,
    "POST /api/workspaces/{workspace_id}/keys": Permission.MANAGE_KEYS,
    "DELETE /api/workspaces/{workspace_id}/keys/{key_id}": Permission.MANAGE_KEYS,
    "POST /api/ingest": Permission.WRITE_KNOWLEDGE,
    "GET /api/ingest/{job_id}": Permission.READ_KNOWLEDGE,
    "DELETE /api/ingest/{job_id}": Permission.WRITE_KNOWLEDGE,
    "POST /api/upload": Permission.UPLOAD_DOCUMENTS,
    # Of what somebody else uploaded.
    "POST /api/rag": Permission.WRITE_KNOWLEDGE,
    "GET /api/documents": Permission.READ_KNOWLEDGE,
    "GET /api/documents/{document_id}": Permission.READ_KNOWLEDGE,
    "PATCH /api/documents/{document_id}": Permission.WRITE_KNOWLEDGE,
    "DELETE /api/documents/{document_id}": Permission.WRITE_KNOWLEDGE,
    "GET /api/documents/{document_id}/file": Permission.READ_KNOWLEDGE,
}
# A document of a page has none.
WITHOUT_A_FILE = "GET /api/documents/{document_id}/file"
IN_WORKSPACE = [
    label for label, access in ACCESS.items() if access == MEMBER or isinstance(access, Permission)
]
DESCRIPTION = create_api().openapi()
ROUTES = {
    f"{method.upper()} {path}"
    for path, methods in DESCRIPTION["paths"].items()
    for method in methods
    if method in {"get", "post", "put", "patch", "delete"}
}


def test_every_route_says_who_may_call_it() -> None:
    assert set(ACCESS) == ROUTES


@dataclass(frozen=True)
class Scene:
    """A workspace with something of everything in it, each of its texts holding ``canary``."""

    tenant: Tenant
    canary: str
    ids: dict[str, str]

    async def call(
        self, client: httpx.AsyncClient, label: str, headers: dict[str, str], *, tenant: str | None = None
    ) -> httpx.Response:
        """Call a route about this workspace and what is in it, or about ``tenant`` with these ids."""
        method, _, path = label.partition(" ")
        ids = self.ids | ({"workspace_id": tenant} if tenant else {})
        url = path.format(**{name: ids[name] for name in re.findall(r"{(\w+)}", path)})
        handle = tenant or self.tenant.workspace.slug
        if "{workspace_id}" not in path:
            url = f"{url}?tenantId={handle}"
        body: dict[str, Any] = {"tenantId": handle, "documentId": ids["document_id"]}
        if label == "POST /api/upload":
            files = {"file": ("a.md", b"# A\n\nBoots can be returned.", "text/markdown")}
            return await client.post(url, files=files, data={"tenantId": handle}, headers=headers)
        return await client.request(method, url, json=body if method != "GET" else None, headers=headers)


@pytest.fixture
async def scene(client: httpx.AsyncClient, factory: Factory, resources: Resources) -> Scene:
    canary = f"canary{secrets.token_hex(8)}"
    tenant = await factory.tenant()
    document = await factory.document(tenant, f"# {canary}\n\nThe {canary} is secret.", title=canary)
    _, owner = await factory.member(tenant)
    await factory.member(tenant, Role.AGENT)
    invited = await client.post(
        f"/api/workspaces/{tenant.id}/invites",
        json={"role": "viewer", "email": f"{canary}@example.com"},
        headers=owner,
    )
    keys = (await client.get(f"/api/workspaces/{tenant.id}/keys", headers=owner)).json()["keys"]
    members = (await client.get(f"/api/workspaces/{tenant.id}/members", headers=owner)).json()["members"]
    sessions = (await client.get("/api/auth/sessions", headers=owner)).json()["sessions"]
    async with resources.database.unit_of_work(tenant.scope) as session:
        job = await session.execute(
            text(
                "insert into ingest_jobs (workspace_id, id, source_id, input, state)"
                " select workspace_id, gen_random_uuid(), id, :canary, 'completed' from sources limit 1"
                " returning id"
            ),
            {"canary": canary},
        )
        job_id = job.scalar_one()
        await session.execute(
            text(
                "update workspaces set name = :canary, greeting = :canary, suggestions = array[:canary],"
                " languages = array[:canary], allowed_domains = array[:canary]"
            ),
            {"canary": canary},
        )
        await session.execute(text("update api_keys set name = :canary"), {"canary": canary})
        await session.execute(
            text("update documents set filename = :canary, reason = :canary"), {"canary": canary}
        )
    return Scene(
        tenant,
        canary,
        {
            "workspace_id": str(tenant.id),
            "document_id": str(document),
            "job_id": str(job_id),
            "invite_id": invited.json()["id"],
            "key_id": keys[0]["id"],
            "user_id": members[-1]["id"],
            "session_id": sessions[0]["id"],
        },
    )


@pytest.mark.parametrize("label", IN_WORKSPACE)
async def test_a_workspace_s_route_knows_its_callers(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, scene: Scene, label: str
) -> None:
    needed = ACCESS[label]
    anonymous = await scene.call(client, label, {})
    assert anonymous.status_code == 401
    _, visitor = factory.visitor(scene.tenant)
    assert (await scene.call(client, label, visitor)).status_code == 401
    other = await factory.tenant()
    _, others_owner = await factory.member(other)
    for stranger in (others_owner, other.headers):
        is_key = stranger is not others_owner
        if label == "POST /api/workspaces/{workspace_id}/switch" and is_key:
            continue
        foreign = await scene.call(client, label, stranger)
        assert foreign.status_code == 404, foreign.text
        assert scene.canary not in foreign.text
        # Their own workspace named, and the other's ids: nothing is there.
        mixed = await scene.call(client, label, stranger, tenant=other.workspace.slug)
        assert scene.canary not in mixed.text
        if set(re.findall(r"{(\w+)}", label)) - {"workspace_id"} or label == "POST /api/rag":
            assert mixed.status_code in ({403, 404} if is_key else {404, 422}), mixed.text
    _, suspended = await factory.member(scene.tenant, Role.ADMIN)
    async with resources.database.unit_of_work(scene.tenant.scope) as session:
        await session.execute(
            text(
                "update members set suspended_at = now() where user_id ="
                " (select user_id from session_hashes where token_hash = sha256(:token))"
            ),
            {"token": suspended["cookie"].partition("=")[2].encode()},
        )
    assert (await scene.call(client, label, suspended)).status_code == 403
    if isinstance(needed, Permission):
        narrow = await factory.key(scene.tenant, KEY_PERMISSIONS - {needed})
        refused = await scene.call(client, label, narrow)
        assert refused.status_code == 403, refused.text
        assert scene.canary not in refused.text
    allowed = []
    can = {role: needed == MEMBER or needed in ROLE_PERMISSIONS[role] for role in Role}
    # Those who may not come first: who may can delete it.
    for role, may in sorted(can.items(), key=lambda item: item[1]):
        _, member = await factory.member(scene.tenant, role)
        answer = await scene.call(client, label, member)
        assert (answer.status_code == 403) is not may, (role, answer.text)
        assert answer.status_code < 500
        if may:
            allowed.append(answer.status_code)
    # Whoever comes first among them finds something, or is told what is wrong with the body.
    assert allowed
    assert allowed[0] not in ({401, 403} if label == WITHOUT_A_FILE else {401, 403, 404})


PERSONAL = [label for label, access in ACCESS.items() if access == PERSON]


@pytest.mark.parametrize("label", PERSONAL)
async def test_a_person_s_own_route_takes_no_key_no_visitor_and_nobody(
    client: httpx.AsyncClient, factory: Factory, scene: Scene, label: str
) -> None:
    _, visitor = factory.visitor(scene.tenant)
    for headers in ({}, visitor, scene.tenant.headers, {"cookie": "hn_session=nobody"}):
        answer = await scene.call(client, label, headers)
        assert answer.status_code == 401, answer.text
    _, stranger, _ = await a_person(client)
    answer = await scene.call(client, label, stranger)
    assert scene.canary not in answer.text
    if "{" in label:
        assert answer.status_code == 404


async def test_nothing_a_stranger_may_call_says_anything_of_a_workspace(
    client: httpx.AsyncClient, scene: Scene
) -> None:
    for label in (label for label, access in ACCESS.items() if access == PUBLIC):
        assert scene.canary not in (await scene.call(client, label, {})).text
    assert scene.canary not in json.dumps(DESCRIPTION)


@pytest.mark.parametrize("by", ["member", "key"])
async def test_members_and_keys_are_limited_alike_on_every_route(
    client: httpx.AsyncClient, factory: Factory, with_resources: Any, by: str
) -> None:
    tenant = await factory.tenant()
    _, member = await factory.member(tenant)
    headers = member if by == "member" else tenant.headers
    async with with_resources(member_limit=2):
        answers = [(await client.get("/api/documents", headers=headers)).status_code for _ in range(3)]
        elsewhere = await client.get(f"/api/workspaces/{tenant.id}", headers=headers)
    assert answers == [200, 200, 429]
    assert elsewhere.status_code == 429
    assert int(elsewhere.headers["retry-after"]) > 0


async def test_tried_credentials_are_limited_and_those_that_count_are_not(
    client: httpx.AsyncClient, factory: Factory, with_resources: Any
) -> None:
    tenant = await factory.tenant()
    async with with_resources(member_limit=3):
        guesses = [
            (await client.get("/api/documents", headers={"authorization": f"Bearer hn_sk_{n}"})).status_code
            for n in range(4)
        ]
        assert (await client.get("/api/documents", headers=tenant.headers)).status_code == 200
    assert guesses == [401, 401, 401, 429]
