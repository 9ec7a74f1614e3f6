"""What several tests of services share: an installation in which time may move on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from helpninja_app.answers.answerers import Answerers
from helpninja_app.jobs import tasks
from helpninja_app.kernel.embedded_postgres import EmbeddedPostgres, Urls
from helpninja_app.kernel.migrations import upgrade
from helpninja_app.knowledge.embedding.hashing import HashingEmbedder
from helpninja_app.resources import Resources, open_resources
from tests.conftest import make_settings
from tests.mailbox import Mailbox


@pytest.fixture(scope="session")
def later_urls(postgres: EmbeddedPostgres, worker_id: str) -> Iterator[Urls]:
    """A database in which months may end without ending those of other tests."""
    name = f"later_{worker_id}"
    urls = postgres.create_database(name)
    upgrade(urls.owner)
    try:
        yield urls
    finally:
        postgres.drop_database(name)


@pytest.fixture
def own_urls(postgres: EmbeddedPostgres, worker_id: str) -> Iterator[Urls]:
    """A database of one test's own, in which no other workspace is."""
    name = f"own_{worker_id}"
    urls = postgres.create_database(name)
    upgrade(urls.owner)
    try:
        yield urls
    finally:
        postgres.drop_database(name)


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
