"""Whoever is not known, or may not, learns nothing of what is wrong with the parameters of a question."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.access.asking import NAMING
from tests.api.access.attempts import CONVERSATION, OF_A_CONVERSATION
from tests.api.access.callers import narrow_keys
from tests.api.access.register import ACCESS, MEMBER, PERSON, ROUTES, in_workspaces, labels_of
from tests.canaries import Canaries
from tests.factories import Factory, Tenant

IN_WORKSPACES = in_workspaces(ACCESS)
ASKING_WHO_CALLS = (*IN_WORKSPACES, *labels_of(ACCESS, PERSON), CONVERSATION, *sorted(OF_A_CONVERSATION))
# No number, no word of a list, no time, and longer than any text.
WRONG = "x" * 2_000


def judged(label: str) -> list[str]:
    """The parameters that a route may find wrong: all but those that say which workspace is meant."""
    return [name for name in ROUTES[label].in_query if name not in NAMING]


async def ask_wrongly(
    client: httpx.AsyncClient, label: str, headers: dict[str, str], tenant: Tenant | None = None
) -> int:
    """The status of a question that is wrong in all of its parameters, about a workspace or about none."""
    route, handle = ROUTES[label], str(tenant.id) if tenant else "none"
    path = route.path.format(**dict.fromkeys(route.in_path, handle))
    query: dict[str, Any] = dict.fromkeys(judged(label), WRONG)
    if tenant and "tenantId" in route.in_query:
        query["tenantId"] = handle
    client.cookies.clear()
    answer = await client.request(route.method, path, params=query, headers=headers)
    return answer.status_code


@pytest.mark.parametrize("label", [label for label in ASKING_WHO_CALLS if judged(label)])
async def test_who_calls_without_a_credential_is_told_that_alone(
    client: httpx.AsyncClient, label: str
) -> None:
    assert await ask_wrongly(client, label, {}) == 401


@pytest.mark.parametrize("label", [label for label in IN_WORKSPACES if judged(label)])
async def test_a_workspace_that_is_not_theirs_comes_before_the_parameters(
    client: httpx.AsyncClient, factory: Factory, theirs: Canaries, label: str
) -> None:
    other = await factory.tenant()
    assert await ask_wrongly(client, label, other.headers, theirs.tenant) == 404


@pytest.mark.parametrize("label", [label for label in IN_WORKSPACES if judged(label)])
async def test_a_permission_that_is_missing_comes_before_the_parameters(
    client: httpx.AsyncClient, factory: Factory, theirs: Canaries, label: str
) -> None:
    assert ACCESS[label] != MEMBER
    for narrow in await narrow_keys(factory, theirs.tenant, ACCESS[label]):
        assert await ask_wrongly(client, label, narrow.headers, theirs.tenant) == 403
