"""Hundreds of visitors ask at once while few messages are left: as many are answered, and no more."""

from __future__ import annotations

import asyncio
from collections import Counter

import httpx
import pytest

from helpninja_app.answers.providers.fake import FakeProvider, spoken
from helpninja_app.billing.models import Unit
from helpninja_app.resources import Resources
from tests.api.chatting import answering, ask, shop
from tests.conftest import OpenResources
from tests.factories import Factory
from tests.ledgers import Books

TURNS = 500
LEFT = 7
# How many are under way at a time: more of them would wait longer for a connection than a turn may.
AT_ONCE = 100


@pytest.mark.timeout(300)
async def test_five_hundred_at_once_for_seven_messages_get_seven_answers(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, with_resources: OpenResources
) -> None:
    tenant = await shop(factory, plan="free")
    books = Books(resources.database, tenant.id, Unit.MESSAGE)
    await books.use(100 - LEFT)
    fake = FakeProvider([spoken("Sixty days [1].") for _ in range(TURNS)])
    door = asyncio.Semaphore(AT_ONCE)

    async def visit() -> httpx.Response:
        async with door:
            return await ask(client, tenant)

    async with with_resources(answerers=answering(fake), unlimited=False):
        responses = await asyncio.gather(*(visit() for _ in range(TURNS)))
    statuses = Counter(response.status_code for response in responses)
    assert statuses == {200: LEFT, 402: TURNS - LEFT}
    assert len(fake.requests) == LEFT
    refused = next(response.json() for response in responses if response.status_code == 402)
    assert refused["limit"] == 100
    account = await books.account()
    assert (account.balance, account.used) == (0, 100)
    assert await books.held() == []
    assert await books.is_right()
