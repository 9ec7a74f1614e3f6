"""Makes a document searchable: chunks it, embeds what is new, and swaps it in one transaction."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.workspaces import embedding_model_of
from helpninja_app.errors import NotFound, Unavailable
from helpninja_app.integrations.webhooks.events import record_event
from helpninja_app.integrations.webhooks.models import EventType
from helpninja_app.kernel.columns import now
from helpninja_app.kernel.scope import Scope
from helpninja_app.knowledge.chunking import Chunk
from helpninja_app.knowledge.embedding.protocol import Embedder, as_halfvec
from helpninja_app.knowledge.languages import detect_language, search_text
from helpninja_app.knowledge.lexical_index import index_documents, lock_index
from helpninja_app.knowledge.models import Document, DocumentStatus, Source
from helpninja_app.knowledge.tools import KnowledgeTools

EMBED_BATCH = 16
# Between two batches others have their turn; a large document is thousands of chunks.
STORE_BATCH = 32

_KNOWN_VECTORS = text(
    """
    select distinct on (c.content_hash) c.content_hash, e.vector::text as vector
    from chunks c join embeddings e on e.workspace_id = c.workspace_id and e.chunk_id = c.id
    where c.workspace_id = :workspace and e.model = :model and c.content_hash = any(:hashes)
    """
)
_DELETE_CHUNKS = text("delete from chunks where workspace_id = :workspace and document_id = :document")
_INSERT_CHUNK = text(
    """
    insert into chunks (workspace_id, document_id, audience, position, heading_path, text, tokens,
                        content_hash, config, lexemes, length)
    select :workspace, :document, :audience, :position, :heading_path, :text, :tokens, :content_hash, :config,
           analysed.lexemes,
           coalesce((select sum(cardinality(term.positions)) from unnest(analysed.lexemes) as term), 0)
    from (select to_tsvector(cast(:config as regconfig), :search_text) as lexemes) as analysed
    """
)
_INSERT_EMBEDDING = text(
    """
    insert into embeddings (workspace_id, model, chunk_id, audience, vector)
    select c.workspace_id, :model, c.id, c.audience, cast(:vector as halfvec) from chunks c
    where c.workspace_id = :workspace and c.document_id = :document and c.position = :position
    """
)

Progress = Callable[[int, int], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class PreparedChunk:
    """A chunk with its vector in PostgreSQL's text form and the configuration its words are analysed with."""

    chunk: Chunk
    vector: str
    config: str


@dataclass(frozen=True, slots=True)
class PreparedDocument:
    title: str
    language: str
    content_hash: bytes
    model: str
    chunks: tuple[PreparedChunk, ...]


def hash_content(title: str, markdown: str) -> bytes:
    """SHA-256 of what a document says: what decides whether it changed."""
    return hashlib.sha256(_storable(f"{title}\n{markdown}").encode()).digest()


async def prepare_document(
    tools: KnowledgeTools,
    embedder: Embedder,
    workspace_id: UUID,
    *,
    title: str,
    markdown: str,
    language_hint: str | None = None,
    on_progress: Progress | None = None,
) -> PreparedDocument:
    """Chunk and embed a text, outside any transaction; chunks the workspace already has keep their vector.

    Raises as ``Extractor.cut`` and ``Embedder.embed_passages`` do.
    ``on_progress(done, total)`` is awaited after each batch of embedded chunks.
    """
    title, markdown = _storable(title), _storable(markdown)
    chunks = await tools.cutter.cut(markdown, title=title)
    language = await asyncio.to_thread(detect_language, markdown, hint=language_hint)
    hashes = [bytes.fromhex(chunk.content_hash) for chunk in chunks]
    async with tools.database.unit_of_work(Scope.members(workspace_id)) as session:
        known = await session.execute(
            _KNOWN_VECTORS, {"workspace": workspace_id, "model": embedder.name, "hashes": hashes}
        )
        vectors: dict[bytes, str] = {bytes(row.content_hash): row.vector for row in known}
    missing = {key: chunk for key, chunk in zip(hashes, chunks, strict=True) if key not in vectors}
    keys = list(missing)
    for start in range(0, len(keys), EMBED_BATCH):
        batch = keys[start : start + EMBED_BATCH]
        embedded = await embedder.embed_passages([missing[key].embed_text for key in batch])
        vectors.update({key: as_halfvec(vector) for key, vector in zip(batch, embedded, strict=True)})
        if on_progress is not None:
            await on_progress(len(chunks) - len(keys) + start + len(batch), len(chunks))
    return PreparedDocument(
        title=title,
        language=language.code,
        content_hash=await asyncio.to_thread(hash_content, title, markdown),
        model=embedder.name,
        chunks=tuple(
            PreparedChunk(chunk, vectors[key], language.config)
            for key, chunk in zip(hashes, chunks, strict=True)
        ),
    )


async def swap_document(
    session: AsyncSession, workspace_id: UUID, document_id: UUID, prepared: PreparedDocument
) -> None:
    """Put the new chunks in the place of the old ones; whoever searches sees one or the other, never neither.

    ``NotFound`` when the document was deleted in the meantime; ``Unavailable`` when the workspace changed its
    embedding model since the document was prepared, so that trying again helps.
    """
    await lock_index(session, workspace_id)
    if await embedding_model_of(session, workspace_id) != prepared.model:
        raise Unavailable("This workspace has just changed its embedding model. Please try again.")
    document = await load_document(session, workspace_id, document_id, for_update=True)
    await session.execute(_DELETE_CHUNKS, {"workspace": workspace_id, "document": document_id})
    base = {"workspace": workspace_id, "document": document_id}
    for start in range(0, len(prepared.chunks), STORE_BATCH):
        some = prepared.chunks[start : start + STORE_BATCH]
        chunks = [base | {"audience": document.audience} | _chunk_values(item) for item in some]
        await session.execute(_INSERT_CHUNK, chunks)
        vectors = [
            base | {"model": prepared.model, "position": item.chunk.position, "vector": item.vector}
            for item in some
        ]
        await session.execute(_INSERT_EMBEDDING, vectors)
    await index_documents(session, workspace_id, [document_id])
    count = len(prepared.chunks)
    document.title = prepared.title[:500]
    document.language = prepared.language
    document.content_hash = prepared.content_hash
    document.status = DocumentStatus.COMPLETED.value
    document.reason = None
    document.chunk_count = count
    document.embedded_count = count
    document.updated_at = now()
    await session.flush()
    await record_event(
        session,
        workspace_id,
        EventType.DOCUMENT_INDEXED,
        {
            "documentId": str(document_id),
            "title": document.title,
            "audience": document.audience,
            "language": document.language,
            "chunks": count,
        },
    )


async def load_document(
    session: AsyncSession, workspace_id: UUID, document_id: UUID, *, for_update: bool = False
) -> Document:
    """A document of this workspace that the scope may see; ``NotFound`` otherwise."""
    query = select(Document).where(
        col(Document.workspace_id) == workspace_id, col(Document.id) == document_id
    )
    if for_update:
        # As it is now, also if the transaction has read it before.
        query = query.with_for_update().execution_options(populate_existing=True)
    document = (await session.execute(query)).scalar_one_or_none()
    if document is None:
        raise NotFound("There is no such document.")
    return document


async def mark_failed(session: AsyncSession, workspace_id: UUID, document_id: UUID, reason: str) -> None:
    """Say why a document could not be read. What it held before stays searchable."""
    await session.execute(
        update(Document)
        .where(col(Document.workspace_id) == workspace_id, col(Document.id) == document_id)
        .values(status=DocumentStatus.FAILED.value, reason=reason[:1000], updated_at=now())
    )


async def touch_source(session: AsyncSession, workspace_id: UUID, source_id: UUID) -> None:
    await session.execute(
        update(Source)
        .where(col(Source.workspace_id) == workspace_id, col(Source.id) == source_id)
        .values(last_synced_at=now())
    )


def _chunk_values(item: PreparedChunk) -> dict[str, object]:
    chunk = item.chunk
    return {
        "position": chunk.position,
        "heading_path": list(chunk.heading_path),
        "text": chunk.text,
        "tokens": chunk.tokens,
        "content_hash": bytes.fromhex(chunk.content_hash),
        "config": item.config,
        "search_text": search_text(chunk.embed_text),
    }


def _storable(value: str) -> str:
    # PostgreSQL's text holds no NUL.
    return value.replace("\x00", "")
