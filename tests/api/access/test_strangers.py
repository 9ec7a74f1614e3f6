"""Every route for everybody it is not for: they are refused, learn nothing, and change nothing."""

from __future__ import annotations

import httpx
import pytest
from sqlalchemy import text

from tests.api.access.asking import ask
from tests.api.access.attempts import WRITTEN, state_of, try_everybody, try_people, try_strangers
from tests.api.access.callers import Caller, narrow_keys
from tests.api.access.conftest import planted
from tests.api.access.register import ACCESS, PERSON, PUBLIC, ROUTES, in_workspaces, labels_of
from tests.canaries import Canaries
from tests.factories import Factory

pytestmark = pytest.mark.usefixtures("worker")

# What a person is told about their own account when all ids and tokens are somebody else's, and the password
# and the code are wrong.
ABOUT_ONESELF = {
    "GET /api/auth/me": 200,
    "PATCH /api/auth/me": 200,
    "GET /api/auth/sessions": 200,
    "DELETE /api/auth/sessions/{session_id}": 404,
    "POST /api/auth/update-password": 401,
    "POST /api/auth/resend-verification": 200,
    "GET /api/auth/two-factor": 200,
    "POST /api/auth/two-factor": 401,
    "POST /api/auth/two-factor/confirm": 409,
    "POST /api/auth/two-factor/recovery-codes": 409,
    "POST /api/auth/two-factor/remove": 401,
    "POST /api/invites/accept": 404,
    "GET /api/workspaces": 200,
    "POST /api/workspaces": 201,
    "POST /api/workspaces/{workspace_id}/restore": 404,
}
RESTORE = "POST /api/workspaces/{workspace_id}/restore"


@pytest.mark.parametrize("label", in_workspaces(ACCESS))
async def test_what_is_in_a_workspace_is_there_for_nobody_else(
    client: httpx.AsyncClient, factory: Factory, theirs: Canaries, strangers: list[Caller], label: str
) -> None:
    access = ACCESS[label]
    callers = [*strangers, *await narrow_keys(factory, theirs.tenant, access)]
    await try_strangers(client, ROUTES[label], access, theirs, callers)


@pytest.mark.parametrize("label", labels_of(ACCESS, PERSON))
async def test_what_is_about_a_person_is_about_the_one_who_calls(
    client: httpx.AsyncClient, theirs: Canaries, strangers: list[Caller], label: str
) -> None:
    await try_people(client, ROUTES[label], ABOUT_ONESELF[label], theirs, strangers)


@pytest.mark.parametrize("label", labels_of(ACCESS, PUBLIC))
async def test_what_everybody_may_call_says_nothing_of_a_workspace(
    client: httpx.AsyncClient, factory: Factory, theirs: Canaries, strangers: list[Caller], label: str
) -> None:
    # What is done for it afterwards is not to be seen in other tests.
    about = await planted(factory) if label in WRITTEN else theirs
    await try_everybody(client, ROUTES[label], about, strangers)


async def test_nobody_else_brings_back_a_workspace_that_was_deleted(
    client: httpx.AsyncClient, factory: Factory, theirs: Canaries, strangers: list[Caller]
) -> None:
    gone = await planted(factory)
    async with gone.database.unit_of_work(gone.scope) as session:
        await session.execute(text("update workspaces set deleted_at = now()"))
    before = await state_of(gone)
    for caller in strangers:
        answer = await ask(client, ROUTES[RESTORE], gone, caller.headers, str(gone.tenant.id))
        assert answer.status in {401, 404}, caller.name
        assert not answer.seen
    assert await state_of(gone) == before
    answer = await ask(client, ROUTES[RESTORE], gone, gone.owner_headers, str(gone.tenant.id))
    assert answer.status == 200
