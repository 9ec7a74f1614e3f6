"""Hundreds of visitors ask at once while few messages are left: as many are answered, and no more."""

from __future__ import annotations

import asyncio
from collections import Counter

import httpx
import pytest

from helpninja_app.answers.providers.fake import FakeProvider, spoken
from helpninja_app.billing.ledger import lock_account
from helpninja_app.billing.models import Unit
from helpninja_app.resources import Resources
from tests.api.chatting import answering, ask, conversations_of, messages_of, new_session, shop
from tests.conftest import OpenResources
from tests.factories import Factory, Tenant
from tests.ledgers import Books

TURNS = 500
LEFT = 7


async def ask_until_answered(client: httpx.AsyncClient, tenant: Tenant) -> httpx.Response:
    """Asks again when it is told to: on a slow machine some of a crowd wait too long for a connection."""
    session_id = new_session()
    while True:
        response = await ask(client, tenant, session_id=session_id)
        if response.status_code != 503:
            return response
        await asyncio.sleep(float(response.headers["retry-after"]))


@pytest.mark.timeout(300)
async def test_five_hundred_at_once_for_seven_messages_get_seven_answers(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, with_resources: OpenResources
) -> None:
    tenant = await shop(factory, plan="free")
    books = Books(resources.database, tenant.id, Unit.MESSAGE)
    await books.use(100 - LEFT)
    fake = FakeProvider([spoken("Sixty days [1].") for _ in range(TURNS)])
    async with with_resources(answerers=answering(fake), unlimited=False):
        responses = await asyncio.gather(*(ask_until_answered(client, tenant) for _ in range(TURNS)))
    statuses = Counter(response.status_code for response in responses)
    assert statuses == {200: LEFT, 402: TURNS - LEFT}
    assert len(fake.requests) == LEFT
    refused = next(response.json() for response in responses if response.status_code == 402)
    assert refused["limit"] == 100
    account = await books.account()
    assert (account.balance, account.used) == (0, 100)
    assert await books.held() == []
    assert await books.is_right()


async def test_who_comes_when_nothing_is_left_does_not_wait_for_others_and_is_passed_on(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, with_resources: OpenResources
) -> None:
    tenant = await shop(factory, plan="free")
    visitor, token = factory.visitor(tenant)
    await Books(resources.database, tenant.id, Unit.MESSAGE).use(100)
    async with (
        with_resources(unlimited=False),
        resources.database.unit_of_work(tenant.scope) as session,
    ):
        await lock_account(session, tenant.id, Unit.MESSAGE)
        asking = ask(client, tenant, session_id=visitor.session_id, headers=token)
        refused = await asyncio.wait_for(asking, 60)
    assert refused.status_code == 402
    [conversation] = await conversations_of(resources, tenant)
    assert (conversation.status, conversation.reason) == ("waiting", "usage_limit")
    told = refused.json()
    assert (told["conversationId"], told["escalated"]) == (str(conversation.id), True)
    assert (told["contactRequested"], told["next"]) == (
        True,
        {"kind": "soon", "opensAt": None, "closesAt": None},
    )
    assert told["conversationStatus"] == "waiting"
    [stored] = await messages_of(resources, tenant, str(conversation.id))
    assert told["messageId"] == str(stored.id)
