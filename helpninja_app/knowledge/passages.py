"""The chunks of a document, to be looked at: what search finds and answers are made of."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.knowledge.indexing import load_document

_LIST = text(
    """
    select position, heading_path, text, tokens from chunks
    where workspace_id = :workspace and document_id = :document order by position limit :limit offset :offset
    """
)
_COUNT = text("select count(*) from chunks where workspace_id = :workspace and document_id = :document")


@dataclass(frozen=True, slots=True)
class ChunkView:
    """``tokens`` as the embedder counts them, about; ``heading_path`` from the title down."""

    position: int
    heading_path: tuple[str, ...]
    text: str
    tokens: int


@dataclass(frozen=True, slots=True)
class ChunkPage:
    chunks: tuple[ChunkView, ...]
    total: int


async def list_chunks(
    session: AsyncSession, workspace_id: UUID, document_id: UUID, *, limit: int, offset: int
) -> ChunkPage:
    """In the order of the document; ``NotFound`` when it is not this workspace's."""
    await load_document(session, workspace_id, document_id)
    values = {"workspace": workspace_id, "document": document_id}
    total = (await session.execute(_COUNT, values)).scalar_one()
    found = await session.execute(_LIST, values | {"limit": limit, "offset": offset})
    return ChunkPage(
        tuple(ChunkView(row.position, tuple(row.heading_path), row.text, row.tokens) for row in found), total
    )
