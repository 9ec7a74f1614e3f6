"""What time brings to a workspace's knowledge: sources to be read again, deleted things to be purged.

A directory says when to look into which workspace; what is due there is found again under row-level security.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.workspaces import load_workspace
from helpninja_app.errors import NotFound, Unavailable
from helpninja_app.kernel.columns import now
from helpninja_app.kernel.database import Database
from helpninja_app.kernel.files import Files
from helpninja_app.kernel.queue import Queue
from helpninja_app.kernel.scope import Scope
from helpninja_app.knowledge.bin import KEPT, empty_bin
from helpninja_app.knowledge.models import DeletedDocument, KnowledgeDeadline
from helpninja_app.knowledge.schedules import start_due_syncs

log = structlog.get_logger(__name__)

# A deleted workspace is looked at now and then: it may come back.
WHILE_DELETED = timedelta(hours=6)

_LOCK = text("select pg_advisory_xact_lock(hashtextextended('knowledge-deadline:' || :workspace, 0))")
# A source takes along what of it is in the bin, which still names its file; the two times are of two clocks.
_PURGE_SOURCES = text(
    """
    delete from sources s where s.workspace_id = :workspace and s.deleted_at <= :moment - :kept
      and not exists (
        select from deleted_documents d where d.workspace_id = s.workspace_id and d.source_id = s.id)
    """
)
_PURGE_ANSWERS = text(
    "delete from curated_answers where workspace_id = :workspace and deleted_at <= :moment - :kept"
)
_NEXT = text(
    """
    select min(at) from (
      select min(next_sync_at) as at from sources where workspace_id = :workspace and deleted_at is null
      union all select min(purge_at) from deleted_documents where workspace_id = :workspace
      union all select min(deleted_at) + :kept from sources where workspace_id = :workspace
      union all select min(deleted_at) + :kept from curated_answers where workspace_id = :workspace
    ) as times
    """
)


async def look_at(session: AsyncSession, workspace_id: UUID, moment: datetime | None) -> None:
    """Have this workspace looked at by then; nothing to do without a moment."""
    if moment is not None:
        made = upsert(KnowledgeDeadline).values(workspace_id=workspace_id, due_at=moment)
        await session.execute(
            made.on_conflict_do_update(
                index_elements=["workspace_id"],
                set_={"due_at": func.least(col(KnowledgeDeadline.due_at), made.excluded.due_at)},
            )
        )


async def look_when_kept_long_enough(session: AsyncSession, workspace_id: UUID) -> None:
    """Have what is deleted now purged in time."""
    await look_at(session, workspace_id, now() + KEPT)


async def meet_knowledge_deadlines(
    database: Database, queue: Queue, files: Files, *, moment: datetime | None = None
) -> None:
    """Do what is due in every workspace, each in a transaction of its own; ``moment`` is now unless given."""
    moment = moment or now()
    async with database.unit_of_work() as session:
        found = await session.execute(
            select(col(KnowledgeDeadline.workspace_id))
            .where(col(KnowledgeDeadline.due_at) <= moment)
            .order_by(col(KnowledgeDeadline.due_at))
        )
        due = list(found.scalars())
    for workspace_id in due:
        try:
            await meet_knowledge_deadline(database, queue, files, workspace_id, moment)
        except Exception:
            # The others do not wait for this one, and it for the next time.
            log.exception("knowledge_deadline_not_met", workspace=str(workspace_id))


async def meet_knowledge_deadline(
    database: Database, queue: Queue, files: Files, workspace_id: UUID, moment: datetime
) -> None:
    """Start what is due in one workspace, and purge what was deleted long enough ago."""
    scope = Scope.members(workspace_id)
    async with database.unit_of_work(scope) as session:
        try:
            await load_workspace(session, workspace_id)
        except NotFound:
            await session.execute(
                update(KnowledgeDeadline)
                .where(col(KnowledgeDeadline.workspace_id) == workspace_id)
                .values(due_at=moment + WHILE_DELETED)
            )
            return
        found = await session.execute(
            select(col(DeletedDocument.id), col(DeletedDocument.file_key)).where(
                col(DeletedDocument.workspace_id) == workspace_id, col(DeletedDocument.purge_at) <= moment
            )
        )
        due = dict(found.tuples().all())
    purged = await _remove_files(files, due)
    async with database.unit_of_work(scope) as session:
        values = {"workspace": workspace_id, "moment": moment, "kept": KEPT}
        await session.execute(_LOCK, {"workspace": str(workspace_id)})
        if purged:
            await empty_bin(session, workspace_id, purged)
        await session.execute(_PURGE_SOURCES, values)
        await session.execute(_PURGE_ANSWERS, values)
        await start_due_syncs(session, queue, workspace_id, moment)
        await _set_next(session, workspace_id)


async def _remove_files(files: Files, documents: Mapping[UUID, str | None]) -> list[UUID]:
    """Those documents whose file is gone now; the others wait, without holding up what else is due.

    The file before its row: what is interrupted here is found and done again. Nobody can restore it now.
    """
    gone: list[UUID] = []
    for document_id, key in documents.items():
        try:
            if key is not None:
                await files.remove(key)
        except Unavailable as error:
            log.warning("files_not_removed_yet", left=len(documents) - len(gone), detail=error.detail)
            break
        gone.append(document_id)
    return gone


async def _set_next(session: AsyncSession, workspace_id: UUID) -> None:
    # The row first: whoever brings its moment forward waits for us or we for them, and then sees the other's.
    is_ours = col(KnowledgeDeadline.workspace_id) == workspace_id
    await session.execute(select(KnowledgeDeadline).where(is_ours).with_for_update())
    following = (await session.execute(_NEXT, {"workspace": workspace_id, "kept": KEPT})).scalar_one()
    if following is None:
        await session.execute(delete(KnowledgeDeadline).where(is_ours))
    else:
        await session.execute(update(KnowledgeDeadline).where(is_ours).values(due_at=following))
