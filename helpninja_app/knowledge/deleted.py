"""What was deleted and can still be brought back: documents, websites and curated answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.knowledge.bin import KEPT
from helpninja_app.knowledge.models import WEB_KINDS

DeletedKind = Literal["documents", "source", "curated"]

# A file or a note goes and comes as its document; what went with its website comes back with that.
_DELETED = """
  select 'documents' as kind, d.id, coalesce(nullif(d.title, ''), d.filename, d.url, '') as name,
         d.deleted_at, d.purge_at as until
  from deleted_documents d join sources s on s.workspace_id = d.workspace_id and s.id = d.source_id
  where d.workspace_id = :workspace and (not d.is_with_source or s.kind <> all(:web_kinds))
  union all
  select 'source', s.id, s.location, s.deleted_at, s.deleted_at + :kept
  from sources s
  where s.workspace_id = :workspace and s.kind = any(:web_kinds) and s.deleted_at is not null
  union all
  select 'curated', c.id, c.question, c.deleted_at, c.deleted_at + :kept
  from curated_answers c where c.workspace_id = :workspace and c.deleted_at is not null
"""
_LIST = text(
    f"""
    select * from ({_DELETED}) as deleted where until > now()
    order by deleted_at desc, id limit :limit offset :offset
    """  # noqa: S608 - made of constants
)
_COUNT = text(f"select count(*) from ({_DELETED}) as deleted where until > now()")  # noqa: S608


@dataclass(frozen=True, slots=True)
class DeletedView:
    """It can be brought back before ``until``."""

    kind: DeletedKind
    id: UUID
    name: str
    deleted_at: datetime
    until: datetime


async def list_deleted(
    session: AsyncSession, workspace_id: UUID, *, limit: int, offset: int
) -> tuple[Sequence[DeletedView], int]:
    """What was deleted last comes first; with how many there are in all."""
    values = {"workspace": workspace_id, "kept": KEPT, "web_kinds": [kind.value for kind in WEB_KINDS]}
    found = await session.execute(_LIST, values | {"limit": limit, "offset": offset})
    total = (await session.execute(_COUNT, values)).scalar_one()
    return [DeletedView(**row._mapping) for row in found], int(total)
