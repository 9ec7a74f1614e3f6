"""Invites that were sent while the plan had room for more members than it has when they are accepted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from helpninja_app.accounts.models import Role
from helpninja_app.resources import Resources
from tests.api.accounts import PASSWORD, a_person, new_address, sign_up
from tests.conftest import OpenResources
from tests.factories import Factory, Tenant

ACCEPT = "/api/invites/accept"
FULL = (
    "Test workspace has no place for another member now: its plan includes 2. Ask an owner there to make room"
    " or to change the plan, and use this invite again."
)


@dataclass
class Shrunken:
    """A workspace whose owner invited four on the pro plan, and which has the free plan now."""

    client: httpx.AsyncClient
    resources: Resources
    tenant: Tenant
    owner: dict[str, str]
    tokens: list[str]

    async def has_plan(self, plan: str) -> None:
        async with self.resources.database.unit_of_work(self.tenant.scope) as session:
            values = {"plan": plan, "workspace": self.tenant.id}
            await session.execute(text("update workspaces set plan = :plan where id = :workspace"), values)

    async def accept(self, number: int, headers: dict[str, str]) -> httpx.Response:
        return await self.client.post(ACCEPT, json={"token": self.tokens[number]}, headers=headers)

    async def listed(self, what: str) -> list[Any]:
        path = f"/api/workspaces/{self.tenant.id}/{what}"
        found: list[Any] = (await self.client.get(path, headers=self.owner)).json()[what]
        return found


@pytest.fixture
async def shrunken(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> AsyncIterator[Shrunken]:
    tenant = await factory.tenant(plan="pro")
    _, owner = await factory.member(tenant)
    async with with_resources(unlimited=False) as limited:
        path = f"/api/workspaces/{tenant.id}/invites"
        made = [await client.post(path, json={"role": "viewer"}, headers=owner) for _ in range(4)]
        tokens = [each.json()["link"].rpartition("=")[2] for each in made]
        there = Shrunken(client, limited, tenant, owner, tokens)
        await there.has_plan("free")
        yield there


async def test_of_four_invited_as_many_join_as_the_plan_has_room_for(shrunken: Shrunken) -> None:
    people = [(await a_person(shrunken.client))[1] for _ in range(4)]
    answers = await asyncio.gather(*(shrunken.accept(at, people[at]) for at in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 402, 402, 402]
    assert (len(await shrunken.listed("members")), len(await shrunken.listed("invites"))) == (2, 3)


async def test_whoever_comes_too_late_hears_why_and_the_invite_counts_when_there_is_room(
    shrunken: Shrunken,
) -> None:
    (_, first, _), (_, late, _) = await a_person(shrunken.client), await a_person(shrunken.client)
    await shrunken.accept(0, first)
    refused = await shrunken.accept(1, late)
    problem = refused.json()
    assert (refused.status_code, problem["detail"]) == (402, FULL)
    # Billing is not theirs to see.
    assert "billing" not in problem
    await shrunken.has_plan("pro")
    assert (await shrunken.accept(1, late)).status_code == 200


async def test_nobody_makes_an_account_by_an_invite_without_room(
    shrunken: Shrunken, factory: Factory
) -> None:
    await factory.member(shrunken.tenant, Role.VIEWER)
    email = new_address()
    known, _, _ = await a_person(shrunken.client)
    for address in (email, known):
        refused = await sign_up(shrunken.client, email=address, invite=shrunken.tokens[0])
        assert (refused.status_code, refused.json()["detail"]) == (402, FULL)
    await shrunken.has_plan("pro")
    assert (await sign_up(shrunken.client, email=email, invite=shrunken.tokens[0])).status_code == 201


async def test_the_forms_lead_back_to_where_it_is_said(shrunken: Shrunken, factory: Factory) -> None:
    await factory.member(shrunken.tenant, Role.VIEWER)
    _, late, _ = await a_person(shrunken.client)
    token = shrunken.tokens[0]
    accepted = await shrunken.client.post(ACCEPT, data={"token": token}, headers=late)
    assert (accepted.status_code, accepted.headers["location"]) == (303, f"/invite?error=full&token={token}")
    form = {"email": new_address(), "password": PASSWORD, "invite": token}
    signed_up = await shrunken.client.post("/api/auth/sign-up", data=form)
    assert signed_up.status_code == 303
    assert signed_up.headers["location"].startswith("/sign-up?error=full&")


async def test_where_nothing_is_limited_all_join(shrunken: Shrunken, with_resources: OpenResources) -> None:
    async with with_resources(unlimited=True):
        for at in range(4):
            _, headers, _ = await a_person(shrunken.client)
            assert (await shrunken.accept(at, headers)).status_code == 200
