"""What a visitor and the bot or the members said to each other, as a file: Markdown, plain text or JSON.

Only what the visitor sees is in it; members' notes are where they are asked for. What somebody wrote stands
indented or fenced in the files for people, so that no message can pass for another's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.callers import StaffCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.conversations.models import Conversation, ConversationNote, Message, Sender
from helpninja_app.errors import NotFound

Format = Literal["md", "json", "txt"]

MOST_MESSAGES = 2_000
_NAMES = {Sender.VISITOR: "Visitor", Sender.BOT: "Assistant", Sender.MEMBER: "Support"}


@dataclass(frozen=True, slots=True)
class Line:
    """A message, or a note of members; ``sources`` are titles with addresses, ``""`` for none."""

    role: Literal["visitor", "bot", "member", "system", "note"]
    author: str
    text: str
    sources: tuple[tuple[str, str], ...]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Transcript:
    """Oldest first. ``is_cut`` when it begins after the first message: it has the last 2,000."""

    conversation_id: UUID
    workspace_name: str
    status: str
    page_url: str
    created_at: datetime
    lines: tuple[Line, ...]
    is_cut: bool


async def read_transcript(
    session: AsyncSession, caller: StaffCaller, conversation_id: UUID, *, has_notes: bool = False
) -> Transcript:
    """A conversation for its members to keep, the notes among its messages only when ``has_notes``."""
    require(caller, Permission.READ_CONVERSATIONS)
    conversation = await session.get(Conversation, (caller.workspace.id, conversation_id))
    if conversation is None:
        raise NotFound("There is no such conversation.")
    notes = await _notes(session, conversation) if has_notes else ()
    return await said_in(session, conversation, caller.workspace.name, also=notes)


async def said_in(
    session: AsyncSession, conversation: Conversation, workspace_name: str, *, also: tuple[Line, ...] = ()
) -> Transcript:
    """What the visitor sees of a conversation that the caller has found, and ``also`` other lines."""
    found = await session.execute(
        select(Message)
        .where(
            col(Message.workspace_id) == conversation.workspace_id,
            col(Message.conversation_id) == conversation.id,
        )
        .order_by(col(Message.id).desc())
        .limit(MOST_MESSAGES + 1)
    )
    rows = found.scalars().all()
    lines = [_line(row) for row in reversed(rows[:MOST_MESSAGES])]
    return Transcript(
        conversation.id,
        workspace_name,
        conversation.status,
        conversation.page_url,
        conversation.created_at,
        tuple(sorted([*lines, *also], key=lambda line: line.created_at) if also else lines),
        is_cut=len(rows) > MOST_MESSAGES,
    )


def write_transcript(transcript: Transcript, form: Format) -> str:
    """The file; times are in UTC."""
    if form == "json":
        return _json(transcript)
    return _markdown(transcript) if form == "md" else plain_text(transcript)


def plain_text(transcript: Transcript) -> str:
    parts = [f"Conversation with {_one_line(transcript.workspace_name)}", _begin(transcript)]
    for line in transcript.lines:
        parts.append(f"{_heading(line)}\n{_indented(line.text, '  ')}")
        parts += ["\n".join(f"  Source: {_source(each)}" for each in line.sources)] if line.sources else []
    return "\n\n".join(parts) + "\n"


def _markdown(transcript: Transcript) -> str:
    parts = [f"# Conversation with {_one_line(transcript.workspace_name)}", _begin(transcript)]
    for line in transcript.lines:
        # A quotation holds whatever headings or rules are in it.
        parts.append(f"## {_heading(line)}\n\n{_indented(line.text, '> ')}")
        parts += ["\n".join(f"- {_source(each)}" for each in line.sources)] if line.sources else []
    return "\n\n".join(parts) + "\n"


def _json(transcript: Transcript) -> str:
    return json.dumps(
        {
            "conversationId": str(transcript.conversation_id),
            "workspace": transcript.workspace_name,
            "status": transcript.status,
            "pageUrl": transcript.page_url,
            "createdAt": transcript.created_at.isoformat(),
            "hasEarlier": transcript.is_cut,
            "messages": [
                {
                    "role": line.role,
                    "author": line.author,
                    "text": line.text,
                    "sources": [{"title": title, "url": url} for title, url in line.sources],
                    "createdAt": line.created_at.isoformat(),
                }
                for line in transcript.lines
            ],
        },
        ensure_ascii=False,
        indent=2,
    )


async def _notes(session: AsyncSession, conversation: Conversation) -> tuple[Line, ...]:
    found = await session.execute(
        select(ConversationNote)
        .where(
            col(ConversationNote.workspace_id) == conversation.workspace_id,
            col(ConversationNote.conversation_id) == conversation.id,
        )
        .order_by(col(ConversationNote.id).desc())
        .limit(MOST_MESSAGES)
    )
    return tuple(Line("note", row.author_name, row.text, (), row.created_at) for row in found.scalars())


def _line(message: Message) -> Line:
    role = Sender(message.role)
    sources = tuple(_titled(item) for item in message.citations)
    author = message.author_name or _NAMES.get(role, "")
    return Line(role.value, author, message.text, sources, message.created_at)


def _titled(citation: dict[str, Any]) -> tuple[str, str]:
    return str(citation.get("title") or ""), str(citation.get("url") or "")


def _begin(transcript: Transcript) -> str:
    page = f"\nPage: {_one_line(transcript.page_url)}" if transcript.page_url else ""
    cut = f"\nOnly the last {MOST_MESSAGES:,} messages are here." if transcript.is_cut else ""
    return f"Begun {transcript.created_at:%Y-%m-%d %H:%M} UTC{page}{cut}"


def _heading(line: Line) -> str:
    kind = " (note, not for the visitor)" if line.role == "note" else ""
    return f"{_one_line(line.author) or 'Notice'}{kind}, {line.created_at:%Y-%m-%d %H:%M} UTC"


def _source(source: tuple[str, str]) -> str:
    title, url = _one_line(source[0]), _one_line(source[1])
    return f"{title}: {url}" if title and url else title or url


def _indented(text: str, before: str) -> str:
    return "\n".join(f"{before}{line}".rstrip() for line in text.splitlines() or [""])


def _one_line(text: str) -> str:
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
