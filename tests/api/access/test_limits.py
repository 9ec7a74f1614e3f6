"""How often each route may be called: by a member, by a key, by a stranger, and from a visitor's address."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from helpninja_app.accounts.permissions import KEY_PERMISSIONS
from helpninja_app.resources import Resources
from tests.api.access.asking import Answer, ask
from tests.api.access.attempts import OF_A_CONVERSATION
from tests.api.access.callers import SWITCH, suspend, user_of
from tests.api.access.register import ACCESS, PERSON, ROUTES, VISITOR, in_workspaces, labels_of
from tests.canaries import Canaries
from tests.conftest import OpenResources
from tests.factories import Factory, Tenant

pytestmark = pytest.mark.usefixtures("worker")

LIMIT = 2
OF_STAFF = list(in_workspaces(ACCESS))
# This one looks for a person's session and takes no key.
OF_KEYS = [label for label in OF_STAFF if label != SWITCH]
BUSY = ("GET /api/documents", "GET /api/auth/me")


@pytest.fixture(scope="module", autouse=True)
async def limited(resources: Resources, with_resources: OpenResources) -> AsyncIterator[Resources]:
    """As few as two a minute, for a process that is over the other ``resources``."""
    assert resources.settings.member_limit > LIMIT
    async with with_resources(member_limit=LIMIT, visitor_limit_per_address=LIMIT) as opened:
        yield opened


def new_address() -> str:
    """Where nobody has called from."""
    # A network of its own: those of one are counted as one.
    return f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::7"


@asynccontextmanager
async def client_at(api: httpx.ASGITransport, address: str) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(api.app, raise_app_exceptions=False, client=(address, 4000))
    async with httpx.AsyncClient(transport=transport, base_url="http://helpninja.test", timeout=60) as made:
        yield made


@pytest.fixture
async def client(api: httpx.ASGITransport) -> AsyncIterator[httpx.AsyncClient]:
    """Calls from an address of its own, as the limits of addresses last longer than a test."""
    async with client_at(api, new_address()) as made:
        yield made


@pytest.fixture
async def other(factory: Factory) -> Tenant:
    return await factory.tenant()


async def repeat(
    client: httpx.AsyncClient, label: str, theirs: Canaries, headers: dict[str, str], handle: str
) -> list[int]:
    """The statuses of as many calls as are allowed, and of one more."""
    answers = [await ask(client, ROUTES[label], theirs, headers, handle) for _ in range(LIMIT + 1)]
    return [answer.status for answer in answers]


async def once(
    client: httpx.AsyncClient, label: str, theirs: Canaries, headers: dict[str, str], handle: str
) -> Answer:
    return await ask(client, ROUTES[label], theirs, headers, handle)


@pytest.mark.parametrize("label", OF_STAFF + labels_of(ACCESS, PERSON))
async def test_a_member_at_their_limit_waits_and_no_other_does(
    client: httpx.AsyncClient, factory: Factory, theirs: Canaries, other: Tenant, label: str
) -> None:
    _, busy = await factory.member(other)
    _, idle = await factory.member(other)
    statuses = await repeat(client, label, theirs, busy, str(other.id))
    assert statuses[0] != 429
    assert statuses[-1] == 429
    # It is the member who waits, whatever they call next.
    is_personal = ACCESS[label] == PERSON or label == SWITCH
    assert (await once(client, BUSY[is_personal], theirs, busy, str(other.id))).status == 429
    assert (await once(client, label, theirs, idle, str(other.id))).status != 429


@pytest.mark.parametrize("label", OF_KEYS)
async def test_a_key_at_its_limit_waits_and_another_of_the_same_workspace_does_not(
    client: httpx.AsyncClient, factory: Factory, theirs: Canaries, other: Tenant, label: str
) -> None:
    idle = await factory.key(other, KEY_PERMISSIONS)
    statuses = await repeat(client, label, theirs, other.headers, str(other.id))
    assert statuses[0] != 429
    assert statuses[-1] == 429
    assert (await once(client, label, theirs, idle, str(other.id))).status != 429
    _, member = await factory.member(other)
    assert (await once(client, label, theirs, member, str(other.id))).status != 429


@pytest.mark.parametrize("label", OF_STAFF + labels_of(ACCESS, PERSON))
async def test_who_tries_credentials_waits_and_who_has_one_does_not(
    client: httpx.AsyncClient, factory: Factory, theirs: Canaries, other: Tenant, label: str
) -> None:
    statuses = await repeat(client, label, theirs, {"authorization": "Bearer hn_sk_nobody"}, str(other.id))
    assert statuses == [401] * LIMIT + [429]
    _, member = await factory.member(other)
    assert (await once(client, label, theirs, member, str(other.id))).status != 429


@pytest.mark.parametrize("label", OF_KEYS)
async def test_who_tries_workspaces_that_are_not_theirs_waits(
    client: httpx.AsyncClient, factory: Factory, theirs: Canaries, other: Tenant, label: str
) -> None:
    _, member = await factory.member(other)
    for headers in (other.headers, member):
        statuses = await repeat(client, label, theirs, headers, str(theirs.tenant.id))
        assert statuses[-1] == 429
    # Their own is open to them meanwhile.
    assert (await once(client, label, theirs, other.headers, str(other.id))).status != 429


async def test_a_suspended_member_waits_as_well(
    client: httpx.AsyncClient, factory: Factory, theirs: Canaries, other: Tenant
) -> None:
    _, suspended = await factory.member(other)
    await suspend(factory.resources, other, await user_of(factory.resources, suspended))
    assert await repeat(client, BUSY[0], theirs, suspended, str(other.id)) == [403] * LIMIT + [429]


@pytest.mark.parametrize("label", labels_of(ACCESS, VISITOR))
async def test_an_address_at_its_limit_waits_and_no_other_does(
    api: httpx.ASGITransport,
    client: httpx.AsyncClient,
    factory: Factory,
    theirs: Canaries,
    other: Tenant,
    label: str,
) -> None:
    session_id = theirs.id_in("conversations", "session_id")
    _, visitor = factory.visitor(other, session_id)
    statuses = await repeat(client, label, theirs, visitor, str(other.id))
    answered = 404 if label in OF_A_CONVERSATION else 200
    assert statuses == [answered] * LIMIT + [429]
    async with client_at(api, new_address()) as elsewhere:
        assert (await once(elsewhere, label, theirs, visitor, str(other.id))).status == answered
