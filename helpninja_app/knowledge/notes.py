"""Notes: knowledge that members write here, a source of its own that becomes a document."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.audit import Actor, changes, record
from helpninja_app.errors import FieldError, Invalid, NotFound
from helpninja_app.kernel.database import new_id
from helpninja_app.kernel.queue import Queue
from helpninja_app.kernel.scope import Audience
from helpninja_app.knowledge.documents import DocumentView, change_document, name_of, view_of
from helpninja_app.knowledge.indexing import load_document
from helpninja_app.knowledge.lexical_index import lock_index
from helpninja_app.knowledge.limits import KnowledgeLimits
from helpninja_app.knowledge.models import Document, DocumentStatus, Source, SourceKind
from helpninja_app.knowledge.room import check_room
from helpninja_app.knowledge.uploads import request_vectorisation

MAX_TITLE = 300
MAX_LENGTH = 100_000
MEDIA_TYPE = "text/markdown"


@dataclass(frozen=True, slots=True)
class NoteView:
    """A note as it was written; ``document`` is what became of it, and its id is the note's."""

    document: DocumentView
    markdown: str


@dataclass(frozen=True, slots=True)
class NotePage:
    notes: tuple[NoteView, ...]
    total: int


async def list_notes(session: AsyncSession, workspace_id: UUID, *, limit: int, offset: int) -> NotePage:
    """Newest first."""
    query = (
        select(Document, col(Source.body))
        .join(
            Source,
            (col(Source.workspace_id) == col(Document.workspace_id))
            & (col(Source.id) == col(Document.source_id)),
        )
        .where(
            col(Document.workspace_id) == workspace_id,
            col(Source.workspace_id) == workspace_id,
            col(Source.kind) == SourceKind.NOTE.value,
        )
    )
    counted = await session.execute(query.with_only_columns(func.count()))
    found = await session.execute(
        query.order_by(col(Document.created_at).desc(), col(Document.id).desc()).limit(limit).offset(offset)
    )
    notes = tuple(NoteView(view_of(document), markdown) for document, markdown in found.tuples())
    return NotePage(notes, counted.scalar_one())


async def create_note(
    session: AsyncSession,
    queue: Queue,
    actor: Actor,
    limits: KnowledgeLimits,
    *,
    title: str,
    markdown: str,
    audience: Audience = Audience.MEMBERS,
) -> NoteView:
    """Store a note and have it read; ``Invalid`` without title or text, ``LimitUsedUp`` over the plan."""
    check_note(title, markdown)
    # One at a time, so that what arrives together cannot all be the last one allowed.
    await lock_index(session, actor.workspace_id)
    await check_room(session, actor.workspace_id, limits)
    document_id = new_id()
    source = Source(
        workspace_id=actor.workspace_id,
        id=new_id(),
        kind=SourceKind.NOTE.value,
        location=str(document_id),
        title=title.strip(),
        body=markdown,
        audience=audience.value,
    )
    session.add(source)
    await session.flush()
    document = Document(
        workspace_id=actor.workspace_id,
        id=document_id,
        source_id=source.id,
        title=title.strip(),
        audience=audience.value,
        status=DocumentStatus.PROCESSING.value,
        media_type=MEDIA_TYPE,
        size_bytes=len(markdown.encode()),
        created_by=actor.label,
    )
    session.add(document)
    await session.flush()
    await request_vectorisation(session, queue, actor.workspace_id, document_id)
    await record(session, actor, "note.created", document.title, audience=audience.value)
    return NoteView(view_of(document), markdown)


async def get_note(session: AsyncSession, workspace_id: UUID, document_id: UUID) -> NoteView:
    """``NotFound`` when it is no note of this workspace."""
    document = await load_document(session, workspace_id, document_id)
    source = await _source_of(session, workspace_id, document)
    return NoteView(view_of(document), source.body)


async def change_any(
    session: AsyncSession,
    queue: Queue,
    actor: Actor,
    document_id: UUID,
    *,
    title: str | None = None,
    audience: Audience | None = None,
) -> DocumentView:
    """Rename a document, whatever it is, or change who it is for; a note is changed as one."""
    await lock_index(session, actor.workspace_id)
    before = await load_document(session, actor.workspace_id, document_id)
    if await _is_note(session, before):
        note = await change_note(session, queue, actor, document_id, title=title, audience=audience)
        return note.document
    was = {"title": before.title, "audience": before.audience}
    after = await change_document(session, actor.workspace_id, document_id, title=title, audience=audience)
    told = changes(was, {"title": after.title, "audience": after.audience})
    if told:
        await record(session, actor, "document.changed", name_of(after), **told)
    return after


async def change_note(
    session: AsyncSession,
    queue: Queue,
    actor: Actor,
    document_id: UUID,
    *,
    title: str | None = None,
    markdown: str | None = None,
    audience: Audience | None = None,
) -> NoteView:
    """Change a note. What it said before is found until what it says now takes its place, at one moment.

    Another audience holds at once, also for what is still found of the old text.
    """
    await lock_index(session, actor.workspace_id)
    document = await load_document(session, actor.workspace_id, document_id, for_update=True)
    source = await _source_of(session, actor.workspace_id, document, for_update=True)
    before = {"title": document.title, "text": source.body, "audience": document.audience}
    after = {
        "title": document.title if title is None else title.strip(),
        "text": source.body if markdown is None else markdown,
        "audience": document.audience if audience is None else audience.value,
    }
    check_note(after["title"], after["text"])
    told = changes(before, after)
    if told:
        source.title, source.body = after["title"], after["text"]
        await change_document(
            session,
            actor.workspace_id,
            document_id,
            title=after["title"],
            audience=Audience(after["audience"]),
        )
        document.size_bytes = len(source.body.encode())
        if {"title", "text"} & set(told):
            await request_vectorisation(session, queue, actor.workspace_id, document_id)
        # Its text has its place: here is that it changed, and how long it was.
        told = {name: value for name, value in told.items() if name != "text"} | (
            {"length": {"before": len(before["text"]), "after": len(after["text"])}} if "text" in told else {}
        )
        await record(session, actor, "note.changed", document.title, **told)
    return NoteView(view_of(document), source.body)


def check_note(title: str, markdown: str) -> None:
    """``Invalid`` with each field that cannot be stored."""
    wrong = []
    if not title.strip() or len(title) > MAX_TITLE:
        wrong.append(FieldError("body.title", f"Give the note a title of at most {MAX_TITLE} characters."))
    if not markdown.strip() or len(markdown) > MAX_LENGTH:
        wrong.append(FieldError("body.text", f"Write something, at most {MAX_LENGTH:,} characters."))
    if wrong:
        raise Invalid(errors=tuple(wrong))


async def _is_note(session: AsyncSession, document: Document) -> bool:
    found = await session.execute(
        select(col(Source.kind)).where(
            col(Source.workspace_id) == document.workspace_id, col(Source.id) == document.source_id
        )
    )
    return found.scalar_one() == SourceKind.NOTE.value


async def _source_of(
    session: AsyncSession, workspace_id: UUID, document: Document, *, for_update: bool = False
) -> Source:
    wanted = select(Source).where(
        col(Source.workspace_id) == workspace_id,
        col(Source.id) == document.source_id,
        col(Source.kind) == SourceKind.NOTE.value,
    )
    if for_update:
        wanted = wanted.with_for_update().execution_options(populate_existing=True)
    found = await session.execute(wanted)
    source = found.scalar_one_or_none()
    if source is None:
        raise NotFound("There is no such note.")
    return source
