"""Documents: ``/api/documents``, ``/api/upload`` and ``/api/rag``."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api_routes.bodies import Body, is_storable_text, json_body, read_json
from api_routes.downloads import OriginalFile, send_original
from api_routes.identity import resources_of, staff_caller, staff_with
from api_routes.ids import parse_id
from api_routes.problems import documented
from api_routes.uploads import receive_upload
from helpninja_app.accounts.audit import Actor, record
from helpninja_app.accounts.callers import StaffCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.billing.plans import file_too_large
from helpninja_app.errors import FieldError, Invalid, MalformedId, NotFound, Unavailable
from helpninja_app.kernel.database import new_id
from helpninja_app.kernel.scope import Audience
from helpninja_app.knowledge.documents import (
    DocumentView,
    check_may_change,
    delete_documents,
    get_document,
    list_documents,
    name_of,
    restore_documents,
)
from helpninja_app.knowledge.indexing import load_document
from helpninja_app.knowledge.notes import change_any
from helpninja_app.knowledge.passages import list_chunks
from helpninja_app.knowledge.uploads import add_upload, look_at_upload, request_vectorisation
from helpninja_app.resources import Resources, knowledge_limits

router = APIRouter(tags=["Knowledge"])

AudienceName = Literal["visitors", "members"]


class DocumentResult(BaseModel):
    id: str
    filename: str | None
    title: str
    url: str | None
    audience: AudienceName
    status: Literal["processing", "completed", "failed"]
    reason: str | None
    chunks: int
    embedded: int
    size: int
    createdAt: str
    updatedAt: str


class DocumentList(BaseModel):
    documents: list[DocumentResult]
    total: int
    limit: int
    offset: int


class UploadResult(BaseModel):
    documentId: str
    filename: str
    status: Literal["processing"] = "processing"


class DocumentChange(Body):
    model_config = ConfigDict(strict=True, extra="forbid")

    title: str | None = Field(None, min_length=1, max_length=500)
    audience: AudienceName | None = None


class RagBody(Body):
    documentId: str
    tenantId: str | None = None


class RagResult(BaseModel):
    success: bool = True
    message: str = "Document processing started"


class ChunkResult(BaseModel):
    position: int
    headingPath: list[str]
    text: str
    tokens: int


class ChunkList(BaseModel):
    chunks: list[ChunkResult]
    total: int
    limit: int
    offset: int


class DeleteResult(BaseModel):
    ok: bool = True


UPLOAD_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "audience": {"type": "string", "enum": ["visitors", "members"], "default": "members"},
                        "tenantId": {"type": "string"},
                    },
                }
            }
        },
    }
}


@router.post(
    "/api/upload",
    response_model=UploadResult,
    responses=documented(400, 401, 402, 403, 404, 415, 422, 429),
    openapi_extra=UPLOAD_BODY,
)
async def upload(request: Request) -> UploadResult:
    """Upload a PDF, DOCX, Markdown, text, HTML or CSV file; its processing starts at once."""
    # The credential comes first: nobody unknown makes us write a file.
    caller = await staff_caller(request, request.query_params.get("tenantId"))
    require(caller, Permission.UPLOAD_DOCUMENTS)
    resources = resources_of(request)
    files, plan = resources.knowledge.files, resources.plan_of(caller.workspace)
    async with receive_upload(request, files.incoming, plan) as (received, fields):
        # Once more, although it is a second look-up: a file may be minutes on its way, in which a key was
        # revoked or a member suspended, and nothing is stored for them. Its fields, which come with it, may
        # also name another workspace.
        caller = await staff_caller(request, fields.get("tenantId") or request.query_params.get("tenantId"))
        require(caller, Permission.UPLOAD_DOCUMENTS)
        limits = knowledge_limits(resources.settings, caller.workspace)
        plan = resources.plan_of(caller.workspace)
        if received.size > plan.upload_bytes:
            raise file_too_large(plan, received.size)
        audience = fields.get("audience", Audience.MEMBERS.value)
        if audience not in set(Audience):
            raise Invalid(errors=(FieldError("body.audience", "Choose visitors or members."),))
        if audience == Audience.VISITORS.value:
            require(caller, Permission.WRITE_KNOWLEDGE)
        await look_at_upload(resources.knowledge.extractor, received)
        document_id = new_id()
        key = await files.keep(received.path, caller.workspace.id, document_id)
        try:
            async with resources.database.unit_of_work(caller.scope) as session:
                await add_upload(
                    session,
                    resources.queue,
                    caller.workspace.id,
                    received,
                    document_id=document_id,
                    file_key=key,
                    audience=Audience(audience),
                    created_by=caller.label,
                    limits=limits,
                )
                await record(
                    session, Actor.of(caller), "document.uploaded", received.filename, audience=audience
                )
        except BaseException as error:
            # What went wrong first is what is told.
            with suppress(Unavailable):
                if not (isinstance(error, Unavailable) and await _is_there(resources, caller, document_id)):
                    await files.remove(key)
            raise
    return UploadResult(documentId=str(document_id), filename=received.filename)


async def _is_there(resources: Resources, caller: StaffCaller, document_id: UUID) -> bool:
    """A database that went away at the end may have kept it, and its file is not taken from it then.

    ``Unavailable`` while nobody can tell.
    """
    try:
        async with resources.database.unit_of_work(caller.scope) as session:
            await load_document(session, caller.workspace.id, document_id)
    except NotFound:
        return False
    return True


@router.post(
    "/api/rag",
    response_model=RagResult,
    responses=documented(400, 401, 403, 404, 413, 415, 422, 429),
    openapi_extra=json_body(RagBody),
)
async def vectorise(request: Request) -> RagResult:
    """Read, chunk and embed a document anew; what it holds stays searchable until then."""
    body = await read_json(request)
    caller = await staff_caller(request, body.text("tenantId"))
    wanted = body.text("documentId")
    resources = resources_of(request)
    if wanted is None:
        body.parse(RagBody)
        raise MalformedId()
    document_id = parse_id(wanted)
    async with resources.database.unit_of_work(caller.scope) as session:
        document = await load_document(session, caller.workspace.id, document_id)
        check_may_change(caller, [document], "process")
        await request_vectorisation(session, resources.queue, caller.workspace.id, document_id)
        await record(session, Actor.of(caller), "document.processed", name_of(document))
    return RagResult()


@router.get("/api/documents", response_model=DocumentList, responses=documented(401, 403, 404, 422, 429))
async def documents(
    request: Request,
    caller: Annotated[StaffCaller, Depends(staff_with(Permission.READ_KNOWLEDGE))],
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    status: Literal["processing", "completed", "failed"] | None = None,
    audience: AudienceName | None = None,
    q: Annotated[str | None, Query(max_length=200)] = None,
) -> DocumentList:
    """The workspace's documents, newest first; ``q`` looks in titles, addresses and file names."""
    if q is not None and not is_storable_text(q):
        raise Invalid(errors=(FieldError("query.q", "Texts cannot hold the character U+0000."),))
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        page = await list_documents(
            session,
            caller.workspace.id,
            limit=limit,
            offset=offset,
            status=status,
            audience=audience,
            contains=q,
        )
    return DocumentList(
        documents=[_result(document) for document in page.documents],
        total=page.total,
        limit=limit,
        offset=offset,
    )


@router.get(
    "/api/documents/{document_id}",
    response_model=DocumentResult,
    responses=documented(400, 401, 403, 404, 429),
)
async def document(request: Request, document_id: str, tenantId: str | None = None) -> DocumentResult:
    """One document with its progress, and why it failed if it did."""
    caller = await staff_caller(request, tenantId)
    require(caller, Permission.READ_KNOWLEDGE)
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        return _result(await get_document(session, caller.workspace.id, parse_id(document_id)))


@router.patch(
    "/api/documents/{document_id}",
    response_model=DocumentResult,
    responses=documented(400, 401, 403, 404, 413, 415, 422, 429),
    openapi_extra=json_body(DocumentChange),
)
async def change(request: Request, document_id: str, tenantId: str | None = None) -> DocumentResult:
    """Rename a document or change its audience."""
    body = await read_json(request)
    caller = await staff_caller(request, tenantId)
    require(caller, Permission.WRITE_KNOWLEDGE)
    wanted = parse_id(document_id)
    resources = resources_of(request)
    async with resources.database.unit_of_work(caller.scope) as session:
        # Whether it is there comes before what is wrong with the body.
        await get_document(session, caller.workspace.id, wanted)
        wished = body.parse(DocumentChange)
        audience = Audience(wished.audience) if wished.audience else None
        return _result(
            await change_any(
                session, resources.queue, Actor.of(caller), wanted, title=wished.title, audience=audience
            )
        )


@router.delete(
    "/api/documents/{document_id}",
    response_model=DeleteResult,
    responses=documented(400, 401, 403, 404, 429),
)
async def delete(request: Request, document_id: str, tenantId: str | None = None) -> DeleteResult:
    """Delete a document, its passages and its file; it can be restored for seven days."""
    caller = await staff_caller(request, tenantId)
    wanted = parse_id(document_id)
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        await delete_documents(session, caller, [wanted])
    return DeleteResult()


@router.post(
    "/api/documents/{deleted_id}/restore",
    response_model=DocumentResult,
    responses=documented(400, 401, 402, 403, 404, 409, 429),
)
async def restore(request: Request, deleted_id: str, tenantId: str | None = None) -> DocumentResult:
    """Bring a deleted document back as it was."""
    caller = await staff_caller(request, tenantId)
    wanted = parse_id(deleted_id)
    resources = resources_of(request)
    limits = knowledge_limits(resources.settings, caller.workspace)
    async with resources.database.unit_of_work(caller.scope) as session:
        [restored] = await restore_documents(session, resources.queue, caller, [wanted], limits)
        return _result(restored)


@router.get(
    "/api/documents/{document_id}/chunks",
    response_model=ChunkList,
    responses=documented(400, 401, 403, 404, 422, 429),
)
async def chunks(
    request: Request,
    document_id: str,
    caller: Annotated[StaffCaller, Depends(staff_with(Permission.READ_KNOWLEDGE))],
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> ChunkList:
    """The passages that a document was cut into, in their order."""
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        page = await list_chunks(
            session, caller.workspace.id, parse_id(document_id), limit=limit, offset=offset
        )
    return ChunkList(
        chunks=[
            ChunkResult(
                position=chunk.position,
                headingPath=list(chunk.heading_path),
                text=chunk.text,
                tokens=chunk.tokens,
            )
            for chunk in page.chunks
        ],
        total=page.total,
        limit=limit,
        offset=offset,
    )


@router.get(
    "/api/documents/{document_id}/file",
    response_class=Response,
    responses=documented(
        400,
        401,
        403,
        404,
        429,
        also={200: {"content": {"application/octet-stream": {}}, "description": "The original file."}},
    ),
)
async def original(request: Request, document_id: str, tenantId: str | None = None) -> OriginalFile:
    """Download the original file; always as a download, never shown on our own origin."""
    caller = await staff_caller(request, tenantId)
    require(caller, Permission.READ_KNOWLEDGE)
    resources = resources_of(request)
    async with resources.database.unit_of_work(caller.scope) as session:
        stored = await load_document(session, caller.workspace.id, parse_id(document_id))
    return await send_original(resources.knowledge.files, stored.file_key, stored.filename)


def _result(document: DocumentView) -> DocumentResult:
    return DocumentResult(
        id=str(document.id),
        filename=document.filename,
        title=document.title,
        url=document.url,
        audience=Audience(document.audience).value,
        status=document.status,
        reason=document.reason,
        chunks=document.chunks,
        embedded=document.embedded,
        size=document.size_bytes,
        createdAt=document.created_at.isoformat(),
        updatedAt=document.updated_at.isoformat(),
    )
