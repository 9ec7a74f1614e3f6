"""The BM25 index in PostgreSQL: packed postings per lexeme, written in segments and merged.

A posting is 12 bytes, big-endian: chunk id (int64), term frequency (uint16), chunk length (uint16). Every
write adds a segment, so that a document becomes searchable in the transaction that stores it. Chunks that go
leave a tombstone (a trigger), which a search subtracts exactly; merging keeps segments and tombstones few.
See docs/adr/0007-lexical-index.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.kernel.database import new_id

# At most this many segments answer a query; one more write merges the smaller half of them. That makes tiers:
# a posting is rewritten a few times in its life and not with each merge.
MAX_SEGMENTS = 24
# Rebuilding costs about 0.2 ms a chunk, so it is worth it when a fifth of what is read is dead.
MAX_DEAD_SHARE = 0.2

_LOCK = text("select pg_advisory_xact_lock(hashtextextended('lexical:' || :workspace, 0))")

_WRITE_SEGMENTS = text(
    """
    insert into lexical_segments (workspace_id, id, audience, config, chunk_count, total_length)
    select workspace_id, :segment, audience, config, count(*), sum(length)
    from chunks
    where workspace_id = :workspace and (:everything or document_id = any(:documents))
    group by workspace_id, audience, config
    """
)
_WRITE_POSTINGS = text(
    """
    insert into lexical_postings (workspace_id, audience, config, lexeme, segment_id, postings)
    select c.workspace_id, c.audience, c.config, term.lexeme, :segment,
           string_agg(
             int8send(c.id) || int2send(least(cardinality(term.positions), 32767)::int2)
             || int2send(least(c.length, 32767)::int2), ''::bytea order by c.id)
    from chunks c cross join lateral unnest(c.lexemes) as term
    where c.workspace_id = :workspace and (:everything or c.document_id = any(:documents))
    group by c.workspace_id, c.audience, c.config, term.lexeme
    """
)
_MERGE_SEGMENTS = text(
    """
    insert into lexical_segments (workspace_id, id, audience, config, chunk_count, total_length)
    select workspace_id, :segment, audience, config, sum(chunk_count), sum(total_length)
    from lexical_segments where workspace_id = :workspace and id = any(:merged)
    group by workspace_id, audience, config
    """
)
_MERGE_POSTINGS = text(
    """
    insert into lexical_postings (workspace_id, audience, config, lexeme, segment_id, postings)
    select workspace_id, audience, config, lexeme, :segment, string_agg(postings, ''::bytea)
    from lexical_postings where workspace_id = :workspace and segment_id = any(:merged)
    group by workspace_id, audience, config, lexeme
    """
)
_DROP_SEGMENTS = text("delete from lexical_segments where workspace_id = :workspace and id = any(:merged)")
_SEGMENT_SIZES = text(
    "select id, sum(chunk_count) as chunks from lexical_segments where workspace_id = :workspace group by id"
)
_DEAD = text("select count(*) from lexical_tombstones where workspace_id = :workspace")
_DROP_TOMBSTONES = text("delete from lexical_tombstones where workspace_id = :workspace")
_RENUMBER = text(
    "update chunks set id = nextval('chunk_ids') where workspace_id = :workspace"
    " and document_id = any(:documents)"
)
_BURY = text(
    """
    insert into lexical_tombstones (workspace_id, audience, config, chunk_id, length)
    select workspace_id, audience, config, id, length from chunks
    where workspace_id = :workspace and document_id = any(:documents)
    on conflict do nothing
    """
)


@dataclass(frozen=True, slots=True)
class IndexShape:
    """How many segments a workspace's index has, and how many chunks in them are live and dead."""

    segments: int
    chunks: int
    dead: int


async def lock_index(session: AsyncSession, workspace_id: UUID) -> None:
    """Let one transaction at a time write this workspace's index; readers never wait."""
    await session.execute(_LOCK, {"workspace": str(workspace_id)})


async def index_documents(session: AsyncSession, workspace_id: UUID, document_ids: Sequence[UUID]) -> None:
    """Add a segment with the stored chunks of these documents; merges when there are too many segments."""
    await lock_index(session, workspace_id)
    await _write(session, workspace_id, document_ids)
    await _keep_small(session, workspace_id)


async def bury_documents(session: AsyncSession, workspace_id: UUID, document_ids: Sequence[UUID]) -> None:
    """Take documents' chunks out of the index and give them new ids, so that they can be indexed again.

    For a change of audience, where the chunks stay but belong to other postings.
    """
    await lock_index(session, workspace_id)
    values = {"workspace": workspace_id, "documents": list(document_ids)}
    await session.execute(_BURY, values)
    await session.execute(_RENUMBER, values)


async def rebuild_index(session: AsyncSession, workspace_id: UUID) -> None:
    """Write the whole index anew from the stored chunks, without tombstones."""
    await lock_index(session, workspace_id)
    old = [row.id for row in await session.execute(_SEGMENT_SIZES, {"workspace": workspace_id})]
    await session.execute(_DROP_SEGMENTS, {"workspace": workspace_id, "merged": old})
    await session.execute(_DROP_TOMBSTONES, {"workspace": workspace_id})
    await _write(session, workspace_id, None)


async def index_shape(session: AsyncSession, workspace_id: UUID) -> IndexShape:
    sizes = list(await session.execute(_SEGMENT_SIZES, {"workspace": workspace_id}))
    dead = (await session.execute(_DEAD, {"workspace": workspace_id})).scalar_one()
    return IndexShape(len(sizes), int(sum(row.chunks for row in sizes)) - dead, dead)


async def _write(session: AsyncSession, workspace_id: UUID, document_ids: Sequence[UUID] | None) -> None:
    values = {
        "workspace": workspace_id,
        "segment": new_id(),
        "everything": document_ids is None,
        "documents": list(document_ids or ()),
    }
    await session.execute(_WRITE_SEGMENTS, values)
    await session.execute(_WRITE_POSTINGS, values)


async def _keep_small(session: AsyncSession, workspace_id: UUID) -> None:
    shape = await index_shape(session, workspace_id)
    if shape.dead > MAX_DEAD_SHARE * (shape.chunks + shape.dead) and shape.dead > MAX_SEGMENTS:
        await rebuild_index(session, workspace_id)
    elif shape.segments > MAX_SEGMENTS:
        await _merge_small(session, workspace_id)


async def _merge_small(session: AsyncSession, workspace_id: UUID) -> None:
    sizes = list(await session.execute(_SEGMENT_SIZES, {"workspace": workspace_id}))
    sizes.sort(key=lambda row: row.chunks)
    merged = [row.id for row in sizes[: len(sizes) - MAX_SEGMENTS // 2]]
    values = {"workspace": workspace_id, "segment": new_id(), "merged": merged}
    await session.execute(_MERGE_SEGMENTS, values)
    await session.execute(_MERGE_POSTINGS, values)
    await session.execute(_DROP_SEGMENTS, values)
