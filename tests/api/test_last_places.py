"""The last place that a plan has is one's, however many ask for it at once."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from tests.conftest import OpenResources
from tests.factories import Factory


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (
            "/api/integrations",
            {"provider": "email", "name": "Support", "credentials": {"to": "team@example.com"}},
        ),
        # The owner has the first of two.
        ("/api/workspaces/{workspace}/invites", {"role": "viewer"}),
    ],
)
async def test_of_many_who_ask_at_once_for_the_last_place_one_gets_it(
    client: httpx.AsyncClient,
    factory: Factory,
    with_resources: OpenResources,
    path: str,
    body: dict[str, object],
) -> None:
    tenant = await factory.tenant(plan="free")
    _, owner = await factory.member(tenant)
    url = path.format(workspace=tenant.id)
    async with with_resources(unlimited=False):
        answers = await asyncio.gather(*(client.post(url, json=body, headers=owner) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 402, 402, 402]
