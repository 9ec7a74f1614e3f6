"""Mails to members who were mentioned in a note and have not read it a minute later."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.members import list_members
from helpninja_app.accounts.workspaces import load_workspace
from helpninja_app.conversations.models import Conversation, ConversationNote, MentionNotice
from helpninja_app.errors import NotFound
from helpninja_app.kernel.database import enter_scope
from helpninja_app.kernel.mail import Mail
from helpninja_app.kernel.queue import Queue
from helpninja_app.kernel.scope import Scope

MENTION_TASK = "send_mention_mail"
# Who has the inbox open reads it there.
AFTER = timedelta(minutes=1)
_MOST_TEXT = 2_000

_TEXT = """Hello,

{author} mentioned you in a note on the conversation with {visitor}, in {workspace}:

{note}

{link}

You get this because you had not read it a minute later. Nobody outside of the team sees notes.
"""


async def request_mention_mail(session: AsyncSession, queue: Queue, notice: MentionNotice) -> None:
    """Have the member mailed, once the transaction commits, if they do not read the notice before."""
    await queue.enqueue(
        session,
        MENTION_TASK,
        after=AFTER,
        workspace_id=str(notice.workspace_id),
        user_id=str(notice.user_id),
        notice_id=str(notice.id),
    )


async def write_mention_mail(
    session: AsyncSession, workspace_id: UUID, user_id: UUID, notice_id: UUID, *, origin: str
) -> Mail | None:
    """The mail of one notice; ``None`` when it was read, when they or the workspace are gone, or when a later
    one of the same conversation is still to be mailed: several notes at once are one mail."""
    await enter_scope(session, Scope.members(workspace_id, user_id))
    try:
        workspace = await load_workspace(session, workspace_id)
    except NotFound:
        return None
    notice = await session.get(MentionNotice, (workspace_id, notice_id))
    if notice is None or notice.read_at is not None or await _is_followed(session, notice):
        return None
    member = next(
        (each for each in await list_members(session, workspace_id) if each.user_id == user_id), None
    )
    note = await session.get(ConversationNote, (workspace_id, notice.note_id))
    conversation = await session.get(Conversation, (workspace_id, notice.conversation_id))
    if member is None or member.is_suspended or note is None or conversation is None:
        return None
    author = _in_a_line(note.author_name) or "A member"
    link = f"{origin}/app/inbox?conversation={notice.conversation_id}"
    return Mail(
        to=member.email,
        subject=f"{author} mentioned you in {_in_a_line(workspace.name)}",
        text=_TEXT.format(
            author=author,
            visitor=_in_a_line(conversation.visitor_name or conversation.visitor_email or "") or "a visitor",
            workspace=_in_a_line(workspace.name),
            note=note.text if len(note.text) <= _MOST_TEXT else f"{note.text[:_MOST_TEXT]}…",
            link=link,
        ),
        link=link,
        # Sent twice by a crash in between, most readers show it once.
        message_id=f"<mention-{notice.id}@{urlsplit(origin).hostname}>",
    )


async def _is_followed(session: AsyncSession, notice: MentionNotice) -> bool:
    found = await session.execute(
        select(col(MentionNotice.id))
        .where(
            col(MentionNotice.workspace_id) == notice.workspace_id,
            col(MentionNotice.user_id) == notice.user_id,
            col(MentionNotice.conversation_id) == notice.conversation_id,
            col(MentionNotice.read_at).is_(None),
            col(MentionNotice.id) > notice.id,
        )
        .limit(1)
    )
    return found.scalar_one_or_none() is not None


def _in_a_line(name: str) -> str:
    return " ".join(name.split())[:200]
