"""What a workspace's members feel of their chat while another workspace uploads 60 hostile files.

python -m bench neighbours
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from bench.chat import AT_ONCE, PAGE, Heard, Target, hear, ours, paced
from bench.report import Figure, at_most, say, show
from bench.scratch import Scratch, opened, scratch_database
from bench.server import free_port, running_server
from helpninja_app.billing.ledger import Reason, open_account, post
from helpninja_app.billing.models import EntryKind, Unit
from helpninja_app.billing.plans import AGENCY
from tests.factories import Factory
from tests.unit.hostile_pdfs import Body
from tests.unit.test_hostile_corpus import READ, REFUSED, SLOW

ALONE = 200
# A pause after each answer, as people read it.
PAUSE = 0.2


async def run() -> None:
    """See the module."""
    with (
        scratch_database() as scratch,
        tempfile.TemporaryDirectory() as folder,
        paced(50, 20) as provider,
    ):
        files = _files()
        chat, uploads, document = await _workspaces(scratch)
        settings = {
            "DATABASE_URL": scratch.urls.app,
            "DATABASE_OWNER_URL": scratch.urls.owner,
            "OPENAI_API_KEY": "sk-bench-0123456789",
            "OPENAI_BASE_URL": f"http://127.0.0.1:{provider}/v1",
            "HELPNINJA_LIMIT_MEMBER": "1000000",
        }
        with running_server(Path(folder) / "data", free_port(), **settings) as server:
            target = ours(httpx.URL(server.url).port or 0, chat, document)
            await asyncio.gather(*(hear(target) for _ in range(AT_ONCE)))
            await asyncio.sleep(10)
            alone = await _asked(target, asyncio.sleep(ALONE * (1.05 + PAUSE) / AT_ONCE))
            say(f"alone: {len(alone)} answers")
            beside = await _asked(target, _upload_all(server.url, uploads, files))
            say(f"beside the uploads: {len(beside)} answers")
    show(
        "members' chat about a document beside 60 hostile files of another workspace",
        _figures(alone, beside),
    )


def _figures(alone: list[Heard], beside: list[Heard]) -> list[Figure]:
    def first(heard: list[Heard], share: float) -> float:
        return float(np.quantile([each.first for each in heard], share)) * 1000

    return [
        at_most(
            f"first word, {word} (alone {first(alone, share):,.0f} ms)",
            first(beside, share),
            2 * first(alone, share),
            "ms",
        )
        for word, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
    ] + [at_most("answers that broke off", sum(not each.is_complete for each in beside), 0, "")]


async def _workspaces(scratch: Scratch) -> tuple[str, str, str]:
    """The keys of who asks and of who uploads, and the document that is asked about."""
    async with opened(scratch) as resources:
        factory = Factory(resources)
        asking, uploading = await factory.tenant(), await factory.tenant()
        document = await factory.document(asking, PAGE)
        async with resources.database.unit_of_work(asking.scope) as session:
            account = await open_account(session, asking.id, Unit.CREDIT, AGENCY)
            await post(session, account, Reason(EntryKind.TOPUP, "topup:bench"), topped_up=10_000_000)
        return asking.key, uploading.key, str(document)


async def _asked(target: Target, meanwhile: Coroutine[Any, Any, None]) -> list[Heard]:
    """What ``AT_ONCE`` members hear who ask one question after the other until ``meanwhile`` is over."""
    work = asyncio.create_task(meanwhile)
    heard: list[Heard] = []

    async def one(number: int) -> None:
        await asyncio.sleep(number * PAUSE / AT_ONCE)
        while not work.done():
            heard.append(await hear(target))
            await asyncio.sleep(PAUSE)

    await asyncio.gather(*(one(number) for number in range(AT_ONCE)))
    await work
    return heard


def _files() -> list[tuple[bytes, str]]:
    """The corpus; made beforehand, since that takes longer than sending it."""
    files: list[tuple[Body, str]] = [
        *((body, name) for _, body, name in READ),
        *((body, name) for _, body, name, _ in (*REFUSED, *SLOW)),
    ]
    return [(body if isinstance(body, bytes) else body(), name) for body, name in files]


async def _upload_all(url: str, key: str, files: list[tuple[bytes, str]]) -> None:
    """Every hostile file, four at a time, until each is read or refused."""
    headers = {"authorization": f"Bearer {key}"}
    room = asyncio.Semaphore(4)
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=300) as client:

        async def one(content: bytes, name: str) -> str | None:
            async with room:
                answer = await client.post("/api/upload", files={"file": (name, content)})
                return answer.json().get("documentId") if answer.status_code == 200 else None

        taken = [each for each in await asyncio.gather(*(one(*file) for file in files)) if each]
        say(f"{len(files)} files sent, {len(taken)} taken at first sight")
        for document in taken:
            while (await client.get(f"/api/documents/{document}")).json()["status"] == "processing":
                await asyncio.sleep(0.5)
