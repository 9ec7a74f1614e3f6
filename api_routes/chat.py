"""``/api/chat``; its widget form: a visitor's message in, a grounded answer out, as JSON or as a stream."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, Literal

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from sse_starlette import EventSourceResponse, JSONServerSentEvent, ServerSentEvent

from api_routes.bodies import MAX_JSON_BYTES, Body, has_visible_text, json_body, read_json
from api_routes.chat_answers import KEY_PARAMETER, MAX_BYTES, MemberQuestion, answer_question
from api_routes.identity import carries_credential, resources_of, visited_workspace, visitor_caller
from api_routes.origins import refuse_unlisted_origin
from api_routes.problems import Problem, documented, problem_body, problem_of
from helpninja_app.accounts.callers import VisitorCaller
from helpninja_app.answers.pipeline import Pipeline, Token
from helpninja_app.answers.rendering import render_markdown
from helpninja_app.conversations.contact import NextStep
from helpninja_app.conversations.models import Reason
from helpninja_app.conversations.visitor_chat import Reply, answer_visitor
from helpninja_app.conversations.whereabouts import Whereabouts
from helpninja_app.errors import FieldError, HelpNinjaError, Invalid, Unavailable
from helpninja_app.kernel.background import Background
from helpninja_app.kernel.draining import stopping
from helpninja_app.kernel.rate_limits import Burst
from helpninja_app.kernel.telemetry import STREAMS
from helpninja_app.resources import Resources

router = APIRouter(tags=["Chat"])
log = structlog.get_logger(__name__)

HEARTBEAT_SECONDS = 15
# What is nearly said may still be said when the process ends; less than draining.GRACE_SECONDS.
LAST_SECONDS = 1.0
MAX_MESSAGE = 4000


class VisitorMessage(Body):
    """The widget's form; ``tenantId`` is the workspace's public key, id or slug."""

    tenantId: str = Field(min_length=1, max_length=100)
    sessionId: str = Field(pattern=r"^[A-Za-z0-9._:-]{8,128}$")
    message: str = Field(min_length=1, max_length=MAX_MESSAGE)
    voice: Literal["friendly", "professional", "casual", "formal"] | None = None
    pageUrl: str | None = Field(None, max_length=2000)
    language: str | None = Field(
        None, max_length=100, description="The browser's, as BCP 47 has it. Shown to members; `pt-BR`."
    )
    timeZone: str | None = Field(
        None, max_length=100, description="The browser's, of the IANA database. Shown to members."
    )


class CitationResult(BaseModel):
    n: int
    title: str
    url: str | None
    snippet: str


class NextResult(BaseModel):
    """`later` is outside business hours; ``opensAt`` is when they begin, where they ever do.

    ``closesAt`` is when they end, where that is within a day.
    """

    kind: Literal["soon", "later"]
    opensAt: str | None
    closesAt: str | None


class ChatReply(BaseModel):
    answer: str
    refs: list[str]
    confidence: float = Field(ge=0, le=1)
    conversationId: str
    messageId: str
    handledBy: Literal["bot", "human"]
    escalated: bool
    contactRequested: bool = Field(
        description="Whether to ask the visitor who they are; not without a visitor's token, as the answer"
        " needs one."
    )
    citations: list[CitationResult]
    status: Literal["bot", "waiting", "human", "resolved"]
    next: NextResult | None = Field(description="What happens next while it waits for a person.")
    html: str
    reason: Reason | None = Field(description="Why a person was asked; null when none was.")
    model: str = Field(
        description="What answered: `offline` quotes and generates nothing. Empty for a person."
    )


class KeptProblem(Problem):
    """The last six say what became of a visitor's message that was kept for people; others lack them."""

    conversationId: str | None = None
    messageId: str | None = Field(None, description="The stored message.")
    conversationStatus: Literal["bot", "waiting", "human", "resolved"] | None = None
    escalated: bool | None = None
    contactRequested: bool | None = None
    next: NextResult | None = None


class ChatAlive(BaseModel):
    message: str = "Chat API is working"


@router.get("/api/chat", response_model=ChatAlive)
async def chat_alive() -> ChatAlive:
    """Says that the chat is there."""
    return ChatAlive()


@router.post(
    "/api/chat",
    response_model=ChatReply,
    responses=documented(
        401,
        403,
        404,
        409,
        413,
        415,
        422,
        429,
        502,
        504,
        also={
            402: problem_of(402, KeptProblem),
            200: {
                "description": "The answer; as a stream the events `token`, `citations`, `done`.",
                "content": {
                    "text/event-stream": {"schema": {"type": "string"}},
                    "text/plain": {"schema": {"type": "string"}},
                },
                "headers": {
                    "x-chat-id": {
                        "description": "To a member: the saved chat.",
                        "schema": {"type": "string", "format": "uuid"},
                    }
                },
            },
        },
    ),
    openapi_extra={**json_body(VisitorMessage, MemberQuestion), "parameters": [KEY_PARAMETER]},
)
async def chat(request: Request) -> Response:
    """A visitor's message is answered from the workspace's own pages; a member's question by a model.

    Told apart by the body. With `tenantId`, `sessionId` and `message` the answer comes with sources and
    an honest confidence. With `messages` it needs a session or a key, and streams as plain text, or as
    the events `token`, `citations` and `done`; what fails after the first piece breaks the connection off,
    or is the event `error`. A model provider that is busy before it is a 503, with `Retry-After` where it
    said how long.
    """
    body = await read_json(request, MAX_BYTES if carries_credential(request) else MAX_JSON_BYTES)
    if body.has("messages"):
        return await answer_question(request, body)
    tenant = body.text("tenantId")
    if tenant is None:
        body.parse(VisitorMessage)
    workspace = await visited_workspace(request, tenant or "")
    resources = resources_of(request)
    refuse_unlisted_origin(request, resources.settings, workspace)
    wanted = body.parse(VisitorMessage)
    if not has_visible_text(wanted.message):
        raise Invalid(errors=(FieldError("body.message", "The message is empty."),))
    caller = visitor_caller(request, workspace, wanted.sessionId)
    await resources.limiter.hit(
        "visitor-session",
        f"{workspace.id}:{caller.session_id}",
        Burst(resources.settings.visitor_limit_per_session, 60),
    )
    await resources.limiter.hit(
        "visitor-workspace", str(workspace.id), Burst(resources.settings.workspace_limit, 60)
    )
    events = _in_the_background(resources.background, _answers(resources, caller, wanted))
    headers = {"cache-control": "no-store"}
    if "text/event-stream" in request.headers.get("accept", ""):
        # The first event decides: what fails before it is a problem with its own status, not a stream.
        first = await anext(events)
        return EventSourceResponse(
            _stream(first, events, request.url.path),
            ping=HEARTBEAT_SECONDS,
            ping_message_factory=lambda: ServerSentEvent(comment="heartbeat"),
            headers=headers | {"x-accel-buffering": "no"},
        )
    reply: Reply | None = None
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Reply):
                reply = event
    if reply is None:
        raise HelpNinjaError()
    return JSONResponse(_result(reply), headers=headers)


def _answers(
    resources: Resources, caller: VisitorCaller, wanted: VisitorMessage
) -> AsyncGenerator[Token | Reply, None]:
    embedder = resources.knowledge.embedders.of(caller.workspace.embedding_model)
    return answer_visitor(
        resources.database,
        Pipeline(resources.knowledge.index, embedder, resources.answerers),
        caller,
        wanted.message,
        resources.plan_of(caller.workspace),
        voice=wanted.voice or caller.workspace.voice,
        whereabouts=Whereabouts.told(wanted.pageUrl, wanted.language, wanted.timeZone),
    )


async def _in_the_background(
    background: Background, answers: AsyncGenerator[Token | Reply, None]
) -> AsyncGenerator[Token | Reply, None]:
    """The same events, made by a task of their own: the answer is stored even if its visitor leaves."""
    queue: asyncio.Queue[Token | Reply | BaseException | None] = asyncio.Queue()

    async def work() -> None:
        try:
            async with aclosing(answers):
                async for event in answers:
                    queue.put_nowait(event)
            queue.put_nowait(None)
        except BaseException as error:
            queue.put_nowait(error)
            if not isinstance(error, Exception):
                raise

    background.start(work())
    while (event := await queue.get()) is not None:
        if isinstance(event, BaseException):
            raise event
        yield event


async def _stream(
    first: Token | Reply, rest: AsyncGenerator[Token | Reply, None], path: str
) -> AsyncIterator[ServerSentEvent]:
    STREAMS.inc()
    try:
        async for event in _until_stopped(_with_first(first, rest)):
            if isinstance(event, Token):
                yield JSONServerSentEvent({"text": event.text}, event="token")
            else:
                result = _result(event)
                yield JSONServerSentEvent({"citations": result["citations"]}, event="citations")
                yield JSONServerSentEvent(result, event="done")
    except HelpNinjaError as error:
        yield JSONServerSentEvent(problem_body(error, path), event="error")
    except Exception:
        log.exception("stream_failed")
        yield JSONServerSentEvent(problem_body(HelpNinjaError(), path), event="error")
    finally:
        STREAMS.dec()


async def _until_stopped(events: AsyncGenerator[Token | Reply]) -> AsyncGenerator[Token | Reply]:
    """The events; ``Unavailable`` when the process is told to stop and they take longer to end."""
    stop = asyncio.ensure_future(stopping())
    deadline: float | None = None
    following: asyncio.Future[Token | Reply | None] | None = None
    try:
        while True:
            following = asyncio.ensure_future(anext(events, None))
            await asyncio.wait({following, stop}, return_when=asyncio.FIRST_COMPLETED)
            if stop.done():
                now = time.monotonic()
                deadline = deadline or now + LAST_SECONDS
                await asyncio.wait({following}, timeout=max(0.0, deadline - now))
            if not following.done():
                raise Unavailable("HelpNinja is being restarted. Please ask again in a moment.")
            if (event := following.result()) is None:
                return
            yield event
    finally:
        stop.cancel()
        if following is not None:
            # Whoever listened has left while it was awaited: events that still run cannot be closed.
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
        await events.aclose()


async def _with_first(
    first: Token | Reply, rest: AsyncGenerator[Token | Reply, None]
) -> AsyncGenerator[Token | Reply]:
    yield first
    async with aclosing(rest):
        async for event in rest:
            yield event


def next_result(step: NextStep | None) -> NextResult | None:
    if step is None:
        return None
    return NextResult(
        kind=step.kind.value,
        opensAt=step.opens_at.isoformat() if step.opens_at else None,
        closesAt=step.closes_at.isoformat() if step.closes_at else None,
    )


def _result(reply: Reply) -> dict[str, Any]:
    result = ChatReply(
        answer=reply.answer,
        refs=list(reply.refs),
        confidence=reply.confidence,
        conversationId=str(reply.conversation_id),
        messageId=str(reply.message_id),
        handledBy="human" if reply.handled_by == "human" else "bot",
        escalated=reply.escalated,
        contactRequested=reply.contact_requested,
        citations=[
            CitationResult(n=item.n, title=item.title, url=item.url, snippet=item.snippet)
            for item in reply.citations
        ],
        status=reply.status.value,
        next=next_result(reply.next),
        html=render_markdown(reply.answer),
        reason=reply.reason,
        model=reply.model,
    )
    return result.model_dump(mode="json")
