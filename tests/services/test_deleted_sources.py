"""A source that is deleted while somebody asks for it to be read, or while a run of it goes on."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select, update
from sqlmodel import col

from helpninja_app.accounts.audit import Actor
from helpninja_app.errors import Conflict
from helpninja_app.kernel.columns import now
from helpninja_app.kernel.database import new_id
from helpninja_app.knowledge.ingest import run_ingest
from helpninja_app.knowledge.ingest_requests import request_ingest, retry_failed_pages
from helpninja_app.knowledge.models import IngestJob, IngestPage, JobState, PageState, Source, SourceKind
from helpninja_app.knowledge.sources import delete_source
from helpninja_app.resources import Resources, knowledge_limits
from tests.factories import Factory, Tenant

A_MOMENT = 0.3


@pytest.fixture
def resources(later: Resources) -> Resources:
    """Those of a database whose jobs no worker takes."""
    return later


async def a_run(
    resources: Resources, tenant: Tenant, state: JobState, page: PageState
) -> tuple[Source, IngestJob]:
    source = Source(
        workspace_id=tenant.id,
        id=new_id(),
        kind=SourceKind.PAGE.value,
        location=f"https://{new_id().hex}.example/a",
        audience="visitors",
    )
    job = IngestJob(
        workspace_id=tenant.id,
        id=new_id(),
        source_id=source.id,
        input=source.location,
        state=state.value,
        discovered=True,
    )
    async with resources.database.unit_of_work(tenant.scope) as session:
        session.add(source)
        await session.flush()
        session.add(job)
        await session.flush()
        session.add(
            IngestPage(
                workspace_id=tenant.id, job_id=job.id, position=0, url=source.location, state=page.value
            )
        )
    return source, job


async def states(resources: Resources, tenant: Tenant, source: Source) -> tuple[bool, list[str]]:
    """Whether a source is deleted, and the states of its jobs."""
    async with resources.database.unit_of_work(tenant.scope) as session:
        stored = await session.get_one(Source, (tenant.id, source.id))
        found = await session.execute(
            select(col(IngestJob.state)).where(col(IngestJob.source_id) == source.id).order_by("state")
        )
        return stored.deleted_at is not None, list(found.scalars())


async def test_who_names_a_source_while_it_is_deleted_gets_it_back(
    resources: Resources, factory: Factory
) -> None:
    tenant = await factory.tenant()
    source, _ = await a_run(resources, tenant, JobState.COMPLETED, PageState.CHANGED)
    limits = knowledge_limits(resources.settings, tenant.workspace)

    async def ask() -> None:
        async with resources.database.unit_of_work(tenant.scope) as session:
            await request_ingest(
                session, resources.queue, tenant.id, source.location, limits, requested_by="tests"
            )

    async with resources.database.unit_of_work(tenant.scope) as session:
        await delete_source(session, Actor.system(tenant.id, "tests"), source.id)
        asked = asyncio.create_task(ask())
        await asyncio.sleep(A_MOMENT)
    await asked
    assert await states(resources, tenant, source) == (False, ["completed", "queued"])


async def test_nothing_of_a_source_that_is_being_deleted_is_tried_again(
    resources: Resources, factory: Factory
) -> None:
    tenant = await factory.tenant()
    source, job = await a_run(resources, tenant, JobState.COMPLETED, PageState.FAILED)

    async def retry() -> None:
        async with resources.database.unit_of_work(tenant.scope) as session:
            await retry_failed_pages(session, resources.queue, tenant.id, job.id)

    async with resources.database.unit_of_work(tenant.scope) as session:
        await delete_source(session, Actor.system(tenant.id, "tests"), source.id)
        retried = asyncio.create_task(retry())
        await asyncio.sleep(A_MOMENT)
    with pytest.raises(Conflict):
        await retried
    assert await states(resources, tenant, source) == (True, ["completed"])


async def test_a_run_of_a_deleted_source_ends_and_reads_nothing(
    resources: Resources, factory: Factory
) -> None:
    tenant = await factory.tenant()
    source, job = await a_run(resources, tenant, JobState.RUNNING, PageState.PENDING)
    async with resources.database.unit_of_work(tenant.scope) as session:
        await session.execute(
            update(Source).where(col(Source.workspace_id) == tenant.id).values(deleted_at=now())
        )
    limits = knowledge_limits(resources.settings, tenant.workspace)
    model = tenant.workspace.embedding_model
    await run_ingest(resources.knowledge, tenant.id, job.id, model, limits)
    assert await states(resources, tenant, source) == (True, ["cancelled"])
    async with resources.database.unit_of_work(tenant.scope) as session:
        page = await session.get_one(IngestPage, (tenant.id, job.id, 0))
        assert page.state == PageState.PENDING
