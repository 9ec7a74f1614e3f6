"""Transcripts by mail: asked for by a member, and written when they are sent: no text waits in a queue."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.audit import Actor, record
from helpninja_app.accounts.callers import StaffCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.accounts.workspaces import load_workspace
from helpninja_app.conversations.mail_failures import NOT_SET_UP, show_mail_failure
from helpninja_app.conversations.models import Conversation, TranscriptMail
from helpninja_app.conversations.transcript import plain_text, said_in
from helpninja_app.errors import MailRefused, NotFound, Unavailable
from helpninja_app.kernel.columns import now
from helpninja_app.kernel.database import Database, enter_scope
from helpninja_app.kernel.mail import Mail, Mailer
from helpninja_app.kernel.queue import Queue
from helpninja_app.kernel.rate_limits import Burst, RateLimiter
from helpninja_app.kernel.scope import Scope

TASK = "send_transcript_mail"
PER_RECIPIENT = Burst(5, 3600)
PER_WORKSPACE = Burst(50, 3600)


async def request_transcript_mail(
    session: AsyncSession,
    queue: Queue,
    limiter: RateLimiter,
    caller: StaffCaller,
    conversation_id: UUID,
    email: str,
) -> UUID:
    """Have what the visitor sees of a conversation sent once the transaction is there.

    ``RateLimited`` when an address or a workspace had too many; a workspace of strangers is no way to flood
    somebody.
    """
    require(caller, Permission.ANSWER_CONVERSATIONS)
    if await session.get(Conversation, (caller.workspace.id, conversation_id)) is None:
        raise NotFound("There is no such conversation.")
    await limiter.hit("transcript-recipient", email, PER_RECIPIENT)
    await limiter.hit("transcript-workspace", str(caller.workspace.id), PER_WORKSPACE)
    wanted = TranscriptMail(workspace_id=caller.workspace.id, conversation_id=conversation_id, email=email)
    session.add(wanted)
    await session.flush()
    await record(session, Actor.of(caller), "conversation.transcript_mailed", str(conversation_id), to=email)
    await queue.enqueue(session, TASK, workspace_id=str(wanted.workspace_id), mail_id=str(wanted.id))
    return wanted.id


async def mail_transcript(
    database: Database, mailer: Mailer, workspace_id: UUID, mail_id: UUID, *, is_last: bool = False
) -> None:
    """Send it; ``Unavailable`` when it is to be tried again.

    Who was told that it is on its way is told in a note when it was refused for good or the last try failed.
    """
    async with database.unit_of_work() as session:
        mail = await write_transcript_mail(session, workspace_id, mail_id)
    if mail is None:
        return
    why = "" if mailer.is_real else NOT_SET_UP
    try:
        await mailer.send(mail)
    except Unavailable as failed:
        if not is_last and not isinstance(failed, MailRefused):
            raise
        why = failed.detail
    async with database.unit_of_work(Scope.members(workspace_id)) as session:
        if why:
            await _give_up(session, workspace_id, mail_id, why)
        else:
            await note_sent(session, workspace_id, mail_id)


async def _give_up(session: AsyncSession, workspace_id: UUID, mail_id: UUID, why: str) -> None:
    wanted = await session.get(TranscriptMail, (workspace_id, mail_id))
    if wanted is None:
        return
    await show_mail_failure(
        session,
        workspace_id,
        wanted.conversation_id,
        mail_id,
        what="The transcript",
        to=wanted.email,
        why=why,
    )
    await session.delete(wanted)


async def write_transcript_mail(session: AsyncSession, workspace_id: UUID, mail_id: UUID) -> Mail | None:
    """The mail; ``None`` when it was sent already, or its conversation or workspace is gone.

    Sent again after a crash it has the same id, by which mail programs show it once.
    """
    await enter_scope(session, Scope.members(workspace_id))
    wanted = await session.get(TranscriptMail, (workspace_id, mail_id))
    if wanted is None or wanted.sent_at is not None:
        return None
    try:
        workspace = await load_workspace(session, workspace_id)
    except NotFound:
        return None
    conversation = await session.get_one(Conversation, (workspace_id, wanted.conversation_id))
    await enter_scope(
        session, Scope.visitors(workspace_id, conversation.session_id, is_proven=conversation.is_signed)
    )
    return Mail(
        to=wanted.email,
        subject=f"Your conversation with {workspace.name}"[:200],
        text=plain_text(await said_in(session, conversation, workspace.name)),
        message_id=f"<{mail_id}@helpninja>",
        sender_name=workspace.name,
    )


async def note_sent(session: AsyncSession, workspace_id: UUID, mail_id: UUID) -> None:
    """Keep a job that runs twice from sending twice."""
    found = await session.execute(
        select(TranscriptMail).where(
            col(TranscriptMail.workspace_id) == workspace_id, col(TranscriptMail.id) == mail_id
        )
    )
    wanted = found.scalar_one_or_none()
    if wanted is not None:
        wanted.sent_at = now()
        await session.flush()
