"""Nobody waits for a model that somebody else asked: while it writes, their workspace's account is free."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from sqlalchemy import text

from helpninja_app.answers.providers.base import TextDelta
from helpninja_app.answers.providers.fake import FakeProvider, spoken
from helpninja_app.billing.ledger import lock_account
from helpninja_app.billing.models import Unit
from tests.api import chatting, member_chatting
from tests.conftest import OpenResources
from tests.factories import Factory
from tests.ledgers import Books


# The first turn opens the account step by step; the second finds it there.
@pytest.mark.parametrize("has_account", [False, True])
@pytest.mark.parametrize("unit", [Unit.CREDIT, Unit.MESSAGE])
async def test_the_account_is_free_while_a_model_writes(
    client: httpx.AsyncClient,
    factory: Factory,
    with_resources: OpenResources,
    unit: Unit,
    has_account: bool,
) -> None:
    tenant, gate, fake = await chatting.shop(factory), asyncio.Event(), FakeProvider()

    async def ask() -> httpx.Response:
        if unit is Unit.CREDIT:
            return await member_chatting.ask(client, tenant.headers)
        return await chatting.ask(client, tenant)

    async with with_resources(answerers=chatting.answering(fake), unlimited=False) as resources:
        books = Books(resources.database, tenant.id, unit, resources.plan_of(tenant.workspace))
        if has_account:
            await books.open()
        fake.add([TextDelta("Sixty "), gate, *spoken("days.")])
        asking = asyncio.create_task(ask())
        async with asyncio.timeout(60):
            while not fake.open_streams:
                await asyncio.sleep(0.01)
        try:
            async with resources.database.unit_of_work(tenant.scope) as session:
                await session.execute(text("set local lock_timeout = '300ms'"))
                await lock_account(session, tenant.id, unit)
            assert len(await books.held()) == 1
        finally:
            gate.set()
            answered = await asking
        assert answered.status_code == 200
        assert await books.held() == []
