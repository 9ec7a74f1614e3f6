"""Bringing documents back from the bin, within the plan's limits and beside what was read since."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import ARRAY, Text, Uuid, any_, cast, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.kernel.columns import now
from helpninja_app.kernel.queue import Priority, Queue
from helpninja_app.knowledge.bin import take_from_bin
from helpninja_app.knowledge.exclusions import include_pages
from helpninja_app.knowledge.limits import KnowledgeLimits
from helpninja_app.knowledge.models import DeletedDocument, Document, DocumentStatus
from helpninja_app.knowledge.re_embedding import TASK
from helpninja_app.knowledge.room import check_room


async def restore_from_bin(
    session: AsyncSession,
    queue: Queue,
    workspace_id: UUID,
    deleted: Sequence[DeletedDocument],
    limits: KnowledgeLimits,
) -> list[UUID]:
    """Put these documents back and let crawls read their addresses again; returns those that came back.

    Stays in the bin: a page that was read anew since, and what was to be purged by now. ``LimitUsedUp`` when
    not all of them fit into the plan.
    """
    urls = [item.url for item in deleted if item.url is not None]
    read_since = await session.execute(
        select(col(Document.url)).where(
            col(Document.workspace_id) == workspace_id,
            col(Document.url) == any_(cast(urls, ARRAY(Text))),
        )
    )
    taken, moment = set(read_since.scalars()), now()
    chosen = {}
    for item in sorted(deleted, key=lambda item: item.deleted_at, reverse=True):
        if item.purge_at > moment and item.url not in taken:
            chosen[item.id] = item.url
            # The page may have been read and deleted several times: the latest one is what comes back.
            taken |= {item.url} if item.url is not None else set()
    await check_room(session, workspace_id, limits, more=len(chosen))
    if chosen and not await take_from_bin(session, workspace_id, list(chosen)):
        # The workspace changed its embedding model since: words find them at once, vectors soon.
        await queue.enqueue(
            session,
            TASK,
            priority=Priority.LONG,
            once=f"{TASK}:{workspace_id}",
            workspace_id=str(workspace_id),
        )
    for document_id in await _unread(session, workspace_id, chosen):
        await queue.enqueue(
            session,
            "process_document",
            once=f"document:{document_id}",
            workspace_id=str(workspace_id),
            document_id=str(document_id),
        )
    await include_pages(session, workspace_id, [url for url in chosen.values() if url is not None])
    return list(chosen)


async def _unread(session: AsyncSession, workspace_id: UUID, document_ids: Iterable[UUID]) -> list[UUID]:
    """Those that were deleted before they were read."""
    found = await session.execute(
        select(col(Document.id)).where(
            col(Document.workspace_id) == workspace_id,
            col(Document.id) == any_(cast(list(document_ids), ARRAY(Uuid))),
            col(Document.status) == DocumentStatus.PROCESSING.value,
        )
    )
    return list(found.scalars())
