"""A worker process that a test can kill: ``python -m tests.services.ingest_worker URL FOLDER HOST``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from helpninja_app.answers.answerers import Answerers
from helpninja_app.jobs import tasks
from helpninja_app.kernel.embedded_postgres import Urls
from helpninja_app.knowledge.embedding.hashing import HashingEmbedder
from helpninja_app.resources import open_resources
from helpninja_app.runtime import keep_working
from tests.conftest import make_settings


async def work(url: str, folder: str, host: str) -> None:
    settings = make_settings(
        Urls(app=url, owner=url, superuser=url), Path(folder), allowed_private_hosts=frozenset({host})
    )
    async with open_resources(
        settings, url, tasks=tasks, embedder=HashingEmbedder(), answerers=Answerers()
    ) as resources:
        await keep_working(resources)


if __name__ == "__main__":
    asyncio.run(work(*sys.argv[1:]))
