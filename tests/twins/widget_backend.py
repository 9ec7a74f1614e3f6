"""A twin of the widget's HTTP routes with scripted answers: no database and no model in browser tests."""

import asyncio
import json
import socket
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from api_routes.widget_files import lean
from tests.twins.widget_people import People, event, problem

ASSETS = Path(__file__).parents[2] / "assets"
TENANT = "hn_pk_demo"
PANEL_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; frame-ancestors *"
)


@dataclass(frozen=True)
class Citation:
    """A numbered source; `url` is None for an uploaded file."""

    n: int
    title: str
    url: str | None
    snippet: str = ""


@dataclass(frozen=True)
class Reply:
    """What the twin streams for one question; `cut` ends the stream before `done`."""

    text: str
    citations: tuple[Citation, ...] = ()
    confidence: float = 0.9
    escalated: bool = False
    reason: str | None = None
    handled_by: str = "bot"
    cut: bool = False


@dataclass(frozen=True)
class Fault:
    """A problem instead of an answer; ``state`` is that of the conversation, where the message is kept."""

    status: int
    retry_after: int | None = None
    state: dict[str, Any] | None = None


RETURNS = Reply(
    "You have **60 days** from delivery, as long as it is unworn and has its tags [1]. "
    "Returns from the EU are free [2].",
    (
        Citation(1, "Returns and exchanges", "https://shop.example/help/returns", "Within 60 days."),
        Citation(2, "Shipping costs", "https://shop.example/help/shipping", "EU returns are free."),
    ),
)
DEFAULT_CONFIG: dict[str, Any] = {
    "name": "Fernway help",
    "voice": "friendly",
    "greeting": "Hello! Ask me about orders, returns or gear.",
    "accent": "#0b7a64",
    "position": "right",
    "languages": ["en"],
    "offline": False,
    "generated": True,
    "mailsAnswers": True,
    "branded": False,
    "suggestions": ["How long do I have to return a jacket?", "Where is my order?"],
}


@dataclass
class WidgetBackend(People):
    """The twin's state: visitor tokens, one conversation per session, and the script of answers."""

    origin: str
    config: dict[str, Any] = field(default_factory=lambda: dict(DEFAULT_CONFIG))
    replies: dict[str, Reply] = field(default_factory=dict)
    faults: deque[Fault] = field(default_factory=deque)
    asked: list[dict[str, Any]] = field(default_factory=list)
    flow: threading.Event = field(default_factory=threading.Event)
    tokens: int = 0

    def __post_init__(self) -> None:
        self.flow.set()

    def hold(self) -> None:
        """Stops streams after their first two words until `flow` is set again."""
        self.flow.clear()

    async def session(self, request: Request) -> Response:
        body = await request.json()
        known, token = body["sessionId"], body.get("token")
        if known in self.conversations and (token is None or self.owner(token) != known):
            return problem(401)
        self.tokens += 1
        return JSONResponse(
            {"token": f"{known}.{self.tokens}", "sessionId": known, "expiresAt": "2100-01-01T00:00:00Z"}
        )

    async def conversation(self, request: Request) -> Response:
        session = self.caller(request)
        if session is None:
            return problem(401)
        self.note_away(request)
        messages = self.conversations.get(session, [])
        shown = [{**message, "rating": self.ratings.get(message["id"])} for message in messages]
        return JSONResponse(
            {
                "conversationId": self.conversation_id(session) if messages else None,
                "messages": messages if self.is_old else shown,
                **self.state(self.states[session]),
            }
        )

    async def chat(self, request: Request) -> Response:
        session = self.caller(request)
        body = await request.json()
        if session is None:
            return problem(401)
        self.asked.append(body)
        if self.faults:
            fault = self.faults.popleft()
            if fault.state is None:
                return problem(fault.status, fault.retry_after)
            stored = self.store(session, "visitor", body["message"])
            self.change(session, **fault.state)
            kept = self.state_of_turn(session)
            kept["conversationStatus"] = kept.pop("status")
            ids = {"conversationId": self.conversation_id(session), "messageId": stored["id"]}
            return problem(fault.status, **ids, **kept)
        reply = self.replies.get(body["message"], RETURNS)
        return StreamingResponse(
            self._stream(session, body["message"], reply), media_type="text/event-stream"
        )

    async def _stream(self, session: str, question: str, reply: Reply) -> AsyncIterator[str]:
        yield ": heartbeat\r\n\r\n"
        self.wake_up(session)
        citations = [vars(citation) for citation in reply.citations]
        stored = self.store(session, "visitor", question)
        if self.states[session]["status"] == "human":
            reply = Reply("", handled_by="human")
        for number, word in enumerate(reply.text.split(" ")):
            yield event("token", {"text": word if number == 0 else f" {word}"})
            while number >= 1 and not self.flow.is_set():
                await asyncio.sleep(0.02)
        if reply.cut:
            return
        yield event("citations", {"citations": citations})
        if reply.text:
            stored = self.store(session, "bot", reply.text, citations=citations, confidence=reply.confidence)
        if reply.escalated or reply.handled_by == "human":
            self.change(session, status="waiting" if reply.escalated else "human")
        done = {
            "answer": reply.text,
            "refs": [citation.url for citation in reply.citations if citation.url],
            "confidence": reply.confidence,
            "conversationId": self.conversation_id(session),
            "messageId": stored["id"],
            "handledBy": reply.handled_by,
            "escalated": reply.escalated,
            "reason": reply.reason or ("low_confidence" if reply.escalated else None),
            "model": "gpt-4o-mini",
            "citations": citations,
            "html": "",
            **self.state_of_turn(session),
        }
        yield event("done", done)

    async def configuration(self, request: Request) -> Response:
        if request.query_params.get("t") != TENANT:
            return problem(404)
        return JSONResponse(self.config)

    async def loader(self, request: Request) -> Response:
        tenant = request.query_params["t"]
        config = {
            "tenant": tenant,
            "origin": self.origin,
            "voice": "friendly",
            "accent": self.config["accent"],
            "position": self.config["position"],
            "name": self.config["name"],
            "panelUrl": f"{self.origin}/widget/panel?t={tenant}",
        }
        template = (ASSETS / "widget" / "loader.js").read_text("utf-8")
        script = template.replace("/*CONFIG*/{}/*END*/", json.dumps(config))
        return Response(script, media_type="application/javascript")

    async def panel(self, _: Request) -> Response:
        page = ASSETS / "widget" / "panel.html"
        return FileResponse(page, headers={"Content-Security-Policy": PANEL_POLICY})

    async def asset(self, request: Request) -> Response:
        path = ASSETS / request.url.path.lstrip("/")
        if not path.is_file():
            return Response(status_code=404)
        if path.suffix not in {".js", ".css"}:
            return FileResponse(path)
        kind = "text/javascript" if path.suffix == ".js" else "text/css"
        return Response(lean(path.read_text("utf-8")), media_type=kind)

    async def customer_page(self, request: Request) -> Response:
        """A customer's page; `kind` picks a strict policy, hostile styles or a second copy of the snippet."""
        kind = request.path_params["kind"]
        snippet = f'<script async src="{self.origin}/api/widget?t={TENANT}"></script>'
        styles = '<link rel="stylesheet" href="/hostile.css">' if kind == "hostile" else ""
        page = (
            f'<!doctype html><html lang="en"><head><meta name="viewport" content="width=device-width">'
            f"<title>Fernway</title>{styles}</head><body><main><h1>Fernway</h1><p>Jackets and tents.</p>"
            f'<a href="#cart">Cart</a></main>{snippet * (2 if kind == "twice" else 1)}</body></html>'
        )
        policy = (
            f"default-src 'none'; script-src {self.origin}; frame-src {self.origin}; "
            "require-trusted-types-for 'script'; trusted-types 'none'"
        )
        headers = {"Content-Security-Policy": policy} if kind == "strict" else {}
        return Response(page, media_type="text/html", headers=headers)

    async def hostile_styles(self, _: Request) -> Response:
        rules = "* { display: none; font-size: 60px } html, body { display: block } "
        shout = "body > * { transform: scale(9) !important; opacity: 0 !important }"
        return Response(rules + shout, media_type="text/css")

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/api/widget", self.loader),
                Route("/api/widget/config", self.configuration),
                Route("/api/widget/session", self.session, methods=["POST"]),
                Route("/api/widget/conversation", self.conversation),
                Route("/api/chat", self.chat, methods=["POST"]),
                Route("/api/widget/events", self.events),
                Route("/api/widget/typing", self.typing, methods=["POST"]),
                Route("/api/widget/contact", self.contact, methods=["POST"]),
                Route("/api/widget/feedback", self.feedback, methods=["POST"]),
                Route("/api/escalate", self.escalate, methods=["POST"]),
                Route("/widget/panel", self.panel),
                Route("/widget/{name}", self.asset),
                Route("/fonts/{name}", self.asset),
                Route("/shop/{kind}", self.customer_page),
                Route("/hostile.css", self.hostile_styles),
            ]
        )


@contextmanager
def serve_widget_backend() -> Iterator[WidgetBackend]:
    """Serves a fresh twin on a free loopback port for as long as the context lasts."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        backend = WidgetBackend(origin=f"http://127.0.0.1:{listener.getsockname()[1]}")
        options = uvicorn.Config(backend.app(), log_level="error", lifespan="off", ws="none")
        server = uvicorn.Server(options)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield backend
        finally:
            backend.flow.set()
            backend.hang_up()
            server.should_exit = True
            thread.join(timeout=10)
