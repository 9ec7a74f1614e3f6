"""Of two websites that come at once, new ones or deleted ones, one has the last place of the plan."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.audit import Actor
from helpninja_app.accounts.callers import StaffCaller
from helpninja_app.accounts.identity import Credentials, identify
from helpninja_app.errors import LimitUsedUp
from helpninja_app.knowledge.documents import delete_documents, restore_documents
from helpninja_app.knowledge.ingest_requests import request_ingest
from helpninja_app.knowledge.limits import KnowledgeLimits
from helpninja_app.knowledge.models import Source
from helpninja_app.knowledge.sources import delete_source, restore_source
from helpninja_app.resources import Resources
from tests.factories import Factory, Tenant

Step = Callable[[AsyncSession], Awaitable[object]]

A_MOMENT = 0.3
ONE_SITE = KnowledgeLimits("free", sites=1, documents=None, pages_per_crawl=1, upload_bytes=1)


@pytest.fixture
def resources(later: Resources) -> Resources:
    """Those of a database whose jobs no worker takes: what is being read counts."""
    return later


async def steps_of(factory: Factory, tenant: Tenant, gone: str) -> dict[str, Step]:
    """What takes the place of a website: a new one, and one whose ``source`` or ``page`` was deleted."""
    database, queue = factory.resources.database, factory.resources.queue
    page = await factory.document(tenant, "# Axes\n\nAn axe.", url="https://axes.example/")
    async with database.unit_of_work() as session:
        caller = await identify(session, Credentials(bearer=tenant.key), None)
    assert isinstance(caller, StaffCaller)
    async with database.unit_of_work(tenant.scope) as session:
        source = (await session.execute(select(col(Source.id)))).scalar_one()
        if gone == "source":
            await delete_source(session, Actor.of(caller), source)
        else:
            await delete_documents(session, caller, [page])

    def adding(address: str) -> Step:
        return lambda session: request_ingest(
            session, queue, tenant.id, address, ONE_SITE, requested_by="tests"
        )

    return {
        "new": adding("https://bags.example/"),
        "other": adding("https://caps.example/"),
        "source": lambda session: restore_source(session, queue, Actor.of(caller), source, ONE_SITE),
        "page": lambda session: restore_documents(session, queue, caller, [page], ONE_SITE),
    }


@pytest.mark.parametrize(
    ("first", "second"),
    [("new", "other"), ("new", "source"), ("source", "new"), ("new", "page"), ("page", "new")],
)
async def test_of_two_websites_that_come_at_once_one_is_the_last(
    factory: Factory, first: str, second: str
) -> None:
    tenant = await factory.tenant(plan="free")
    steps = await steps_of(factory, tenant, "source" if "source" in (first, second) else "page")

    async def alone(step: Step) -> None:
        async with factory.resources.database.unit_of_work(tenant.scope) as session:
            await step(session)

    async with factory.resources.database.unit_of_work(tenant.scope) as session:
        await steps[first](session)
        late = asyncio.create_task(alone(steps[second]))
        await asyncio.sleep(A_MOMENT)
    with pytest.raises(LimitUsedUp, match="website number 2"):
        await late
