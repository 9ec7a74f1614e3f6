"""Fixtures for tests on a real, migrated PostgreSQL: one server for all workers, one database for each."""

from __future__ import annotations

import asyncio
import gc
import shutil
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, ExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import LiteralString

import httpx
import hypothesis
import psycopg
import pytest
import structlog
from pydantic import SecretStr

from api_routes.app import create_api
from helpninja_app import commands, runtime
from helpninja_app.answers.answerers import Answerers
from helpninja_app.billing import checkout, stripe_calls
from helpninja_app.conversations import escalating
from helpninja_app.jobs import tasks
from helpninja_app.kernel.embedded_postgres import EmbeddedPostgres, Urls
from helpninja_app.kernel.migrations import upgrade
from helpninja_app.kernel.queue import stop
from helpninja_app.knowledge import previews, uploads
from helpninja_app.knowledge.embedding.hashing import HashingEmbedder
from helpninja_app.resources import Resources, open_resources
from helpninja_app.runtime import keep_working
from helpninja_app.settings import Settings
from tests.canaries import Canaries, plant_canaries
from tests.factories import Factory
from tests.loopback_site import Handler, LoopbackSite
from tests.mailbox import Mailbox
from tests.stripe_shop import open_stripe_shop, settings_of
from tests.twins.stripe import StripeTwin

# How long an example takes says nothing of the code: the machine is shared. The same examples every time, so
# that what failed fails again, and nothing else does.
hypothesis.settings.register_profile(
    "helpninja",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("helpninja")

TEMPLATE = "tests_template"
# How many sites of their own the tests of one session may open; robots.txt is remembered for each.
SITES = 400
OUTBOXES: tuple[LiteralString, ...] = ("due_deliveries", "due_webhooks")
# Seconds that almost none takes.
LONGEST_TEST = 90.0

OpenSite = Callable[..., Awaitable[LoopbackSite]]
OpenResources = Callable[..., AbstractAsyncContextManager[Resources]]


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes by their length: what is compressed holds the time, and workers must name tests alike."""
    return f"{argname} of {len(val)} bytes" if isinstance(val, bytes) else None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """No test spans the turn of a month, when allowances begin anew: that is waited for, uncounted."""
    today = datetime.now(UTC)
    turn = (today.replace(day=1) + timedelta(days=32)).replace(day=1, hour=0, minute=0, second=0)
    left = (turn - today).total_seconds()
    if left < LONGEST_TEST:
        time.sleep(left + 1)
    return (yield)


def pytest_collection_finish() -> None:
    """All that is loaded by now stays: a collector that goes through it again holds the event loop up."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def plain_tracebacks() -> Iterator[None]:
    """What is logged in tests is short: structlog's own default draws every local variable of every frame.

    No test configures logs for the process: whoever logged by then keeps to that, and ``capture_logs()``
    of a later test hears nothing.
    """
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()],
        cache_logger_on_first_use=False,
    )
    with pytest.MonkeyPatch.context() as patch:
        for starts in (commands, runtime):
            patch.setattr(starts, "configure_logging", lambda *_: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def patience() -> Iterator[None]:
    """What nobody waits for longer than seconds may take longer here; the tests of that say so themselves.

    And no idempotency key becomes another one because a window of ten minutes ends in the middle of a test.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stripe_calls, "KEY_SECONDS", 10**10)
        patch.setattr(checkout, "ONE_CLICK_SECONDS", 10**10)
        patch.setattr(uploads, "LOOK_SECONDS", 300)
        patch.setattr(previews, "SECONDS", 60)
        patch.setattr(escalating, "WAITS_SECONDS", 60)
        yield


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[EmbeddedPostgres]:
    """A running server. All xdist workers share the folder above their own, and so the server."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "postgres"
    server = EmbeddedPostgres(folder, durable=False)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        # The last one out deletes it; while another worker uses it, that one will.
        if worker_id == "master":
            server.destroy()


@pytest.fixture(scope="session")
def database_urls(postgres: EmbeddedPostgres, worker_id: str) -> Iterator[Urls]:
    """A migrated database of this worker's own."""
    name = f"tests_{worker_id}"
    urls = postgres.create_database(name)
    upgrade(urls.owner)
    try:
        yield urls
    finally:
        postgres.drop_database(name)


@pytest.fixture(scope="session")
def site_sockets() -> Iterator[list[socket.socket]]:
    """Loopback ports that are ours for the whole session, for the sites that tests let the crawler read."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(SITES)]
        for bound in sockets:
            bound.bind(("127.0.0.1", 0))
        yield sockets


@pytest.fixture(scope="session")
def stripe_twin() -> Iterator[StripeTwin]:
    """A Stripe that sells plans and packs; it is shared, so each test has customers of its own."""
    with open_stripe_shop() as twin:
        yield twin


@pytest.fixture(scope="session")
def settings(
    database_urls: Urls, site_sockets: list[socket.socket], stripe_twin: StripeTwin
) -> Iterator[Settings]:
    """Settings that no environment variable and no .env reaches, with a folder of their own."""
    folder = Path(tempfile.mkdtemp(prefix="helpninja-tests-"))
    sites = frozenset(f"127.0.0.1:{bound.getsockname()[1]}" for bound in site_sockets)
    try:
        yield make_settings(database_urls, folder, allowed_private_hosts=sites, **settings_of(stripe_twin))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make_settings(urls: Urls, folder: Path, **changes: object) -> Settings:
    """Test settings with ``changes`` by field name; loopback is not fetchable unless a test says so."""
    values: dict[str, object] = {
        "env": "production",
        "data_dir": folder,
        "database_url": urls.app,
        "database_owner_url": urls.owner,
        "secret_key": SecretStr("k3y-for-tests-0123456789-abcdefghijk"),
        "public_url": "http://helpninja.test",
        "reply_address": "reply@in.helpninja.test",
        "inbound_email_secret": SecretStr("1nb0und-secret-for-tests-0123456789"),
        "visitor_limit_per_address": 100_000,
        "visitor_limit_per_session": 100_000,
        "workspace_limit": 100_000,
        "member_limit": 100_000,
        "sign_in_limit_per_account": 100_000,
        "sign_in_limit_per_address": 100_000,
        "worker_concurrency": 2,
    }
    return Settings.model_construct(**(Settings.model_construct().model_dump() | values | changes))


@pytest.fixture(scope="session")
def mailbox() -> Mailbox:
    """What was mailed in this session."""
    return Mailbox()


@pytest.fixture(scope="session")
async def resources(settings: Settings, mailbox: Mailbox) -> AsyncIterator[Resources]:
    """The resources of a process, with the hashing embedder and the offline answerer."""
    async with open_resources(
        settings,
        settings.database_url or "",
        tasks=tasks,
        embedder=HashingEmbedder(),
        answerers=Answerers(),
        mailer=mailbox,
    ) as opened:
        yield opened


@pytest.fixture(scope="session")
async def worker(resources: Resources) -> AsyncIterator[None]:
    """A worker that runs jobs as long as the tests do."""
    task = asyncio.create_task(keep_working(resources))
    yield
    await stop(task)


@pytest.fixture(scope="session")
def api(resources: Resources) -> httpx.ASGITransport:
    """The API in this process."""
    return httpx.ASGITransport(app=create_api(), raise_app_exceptions=False)


@pytest.fixture
async def client(api: httpx.ASGITransport) -> AsyncIterator[httpx.AsyncClient]:
    """Calls the API as a program would: without cookies, but for those that this very test was given."""
    async with httpx.AsyncClient(transport=api, base_url="http://helpninja.test", timeout=60) as made:
        yield made


@pytest.fixture
async def open_site(site_sockets: list[socket.socket]) -> AsyncIterator[OpenSite]:
    """``await open_site({path: answer})``: a site at an address of its own that the crawler may read."""
    async with AsyncExitStack() as stack:

        async def open_one(routes: dict[str, bytes | list[bytes] | Handler] | None = None) -> LoopbackSite:
            return await stack.enter_async_context(LoopbackSite(routes or {}, socket=site_sockets.pop()))

        yield open_one


@pytest.fixture(scope="session")
def owner_connection(database_urls: Urls) -> Iterator[psycopg.Connection]:
    """For what concerns every workspace; each statement is a transaction."""
    with psycopg.connect(database_urls.owner, autocommit=True) as connection:
        yield connection


@pytest.fixture(autouse=True)
def nothing_is_due(request: pytest.FixtureRequest) -> None:
    """A courier sends what is due in any workspace: it finds nothing that an earlier test left to be tried.

    What is planted for later than anybody lives stays; what a worker holds just now is its own to end.
    """
    if "database_urls" in request.fixturenames:
        connection: psycopg.Connection = request.getfixturevalue("owner_connection")
        for table in OUTBOXES:
            connection.execute(
                f"delete from {table} where ctid = any(array(select ctid from {table}"
                " where due_at < '2100-01-01' for update skip locked))"
            )


@pytest.fixture
def factory(resources: Resources) -> Factory:
    """Makes workspaces, members, keys and documents."""
    return Factory(resources)


@pytest.fixture(scope="session")
async def canaries(resources: Resources) -> Canaries:
    """A workspace with something in every table, of which nobody else may see or change anything."""
    return await plant_canaries(Factory(resources))


@pytest.fixture(scope="session")
def with_resources(settings: Settings, database_urls: Urls) -> OpenResources:
    """Open other resources on the same database for a while: other settings, another provider."""

    @asynccontextmanager
    async def open_others(
        *, answerers: Answerers | None = None, **changes: object
    ) -> AsyncIterator[Resources]:
        changed = settings.model_copy(update=changes)
        async with open_resources(
            changed,
            database_urls.app,
            tasks=tasks,
            embedder=HashingEmbedder(),
            answerers=answerers or Answerers(),
        ) as opened:
            yield opened

    return open_others
