"""What several tests of services share: databases of their own, and a Stripe of their own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from helpninja_app.answers.answerers import Answerers
from helpninja_app.jobs import tasks
from helpninja_app.kernel.embedded_postgres import EmbeddedPostgres, Urls
from helpninja_app.kernel.migrations import upgrade
from helpninja_app.knowledge.embedding.hashing import HashingEmbedder
from helpninja_app.resources import Resources, open_resources
from tests.buying import Buyer, make_buyer
from tests.conftest import make_settings
from tests.factories import Factory
from tests.mailbox import Mailbox
from tests.stripe_shop import open_stripe_shop, settings_of
from tests.twins.stripe import StripeTwin


@contextmanager
def open_database(postgres: EmbeddedPostgres, name: str) -> Iterator[Urls]:
    """A database with our tables in it, for a while."""
    urls = postgres.create_database(name)
    try:
        upgrade(urls.owner)
        yield urls
    finally:
        postgres.drop_database(name)


@pytest.fixture(scope="session")
def later_urls(postgres: EmbeddedPostgres, worker_id: str) -> Iterator[Urls]:
    """A database in which months may end without ending those of other tests."""
    with open_database(postgres, f"later_{worker_id}") as urls:
        yield urls


@pytest.fixture(scope="module")
def file_urls(postgres: EmbeddedPostgres, worker_id: str) -> Iterator[Urls]:
    """A database of one file of tests: nobody else takes its jobs, and its jobs find nobody else's rows."""
    with open_database(postgres, f"file_{worker_id}") as urls:
        yield urls


@pytest.fixture
def own_urls(postgres: EmbeddedPostgres, worker_id: str) -> Iterator[Urls]:
    """A database of one test's own, in which no other workspace is."""
    with open_database(postgres, f"own_{worker_id}") as urls:
        yield urls


# Not for the whole session: what is opened last is what the API answers with.
@pytest.fixture(scope="module")
async def later(
    later_urls: Urls, mailbox: Mailbox, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Resources]:
    """An installation with limits on that database."""
    settings = make_settings(later_urls, Path(tmp_path_factory.mktemp("later")), unlimited=False)
    async with open_resources(
        settings,
        later_urls.app,
        tasks=tasks,
        embedder=HashingEmbedder(),
        answerers=Answerers(),
        mailer=mailbox,
    ) as opened:
        yield opened


@pytest.fixture
def twin() -> Iterator[StripeTwin]:
    """A Stripe of this test's own: its faults and its clock disturb nobody."""
    with open_stripe_shop() as opened:
        yield opened


@pytest.fixture
async def buyer(file_urls: Urls, twin: StripeTwin, tmp_path: Path) -> AsyncIterator[Buyer]:
    """Who buys there, in the file's database: jobs of billing look at the events of all workspaces."""
    settings = make_settings(file_urls, tmp_path, **settings_of(twin) | {"unlimited": False})
    async with open_resources(
        settings, file_urls.app, tasks=tasks, embedder=HashingEmbedder(), answerers=Answerers()
    ) as opened:
        yield await make_buyer(Factory(opened), opened, twin)


class Gate:
    """Lets all pages out; or so many, and the others once it is opened again."""

    def __init__(self) -> None:
        self._left = 0
        self._is_open = asyncio.Event()
        self._is_open.set()

    def close_after(self, pages: int) -> None:
        self._left = pages
        self._is_open.clear()

    def open(self) -> None:
        self._is_open.set()

    async def pass_through(self) -> None:
        if self._left:
            self._left -= 1
        else:
            await self._is_open.wait()


@pytest.fixture
async def gate() -> Gate:
    """Where pages of the site wait: a test that stops in their middle does so however slow it is."""
    return Gate()
