"""Schedules of sources, and the end of what was deleted: by the clock, once, and in every workspace."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from helpninja_app.accounts.audit import Actor
from helpninja_app.accounts.models import Role
from helpninja_app.errors import Unavailable
from helpninja_app.kernel.columns import now
from helpninja_app.kernel.database import new_id
from helpninja_app.kernel.queue import Priority
from helpninja_app.knowledge import deadlines, ingest
from helpninja_app.knowledge.bin import KEPT
from helpninja_app.knowledge.deadlines import meet_knowledge_deadline, meet_knowledge_deadlines
from helpninja_app.knowledge.models import IngestJob, IngestPage, Schedule, Source, SourceKind
from helpninja_app.knowledge.schedules import next_run, start_due_syncs
from helpninja_app.knowledge.sources import change_source, delete_source, get_source
from helpninja_app.resources import Resources, knowledge_limits
from tests.factories import Factory, Tenant

MOMENT = datetime(2026, 11, 28, 12, tzinfo=UTC)
SYSTEM = "tests"


@pytest.fixture
def resources(later: Resources) -> Resources:
    """Those of a database whose jobs no worker takes, and whose time may move on."""
    return later


async def a_source(resources: Resources, tenant: Tenant, schedule: Schedule = Schedule.OFF) -> Source:
    source = Source(
        workspace_id=tenant.id,
        kind=SourceKind.SITEMAP.value,
        location=f"https://{new_id().hex}.example/sitemap.xml",
        audience="visitors",
    )
    async with resources.database.unit_of_work(tenant.scope) as session:
        session.add(source)
        await session.flush()
        await change_source(session, Actor.system(tenant.id, SYSTEM), source.id, schedule=schedule)
    return source


async def tick(resources: Resources, moment: datetime) -> None:
    await meet_knowledge_deadlines(
        resources.database, resources.queue, resources.knowledge.files, moment=moment
    )


async def rows(resources: Resources, tenant: Tenant, query: str) -> list[Any]:
    async with resources.database.unit_of_work(tenant.scope) as session:
        return list((await session.execute(text(query), {"workspace": tenant.id})).all())


async def priorities(resources: Resources, tenant: Tenant) -> list[int]:
    """Those of the ingests that wait."""
    found = await rows(
        resources,
        tenant,
        "select priority from procrastinate_jobs where task_name = 'helpninja:ingest'"
        " and args ->> 'workspace_id' = cast(cast(:workspace as uuid) as text)",
    )
    return [priority for (priority,) in found]


async def runs(resources: Resources, tenant: Tenant) -> int:
    [(count,)] = await rows(
        resources, tenant, "select count(*) from ingest_jobs where workspace_id = :workspace and is_scheduled"
    )
    return int(count)


@pytest.mark.parametrize("schedule", [Schedule.DAILY, Schedule.WEEKLY])
def test_the_next_run_is_within_one_period_and_always_at_the_same_time(schedule: Schedule) -> None:
    period = timedelta(days=1 if schedule is Schedule.DAILY else 7)
    source = new_id()
    first = next_run(source, schedule, MOMENT)
    assert first is not None
    assert MOMENT < first <= MOMENT + period
    assert next_run(source, schedule, first) == first + period
    assert next_run(source, schedule, first - timedelta(seconds=1)) == first
    # Whatever was missed in between moves nothing.
    assert next_run(source, schedule, first + 3.5 * period) == first + 4 * period
    assert next_run(source, Schedule.OFF, MOMENT) is None


def test_runs_are_spread_over_the_day() -> None:
    hours = {
        found.hour for found in (next_run(new_id(), Schedule.DAILY, MOMENT) for _ in range(400)) if found
    }
    assert hours == set(range(24))


async def test_a_due_source_is_read_once_behind_everything_else(
    resources: Resources, factory: Factory
) -> None:
    tenant = await factory.tenant()
    source = await a_source(resources, tenant, Schedule.DAILY)
    assert source.next_sync_at is not None
    await tick(resources, source.next_sync_at - timedelta(seconds=1))
    assert await runs(resources, tenant) == 0
    late = source.next_sync_at + timedelta(days=5)
    await tick(resources, late)
    await tick(resources, late)
    assert await runs(resources, tenant) == 1
    async with resources.database.unit_of_work(tenant.scope) as session:
        view = await get_source(session, tenant.id, source.id)
    assert view.next_sync_at == source.next_sync_at + timedelta(days=6)
    assert view.last_run is not None
    assert await priorities(resources, tenant) == [Priority.SCHEDULED]


@pytest.mark.parametrize(
    ("is_scheduled", "after_a_slice"), [(True, Priority.SCHEDULED), (False, Priority.LONG)]
)
async def test_a_run_that_nobody_waits_for_stays_behind_the_others_after_its_first_slice(
    resources: Resources,
    factory: Factory,
    monkeypatch: pytest.MonkeyPatch,
    is_scheduled: bool,
    after_a_slice: Priority,
) -> None:
    tenant = await factory.tenant()
    source = await a_source(resources, tenant)
    job = IngestJob(
        workspace_id=tenant.id,
        source_id=source.id,
        input=source.location,
        discovered=True,
        is_scheduled=is_scheduled,
    )
    async with resources.database.unit_of_work(tenant.scope) as session:
        session.add(job)
        await session.flush()
        session.add(IngestPage(workspace_id=tenant.id, job_id=job.id, position=0, url=source.location))
    monkeypatch.setattr(ingest, "SLICE_SECONDS", -1.0)
    limits = knowledge_limits(resources.settings, tenant.workspace)
    model = tenant.workspace.embedding_model
    await ingest.run_ingest(resources.knowledge, tenant.id, job.id, model, limits)
    assert await priorities(resources, tenant) == [after_a_slice]


async def test_a_run_that_is_still_under_way_is_not_doubled(resources: Resources, factory: Factory) -> None:
    tenant = await factory.tenant()
    source = await a_source(resources, tenant, Schedule.DAILY)
    assert source.next_sync_at is not None
    for days in range(3):
        await tick(resources, source.next_sync_at + timedelta(days=days))
    assert await runs(resources, tenant) == 1


async def test_a_source_without_a_schedule_or_deleted_is_left_alone(
    resources: Resources, factory: Factory
) -> None:
    tenant = await factory.tenant()
    off = await a_source(resources, tenant, Schedule.DAILY)
    gone = await a_source(resources, tenant, Schedule.WEEKLY)
    async with resources.database.unit_of_work(tenant.scope) as session:
        await change_source(session, Actor.system(tenant.id, SYSTEM), off.id, schedule=Schedule.OFF)
        await delete_source(session, Actor.system(tenant.id, SYSTEM), gone.id)
    await tick(resources, now() + timedelta(days=5))
    assert await runs(resources, tenant) == 0


async def test_a_deleted_source_is_purged_after_seven_days_and_no_earlier(
    resources: Resources, factory: Factory
) -> None:
    tenant = await factory.tenant()
    document = await factory.document(tenant, "# Boots\n\nBoots can be returned.", url="https://a.example/")
    [(source,)] = await rows(
        resources, tenant, "select source_id from documents where workspace_id = :workspace"
    )
    async with resources.database.unit_of_work(tenant.scope) as session:
        await delete_source(session, Actor.system(tenant.id, SYSTEM), source)
    await tick(resources, now() + KEPT - timedelta(minutes=1))
    kept = "select id from deleted_documents where workspace_id = :workspace"
    assert await rows(resources, tenant, kept) == [(document,)]
    await tick(resources, now() + KEPT + timedelta(minutes=1))
    for table in ("deleted_documents", "deleted_chunks", "sources"):
        assert await rows(resources, tenant, f"select 1 from {table} where workspace_id = :workspace") == []
    assert (
        await rows(resources, tenant, "select 1 from knowledge_deadlines where workspace_id = :workspace")
        == []
    )


async def test_a_source_stays_until_the_files_of_its_documents_are_purged(
    resources: Resources, factory: Factory
) -> None:
    tenant = await factory.tenant()
    await factory.document(tenant, "# Boots\n\nBoots can be returned.", url="https://a.example/")
    [(source,)] = await rows(
        resources, tenant, "select source_id from documents where workspace_id = :workspace"
    )
    async with resources.database.unit_of_work(tenant.scope) as session:
        await delete_source(session, Actor.system(tenant.id, SYSTEM), source)
        # By a clock that is behind the database's.
        await session.execute(text("update sources set deleted_at = deleted_at - interval '2 minutes'"))
    database, queue, files = resources.database, resources.queue, resources.knowledge.files
    await meet_knowledge_deadline(database, queue, files, tenant.id, now() + KEPT - timedelta(minutes=1))
    for table in ("deleted_documents", "sources"):
        kept = await rows(resources, tenant, f"select 1 from {table} where workspace_id = :workspace")
        assert len(kept) == 1, table
    await tick(resources, now() + KEPT + timedelta(minutes=1))
    assert await rows(resources, tenant, "select 1 from sources where workspace_id = :workspace") == []


async def test_a_workspace_that_fails_does_not_hold_up_the_others(
    resources: Resources, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = await factory.tenant(), await factory.tenant()
    for tenant in (one, other):
        await a_source(resources, tenant, Schedule.DAILY)
    starting = start_due_syncs

    async def fail_for_one(session: Any, queue: Any, workspace_id: Any, moment: datetime) -> int:
        if workspace_id == one.id:
            raise RuntimeError("on purpose")
        return await starting(session, queue, workspace_id, moment)

    monkeypatch.setattr(deadlines, "start_due_syncs", fail_for_one)
    await tick(resources, now() + timedelta(days=2))
    assert (await runs(resources, one), await runs(resources, other)) == (0, 1)


async def test_files_that_cannot_be_removed_hold_up_nothing_else(
    resources: Resources, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await factory.tenant()
    await a_source(resources, tenant, Schedule.DAILY)
    await factory.document(tenant, "# Boots\n\nBoots can be returned.", url="https://a.example/")
    async with resources.database.unit_of_work(tenant.scope) as session:
        await session.execute(text("update documents set file_key = 'somewhere/else'"))
        [(source,)] = (await session.execute(text("select source_id from documents"))).all()
        await delete_source(session, Actor.system(tenant.id, SYSTEM), source)

    async def away(*_: object) -> None:
        raise Unavailable("The file could not be removed.")

    with monkeypatch.context() as broken:
        broken.setattr(type(resources.knowledge.files), "remove", away)
        await tick(resources, now() + KEPT + timedelta(minutes=1))
    assert await runs(resources, tenant) == 1
    query = "select 1 from deleted_documents where workspace_id = :workspace"
    assert len(await rows(resources, tenant, query)) == 1
    await tick(resources, now() + KEPT + timedelta(minutes=1))
    assert await rows(resources, tenant, query) == []


async def test_a_workspace_that_is_deleted_waits_for_its_return(
    resources: Resources, factory: Factory
) -> None:
    tenant = await factory.tenant()
    await factory.member(tenant, Role.OWNER)
    source = await a_source(resources, tenant, Schedule.DAILY)
    assert source.next_sync_at is not None
    async with resources.database.unit_of_work() as session:
        await session.execute(
            text("update workspace_handles set is_closed = true where workspace_id = :id"), {"id": tenant.id}
        )
    async with resources.database.unit_of_work(tenant.scope) as session:
        await session.execute(
            text("update workspaces set deleted_at = now() where id = :id"), {"id": tenant.id}
        )
    await tick(resources, source.next_sync_at)
    assert await runs(resources, tenant) == 0
    [(due,)] = await rows(
        resources, tenant, "select due_at from knowledge_deadlines where workspace_id = :workspace"
    )
    assert due > source.next_sync_at
