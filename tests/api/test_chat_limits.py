"""What the chat counts: messages of the plan, and requests of addresses, sessions and workspaces."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from helpninja_app.answers.providers.fake import FakeProvider, spoken
from helpninja_app.billing.models import Unit
from helpninja_app.billing.plans import FREE
from helpninja_app.billing.reservations import reserve, settle
from helpninja_app.billing.usage import usage_of
from helpninja_app.conversations.models import Status
from helpninja_app.resources import Resources
from tests.api.chatting import QUESTION, UNRELATED, MistakenProvider, answering, ask, move, new_session, shop
from tests.conftest import OpenResources
from tests.factories import Factory, Tenant

FREE_MESSAGES = 100


async def use(resources: Resources, tenant: Tenant, amount: int) -> None:
    async with resources.database.unit_of_work(tenant.scope) as session:
        reservation = await reserve(session, tenant.id, FREE, Unit.MESSAGE, amount)
        await settle(session, tenant.id, reservation, amount)


async def used(resources: Resources, tenant: Tenant) -> int:
    async with resources.database.unit_of_work(tenant.scope) as session:
        return (await usage_of(session, tenant.id, Unit.MESSAGE, FREE)).used


async def left(resources: Resources, tenant: Tenant) -> int:
    """Of the messages; what is reserved is not."""
    async with resources.database.unit_of_work(tenant.scope) as session:
        return (await usage_of(session, tenant.id, Unit.MESSAGE, FREE)).left or 0


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
async def test_the_message_after_the_last_is_402_with_limit_and_used(
    client: httpx.AsyncClient,
    factory: Factory,
    resources: Resources,
    with_resources: OpenResources,
    accept: str,
) -> None:
    tenant = await shop(factory, plan="free")
    await use(resources, tenant, FREE_MESSAGES - 1)
    async with with_resources(unlimited=False):
        last = await ask(client, tenant, headers={"accept": accept})
        refused = await ask(client, tenant, headers={"accept": accept})
    assert (last.status_code, refused.status_code) == (200, 402)
    problem = refused.json()
    assert (problem["limit"], problem["used"]) == (FREE_MESSAGES, FREE_MESSAGES)
    assert "plan" in problem["detail"]
    # A visitor has no plan to change.
    assert "billing" not in problem
    assert await used(resources, tenant) == FREE_MESSAGES


async def test_where_nobody_pays_nothing_is_blocked(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant = await shop(factory, plan="free")
    await use(resources, tenant, FREE_MESSAGES)
    assert (await ask(client, tenant)).status_code == 200


async def test_twenty_at_once_for_the_last_message_get_one_answer(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, with_resources: OpenResources
) -> None:
    tenant = await shop(factory, plan="free")
    await use(resources, tenant, FREE_MESSAGES - 1)
    async with with_resources(unlimited=False):
        responses = await asyncio.gather(*(ask(client, tenant) for _ in range(20)))
    assert sorted(response.status_code for response in responses) == [200] + [402] * 19
    assert await used(resources, tenant) == FREE_MESSAGES


async def test_a_message_that_gets_no_answer_is_not_counted(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, with_resources: OpenResources
) -> None:
    tenant = await shop(factory, plan="free")

    async with with_resources(answerers=answering(MistakenProvider()), unlimited=False):
        response = await ask(client, tenant)
    assert response.status_code == 500
    assert "hunter2" not in response.text
    assert await used(resources, tenant) == 0


@pytest.mark.parametrize(
    ("message", "counted"),
    [
        (UNRELATED, 0),
        ("I want to talk to a person", 0),
        ("Hello!", 1),
        (QUESTION, 1),
    ],
)
async def test_only_what_got_an_answer_is_counted(
    client: httpx.AsyncClient,
    factory: Factory,
    resources: Resources,
    with_resources: OpenResources,
    message: str,
    counted: int,
) -> None:
    tenant = await shop(factory, plan="free")
    async with with_resources(unlimited=False):
        assert (await ask(client, tenant, message)).status_code == 200
    assert await used(resources, tenant) == counted
    # Nothing stays reserved either.
    assert await left(resources, tenant) == FREE_MESSAGES - counted


@pytest.mark.parametrize("sign", ["NO_ANSWER_IN_PASSAGES", "VISITOR_ASKS_FOR_A_PERSON"])
@pytest.mark.parametrize(("written", "counted"), [("", 0), ("Within sixty days [1]. ", 1)])
async def test_what_a_model_takes_back_is_counted_once_it_was_read(
    client: httpx.AsyncClient,
    factory: Factory,
    resources: Resources,
    with_resources: OpenResources,
    sign: str,
    written: str,
    counted: int,
) -> None:
    tenant = await shop(factory, plan="free")
    fake = FakeProvider([spoken(f"{written}{sign}")])
    async with with_resources(unlimited=False, answerers=answering(fake)):
        assert (await ask(client, tenant)).json()["escalated"]
    assert await used(resources, tenant) == counted


@pytest.mark.parametrize("message", ["", "x" * 4001])
async def test_an_invalid_message_is_not_counted(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, message: str
) -> None:
    tenant = await shop(factory)
    assert (await ask(client, tenant, message)).status_code == 422
    assert await used(resources, tenant) == 0


async def test_what_a_person_answers_is_not_counted(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, with_resources: OpenResources
) -> None:
    tenant, session_id = await shop(factory, plan="free"), new_session()
    first = (await ask(client, tenant, session_id=session_id)).json()
    await move(resources, tenant, first["conversationId"], Status.HUMAN)
    await use(resources, tenant, FREE_MESSAGES)
    before = await used(resources, tenant)
    async with with_resources(unlimited=False):
        response = await ask(client, tenant, "Hello?", session_id=session_id)
    assert response.json()["handledBy"] == "human"
    assert await used(resources, tenant) == before


async def test_an_answer_that_a_person_cut_off_is_not_counted(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, with_resources: OpenResources
) -> None:
    tenant, session_id = await shop(factory, plan="free"), new_session()
    first = (await ask(client, tenant, session_id=session_id)).json()
    before = await left(resources, tenant)
    go_on = asyncio.Event()
    fake = FakeProvider([[go_on, *spoken("Sixty days [1].")]])
    async with with_resources(answerers=answering(fake), unlimited=False):
        asking = asyncio.create_task(ask(client, tenant, session_id=session_id))
        while not fake.requests:
            await asyncio.sleep(0.01)
        assert await left(resources, tenant) == before - 1
        await move(resources, tenant, first["conversationId"], Status.HUMAN)
        go_on.set()
        assert (await asking).json()["handledBy"] == "human"
    assert await left(resources, tenant) == before


@pytest.mark.parametrize(
    "limit", ["visitor_limit_per_address", "visitor_limit_per_session", "workspace_limit"]
)
async def test_too_many_requests_are_429_and_say_when_to_come_back(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources, limit: str
) -> None:
    tenant, session_id = await shop(factory), new_session()
    async with with_resources(**{limit: 2}):
        statuses = [(await ask(client, tenant, "Hi", session_id=session_id)).status_code for _ in range(2)]
        refused = await ask(client, tenant, "Hi", session_id=session_id)
    assert statuses == [200, 200]
    assert refused.status_code == 429
    assert refused.headers["content-type"] == "application/problem+json"
    assert 1 <= int(refused.headers["retry-after"]) <= 61
    assert refused.headers["ratelimit-limit"] == "2"
    assert refused.headers["ratelimit-remaining"] == "0"
    assert refused.headers["ratelimit-reset"] == refused.headers["retry-after"]


async def test_another_session_and_another_workspace_are_not_held_up(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    mine, theirs, session_id = await shop(factory), await shop(factory), new_session()
    async with with_resources(visitor_limit_per_session=1):
        assert (await ask(client, mine, "Hi", session_id=session_id)).status_code == 200
        assert (await ask(client, mine, "Hi", session_id=session_id)).status_code == 429
        assert (await ask(client, mine, "Hi", session_id=new_session())).status_code == 200
        assert (await ask(client, theirs, "Hi", session_id=session_id)).status_code == 200
    async with with_resources(workspace_limit=1):
        assert (await ask(client, mine, "Hi")).status_code == 200
        assert (await ask(client, mine, "Hi")).status_code == 429
        assert (await ask(client, theirs, "Hi")).status_code == 200


async def test_a_forwarded_address_counts_only_from_a_trusted_proxy(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await shop(factory)
    elsewhere = [{"x-forwarded-for": f"203.0.113.{n}"} for n in range(2)]
    async with with_resources(visitor_limit_per_address=1):
        statuses = [(await ask(client, tenant, "Hi", headers=header)).status_code for header in elsewhere]
    assert statuses == [200, 429]
    async with with_resources(
        visitor_limit_per_address=1, trusted_proxies=frozenset({"127.0.0.0/8", "10.0.0.0/8"})
    ):
        statuses = [(await ask(client, tenant, "Hi", headers=header)).status_code for header in elsewhere]
        # What stands before the address that the nearest proxy saw comes from the client.
        invented = {"x-forwarded-for": "198.51.100.7, 203.0.113.0, 10.1.2.3"}
        statuses.append((await ask(client, tenant, "Hi", headers=invented)).status_code)
    assert statuses == [200, 200, 429]
