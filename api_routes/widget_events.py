"""What the panel hears while it is open, and tells of its visitor besides messages."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel
from sse_starlette import EventSourceResponse, JSONServerSentEvent, ServerSentEvent

from api_routes.chat import HEARTBEAT_SECONDS, next_result
from api_routes.identity import resources_of, visitor_caller, workspace_of_token
from api_routes.ids import parse_id
from api_routes.problems import documented, problem_body
from api_routes.widget import Away, allowed_workspace, message_result
from helpninja_app.conversations.notices import Change, announce
from helpninja_app.conversations.threads import latest_conversation
from helpninja_app.conversations.visitor_events import MemberTypes, StatusNow, VisitorEvent, watch
from helpninja_app.errors import HelpNinjaError
from helpninja_app.kernel.telemetry import STREAMS

router = APIRouter(tags=["Widget"])


class Done(BaseModel):
    ok: bool = True


@router.get(
    "/api/widget/events",
    response_class=EventSourceResponse,
    responses=documented(400, 401, 403, 404, 422, 429),
)
async def events(
    request: Request,
    t: Annotated[str | None, Query(max_length=100)] = None,
    after: Annotated[str | None, Query(description="The last message you have.")] = None,
    away: Away = None,
) -> EventSourceResponse:
    """Server-sent events of this visitor's conversation: `status`, `message` and `typing`.

    What members write is taken for seen 20 seconds after it was sent, and not mailed any more, unless `away`
    is `1`: connect anew, after the last message that you have, when that changes.
    """
    workspace = await allowed_workspace(request, t or workspace_of_token(request))
    caller = visitor_caller(request, workspace, None)
    resources = resources_of(request)
    last = parse_id(after) if after else None
    happening = watch(resources.database, resources.live, caller, after=last, is_away=away == "1")
    # The first event decides: what fails before it is a problem with its own status.
    first = await anext(happening)
    return EventSourceResponse(
        _stream(first, happening, request.url.path),
        ping=HEARTBEAT_SECONDS,
        ping_message_factory=lambda: ServerSentEvent(comment="heartbeat"),
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


@router.post("/api/widget/typing", response_model=Done, responses=documented(401, 403, 404, 422, 429))
async def typing(request: Request, t: Annotated[str | None, Query(max_length=100)] = None) -> Done:
    """Show the members for some seconds that the visitor writes."""
    workspace = await allowed_workspace(request, t or workspace_of_token(request))
    caller = visitor_caller(request, workspace, None)
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        conversation_id = await latest_conversation(session, caller)
        await announce(session, workspace.id, conversation_id, Change.VISITOR_TYPES)
    return Done()


async def _stream(
    first: VisitorEvent, rest: AsyncGenerator[VisitorEvent, None], path: str
) -> AsyncIterator[ServerSentEvent]:
    STREAMS.inc()
    try:
        async with aclosing(rest):
            yield _event(first)
            async for event in rest:
                yield _event(event)
    except HelpNinjaError as error:
        # The panel asks again, from the last message that it has.
        yield JSONServerSentEvent(problem_body(error, path), event="error")
    finally:
        STREAMS.dec()


def _event(event: VisitorEvent) -> ServerSentEvent:
    if isinstance(event, StatusNow):
        step = next_result(event.next)
        told = {
            "status": event.status,
            "contactRequested": event.contact_requested,
            "csatRequested": event.csat_requested,
            "next": step.model_dump() if step else None,
        }
        return JSONServerSentEvent(told, event="status")
    if isinstance(event, MemberTypes):
        return JSONServerSentEvent({}, event="typing")
    return JSONServerSentEvent(
        message_result(event).model_dump(mode="json"), event="message", id=str(event.id)
    )
