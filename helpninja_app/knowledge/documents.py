"""Documents as members see them: listing, looking at one, changing title or audience, deleting."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.kernel.columns import now
from helpninja_app.kernel.scope import Audience
from helpninja_app.knowledge.indexing import load_document
from helpninja_app.knowledge.lexical_index import bury_document, index_documents, lock_index
from helpninja_app.knowledge.models import Document, Source, SourceKind


@dataclass(frozen=True, slots=True)
class DocumentView:
    id: UUID
    filename: str | None
    title: str
    url: str | None
    audience: str
    status: str
    reason: str | None
    chunks: int
    embedded: int
    size_bytes: int
    media_type: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class DocumentPage:
    documents: tuple[DocumentView, ...]
    total: int


async def list_documents(
    session: AsyncSession,
    workspace_id: UUID,
    *,
    limit: int,
    offset: int,
    status: str | None = None,
    audience: str | None = None,
    contains: str | None = None,
) -> DocumentPage:
    """Newest first. ``contains`` is looked for in title, address and file name, whatever the case."""
    query = select(Document).where(col(Document.workspace_id) == workspace_id)
    if status:
        query = query.where(col(Document.status) == status)
    if audience:
        query = query.where(col(Document.audience) == audience)
    if contains:
        query = query.where(
            or_(
                *(
                    column.icontains(contains, autoescape=True)
                    for column in (col(Document.title), col(Document.url), col(Document.filename))
                )
            )
        )
    total = (await session.execute(select(func.count()).select_from(query.subquery()))).scalar_one()
    found = await session.execute(
        query.order_by(col(Document.created_at).desc(), col(Document.id).desc()).limit(limit).offset(offset)
    )
    return DocumentPage(tuple(view_of(document) for document in found.scalars()), total)


async def get_document(session: AsyncSession, workspace_id: UUID, document_id: UUID) -> DocumentView:
    """``NotFound`` when it is not this workspace's."""
    return view_of(await load_document(session, workspace_id, document_id))


async def change_document(
    session: AsyncSession,
    workspace_id: UUID,
    document_id: UUID,
    *,
    title: str | None = None,
    audience: Audience | None = None,
) -> DocumentView:
    """Rename a document, or change who it is for; chunks, vectors and index follow in the transaction."""
    await lock_index(session, workspace_id)
    document = await load_document(session, workspace_id, document_id, for_update=True)
    if title is not None:
        document.title = title
    if audience is not None and audience.value != document.audience:
        await bury_document(session, workspace_id, document_id)
        document.audience = audience.value
        await session.flush()
        await index_documents(session, workspace_id, [document_id])
    document.updated_at = now()
    await session.flush()
    return view_of(document)


async def forget_document(session: AsyncSession, workspace_id: UUID, document_id: UUID) -> str | None:
    """Delete a document with all its chunks; returns the key of its file, to be removed after commit."""
    await lock_index(session, workspace_id)
    document = await load_document(session, workspace_id, document_id, for_update=True)
    file_key, source_id = document.file_key, document.source_id
    await session.execute(
        delete(Document).where(col(Document.workspace_id) == workspace_id, col(Document.id) == document_id)
    )
    await session.execute(
        delete(Source).where(
            col(Source.workspace_id) == workspace_id,
            col(Source.id) == source_id,
            col(Source.kind) == SourceKind.FILE.value,
        )
    )
    return file_key


def view_of(document: Document) -> DocumentView:
    return DocumentView(
        id=document.id,
        filename=document.filename,
        title=document.title,
        url=document.url,
        audience=document.audience,
        status=document.status,
        reason=document.reason,
        chunks=document.chunk_count,
        embedded=document.embedded_count,
        size_bytes=document.size_bytes,
        media_type=document.media_type,
        created_at=document.created_at,
        updated_at=document.updated_at,
    )
