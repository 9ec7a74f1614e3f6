"""The queue's promises: a job exists exactly when its transaction does, and ``once`` means once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import procrastinate
import pytest
from procrastinate import JobContext
from sqlalchemy import text

from helpninja_app.kernel.database import Database
from helpninja_app.kernel.embedded_postgres import Urls
from helpninja_app.kernel.queue import Priority, Queue, stop

blueprint = procrastinate.Blueprint()


@blueprint.task(name="note", pass_context=True)
async def note(context: JobContext, *, word: str) -> None:
    context.additional_context["noted"].append(word)


@pytest.fixture(scope="module")
async def database(file_urls: Urls) -> AsyncIterator[Database]:
    made = Database(file_urls.app)
    yield made
    await made.close()


@pytest.fixture
async def queue(file_urls: Urls, database: Database) -> AsyncIterator[Queue]:
    """A queue with no jobs and no worker in it."""
    made = Queue(file_urls.app, tasks=blueprint)
    await made.open()
    async with database.unit_of_work() as session:
        await session.execute(text("delete from procrastinate_jobs where task_name = 'helpninja:note'"))
    yield made
    await made.close()


async def waiting(database: Database) -> list[str]:
    async with database.unit_of_work() as session:
        found = await session.execute(
            text(
                "select args->>'word' from procrastinate_jobs"
                " where task_name = 'helpninja:note' and status = 'todo' order by priority desc, id"
            )
        )
        return list(found.scalars())


async def test_a_job_exists_when_its_transaction_commits(queue: Queue, database: Database) -> None:
    async with database.unit_of_work() as session:
        await queue.enqueue(session, "note", word="hello")
        assert await waiting(database) == []
    assert await waiting(database) == ["hello"]


async def test_a_job_of_a_transaction_that_fails_never_was(queue: Queue, database: Database) -> None:
    async def add_and_fail() -> None:
        async with database.unit_of_work() as session:
            await queue.enqueue(session, "note", word="hello")
            raise RuntimeError("after the job")

    with pytest.raises(RuntimeError, match="after the job"):
        await add_and_fail()
    assert await waiting(database) == []


async def test_once_adds_nothing_while_a_job_of_that_name_waits(queue: Queue, database: Database) -> None:
    for word in ("first", "second"):
        async with database.unit_of_work() as session:
            await session.execute(text("select 1"))
            await queue.enqueue(session, "note", once="one", word=word)
            # The transaction goes on as if nothing had happened.
            assert (await session.execute(text("select 2"))).scalar_one() == 2
            await queue.enqueue(session, "note", once="other", word="other")
    assert await waiting(database) == ["first", "other"]


async def test_once_holds_between_transactions_that_meet(queue: Queue, database: Database) -> None:
    async def add(word: str) -> None:
        async with database.unit_of_work() as session:
            await queue.enqueue(session, "note", once="one", word=word)

    await asyncio.gather(*(add(str(number)) for number in range(8)))
    assert len(await waiting(database)) == 1


async def test_what_somebody_waits_for_is_run_first(queue: Queue, database: Database) -> None:
    noted: list[str] = []
    async with database.unit_of_work() as session:
        for priority in (Priority.SCHEDULED, Priority.LONG, Priority.INTERACTIVE):
            await queue.enqueue(session, "note", priority=priority, word=priority.name)
    working = asyncio.create_task(
        queue.app.run_worker_async(
            concurrency=1,
            wait=False,
            install_signal_handlers=False,
            additional_context={"noted": noted},
        )
    )
    await working
    assert noted == ["INTERACTIVE", "LONG", "SCHEDULED"]


async def test_a_job_whose_successor_waits_already_keeps_no_other_from_being_rescued(
    queue: Queue, database: Database
) -> None:
    async with database.unit_of_work() as session:
        for word, once in (("first", "one"), ("other", None)):
            await queue.enqueue(session, "note", once=once, word=word)
        # Their worker is gone.
        await session.execute(
            text("update procrastinate_jobs set status = 'doing' where task_name = 'helpninja:note'")
        )
        await queue.enqueue(session, "note", once="one", word="second")
    assert await waiting(database) == ["second"]
    assert await queue.rescue_stalled() == 1
    assert sorted(await waiting(database)) == ["other", "second"]
    async with database.unit_of_work() as session:
        await session.execute(text("delete from procrastinate_jobs where args->>'word' = 'second'"))
    # It is not lost either.
    assert await queue.rescue_stalled() == 1
    assert sorted(await waiting(database)) == ["first", "other"]


async def test_two_queues_of_one_process_do_not_take_each_others_tasks(
    queue: Queue, file_urls: Urls, database: Database
) -> None:
    other = Queue(file_urls.app, tasks=blueprint)
    await other.open()
    await other.close()
    noted: list[Any] = []
    async with database.unit_of_work() as session:
        await queue.enqueue(session, "note", word="mine")
    working = asyncio.create_task(queue.work(concurrency=1, context={"noted": noted}))
    async with asyncio.timeout(60):
        while not noted:
            await asyncio.sleep(0.02)
    await stop(working)
    assert noted == ["mine"]
