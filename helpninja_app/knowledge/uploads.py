"""Uploaded files: taking one in, and making it searchable."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.errors import FileRefused, HelpNinjaError, Invalid
from helpninja_app.kernel.columns import now
from helpninja_app.kernel.database import Database, new_id
from helpninja_app.kernel.queue import Priority, Queue
from helpninja_app.kernel.scope import Audience, Scope
from helpninja_app.knowledge.extraction.extracted import Extracted, Limits
from helpninja_app.knowledge.extraction.extractor import Extractor
from helpninja_app.knowledge.extraction.kinds import decide_kind, read_head
from helpninja_app.knowledge.indexing import (
    load_document,
    mark_failed,
    prepare_document,
    swap_document,
    touch_source,
)
from helpninja_app.knowledge.ingest import extract_page
from helpninja_app.knowledge.lexical_index import lock_index
from helpninja_app.knowledge.limits import KnowledgeLimits
from helpninja_app.knowledge.models import Document, DocumentStatus, Source, SourceKind
from helpninja_app.knowledge.page_choices import choice_for
from helpninja_app.knowledge.room import check_room
from helpninja_app.knowledge.tools import KnowledgeTools

# What this long of looking finds is told to whoever uploads; the rest is found by the job.
LOOK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that has arrived: ``path`` is in the incoming folder and is moved or removed."""

    path: Path
    filename: str
    content_type: str | None
    size: int


async def look_at_upload(extractor: Extractor, upload: Upload) -> None:
    """Raise ``FileRefused`` for what two seconds of looking can tell: kind, encryption, damage, no text."""
    if upload.size == 0:
        raise FileRefused("This file is empty.")
    head = await asyncio.to_thread(_head, upload.path)
    decide_kind(head, filename=upload.filename, content_type=upload.content_type)
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            extracted = await extractor.extract(
                upload.path, filename=upload.filename, content_type=upload.content_type
            )
    except TimeoutError:
        return
    if not extracted.markdown.strip():
        raise FileRefused("This file has no text.")


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return read_head(file)


async def add_upload(
    session: AsyncSession,
    queue: Queue,
    workspace_id: UUID,
    upload: Upload,
    *,
    document_id: UUID,
    file_key: str,
    audience: Audience,
    created_by: str,
    limits: KnowledgeLimits,
) -> None:
    """Store the document of a kept file and enqueue its processing; ``LimitUsedUp`` over the plan."""
    if limits.documents is not None:
        # One at a time, so that uploads that arrive together cannot all be the last one allowed.
        await lock_index(session, workspace_id)
        await check_room(session, workspace_id, limits)
    source = Source(
        id=new_id(),
        workspace_id=workspace_id,
        kind=SourceKind.FILE.value,
        location=str(document_id),
        audience=audience.value,
    )
    session.add(source)
    await session.flush()
    session.add(
        Document(
            workspace_id=workspace_id,
            id=document_id,
            source_id=source.id,
            filename=upload.filename,
            title=upload.filename,
            audience=audience.value,
            status=DocumentStatus.PROCESSING.value,
            file_key=file_key,
            media_type=upload.content_type or "",
            size_bytes=upload.size,
            created_by=created_by,
        )
    )
    await session.flush()
    await _enqueue(session, queue, workspace_id, document_id)


async def request_vectorisation(
    session: AsyncSession, queue: Queue, workspace_id: UUID, document_id: UUID
) -> None:
    """Process a document anew. What it holds stays searchable until the new chunks take its place."""
    document = await load_document(session, workspace_id, document_id, for_update=True)
    document.status = DocumentStatus.PROCESSING.value
    document.reason = None
    document.embedded_count = 0
    await session.flush()
    await _enqueue(session, queue, workspace_id, document_id)


async def process_document(
    tools: KnowledgeTools,
    workspace_id: UUID,
    document_id: UUID,
    embedding_model: str,
    limits: KnowledgeLimits,
) -> None:
    """Read a document's file, or its page, anew and store it; the document says what went wrong with it."""
    scope = Scope.members(workspace_id)
    async with tools.database.unit_of_work(scope) as session:
        document = await load_document(session, workspace_id, document_id)
        note = await _note_of(session, document)
        given = await _given_title(session, document)

    async def show_progress(done: int, total: int) -> None:
        async with tools.database.unit_of_work(scope) as session:
            await session.execute(
                update(Document)
                .where(col(Document.workspace_id) == workspace_id, col(Document.id) == document_id)
                .values(embedded_count=done, chunk_count=total, updated_at=now())
            )

    try:
        extracted = await _read(tools, document, limits) if note is None else _as_read(document, note)
        prepared = await prepare_document(
            tools,
            tools.embedders.of(embedding_model),
            workspace_id,
            title=given or extracted.title or document.filename or document.url or "",
            markdown=extracted.markdown,
            language_hint=extracted.language_hint,
            on_progress=show_progress,
        )
    except (FileRefused, Invalid) as error:
        async with tools.database.unit_of_work(scope) as session:
            await mark_failed(session, workspace_id, document_id, error.detail)
        return
    async with tools.database.unit_of_work(scope) as session:
        await lock_index(session, workspace_id)
        if note is not None and await _note_of(session, document) != note:
            # It was changed meanwhile, which brought a job of its own.
            return
        current = await load_document(session, workspace_id, document_id)
        if current.title != document.title:
            # It was given another title meanwhile.
            prepared = replace(prepared, title=current.title)
        await swap_document(session, workspace_id, document_id, prepared)
        await touch_source(session, workspace_id, document.source_id)


def _as_read(document: Document, note: str) -> Extracted:
    return Extracted("markdown", document.title, note)


async def _given_title(session: AsyncSession, document: Document) -> str | None:
    """The title that a member gave a page or file, or may have given a file that was read before."""
    if document.filename is None:
        return (await choice_for(session, document.workspace_id, document.url)).title
    return document.title if document.content_hash or document.title != document.filename else None


async def _note_of(session: AsyncSession, document: Document) -> str | None:
    """The text of a note, ``None`` for a file or a page."""
    found = await session.execute(
        select(col(Source.body)).where(
            col(Source.workspace_id) == document.workspace_id,
            col(Source.id) == document.source_id,
            col(Source.kind) == SourceKind.NOTE.value,
        )
    )
    return found.scalar_one_or_none()


async def _read(tools: KnowledgeTools, document: Document, limits: KnowledgeLimits) -> Extracted:
    if document.file_key is None:
        url = document.url or ""
        return await extract_page(tools, await tools.fetcher.page(url, stay_on=url))
    async with tools.files.open(document.file_key) as path:
        extracted = await tools.extractor.extract(
            path,
            filename=document.filename,
            content_type=document.media_type or None,
            limits=Limits(max_bytes=limits.upload_bytes),
        )
    if not extracted.markdown.strip():
        raise FileRefused("This file has no text.")
    return extracted


async def give_up_document(
    database: Database, workspace_id: UUID, document_id: UUID, error: BaseException
) -> None:
    """After the last try: show why, with our own sentence and never the raw error."""
    reason = (
        error.detail
        if isinstance(error, HelpNinjaError)
        else "This file could not be processed because of an error on our side."
    )
    async with database.unit_of_work(Scope.members(workspace_id)) as session:
        await mark_failed(session, workspace_id, document_id, reason)


async def _enqueue(session: AsyncSession, queue: Queue, workspace_id: UUID, document_id: UUID) -> None:
    await queue.enqueue(
        session,
        "process_document",
        priority=Priority.INTERACTIVE,
        once=f"document:{document_id}",
        workspace_id=str(workspace_id),
        document_id=str(document_id),
    )
