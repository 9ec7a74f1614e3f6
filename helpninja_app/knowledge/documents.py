"""Documents as members see them: listing, looking at one, changing title or audience, deleting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.audit import Actor, record
from helpninja_app.accounts.callers import StaffCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.errors import Conflict, Forbidden, NotFound
from helpninja_app.kernel.columns import now
from helpninja_app.kernel.queue import Queue
from helpninja_app.kernel.scope import Audience
from helpninja_app.knowledge.bin import put_in_bin
from helpninja_app.knowledge.deadlines import look_when_kept_long_enough
from helpninja_app.knowledge.exclusions import exclude_pages
from helpninja_app.knowledge.indexing import load_document
from helpninja_app.knowledge.lexical_index import bury_documents, index_documents, lock_index
from helpninja_app.knowledge.limits import KnowledgeLimits
from helpninja_app.knowledge.models import DeletedDocument, Document, Source, SourceKind
from helpninja_app.knowledge.page_choices import Choice, forget_audiences, remember_choice
from helpninja_app.knowledge.restoring import restore_from_bin
from helpninja_app.knowledge.room import check_sites, lock_sites

SINGLE_KINDS = (SourceKind.FILE, SourceKind.NOTE)
_SOME_ARE_GONE = "Some of these documents are not there any more."


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
    created_by: str
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


async def find_documents(
    session: AsyncSession, workspace_id: UUID, document_ids: Sequence[UUID]
) -> tuple[DocumentView, ...]:
    """Those of these that are (still) there, in the same order."""
    found = await session.execute(
        select(Document).where(
            col(Document.workspace_id) == workspace_id, col(Document.id).in_(set(document_ids))
        )
    )
    views = {document.id: view_of(document) for document in found.scalars()}
    return tuple(views[each] for each in dict.fromkeys(document_ids) if each in views)


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
    new_title = title if title != document.title else None
    await remember_choice(session, document, Choice(new_title, audience.value if audience else None))
    if title is not None:
        document.title = title
        await session.execute(
            update(Source)
            .where(
                col(Source.workspace_id) == workspace_id,
                col(Source.id) == document.source_id,
                col(Source.kind) == SourceKind.NOTE.value,
            )
            .values(title=title)
        )
    if audience is not None and audience.value != document.audience:
        await bury_documents(session, workspace_id, [document_id])
        document.audience = audience.value
        # A file or a note is its source's only document.
        await session.execute(
            update(Source)
            .where(
                col(Source.workspace_id) == workspace_id,
                col(Source.id) == document.source_id,
                col(Source.kind).in_(SINGLE_KINDS),
            )
            .values(audience=audience.value)
        )
        await session.flush()
        await index_documents(session, workspace_id, [document_id])
    document.updated_at = now()
    await session.flush()
    return view_of(document)


async def move_documents(
    session: AsyncSession, workspace_id: UUID, source_id: UUID, audience: Audience
) -> None:
    """Change who all documents of a source are for, at one moment."""
    await lock_index(session, workspace_id)
    found = await session.execute(
        select(col(Document.id))
        .where(
            col(Document.workspace_id) == workspace_id,
            col(Document.source_id) == source_id,
            col(Document.audience) != audience.value,
        )
        .with_for_update()
    )
    ids = list(found.scalars())
    if ids:
        await bury_documents(session, workspace_id, ids)
        await session.execute(
            update(Document)
            .where(col(Document.workspace_id) == workspace_id, col(Document.id).in_(ids))
            .values(audience=audience.value, updated_at=now())
        )
        await index_documents(session, workspace_id, ids)
    # What is in the bin comes back to the same people only.
    await session.execute(
        update(DeletedDocument)
        .where(col(DeletedDocument.workspace_id) == workspace_id, col(DeletedDocument.source_id) == source_id)
        .values(audience=audience.value)
    )
    await forget_audiences(session, workspace_id, source_id)


async def delete_documents(session: AsyncSession, caller: StaffCaller, document_ids: Sequence[UUID]) -> int:
    """Put documents into the bin, from where they can be restored for seven days; returns how many.

    A page among them is left out by crawls until it is restored or allowed again. ``NotFound`` when one is
    not this workspace's, ``Forbidden`` when one is not the caller's own upload and they may not change
    others': then none is deleted.
    """
    workspace_id = caller.workspace.id
    await lock_index(session, workspace_id)
    wanted = set(document_ids)
    found = await session.execute(
        select(Document)
        .where(col(Document.workspace_id) == workspace_id, col(Document.id).in_(wanted))
        .order_by(col(Document.id))
        .with_for_update()
    )
    documents = list(found.scalars())
    if len(documents) < len(wanted):
        raise NotFound("There is no such document." if len(wanted) == 1 else _SOME_ARE_GONE)
    check_may_change(caller, documents, "delete")
    await put_in_bin(session, workspace_id, [document.id for document in documents])
    urls = [document.url for document in documents if document.url is not None]
    await exclude_pages(session, workspace_id, urls, caller.label)
    # A file or a note is its source's only document.
    await session.execute(
        update(Source)
        .where(
            col(Source.workspace_id) == workspace_id,
            col(Source.id).in_([document.source_id for document in documents]),
            col(Source.kind).in_(SINGLE_KINDS),
        )
        .values(deleted_at=now())
    )
    await look_when_kept_long_enough(session, workspace_id)
    for document in documents:
        await record(session, Actor.of(caller), "document.deleted", name_of(document))
    return len(documents)


async def restore_documents(
    session: AsyncSession,
    queue: Queue,
    caller: StaffCaller,
    document_ids: Sequence[UUID],
    limits: KnowledgeLimits,
) -> tuple[DocumentView, ...]:
    """Bring deleted documents back as they were; crawls read their pages again.

    ``NotFound`` when one is not in the bin (any more), ``Conflict`` when its page was read anew since or its
    source is deleted, ``Forbidden`` as for deleting, ``LimitUsedUp`` when the plan has no room for them.
    """
    workspace_id = caller.workspace.id
    await lock_sites(session, workspace_id)
    await lock_index(session, workspace_id)
    wanted = set(document_ids)
    found = await session.execute(
        select(DeletedDocument, Source)
        .join(
            Source,
            (col(Source.workspace_id) == col(DeletedDocument.workspace_id))
            & (col(Source.id) == col(DeletedDocument.source_id)),
        )
        .where(
            col(DeletedDocument.workspace_id) == workspace_id,
            col(DeletedDocument.id).in_(wanted),
            col(DeletedDocument.purge_at) > now(),
        )
    )
    rows = [(document, source) for document, source in found.tuples()]
    if len(rows) < len(wanted):
        raise NotFound("There is no such deleted document." if len(wanted) == 1 else _SOME_ARE_GONE)
    check_may_change(caller, [document for document, _ in rows], "restore")
    for _, source in rows:
        if source.kind in SINGLE_KINDS:
            source.deleted_at = None
        elif source.deleted_at is not None:
            raise Conflict(
                "The source of this page is deleted too. Restore the source to get its pages back."
            )
    hosts = [host for _, source in rows for host in source.sites]
    await check_sites(session, workspace_id, hosts, limits)
    await session.flush()
    restored = await restore_from_bin(session, queue, workspace_id, [item for item, _ in rows], limits)
    if len(restored) < len(wanted):
        raise Conflict("This page was read again in the meantime, so it is there already.")
    views = [view_of(await load_document(session, workspace_id, document_id)) for document_id in restored]
    for view in views:
        await record(session, Actor.of(caller), "document.restored", name_of(view))
    return tuple(views)


async def forget_document(session: AsyncSession, workspace_id: UUID, document_id: UUID) -> str | None:
    """Delete a document for good, with all its chunks; gives the key of its file, to be removed after commit.

    For what went at the place it came from; what people delete goes to the bin (``delete_documents``).
    """
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


def check_may_change(caller: StaffCaller, documents: Sequence[Document | DeletedDocument], verb: str) -> None:
    """``Forbidden`` for who may not change what others uploaded, where it is not all their own.

    Their own is theirs to change while they may upload: somebody who only reads by now changes nothing.
    """
    if Permission.WRITE_KNOWLEDGE in caller.permissions:
        return
    require(caller, Permission.UPLOAD_DOCUMENTS)
    if any(document.created_by != caller.label for document in documents):
        raise Forbidden(f"You may only {verb} documents that you uploaded yourself.")


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
        created_by=document.created_by,
        created_at=document.created_at,
        updated_at=document.updated_at,
    )


def name_of(document: Document | DocumentView) -> str:
    """What people know it by."""
    return document.title or document.filename or document.url or str(document.id)
