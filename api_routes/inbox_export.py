"""The inbox as a file: what the list would show, all of it, as CSV (RFC 4180) or JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse

from api_routes.conversations import StatusName, inbox_filter
from api_routes.credit_file import harmless
from api_routes.identity import resources_of, staff_with
from api_routes.problems import documented
from helpninja_app.accounts.callers import StaffCaller
from helpninja_app.accounts.permissions import Permission
from helpninja_app.billing.plans import Feature, require_feature
from helpninja_app.conversations.inbox import InboxFilter, InboxItem, Position, list_inbox
from helpninja_app.conversations.models import Reason
from helpninja_app.kernel.database import Database
from helpninja_app.kernel.rate_limits import Burst

router = APIRouter(tags=["Inbox"])

BATCH = 500
# Reading all of an inbox is work: nobody needs it more often.
EXPORTS = Burst(10, 600)
_COLUMNS = (
    *("id", "status", "reason", "assigneeId", "tags", "visitorName", "visitorEmail", "pageUrl"),
    *("visitorLanguage", "visitorTimeZone"),
    *("createdAt", "lastMessageAt", "lastMessage"),
)


async def _exporter(request: Request, tenantId: str | None = None) -> StaffCaller:
    """Who may take them along; parameters are judged afterwards."""
    caller = await staff_with(Permission.READ_CONVERSATIONS)(request, tenantId)
    require_feature(resources_of(request).plan_of(caller.workspace), Feature.EXPORT)
    return caller


@router.get(
    "/api/inbox/export",
    response_class=StreamingResponse,
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
                    "text/csv": {"schema": {"type": "string"}},
                    "application/json": {"schema": {"type": "array"}},
                },
                "description": "The conversations as a file.",
            }
        },
    ),
)
async def export(
    request: Request,
    caller: Annotated[StaffCaller, Depends(_exporter)],
    format: Literal["csv", "json"] = "csv",
    status: Annotated[list[StatusName] | None, Query()] = None,
    reason: Reason | None = None,
    assignee: Annotated[str | None, Query(max_length=100, description="`me`, `none` or an id.")] = None,
    q: Annotated[str | None, Query(max_length=200)] = None,
    site: Annotated[str | None, Query(max_length=300)] = None,
    tag: Annotated[str | None, Query(max_length=100)] = None,
    since: datetime | None = None,
    until: datetime | None = None,
    snoozed: bool = False,
) -> StreamingResponse:
    """All conversations that `GET /api/conversations` would list with the same filters, the latest first.

    The workspace's plan has to include the conversation export.
    """
    resources = resources_of(request)
    wanted = inbox_filter(caller, status, reason, assignee, q, site, tag, since, until, is_snoozed=snoozed)
    await resources.limiter.hit("inbox-export", caller.label, EXPORTS)
    batches = _batches(resources.database, caller, wanted)
    return StreamingResponse(
        _csv(batches) if format == "csv" else _json(batches),
        media_type="text/csv; charset=utf-8" if format == "csv" else "application/json",
        headers={
            "content-disposition": f'attachment; filename="inbox-{caller.workspace.slug}.{format}"',
            "x-content-type-options": "nosniff",
            "cache-control": "private, no-store",
        },
    )


async def _batches(
    database: Database, caller: StaffCaller, wanted: InboxFilter
) -> AsyncIterator[tuple[InboxItem, ...]]:
    """Neither memory nor a transaction holds all of them."""
    after: Position | None = None
    while True:
        async with database.unit_of_work(caller.scope) as session:
            page = await list_inbox(session, caller, wanted, limit=BATCH, after=after)
        if page.items:
            yield page.items
        if page.next is None:
            return
        after = page.next


async def _csv(batches: AsyncIterator[tuple[InboxItem, ...]]) -> AsyncIterator[str]:
    yield _lines([_COLUMNS])
    async for items in batches:
        yield _lines([tuple(harmless(_cell(value)) for value in _row(item).values()) for item in items])


async def _json(batches: AsyncIterator[tuple[InboxItem, ...]]) -> AsyncIterator[str]:
    before = "["
    async for items in batches:
        for item in items:
            yield f"{before}\n{json.dumps(_row(item), ensure_ascii=False)}"
            before = ","
    yield "[]\n" if before == "[" else "\n]\n"


def _row(item: InboxItem) -> dict[str, str | list[str] | None]:
    found = item.conversation
    values = (
        *(str(found.id), found.status, found.reason, str(found.assignee_id) if found.assignee_id else None),
        *(list(found.tags), found.visitor_name, found.visitor_email, found.page_url),
        *(found.visitor_language, found.visitor_time_zone),
        *(found.created_at.isoformat(), found.last_message_at.isoformat(), item.preview),
    )
    return dict(zip(_COLUMNS, values, strict=True))


def _cell(value: str | list[str] | None) -> str:
    return ", ".join(value) if isinstance(value, list) else value or ""


def _lines(rows: list[tuple[str, ...]]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerows(rows)
    return written.getvalue()
