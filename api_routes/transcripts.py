"""A conversation as a file, by mail, or by a link for others."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from api_routes.bodies import Body, json_body, read_json
from api_routes.identity import resources_of, staff_caller, staff_with
from api_routes.ids import parse_id
from api_routes.problems import documented
from helpninja_app.accounts.callers import StaffCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.accounts.users import check_email
from helpninja_app.conversations.shares import (
    MOST_DAYS,
    SHARED_PATH,
    ShareView,
    create_share,
    list_shares,
    revoke_share,
)
from helpninja_app.conversations.transcript import Format, read_transcript, write_transcript
from helpninja_app.conversations.transcript_mails import request_transcript_mail
from helpninja_app.errors import Unavailable

router = APIRouter(tags=["Inbox"])

_TYPES: dict[Format, str] = {"md": "text/markdown", "json": "application/json", "txt": "text/plain"}


class MailBody(Body):
    email: str = Field(max_length=320, examples=["ana@example.com"])


class ShareBody(Body):
    days: int = Field(7, ge=1, le=MOST_DAYS, description="Until it expires.")


class ShareInfo(BaseModel):
    id: str
    createdBy: str
    createdAt: str
    expiresAt: str
    revokedAt: str | None
    views: int
    lastViewedAt: str | None


class NewShare(ShareInfo):
    url: str = Field(description="Shown this once; only a hash of it is kept.")


class ShareList(BaseModel):
    shares: list[ShareInfo]


class Done(BaseModel):
    ok: bool = True


@router.get(
    "/api/conversations/{conversation_id}/export",
    response_class=Response,
    responses=documented(
        400,
        401,
        403,
        404,
        422,
        429,
        also={
            200: {
                "content": {
                    "text/markdown": {"schema": {"type": "string"}},
                    "text/plain": {"schema": {"type": "string"}},
                    "application/json": {"schema": {"type": "object"}},
                },
                "description": "The conversation as a file.",
            }
        },
    ),
)
async def export(
    request: Request,
    conversation_id: str,
    caller: Annotated[StaffCaller, Depends(staff_with(Permission.READ_CONVERSATIONS))],
    format: Literal["md", "json", "txt"] = "md",
    notes: bool = False,
) -> Response:
    """Download what the visitor sees of a conversation; with `notes` also what members told each other."""
    wanted = parse_id(conversation_id)
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        transcript = await read_transcript(session, caller, wanted, has_notes=notes)
    return Response(
        write_transcript(transcript, format),
        media_type=_TYPES[format],
        headers={
            "content-disposition": f'attachment; filename="conversation-{wanted}.{format}"',
            "x-content-type-options": "nosniff",
            "cache-control": "private, no-store",
        },
    )


@router.post(
    "/api/conversations/{conversation_id}/transcript",
    response_model=Done,
    status_code=202,
    responses=documented(400, 401, 403, 404, 413, 415, 422, 429, 503),
    openapi_extra=json_body(MailBody),
)
async def mail(request: Request, conversation_id: str, tenantId: str | None = None) -> Done:
    """Mail what the visitor sees of a conversation to an address."""
    body = await read_json(request)
    caller, wanted = await staff_caller(request, tenantId), parse_id(conversation_id)
    require(caller, Permission.ANSWER_CONVERSATIONS)
    email = check_email(body.parse(MailBody).email)
    resources = resources_of(request)
    async with resources.database.unit_of_work(caller.scope) as session:
        await request_transcript_mail(session, resources.queue, resources.limiter, caller, wanted, email)
        # Last, so that a conversation of somebody else is 404 here as well; what was stored is undone.
        if not resources.mailer.is_real:
            raise Unavailable("This installation sends no mail: SMTP_URL is not set.")
    return Done()


@router.get(
    "/api/conversations/{conversation_id}/shares",
    response_model=ShareList,
    responses=documented(400, 401, 403, 404, 429),
)
async def shares(request: Request, conversation_id: str, tenantId: str | None = None) -> ShareList:
    """The links of a conversation, also those that are over, the latest first."""
    caller, wanted = await staff_caller(request, tenantId), parse_id(conversation_id)
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        return ShareList(shares=[_info(each) for each in await list_shares(session, caller, wanted)])


@router.post(
    "/api/conversations/{conversation_id}/shares",
    response_model=NewShare,
    status_code=201,
    responses=documented(400, 401, 403, 404, 409, 413, 415, 422, 429),
    openapi_extra=json_body(ShareBody),
)
async def share(request: Request, conversation_id: str, tenantId: str | None = None) -> NewShare:
    """Make a link that shows what the visitor sees to whoever has it."""
    body = await read_json(request)
    caller, wanted = await staff_caller(request, tenantId), parse_id(conversation_id)
    days = body.parse(ShareBody).days
    resources = resources_of(request)
    async with resources.database.unit_of_work(caller.scope) as session:
        made, token = await create_share(session, caller, wanted, days=days)
    url = f"{resources.settings.link_origin}{SHARED_PATH}?token={token}"
    return NewShare(**_info(made).model_dump(), url=url)


@router.delete(
    "/api/conversations/{conversation_id}/shares/{share_id}",
    response_model=Done,
    responses=documented(400, 401, 403, 404, 429),
)
async def revoke(request: Request, conversation_id: str, share_id: str, tenantId: str | None = None) -> Done:
    """End a link at once."""
    caller, wanted = await staff_caller(request, tenantId), parse_id(conversation_id)
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        await revoke_share(session, caller, wanted, parse_id(share_id))
    return Done()


def _info(view: ShareView) -> ShareInfo:
    return ShareInfo(
        id=str(view.id),
        createdBy=view.created_by,
        createdAt=view.created_at.isoformat(),
        expiresAt=view.expires_at.isoformat(),
        revokedAt=view.revoked_at.isoformat() if view.revoked_at else None,
        views=view.views,
        lastViewedAt=view.last_viewed_at.isoformat() if view.last_viewed_at else None,
    )
