"""The twin's people: live connection, hand-off, contact and ratings of its conversations, with faults."""

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

NEW_STATE = {"status": "bot", "contactRequested": False, "csatRequested": False, "next": None}


@dataclass(kw_only=True)
class People:
    """What the team does in the twin's conversations, and what visitors said of it.

    ``is_old`` is a backend of before the hand-off: no such fields, no such routes. ``troubles`` holds, by
    path, the statuses with which the next requests fail. With ``tells_first`` whoever listens hears of an
    escalation before the request for it is answered. ``following`` is what happens next once a person
    is asked. ``away`` holds, by path, of each request whether it says that nobody looks at the panel.
    """

    conversations: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    states: dict[str, dict[str, Any]] = field(default_factory=lambda: defaultdict(lambda: dict(NEW_STATE)))
    ratings: dict[str, str | None] = field(default_factory=dict)
    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    troubles: dict[str, deque[int]] = field(default_factory=lambda: defaultdict(deque))
    expired: set[str] = field(default_factory=set)
    listened: list[str | None] = field(default_factory=list)
    away: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))
    listening: int = 0
    most_listening: int = 0
    is_old: bool = False
    escalates_at_thumbs_down: bool = False
    tells_first: bool = False
    following: dict[str, Any] = field(
        default_factory=lambda: {"kind": "soon", "opensAt": None, "closesAt": None}
    )
    generation: int = 0
    earlier: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    typed_at: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    number: int = 0

    def store(self, session: str, role: str, text: str, **more: Any) -> dict[str, Any]:
        """Adds a message, which whoever listens then hears."""
        self.number += 1
        message = {"id": f"m{self.number:04}", "role": role, "text": text, "html": "", "author": "", **more}
        if not self.is_old:
            message["handledBy"] = "human" if role == "member" else "bot"
            message["authorName"] = message["author"]
        self.conversations.setdefault(session, []).append(message)
        return message

    def reply(self, session: str, text: str, author: str = "Anna") -> None:
        self.store(session, "member", text, author=author)

    def begin_anew(self, session: str) -> None:
        """What is written from now on stands in another conversation, as after some days."""
        self.earlier[session] += 1
        self.conversations[session], self.states[session] = [], dict(NEW_STATE)

    def conversation_id(self, session: str) -> str:
        return f"c-{session}{f'-{self.earlier[session]}' if self.earlier[session] else ''}"

    def change(self, session: str, **state: Any) -> None:
        self.states[session].update(state)

    def wake_up(self, session: str) -> None:
        """A settled conversation in which the visitor writes has the bot again."""
        if self.states[session]["status"] == "resolved":
            self.change(session, status="bot", csatRequested=False)

    def type(self, session: str) -> None:
        self.typed_at[session] += 1

    def hang_up(self) -> None:
        """Ends every open connection, as a server that restarts does."""
        self.generation += 1

    def state(self, state: dict[str, Any]) -> dict[str, Any]:
        return {"status": state["status"]} if self.is_old else dict(state)

    def state_of_turn(self, session: str) -> dict[str, Any]:
        """As far as an answer says it."""
        state = self.state(self.states[session])
        state.pop("csatRequested", None)
        return state

    def only_session(self) -> str:
        (session,) = self.conversations
        return session

    async def events(self, request: Request) -> Response:
        after = request.query_params.get("after")
        session, refusal = await self._admit(request, is_counted=False)
        if refusal is not None:
            return refusal
        if session not in self.conversations:
            return problem(404)
        last = after if after is not None else self.conversations[session][-1]["id"]
        # As it stands now: the stream begins later, and what happens until then is heard all the same.
        heard = self._watch(request, session, last, self.typed_at[session], self.generation)
        # Told last: a test that sees it may go on.
        self.listened.append(after)
        self.note_away(request)
        return StreamingResponse(heard, media_type="text/event-stream")

    async def _watch(
        self, request: Request, session: str, last: str, typed: int, generation: int
    ) -> AsyncIterator[str]:
        known, messages, states = None, self.conversations[session], self.states[session]
        self.listening += 1
        self.most_listening = max(self.most_listening, self.listening)
        try:
            # In this order: what was hung up while that was awaited says nothing more.
            while not await request.is_disconnected() and generation == self.generation:
                if known != self.state(states):
                    known = self.state(states)
                    yield event("status", known)
                for message in list(messages):
                    if message["id"] > last:
                        last = message["id"]
                        yield f"id: {last}\r\n" + event("message", message)
                if typed != self.typed_at[session]:
                    typed = self.typed_at[session]
                    yield event("typing", {})
                await asyncio.sleep(0.02)
        finally:
            self.listening -= 1

    def note_away(self, request: Request) -> None:
        self.away[request.url.path].append(request.query_params.get("away") == "1")

    async def typing(self, request: Request) -> Response:
        _, refusal = await self._admit(request)
        return refusal or JSONResponse({"ok": True})

    async def contact(self, request: Request) -> Response:
        session, refusal = await self._admit(request)
        if refusal is not None:
            return refusal
        body = await request.json()
        self.states[session]["contactRequested"] = False
        return JSONResponse({"ok": True, "contact": "declined" if body.get("declined") else "given"})

    async def feedback(self, request: Request) -> Response:
        session, refusal = await self._admit(request)
        if refusal is not None:
            return refusal
        body = await request.json()
        if "csat" in body:
            self.states[session]["csatRequested"] = False
        else:
            self.ratings[body["messageId"]] = body["rating"]
        escalated = self.escalates_at_thumbs_down and body.get("rating") == "down"
        if escalated:
            self.change(session, status="waiting", next=self.following)
        return JSONResponse({"ok": True, "escalated": escalated})

    async def escalate(self, request: Request) -> Response:
        session, refusal = await self._admit(request)
        if refusal is not None:
            return refusal
        body = await request.json()
        if body["conversationId"] != self.conversation_id(session) or body["sessionId"] != session:
            return problem(404)
        if self.states[session]["status"] == "human":
            return problem(409)
        self.change(session, status="waiting", next=self.following)
        if self.tells_first:
            await asyncio.sleep(0.3)
        return JSONResponse({"ok": False, "error": "There is no destination."})

    async def _admit(self, request: Request, *, is_counted: bool = True) -> tuple[str, Response | None]:
        """The caller's session, and the refusal where there is one; what was said is kept."""
        path = request.url.path
        if is_counted:
            self.told.append((path, await request.json()))
            # Long enough for a second click to meet the first one's request.
            await asyncio.sleep(0.1)
        if self.troubles[path]:
            return "", problem(self.troubles[path].popleft())
        if self.is_old and path not in {"/api/widget/events", "/api/widget/typing"}:
            return "", problem(404)
        session = self.caller(request)
        return (session, None) if session else ("", problem(401))

    def told_of(self, path: str) -> list[dict[str, Any]]:
        return [body for at, body in self.told if at == path]

    def caller(self, request: Request) -> str | None:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return None if not token or token in self.expired else self.owner(token)

    @staticmethod
    def owner(token: str) -> str:
        return token.rpartition(".")[0]


def event(name: str, payload: dict[str, Any]) -> str:
    return f"event: {name}\r\ndata: {json.dumps(payload)}\r\n\r\n"


def problem(status: int, retry_after: int | None = None, **more: Any) -> Response:
    headers = {"Retry-After": str(retry_after)} if retry_after else {}
    body = {"type": "about:blank", "title": "Problem", "status": status, "detail": "Scripted."}
    return JSONResponse(body | more, status, headers, media_type="application/problem+json")
