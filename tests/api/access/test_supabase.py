"""Every route for everybody it is not for, where people sign in with Supabase."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from helpninja_app.resources import Resources
from tests.api.access.attempts import CHAT, try_everybody, try_people, try_strangers, try_visitors
from tests.api.access.callers import Caller, callers_without_a_session, narrow_keys
from tests.api.access.register import (
    PERSON,
    PUBLIC,
    SUPABASE_ACCESS,
    SUPABASE_ROUTES,
    VISITOR,
    in_workspaces,
    labels_of,
)
from tests.api.access.supabase_callers import callers_with_supabase
from tests.api.supabase import Installation, installation
from tests.canaries import Canaries
from tests.conftest import OpenResources
from tests.factories import Factory
from tests.twins.gotrue import Gotrue, running_gotrue

pytestmark = pytest.mark.usefixtures("worker")

SIGN_OUT = "POST /api/auth/sign-out"
# As in test_strangers.
ABOUT_ONESELF = {
    "GET /api/auth/me": 200,
    "PATCH /api/auth/me": 200,
    "GET /api/auth/sessions": 200,
    "DELETE /api/auth/sessions/{session_id}": 404,
    "POST /api/auth/update-password": 401,
    "POST /api/auth/refresh": 200,
    "POST /api/invites/accept": 404,
    "GET /api/workspaces": 200,
    "POST /api/workspaces": 201,
    "POST /api/workspaces/{workspace_id}/restore": 404,
}


@pytest.fixture(scope="module")
def gotrue() -> Iterator[Gotrue]:
    with running_gotrue() as running:
        yield running


@pytest.fixture(scope="module")
async def here(
    resources: Resources, gotrue: Gotrue, with_resources: OpenResources
) -> AsyncIterator[Installation]:
    """Over the other ``resources``, which have no project."""
    assert resources.supabase is None
    async with installation(gotrue, with_resources) as made:
        yield made


@pytest.fixture(scope="module")
async def everybody(here: Installation, theirs: Canaries) -> list[Caller]:
    return await make_callers(here, theirs)


async def make_callers(here: Installation, theirs: Canaries) -> list[Caller]:
    factory = Factory(here.resources)
    other = await factory.tenant()
    return [
        *await callers_without_a_session(factory, theirs.tenant, other),
        *await callers_with_supabase(here, theirs, other),
    ]


@pytest.mark.parametrize("label", in_workspaces(SUPABASE_ACCESS))
async def test_what_is_in_a_workspace_is_there_for_nobody_else(
    here: Installation, browser: httpx.AsyncClient, theirs: Canaries, everybody: list[Caller], label: str
) -> None:
    access = SUPABASE_ACCESS[label]
    callers = [*everybody, *await narrow_keys(Factory(here.resources), theirs.tenant, access)]
    # However a workspace is named is found out after who calls.
    await try_strangers(browser, SUPABASE_ROUTES[label], access, theirs, callers, namings=["id"])


@pytest.mark.parametrize("label", labels_of(SUPABASE_ACCESS, PERSON))
async def test_what_is_about_a_person_is_about_the_one_who_calls(
    browser: httpx.AsyncClient, theirs: Canaries, everybody: list[Caller], label: str
) -> None:
    await try_people(browser, SUPABASE_ROUTES[label], ABOUT_ONESELF[label], theirs, everybody)


@pytest.mark.parametrize("label", labels_of(SUPABASE_ACCESS, PUBLIC))
async def test_what_everybody_may_call_says_nothing_of_a_workspace(
    here: Installation, browser: httpx.AsyncClient, theirs: Canaries, everybody: list[Caller], label: str
) -> None:
    # Who signs out is nobody in the next test.
    callers = await make_callers(here, theirs) if label == SIGN_OUT else everybody
    await try_everybody(browser, SUPABASE_ROUTES[label], theirs, callers)


@pytest.mark.parametrize("label", [name for name in labels_of(SUPABASE_ACCESS, VISITOR) if name != CHAT])
async def test_a_visitors_route_publishes_what_its_website_shows(
    browser: httpx.AsyncClient, theirs: Canaries, everybody: list[Caller], label: str
) -> None:
    await try_visitors(browser, SUPABASE_ROUTES[label], theirs, everybody)
