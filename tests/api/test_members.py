"""Members, invites and API keys: ranks, limits, and what counts only once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from helpninja_app.accounts.models import Role
from helpninja_app.resources import Resources
from tests.api.accounts import PASSWORD, a_person, cookie_of, me, new_address, sign_up
from tests.conftest import OpenResources
from tests.factories import Factory, Tenant
from tests.mailbox import Mailbox, token_in
from tests.plan_words import assert_shows_the_way

Headers = dict[str, str]
LATER = (datetime.now(UTC) + timedelta(days=365)).isoformat()

pytestmark = pytest.mark.usefixtures("worker")


class Team:
    """A workspace with one member of each role."""

    def __init__(self, client: httpx.AsyncClient, tenant: Tenant) -> None:
        self.client, self.tenant = client, tenant
        self.path = f"/api/workspaces/{tenant.id}"
        self.headers: dict[Role, Headers] = {}
        self.ids: dict[Role, str] = {}

    async def call(self, by: Role, method: str, path: str, body: Any = None) -> httpx.Response:
        return await self.client.request(method, f"{self.path}/{path}", json=body, headers=self.headers[by])

    async def roles(self) -> dict[str, str]:
        listed = (await self.call(Role.OWNER, "GET", "members")).json()["members"]
        return {item["id"]: item["role"] for item in listed}


@pytest.fixture
async def team(client: httpx.AsyncClient, factory: Factory) -> Team:
    made = Team(client, await factory.tenant())
    for role in Role:
        _, made.headers[role] = await factory.member(made.tenant, role)
        made.ids[role] = (await me(client, made.headers[role]))["user"]["id"]
    return made


async def test_members_are_listed_by_rank_for_everybody_in_it(team: Team) -> None:
    for role in Role:
        listed = (await team.call(role, "GET", "members")).json()["members"]
        assert [item["role"] for item in listed] == [role.value for role in Role]


@pytest.mark.parametrize("by", list(Role))
@pytest.mark.parametrize("target", list(Role))
async def test_nobody_grants_above_their_own_rank_or_changes_who_stands_above(
    team: Team, by: Role, target: Role
) -> None:
    if by is target:
        return
    answers = {
        role: (await team.call(by, "PATCH", f"members/{team.ids[target]}", {"role": role.value})).status_code
        for role in (Role.VIEWER, Role.ADMIN, Role.OWNER)
    }
    if by is Role.OWNER:
        assert set(answers.values()) == {200}
    elif by is Role.ADMIN:
        expected = 403 if target is Role.OWNER else 200
        assert answers == {Role.VIEWER: expected, Role.ADMIN: expected, Role.OWNER: 403}
    else:
        assert set(answers.values()) == {403}


async def test_the_last_owner_stays(team: Team) -> None:
    own = f"members/{team.ids[Role.OWNER]}"
    assert (await team.call(Role.OWNER, "DELETE", own)).status_code == 409
    assert (await team.call(Role.OWNER, "PATCH", own, {"role": "admin"})).status_code == 409
    assert (await team.call(Role.OWNER, "PATCH", own, {"suspended": True})).status_code == 409
    other = f"members/{team.ids[Role.ADMIN]}"
    assert (await team.call(Role.OWNER, "PATCH", other, {"role": "owner"})).status_code == 200
    assert (await team.call(Role.OWNER, "DELETE", own)).status_code == 200
    assert (await team.call(Role.OWNER, "GET", "members")).status_code == 404
    # Now the other one is the last.
    assert (await team.call(Role.ADMIN, "DELETE", other)).status_code == 409


async def test_two_owners_who_remove_each_other_at_once_leave_one(team: Team) -> None:
    await team.call(Role.OWNER, "PATCH", f"members/{team.ids[Role.ADMIN]}", {"role": "owner"})
    answers = await asyncio.gather(
        team.call(Role.OWNER, "DELETE", f"members/{team.ids[Role.ADMIN]}"),
        team.call(Role.ADMIN, "DELETE", f"members/{team.ids[Role.OWNER]}"),
    )
    assert 200 in {answer.status_code for answer in answers}
    left = [(await team.call(role, "GET", "members")).status_code for role in (Role.OWNER, Role.ADMIN)]
    assert sorted(left) == [200, 404]


async def test_a_suspended_member_is_kept_out_until_they_are_let_in_again(team: Team) -> None:
    path = f"members/{team.ids[Role.AGENT]}"
    assert (await team.call(Role.ADMIN, "PATCH", path, {"suspended": True})).status_code == 200
    refused = await team.call(Role.AGENT, "GET", "members")
    assert refused.status_code == 403
    assert "suspended" in refused.json()["detail"]
    assert (await team.call(Role.ADMIN, "PATCH", path, {"suspended": False})).status_code == 200
    assert (await team.call(Role.AGENT, "GET", "members")).status_code == 200


async def test_whoever_is_removed_is_out_with_the_next_call_and_keeps_their_account(team: Team) -> None:
    path = f"members/{team.ids[Role.ANALYST]}"
    assert (await team.call(Role.ADMIN, "DELETE", path)).status_code == 200
    assert (await team.call(Role.ANALYST, "GET", "members")).status_code == 404
    assert (await me(team.client, team.headers[Role.ANALYST]))["workspaces"] == []
    assert (await team.call(Role.ADMIN, "DELETE", path)).status_code == 404


async def test_everybody_may_leave(team: Team) -> None:
    assert (await team.call(Role.VIEWER, "DELETE", f"members/{team.ids[Role.VIEWER]}")).status_code == 200
    assert team.ids[Role.VIEWER] not in await team.roles()


async def test_a_workspace_is_transferred_by_its_owner(team: Team) -> None:
    body = {"userId": team.ids[Role.AGENT]}
    assert (await team.call(Role.ADMIN, "POST", "transfer", body)).status_code == 403
    assert (await team.call(Role.OWNER, "POST", "transfer", body)).status_code == 200
    roles = await team.roles()
    assert (roles[team.ids[Role.AGENT]], roles[team.ids[Role.OWNER]]) == ("owner", "admin")


async def test_an_invite_by_mail_makes_a_new_account_that_is_verified(team: Team, mailbox: Mailbox) -> None:
    email = new_address()
    made = await team.call(Role.ADMIN, "POST", "invites", {"email": email.upper(), "role": "agent"})
    assert made.status_code == 201, made.text
    assert made.json()["mailed"] is True
    mail = await mailbox.next(email)
    token = token_in(mail)
    offer = await team.client.post("/api/invites/look-up", json={"token": token})
    assert (offer.json()["email"], offer.json()["role"]) == (email, "agent")
    wrong = await sign_up(team.client, invite=token)
    assert wrong.status_code == 403
    joined = await sign_up(team.client, email=email, invite=token)
    assert joined.status_code == 201
    known = await me(team.client, cookie_of(joined))
    assert known["user"]["verified"] is True
    assert [(item["id"], item["role"]) for item in known["workspaces"]] == [(str(team.tenant.id), "agent")]
    # Neither the mailed link nor the one that was shown counts again.
    for spent in (token, made.json()["link"].rpartition("=")[2]):
        assert (await team.client.post("/api/invites/look-up", json={"token": spent})).status_code == 404


async def test_an_invite_is_accepted_by_who_is_signed_in_and_meant(team: Team, mailbox: Mailbox) -> None:
    email, headers, own = await a_person(team.client)
    await mailbox.next(email)
    await team.call(Role.OWNER, "POST", "invites", {"email": email, "role": "viewer"})
    token = token_in(await mailbox.next(email, after=1))
    _, stranger, _ = await a_person(team.client)
    refused = await team.client.post("/api/invites/accept", json={"token": token}, headers=stranger)
    assert refused.status_code == 403
    accepted = await team.client.post("/api/invites/accept", json={"token": token}, headers=headers)
    assert accepted.json() == {"ok": True, "workspaceId": str(team.tenant.id)}
    known = await me(team.client, headers)
    assert {item["id"] for item in known["workspaces"]} == {own, str(team.tenant.id)}
    documents = await team.client.get("/api/documents", headers=headers)
    assert documents.status_code == 200
    again = await team.client.post("/api/invites/accept", json={"token": token}, headers=headers)
    assert again.status_code == 404


async def test_of_many_who_use_one_link_one_joins(team: Team) -> None:
    made = await team.call(Role.OWNER, "POST", "invites", {"role": "viewer"})
    token = made.json()["link"].rpartition("=")[2]
    people = [await a_person(team.client) for _ in range(4)]
    answers = await asyncio.gather(
        *(
            team.client.post("/api/invites/accept", json={"token": token}, headers=headers)
            for _, headers, _ in people
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 404, 404, 404]


async def test_an_invite_is_resent_and_withdrawn(team: Team, mailbox: Mailbox) -> None:
    email = new_address()
    made = (await team.call(Role.OWNER, "POST", "invites", {"email": email, "role": "viewer"})).json()
    again = await team.call(Role.OWNER, "POST", "invites", {"email": email, "role": "viewer"})
    assert again.status_code == 409
    first = token_in(await mailbox.next(email))
    assert (await team.call(Role.OWNER, "POST", f"invites/{made['id']}/resend")).status_code == 200
    second = token_in(await mailbox.next(email, after=1))
    assert (await team.client.post("/api/invites/look-up", json={"token": first})).status_code == 404
    assert (await team.client.post("/api/invites/look-up", json={"token": second})).status_code == 200
    assert (await team.call(Role.OWNER, "DELETE", f"invites/{made['id']}")).status_code == 200
    assert (await team.client.post("/api/invites/look-up", json={"token": second})).status_code == 404
    assert (await team.call(Role.OWNER, "GET", "invites")).json() == {"invites": []}


async def test_an_invite_is_over_after_seven_days_and_the_address_can_be_invited_anew(
    team: Team, resources: Resources
) -> None:
    email = new_address()
    made = (await team.call(Role.OWNER, "POST", "invites", {"email": email, "role": "viewer"})).json()
    async with resources.database.unit_of_work(team.tenant.scope) as session:
        await session.execute(text("update invites set expires_at = now() - interval '1 second'"))
    token = made["link"].rpartition("=")[2]
    assert (await team.client.post("/api/invites/look-up", json={"token": token})).status_code == 404
    assert (await sign_up(team.client, email=email, invite=token)).status_code == 404
    again = await team.call(Role.OWNER, "POST", "invites", {"email": email, "role": "viewer"})
    assert again.status_code == 201


async def test_an_admin_invites_no_owner_and_others_invite_nobody(team: Team) -> None:
    for by, role, status in (
        (Role.ADMIN, "owner", 403),
        (Role.ADMIN, "admin", 201),
        (Role.AGENT, "viewer", 403),
        (Role.VIEWER, "viewer", 403),
    ):
        assert (await team.call(by, "POST", "invites", {"role": role})).status_code == status


async def test_the_plan_s_members_count_those_invited(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant(plan="free")
    _, owner = await factory.member(tenant)
    path = f"/api/workspaces/{tenant.id}/invites"
    async with with_resources(unlimited=False):
        assert (await client.post(path, json={"role": "viewer"}, headers=owner)).status_code == 201
        full = await client.post(path, json={"role": "viewer"}, headers=owner)
    assert full.status_code == 402
    assert full.json()["detail"].startswith(
        "The free plan includes 2 members, and 2 have joined or are invited."
    )
    assert (full.json()["limit"], full.json()["used"]) == (2, 2)
    assert_shows_the_way(full.json())


async def test_signing_up_for_the_invited_only(team: Team, with_resources: OpenResources) -> None:
    made = await team.call(Role.OWNER, "POST", "invites", {"role": "viewer"})
    token = made.json()["link"].rpartition("=")[2]
    async with with_resources(sign_up="invite"):
        assert (await sign_up(team.client)).status_code == 403
        assert (await sign_up(team.client, invite=token)).status_code == 201


async def test_a_key_is_shown_once_and_does_what_it_may(team: Team) -> None:
    wanted = {"name": "CI", "permissions": ["knowledge:read"], "expiresAt": LATER}
    made = await team.call(Role.ADMIN, "POST", "keys", wanted)
    assert made.status_code == 201, made.text
    secret = made.json()["secret"]
    headers = {"authorization": f"Bearer {secret}"}
    assert (await team.client.get("/api/documents", headers=headers)).status_code == 200
    body = {"input": "https://shop.example/"}
    assert (await team.client.post("/api/ingest", json=body, headers=headers)).status_code == 403
    listed = await team.call(Role.ADMIN, "GET", "keys")
    [mine] = [item for item in listed.json()["keys"] if item["name"] == "CI"]
    assert secret not in listed.text
    assert secret.startswith(mine["prefix"])
    assert (mine["lastUsedAt"] is not None, mine["expiresAt"]) == (True, LATER)
    assert (await team.call(Role.ADMIN, "DELETE", f"keys/{mine['id']}")).status_code == 200
    assert (await team.client.get("/api/documents", headers=headers)).status_code == 401
    assert (await team.call(Role.ADMIN, "DELETE", f"keys/{mine['id']}")).status_code == 404


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ({"name": "x", "permissions": ["members:manage"]}, 422),
        ({"name": "x", "permissions": ["workspace:delete"]}, 422),
        ({"name": "x", "permissions": ["everything"]}, 422),
        ({"name": "x", "permissions": []}, 422),
        ({"name": " ", "permissions": ["knowledge:read"]}, 422),
        ({"name": "x", "permissions": ["knowledge:read"], "expiresAt": "2020-01-01T00:00:00Z"}, 422),
        ({"name": "x", "permissions": ["knowledge:read"], "expiresAt": "soon"}, 422),
    ],
    ids=str,
)
async def test_a_key_that_cannot_be_is_refused(team: Team, wanted: dict[str, Any], status: int) -> None:
    assert (await team.call(Role.OWNER, "POST", "keys", wanted)).status_code == status


async def test_a_key_makes_neither_keys_nor_members(team: Team) -> None:
    for path, body in (
        ("keys", {"name": "x", "permissions": ["knowledge:read"]}),
        ("invites", {"role": "viewer"}),
        ("transfer", {"userId": team.ids[Role.AGENT]}),
    ):
        response = await team.client.post(f"{team.path}/{path}", json=body, headers=team.tenant.headers)
        assert response.status_code == 403, path


async def test_a_form_accepts_an_invite_and_goes_on(team: Team) -> None:
    made = await team.call(Role.OWNER, "POST", "invites", {"role": "viewer"})
    token = made.json()["link"].rpartition("=")[2]
    _, headers, _ = await a_person(team.client, password=PASSWORD)
    joined = await team.client.post("/api/invites/accept", data={"token": token}, headers=headers)
    assert (joined.status_code, joined.headers["location"]) == (303, "/app")
    spent = await team.client.post("/api/invites/accept", data={"token": token}, headers=headers)
    assert spent.headers["location"].startswith("/invite?error=over")


async def test_whoever_signs_up_by_a_link_that_others_saw_is_not_verified(team: Team) -> None:
    email = new_address()
    made = await team.call(Role.OWNER, "POST", "invites", {"email": email, "role": "viewer"})
    shown = made.json()["link"].rpartition("=")[2]
    joined = await sign_up(team.client, email=email, invite=shown)
    assert (await me(team.client, cookie_of(joined)))["user"]["verified"] is False


@pytest.mark.parametrize("change", ["removed", "suspended", "demoted"])
async def test_the_invites_of_who_may_less_than_before_are_withdrawn(team: Team, change: str) -> None:
    made = await team.call(Role.ADMIN, "POST", "invites", {"role": "admin"})
    token = made.json()["link"].rpartition("=")[2]
    admin = f"members/{team.ids[Role.ADMIN]}"
    if change == "removed":
        answer = await team.call(Role.OWNER, "DELETE", admin)
    else:
        body = {"suspended": True} if change == "suspended" else {"role": "viewer"}
        answer = await team.call(Role.OWNER, "PATCH", admin, body)
    assert answer.status_code == 200
    assert (await team.client.post("/api/invites/look-up", json={"token": token})).status_code == 404


STALE: list[tuple[str, str, Any]] = [
    ("POST", "keys", {"name": "x", "permissions": ["audit:read"]}),
    ("POST", "invites", {"role": "viewer"}),
    ("PATCH", "", {"voice": "formal"}),
]


@pytest.mark.parametrize(("method", "path", "body"), STALE)
async def test_a_body_that_is_long_on_its_way_does_not_keep_a_role_alive(
    team: Team, method: str, path: str, body: Any
) -> None:
    changed = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b" "
        await changed.wait()
        yield json.dumps(body).encode()

    url = f"{team.path}/{path}".rstrip("/")
    headers = team.headers[Role.ADMIN] | {"content-type": "application/json"}
    asking = asyncio.create_task(team.client.request(method, url, content=slowly(), headers=headers))
    await asyncio.sleep(0.1)
    assert (await team.call(Role.OWNER, "DELETE", f"members/{team.ids[Role.ADMIN]}")).status_code == 200
    changed.set()
    assert (await asking).status_code == 404


async def test_a_key_does_not_outlive_ten_years(team: Team) -> None:
    for moment in ("9999-12-31T23:59:59-23:59", "2099-01-01T00:00:00Z"):
        wanted = {"name": "x", "permissions": ["knowledge:read"], "expiresAt": moment}
        assert (await team.call(Role.OWNER, "POST", "keys", wanted)).status_code == 422
    assert (await team.call(Role.OWNER, "GET", "keys")).status_code == 200


async def test_nobody_is_mailed_over_and_over(team: Team) -> None:
    made = await team.call(Role.OWNER, "POST", "invites", {"email": new_address(), "role": "viewer"})
    path = f"invites/{made.json()['id']}/resend"
    answers = [(await team.call(Role.OWNER, "POST", path)).status_code for _ in range(6)]
    assert answers == [200] * 4 + [429] * 2


async def test_an_admin_does_not_withdraw_the_invite_of_an_owner(team: Team) -> None:
    made = await team.call(Role.OWNER, "POST", "invites", {"role": "owner"})
    assert (await team.call(Role.ADMIN, "DELETE", f"invites/{made.json()['id']}")).status_code == 403


async def test_who_gives_the_workspace_away_keeps_no_way_back(team: Team) -> None:
    made = await team.call(Role.OWNER, "POST", "invites", {"role": "owner"})
    token = made.json()["link"].rpartition("=")[2]
    body = {"userId": team.ids[Role.ADMIN]}
    assert (await team.call(Role.OWNER, "POST", "transfer", body)).status_code == 200
    assert (await team.client.post("/api/invites/look-up", json={"token": token})).status_code == 404


async def test_an_expired_invite_is_not_renewed_beyond_the_plan(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant(plan="free")
    _, owner = await factory.member(tenant)
    path = f"/api/workspaces/{tenant.id}/invites"
    made = await client.post(path, json={"role": "viewer"}, headers=owner)
    async with resources.database.unit_of_work(tenant.scope) as session:
        await session.execute(text("update invites set expires_at = now() - interval '1 second'"))
    await factory.member(tenant, Role.VIEWER)
    async with with_resources(unlimited=False):
        again = await client.post(f"{path}/{made.json()['id']}/resend", headers=owner)
    assert (again.status_code, again.json()["limit"]) == (402, 2)
