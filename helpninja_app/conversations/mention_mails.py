"""Mails to members who were mentioned in a note and have not read it a minute later."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.members import list_members
from helpninja_app.accounts.workspaces import load_workspace
from helpninja_app.conversations.models import Conversation, ConversationNote, MentionNotice
from helpninja_app.errors import NotFound, RateLimited
from helpninja_app.kernel.database import Database, enter_scope
from helpninja_app.kernel.mail import Mail, Mailer
from helpninja_app.kernel.queue import Queue
from helpninja_app.kernel.rate_limits import Burst, RateLimiter
from helpninja_app.kernel.scope import Scope

log = structlog.get_logger(__name__)

MENTION_TASK = "send_mention_mail"
# Who has the inbox open reads it there.
AFTER = timedelta(minutes=1)
PER_RECIPIENT = Burst(20, 3600)
PER_WORKSPACE = Burst(200, 3600)
_MOST_TEXT = 2_000

_TEXT = """Hello,

{author} mentioned you in a note on the conversation with {visitor}, in {workspace}:

{note}

{link}

You get this because you had not read it a minute later. Nobody outside of the team sees notes.
"""


async def request_mention_mail(session: AsyncSession, queue: Queue, notice: MentionNotice) -> None:
    """Have the member mailed, once the transaction commits, if they do not read the notice before.

    What mentions them in the same conversation until then is in the same mail.
    """
    await queue.enqueue(
        session,
        MENTION_TASK,
        once=f"mention:{notice.user_id}:{notice.conversation_id}",
        after=AFTER,
        workspace_id=str(notice.workspace_id),
        user_id=str(notice.user_id),
        conversation_id=str(notice.conversation_id),
    )


async def mail_mention(
    database: Database,
    mailer: Mailer,
    limiter: RateLimiter,
    workspace_id: UUID,
    user_id: UUID,
    conversation_id: UUID,
    *,
    origin: str,
) -> None:
    """Send what there is to say; what is above the limits stands in the inbox alone."""
    async with database.unit_of_work() as session:
        mail = await write_mention_mail(session, workspace_id, user_id, conversation_id, origin=origin)
    if mail is None:
        return
    try:
        # Whoever may write notes is no way to flood somebody.
        await limiter.hit("mention-mail-recipient", mail.to.casefold(), PER_RECIPIENT)
        await limiter.hit("mention-mail-workspace", str(workspace_id), PER_WORKSPACE)
    except RateLimited:
        log.warning("mention_mail_not_sent", workspace_id=str(workspace_id), user_id=str(user_id))
        return
    await mailer.send(mail)


async def write_mention_mail(
    session: AsyncSession, workspace_id: UUID, user_id: UUID, conversation_id: UUID, *, origin: str
) -> Mail | None:
    """What mentioned them last in a conversation; ``None`` when all was read, they or the workspace are gone,
    or nobody knows that the address is theirs."""
    await enter_scope(session, Scope.members(workspace_id, user_id))
    try:
        workspace = await load_workspace(session, workspace_id)
    except NotFound:
        return None
    members = await list_members(session, workspace_id)
    member = next((each for each in members if each.user_id == user_id), None)
    found = await session.execute(
        select(MentionNotice, ConversationNote, Conversation)
        .join(
            ConversationNote,
            (col(ConversationNote.workspace_id) == col(MentionNotice.workspace_id))
            & (col(ConversationNote.id) == col(MentionNotice.note_id)),
        )
        .join(
            Conversation,
            (col(Conversation.workspace_id) == col(MentionNotice.workspace_id))
            & (col(Conversation.id) == col(MentionNotice.conversation_id)),
        )
        .where(
            col(MentionNotice.workspace_id) == workspace_id,
            col(MentionNotice.user_id) == user_id,
            col(MentionNotice.conversation_id) == conversation_id,
            col(MentionNotice.read_at).is_(None),
        )
        .order_by(col(MentionNotice.id).desc())
        .limit(1)
    )
    row = found.one_or_none()
    if row is None or member is None or member.is_suspended or not member.is_verified:
        return None
    notice, note, conversation = row.tuple()
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


def _in_a_line(name: str) -> str:
    return " ".join(name.split())[:200]
