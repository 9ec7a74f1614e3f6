"""Conversations as a shop has them before the pictures of its inbox: who asked what, and who helped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg

from bench.screenshot_scenes import CONVERSATIONS, QUESTION
from helpninja_app.demo.workspace import PUBLIC_KEY
from helpninja_app.kernel.embedded_postgres import EmbeddedPostgres
from tests.e2e.demo_server import DemoServer
from tests.e2e.test_accounts import PASSWORD

COLLEAGUE, COLLEAGUE_AT = "Jonas Weber", "jonas.weber@fernway.example"
CANNED = {
    "Greeting": "Hello {{visitor.name|there}}, I am {{member.name}} of {{workspace.name}}. How can I help?",
    "Return label": "Here is your return label. Unworn items come back within 60 days, at our cost.",
    "Refund on its way": "Your refund is on its way and is with you within five working days.",
    "Out of stock": "It is out of stock until spring. Shall I tell you when it is back?",
}
_SHOP = "https://fernway.example"
_BROWSER = {"language": "en-GB", "timeZone": "Europe/London"}


@dataclass(frozen=True)
class Talk:
    """A visitor, what they asked ``minutes`` ago on a page of the shop, and what a colleague answered."""

    session: str
    name: str
    page: str
    minutes: int
    questions: tuple[str, ...]
    tags: tuple[str, ...] = ()
    note: str = ""
    reply: str = ""
    thanks: str = ""

    @property
    def email(self) -> str:
        return f"{self.name.lower().replace(' ', '.').replace('é', 'e')}@example.com"


TALKS = (
    Talk(
        "picture-lena",
        "Lena Okafor",
        "/care",
        190,
        ("How do I wash a down jacket?",),
        thanks="That was quick, thank you. It is fluffy again.",
    ),
    Talk(
        "picture-priya",
        "Priya Nair",
        "/tents/fell-2",
        31,
        ("Can I speak to a person? The zip on my tent broke after three months.",),
        ("tents", "warranty"),
        reply="That should not happen. Please send a photo of the zip, and a new tent leaves today.",
    ),
    Talk(
        "picture-amelie",
        "Amélie Roux",
        "/checkout",
        14,
        ("Can somebody call me? My card was charged twice.",),
        ("payment",),
    ),
    Talk(
        "picture-noor",
        "Noor Haddad",
        "/boots/ridge-mid",
        3,
        (
            QUESTION,
            "And can I still exchange the Ridge Mid boots after one hike? They rub my heel.",
            "Can I talk to a human please?",
        ),
        ("boots", "exchange"),
        note="@Demo owner, we allowed this twice last month for this model, see heel batch issue.",
    ),
)
# Each has a moment of its own; what happened in a conversation moves with it.
_MOMENTS = (
    ("conversations", "id", ("created_at", "last_message_at", "last_visitor_at", "waiting_since")),
    ("messages", "conversation_id", ("created_at",)),
    ("conversation_transitions", "conversation_id", ("created_at",)),
    ("conversation_notes", "conversation_id", ("created_at",)),
    ("escalations", "conversation_id", ("created_at",)),
)


@contextmanager
def rows_of(server: DemoServer) -> Iterator[psycopg.Connection[Any]]:
    """The database of a server, for what would take hours or days to come about."""
    with (
        EmbeddedPostgres(server.data / "postgres") as postgres,
        psycopg.connect(postgres.urls.superuser, autocommit=True) as connection,
    ):
        yield connection


@contextmanager
def signed_in(server: DemoServer, email: str, password: str) -> Iterator[httpx.Client]:
    """Somebody with an account, as their browser asks."""
    with httpx.Client(base_url=server.url, headers={"origin": server.url}, timeout=60) as client:
        entered = {"email": email, "password": password}
        client.post("/api/auth/sign-in", json=entered).raise_for_status()
        yield client


def wait_for_people(server: DemoServer) -> None:
    """Visitors who wait, one whom a colleague helps, and one who was helped and says so."""
    with signed_in(server, server.email, server.password) as owner:
        mine = _employ(server, owner)
        for name, text in CANNED.items():
            owner.post("/api/canned-replies", json={"name": name, "text": text}).raise_for_status()
    with signed_in(server, COLLEAGUE_AT, PASSWORD) as colleague, rows_of(server) as rows:
        for talk in TALKS:
            _hold(server, colleague, talk, mine)
            _move(rows, talk.session, talk.minutes)
        for number in range(len(CONVERSATIONS)):
            _move(rows, f"picture-{number:03}", 47 * (number + 1))


def _employ(server: DemoServer, owner: httpx.Client) -> str:
    """A colleague; returns the id of the owner."""
    workspace = f"/api/workspaces/{PUBLIC_KEY}"
    made = owner.post(f"{workspace}/invites", json={"email": COLLEAGUE_AT, "role": "agent"})
    token = made.raise_for_status().json()["link"].rpartition("token=")[2]
    with httpx.Client(base_url=server.url, headers={"origin": server.url}, timeout=60) as invited:
        entered = {"email": COLLEAGUE_AT, "password": PASSWORD, "invite": token}
        invited.post("/api/auth/sign-up", json=entered).raise_for_status()
        invited.patch("/api/auth/me", json={"name": COLLEAGUE}).raise_for_status()
    members = owner.get(f"{workspace}/members").raise_for_status().json()["members"]
    return str(next(each["id"] for each in members if each["email"] == server.email))


def _hold(server: DemoServer, colleague: httpx.Client, talk: Talk, owner: str) -> None:
    begun = {"tenantId": PUBLIC_KEY, "sessionId": talk.session}
    with httpx.Client(base_url=server.url, headers={"origin": server.url}, timeout=30) as visitor:
        given = visitor.post("/api/widget/session", json=begun).raise_for_status().json()
        visitor.headers["authorization"] = f"Bearer {given['token']}"
        for question in talk.questions:
            said = {**begun, "message": question, "pageUrl": f"{_SHOP}{talk.page}", **_BROWSER}
            answer = visitor.post("/api/chat", json=said).raise_for_status().json()
        who = {"name": talk.name, "email": talk.email}
        visitor.post("/api/widget/contact", json=who).raise_for_status()
        address = f"/api/conversations/{answer['conversationId']}"
        colleague.put(f"{address}/tags", json={"tags": list(talk.tags)}).raise_for_status()
        if talk.note:
            note = {"text": talk.note, "mentions": [owner]}
            colleague.post(f"{address}/note", json=note).raise_for_status()
        if talk.reply:
            colleague.post(f"{address}/take-over").raise_for_status()
            colleague.post(f"{address}/reply", json={"text": talk.reply}).raise_for_status()
        if talk.thanks:
            colleague.post(f"{address}/resolve").raise_for_status()
            for told in (
                {"messageId": answer["messageId"], "rating": "up"},
                {"csat": 5, "comment": talk.thanks},
            ):
                visitor.post("/api/widget/feedback", json=told).raise_for_status()


def _move(rows: psycopg.Connection[Any], session: str, minutes: int) -> None:
    """All of a conversation, to so many minutes ago."""
    for table, column, moments in _MOMENTS:
        moved = ", ".join(f"{moment} = {moment} - make_interval(mins => %(minutes)s)" for moment in moments)
        rows.execute(
            f"update {table} set {moved} where {column} in"
            " (select id from conversations where session_id = %(session)s)",
            {"minutes": minutes, "session": session},
        )
