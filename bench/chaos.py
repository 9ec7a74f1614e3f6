"""``python -m bench.chaos [KILLS]``: kills a worker again and again during ingests and counts what broke."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import psutil
import psycopg

from bench.chaos_checks import count_faults, wrong_scores
from bench.killing import is_well, main
from bench.report import Figure, say
from bench.scratch import Scratch, make_workspace, opened, scratch_database
from bench.site import Site, running_site
from bench.texts import questions
from helpninja_app.accounts.callers import WorkspaceView
from helpninja_app.kernel.scope import Scope
from helpninja_app.knowledge.ingest_requests import IngestProgress, load_progress, request_ingest
from helpninja_app.resources import Resources, knowledge_limits

KILLS = 50
PAGES = 60
# Up to so many seconds for each page of the site, and until the kill, from the moment the job runs.
SLOWEST_PAGE = 0.6
LATEST_KILL = 4.0
MOST_RECOVERY_SECONDS = 60.0
_COMMAND = Path(sys.executable).parent / "helpninja"
_PATIENCE = 180.0
_NOT_PASSED_ON = ("HELPNINJA_", "OPENAI_", "ANTHROPIC_", "DATABASE_", "REDIS_")


@dataclass
class Toll:
    """What happened: kills by what the job was doing, rounds to the end, seconds, faults by name."""

    kills: int = 0
    in_work: int = 0
    rounds: int = 0
    orphans: int = 0
    dead: set[int] = field(default_factory=set)
    recovery: float = 0.0
    seconds: list[float] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Chaos:
    scratch: Scratch
    site: Site
    resources: Resources
    workspace: WorkspaceView
    connection: psycopg.Connection
    chance: random.Random
    toll: Toll


async def run(kills: int, *, seed: int) -> bool:
    """Ingest 60 slow pages, killing the worker on the way, until it is done; then their next version.

    After each kill the dead worker's heartbeat is set back, so that nobody has to wait until it is old; the
    rescue itself is the product's. The last kill is left to the product alone. Returns whether all is well.
    """
    toll = Toll()
    with running_site(PAGES, delay=SLOWEST_PAGE) as site, scratch_database() as scratch:
        async with opened(scratch, allowed_private_hosts=frozenset({site.host})) as resources:
            with psycopg.connect(scratch.urls.superuser, autocommit=True) as connection:
                workspace = await make_workspace(resources, "Chaos")
                chaos = Chaos(scratch, site, resources, workspace, connection, random.Random(seed), toll)
                while toll.kills < kills:
                    await _round(chaos, kills)
    figures = _figures(toll, seed)
    return is_well(f"Chaos: {toll.kills} kills -9 of a worker during ingests of {PAGES} pages", figures)


async def _round(chaos: Chaos, kills: int) -> None:
    """One ingest to its end, then a look at everything it left."""
    toll, version = chaos.toll, chaos.toll.rounds
    if version:
        chaos.site.publish_next_version()
    started = time.perf_counter()
    job = await _request(chaos)
    while not (await _progress(chaos, job)).state.is_over:
        with _worker(chaos.scratch, chaos.site) as worker:
            killed_at = await _kill_at_some_moment(chaos, job, worker)
        if killed_at is None:
            break
        say(f"kill {toll.kills} of {kills}: {await _say_progress(chaos, job)}")
        if toll.kills < kills:
            await _make_rescue_due(chaos)
        else:
            with _worker(chaos.scratch, chaos.site) as worker:
                await _wait_for_job_at_work(chaos, job, worker)
                toll.recovery = time.perf_counter() - killed_at
                await _wait_until_over(chaos, job, worker)
    toll.rounds += 1
    toll.seconds.append(time.perf_counter() - started)
    present = f"in edition {version} of the help centre"
    faults = count_faults(chaos.connection, chaos.workspace.id, pages=PAGES, present=present)
    asked = questions(20, seed=version)
    faults["BM25 scores that differ from a naive count"] = await wrong_scores(
        chaos.resources.knowledge.index, chaos.connection, chaos.workspace.id, asked
    )
    toll.faults.update(faults)
    say(f"round {toll.rounds} is complete, {sum(faults.values())} faults")


async def _kill_at_some_moment(chaos: Chaos, job: UUID, worker: subprocess.Popen[bytes]) -> float | None:
    """Kill the worker a random while after it began to work; ``None`` when the job was over before."""
    toll = chaos.toll
    await _wait_for_job_at_work(chaos, job, worker)
    await asyncio.sleep(chaos.chance.uniform(0, LATEST_KILL))
    if (await _progress(chaos, job)).state.is_over:
        await _wait_until_queue_is_empty(chaos, worker)
        return None
    children = psutil.Process(worker.pid).children(recursive=True)
    at_work = _at_work(chaos)
    os.kill(worker.pid, signal.SIGKILL)
    killed_at = time.perf_counter()
    worker.wait()
    toll.kills += 1
    toll.in_work += bool(at_work)
    # Workers have numbers of their own in the queue; those of the dead count no longer.
    toll.dead |= at_work
    # A child at work ends with its page at the latest; its input has ended already.
    _, alive = await asyncio.to_thread(psutil.wait_procs, children, timeout=10)
    toll.orphans += len(alive)
    for orphan in alive:
        orphan.kill()
    return killed_at


async def _make_rescue_due(chaos: Chaos) -> None:
    """Turn the clock forward for the dead worker, and do what another process's tick would do then."""
    chaos.connection.execute("update procrastinate_workers set last_heartbeat = now() - interval '1 hour'")
    await chaos.resources.queue.rescue_stalled()


async def _request(chaos: Chaos) -> UUID:
    scope = Scope.members(chaos.workspace.id)
    async with chaos.resources.database.unit_of_work(scope) as session:
        return await request_ingest(
            session,
            chaos.resources.queue,
            chaos.workspace.id,
            chaos.site.sitemap,
            knowledge_limits(chaos.resources.settings, chaos.workspace),
            requested_by="bench",
        )


async def _progress(chaos: Chaos, job: UUID) -> IngestProgress:
    async with chaos.resources.database.unit_of_work(Scope.members(chaos.workspace.id)) as session:
        return await load_progress(session, chaos.workspace.id, job)


async def _say_progress(chaos: Chaos, job: UUID) -> str:
    progress = await _progress(chaos, job)
    return f"{progress.docs} of {progress.found} pages done"


async def _wait_for_job_at_work(chaos: Chaos, job: UUID, worker: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not _at_work(chaos) and not (await _progress(chaos, job)).state.is_over:
        await _look_again(chaos, worker, deadline)


async def _wait_until_over(chaos: Chaos, job: UUID, worker: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not (await _progress(chaos, job)).state.is_over:
        await _look_again(chaos, worker, deadline)
    await _wait_until_queue_is_empty(chaos, worker)


async def _wait_until_queue_is_empty(chaos: Chaos, worker: subprocess.Popen[bytes]) -> None:
    """The job's last word comes just before the queue's own."""
    deadline = time.monotonic() + _PATIENCE
    while _at_work(chaos):
        await _look_again(chaos, worker, deadline)


async def _look_again(chaos: Chaos, worker: subprocess.Popen[bytes], deadline: float) -> None:
    if worker.poll() is not None or time.monotonic() > deadline:
        log = _log(chaos.scratch).read_text(errors="replace")[-3000:]
        raise RuntimeError(f"The worker ended by itself or stands still; it said:\n{log}")
    await asyncio.sleep(0.05)


def _at_work(chaos: Chaos) -> set[int]:
    """The queue's numbers of workers that run a job, but for those known to be dead."""
    found = chaos.connection.execute(
        "select worker_id from procrastinate_jobs where status = 'doing' and worker_id is not null"
    )
    return {row[0] for row in found} - chaos.toll.dead


@contextmanager
def _worker(scratch: Scratch, site: Site) -> Iterator[subprocess.Popen[bytes]]:
    """``helpninja worker`` on the same database, as on a second machine."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_PASSED_ON)}
    environment |= {
        "DATABASE_URL": scratch.urls.app,
        "DATABASE_OWNER_URL": scratch.urls.owner,
        "HELPNINJA_ENV": "production",
        "HELPNINJA_SECRET_KEY": secrets.token_urlsafe(48),
        "HELPNINJA_DATA": str(scratch.folder),
        "HELPNINJA_EMBEDDER": "minilm",
        "HELPNINJA_ALLOWED_PRIVATE_HOSTS": site.host,
        "HELPNINJA_WORKERS": "2",
    }
    with _log(scratch).open("ab") as log:
        process = subprocess.Popen(
            [_COMMAND, "worker"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # Ctrl-C is for the benchmark, which then ends the worker.
            start_new_session=True,
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _log(scratch: Scratch) -> Path:
    return scratch.folder / "worker.log"


def _figures(toll: Toll, seed: int) -> list[Figure]:
    return [
        Figure("kills while a job was being worked on", f"{toll.in_work} of {toll.kills} (seed {seed})"),
        Figure(
            "ingests brought to their end",
            f"{toll.rounds}, median {statistics.median(toll.seconds):.0f} s each",
        ),
        Figure(
            "last kill, without help: seconds until the job runs again",
            f"{toll.recovery:.1f} s",
            f"<= {MOST_RECOVERY_SECONDS:.0f} s",
            0 < toll.recovery <= MOST_RECOVERY_SECONDS,
        ),
        *(Figure(name, str(count), "0", count == 0) for name, count in toll.faults.items()),
        Figure("extraction processes that outlived their worker", str(toll.orphans), "0", toll.orphans == 0),
    ]


if __name__ == "__main__":
    main(run, KILLS)
