"""The bin: what is deleted is moved out of search, lists and counts at once, and kept for seven days.

Deleted documents and their chunks have tables of their own, so no query can forget to leave them out. They
come back as they were, without being read or embedded again. See docs/adr/0016-knowledge.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.knowledge.lexical_index import index_documents, lock_index

KEPT = timedelta(days=7)

_COLUMNS = (
    "workspace_id, id, source_id, url, filename, title, language, audience, status, reason, content_hash,"
    " file_key, media_type, size_bytes, chunk_count, embedded_count, created_by, created_at, updated_at"
)
_CHUNK = "position, heading_path, text, tokens, content_hash, config, lexemes, length"
_CHUNK_OF_C = ", ".join(f"c.{name}" for name in _CHUNK.split(", "))

# S608: all of these are made of constants.
_KEEP_DOCUMENTS = text(
    f"""
    insert into deleted_documents ({_COLUMNS}, is_with_source, purge_at)
    select {_COLUMNS}, :is_with_source, now() + :kept from documents
    where workspace_id = :workspace and id = any(:ids)
    """  # noqa: S608
)
_KEEP_CHUNKS = text(
    f"""
    insert into deleted_chunks (workspace_id, document_id, {_CHUNK}, model, vector)
    select c.workspace_id, c.document_id, {_CHUNK_OF_C}, e.model, e.vector
    from chunks c
    join workspaces w on w.id = c.workspace_id
    left join embeddings e
      on e.workspace_id = c.workspace_id and e.chunk_id = c.id and e.model = w.embedding_model
    where c.workspace_id = :workspace and c.document_id = any(:ids)
    """  # noqa: S608
)
_DELETE_DOCUMENTS = text("delete from documents where workspace_id = :workspace and id = any(:ids)")
_RETURN_DOCUMENTS = text(
    f"""
    insert into documents ({_COLUMNS})
    select {_COLUMNS} from deleted_documents where workspace_id = :workspace and id = any(:ids)
    """  # noqa: S608
)
_RETURN_CHUNKS = text(
    f"""
    insert into chunks (workspace_id, document_id, audience, {_CHUNK})
    select c.workspace_id, c.document_id, d.audience, {_CHUNK_OF_C}
    from deleted_chunks c
    join deleted_documents d on d.workspace_id = c.workspace_id and d.id = c.document_id
    where c.workspace_id = :workspace and c.document_id = any(:ids)
    """  # noqa: S608
)
_RETURN_VECTORS = text(
    """
    insert into embeddings (workspace_id, model, chunk_id, audience, vector)
    select c.workspace_id, kept.model, c.id, c.audience, kept.vector
    from deleted_chunks kept
    join workspaces w on w.id = kept.workspace_id and w.embedding_model = kept.model
    join chunks c on c.workspace_id = kept.workspace_id and c.document_id = kept.document_id
     and c.position = kept.position
    where kept.workspace_id = :workspace and kept.document_id = any(:ids)
    """
)
_COUNT_WITHOUT_VECTOR = text(
    """
    select count(*) from chunks c
    join workspaces w on w.id = c.workspace_id
    where c.workspace_id = :workspace and c.document_id = any(:ids) and not exists (
      select from embeddings e
      where e.workspace_id = c.workspace_id and e.chunk_id = c.id and e.model = w.embedding_model
    )
    """
)
_EMPTY = text("delete from deleted_documents where workspace_id = :workspace and id = any(:ids)")


async def put_in_bin(
    session: AsyncSession, workspace_id: UUID, document_ids: Sequence[UUID], *, is_with_source: bool = False
) -> None:
    """Move documents with their chunks and vectors out of everybody's sight; their files stay."""
    await lock_index(session, workspace_id)
    values = {"workspace": workspace_id, "ids": list(document_ids)}
    await session.execute(_KEEP_DOCUMENTS, values | {"is_with_source": is_with_source, "kept": KEPT})
    await session.execute(_KEEP_CHUNKS, values)
    await session.execute(_DELETE_DOCUMENTS, values)


async def take_from_bin(session: AsyncSession, workspace_id: UUID, document_ids: Sequence[UUID]) -> bool:
    """Put documents back where they were; whether all their vectors are those of the workspace's model."""
    await lock_index(session, workspace_id)
    values = {"workspace": workspace_id, "ids": list(document_ids)}
    for statement in (_RETURN_DOCUMENTS, _RETURN_CHUNKS, _RETURN_VECTORS, _EMPTY):
        await session.execute(statement, values)
    await index_documents(session, workspace_id, document_ids)
    missing: int = (await session.execute(_COUNT_WITHOUT_VECTOR, values)).scalar_one()
    return missing == 0


async def empty_bin(session: AsyncSession, workspace_id: UUID, document_ids: Sequence[UUID]) -> None:
    """Delete what is in the bin for good."""
    await session.execute(_EMPTY, {"workspace": workspace_id, "ids": list(document_ids)})
