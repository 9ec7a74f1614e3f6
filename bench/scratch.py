"""A database of a benchmark's own, and the product's resources on it; all of it is gone afterwards."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from bench.report import say
from helpninja_app.accounts.callers import WorkspaceView
from helpninja_app.accounts.workspaces import create_workspace
from helpninja_app.answers.answerers import Answerers
from helpninja_app.jobs import tasks
from helpninja_app.kernel.database import new_id
from helpninja_app.kernel.embedded_postgres import EmbeddedPostgres, Urls
from helpninja_app.kernel.migrations import upgrade
from helpninja_app.kernel.telemetry import configure_logging
from helpninja_app.knowledge.embedding.minilm import MiniLMEmbedder
from helpninja_app.knowledge.embedding.protocol import Embedder
from helpninja_app.knowledge.search import SearchQuery
from helpninja_app.resources import Resources, open_resources
from helpninja_app.settings import Settings


@dataclass(frozen=True, slots=True)
class Scratch:
    """A folder and a migrated database; ``urls.superuser`` sees past row-level security."""

    folder: Path
    urls: Urls


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder that is deleted when the block ends, however it ends."""
    folder = Path(tempfile.mkdtemp(prefix="helpninja-bench-"))
    # The database may run as another account and has to pass through.
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def scratch_database() -> Iterator[Scratch]:
    """A server as ``helpninja serve`` starts it: with crash safety, which costs what it costs."""
    configure_logging("error", "text")
    with scratch_folder() as folder:
        server = EmbeddedPostgres(folder / "postgres")
        say("starting PostgreSQL")
        urls = server.start()
        try:
            upgrade(urls.owner)
            yield Scratch(folder, urls)
        finally:
            server.destroy()


def settings_on(scratch: Scratch, **changes: object) -> Settings:
    """Settings that neither the environment nor a .env reaches; nobody is limited."""
    values: dict[str, object] = {
        "env": "production",
        "data_dir": scratch.folder,
        "database_url": scratch.urls.app,
        "database_owner_url": scratch.urls.owner,
        "secret_key": SecretStr(secrets.token_urlsafe(48)),
        "embedder": "minilm",
        "worker_concurrency": 2,
    }
    return Settings.model_construct(**(Settings.model_construct().model_dump() | values | changes))


@asynccontextmanager
async def opened(
    scratch: Scratch, *, embedder: Embedder | None = None, **changes: object
) -> AsyncIterator[Resources]:
    """The product's resources with its real embedder, loaded, and the offline answerer."""
    async with open_resources(
        settings_on(scratch, **changes),
        scratch.urls.app,
        tasks=tasks,
        embedder=embedder or MiniLMEmbedder(),
        answerers=Answerers(),
    ) as resources:
        await resources.knowledge.embedders.current.load()
        yield resources


async def make_workspace(resources: Resources, name: str) -> WorkspaceView:
    """An empty workspace on the largest plan."""
    async with resources.database.unit_of_work() as session:
        return await create_workspace(
            session,
            slug=f"bench-{new_id().hex}",
            name=name,
            embedding_model=resources.knowledge.embedders.current.name,
            plan="agency",
        )


async def understood(query: SearchQuery) -> SearchQuery:
    """A question whose meaning is known already, as ``SearchIndex.search`` wants it."""
    return query
