"""What members answer reaches a visitor who has left by mail, if they gave an address."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import takewhile
from urllib.parse import urlsplit
from uuid import UUID

import structlog
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.workspaces import load_workspace
from helpninja_app.conversations.mail_failures import NOT_SET_UP, one_line, show_mail_failure
from helpninja_app.conversations.models import Conversation, Message, Sender
from helpninja_app.conversations.reply_addresses import Party, open_reply_address
from helpninja_app.conversations.threads import lock_conversation
from helpninja_app.errors import MailRefused, NotFound, RateLimited, Unavailable
from helpninja_app.kernel.columns import now
from helpninja_app.kernel.database import Database, enter_scope
from helpninja_app.kernel.mail import Mail, Mailer
from helpninja_app.kernel.queue import Queue
from helpninja_app.kernel.rate_limits import Burst, RateLimiter
from helpninja_app.kernel.scope import Scope

log = structlog.get_logger(__name__)

VISITOR_TASK = "send_visitor_mail"
SENT_AFTER = timedelta(seconds=60)
"""So long an open panel has to show it: what was seen there is not mailed."""
PER_RECIPIENT = Burst(10, 3600)
PER_WORKSPACE = Burst(200, 3600)

_MOST = 50


@dataclass(frozen=True, slots=True)
class _Letter:
    """A mail and the ``last`` message in it; ``is_more`` where others have to wait for the next one, of which
    some may be ``are_young``."""

    mail: Mail
    last: UUID
    is_more: bool
    are_young: bool


async def queue_visitor_mail(session: AsyncSession, queue: Queue, conversation: Conversation) -> None:
    """Have what the visitor has not seen mailed in a minute; what is younger by then waits for another."""
    if conversation.visitor_email:
        await _queue(session, queue, conversation.workspace_id, conversation.id)


async def mail_visitor(
    database: Database,
    queue: Queue,
    mailer: Mailer,
    limiter: RateLimiter,
    workspace_id: UUID,
    conversation_id: UUID,
    *,
    signing_key: str,
    inbox: str,
    is_last: bool = False,
) -> None:
    """Send what was not seen, and note that it was sent; ``Unavailable`` when it could not be.

    When it ends between the two it is sent once more, under the same Message-ID. A refusal for good, what is
    above the limits, that no mail is set up here and that the last try failed is shown to members; it goes
    along when something else is mailed, perhaps to another address.
    """
    async with database.unit_of_work() as session:
        await enter_scope(session, Scope.members(workspace_id))
        letter = await _write(session, queue, workspace_id, conversation_id, signing_key, inbox)
    if letter is None:
        return
    why = await _send(mailer, limiter, workspace_id, letter.mail, is_last=is_last)
    if why:
        log.warning(
            "visitor_mail_not_sent", workspace_id=str(workspace_id), conversation_id=str(conversation_id)
        )
        async with database.unit_of_work(Scope.members(workspace_id)) as session:
            await show_mail_failure(
                session,
                workspace_id,
                conversation_id,
                letter.last,
                what="This reply",
                to=letter.mail.to,
                why=why,
            )
            if letter.are_young:
                await _queue(session, queue, workspace_id, conversation_id)
        return
    async with database.unit_of_work(Scope.members(workspace_id)) as session:
        await session.execute(
            update(Conversation)
            .where(col(Conversation.workspace_id) == workspace_id, col(Conversation.id) == conversation_id)
            .values(visitor_mailed_id=letter.last)
        )
        if letter.is_more:
            await _queue(session, queue, workspace_id, conversation_id)


async def _send(
    mailer: Mailer, limiter: RateLimiter, workspace_id: UUID, mail: Mail, *, is_last: bool
) -> str:
    """Why it was not sent and is not tried again; empty when it was."""
    if not mailer.is_real:
        return NOT_SET_UP
    try:
        # The address is what a visitor says is theirs: a workspace of strangers is no way to flood somebody.
        await limiter.hit("visitor-mail-recipient", mail.to.casefold(), PER_RECIPIENT)
        await limiter.hit("visitor-mail-workspace", str(workspace_id), PER_WORKSPACE)
        await mailer.send(mail)
    except RateLimited:
        return TOO_MANY
    except Unavailable as failed:
        if is_last or isinstance(failed, MailRefused):
            return failed.detail
        raise
    return ""


async def _queue(session: AsyncSession, queue: Queue, workspace_id: UUID, conversation_id: UUID) -> None:
    await queue.enqueue(
        session,
        VISITOR_TASK,
        once=f"{VISITOR_TASK}:{conversation_id}",
        after=SENT_AFTER,
        workspace_id=str(workspace_id),
        conversation_id=str(conversation_id),
    )


async def _write(
    session: AsyncSession,
    queue: Queue,
    workspace_id: UUID,
    conversation_id: UUID,
    signing_key: str,
    inbox: str,
) -> _Letter | None:
    try:
        workspace = await load_workspace(session, workspace_id)
        # Locked: what is being written there is either found here, or queues another mail.
        conversation = await lock_conversation(session, workspace_id, conversation_id)
    except NotFound:
        return None
    if not conversation.visitor_email:
        return None
    waiting = await _unseen(session, conversation)
    shown_long_enough = now() - SENT_AFTER
    ripe = list(takewhile(lambda each: each.created_at <= shown_long_enough, waiting))
    unseen, are_young = ripe[:_MOST], len(ripe) < len(waiting)
    if not unseen:
        if are_young:
            await queue_visitor_mail(session, queue, conversation)
        return None
    reply_to = await open_reply_address(
        session, signing_key, inbox, workspace_id, conversation_id, Party.VISITOR
    )
    question = await _first_question(session, conversation)
    name = " ".join(workspace.name.split())[:200]
    said = "\n\n".join(f"{message.author_name}: {message.text}" for message in unseen)
    host = f"@{reply_to.rpartition('@')[2] or 'helpninja'}>"
    mail = Mail(
        to=conversation.visitor_email,
        subject=f"Re: {one_line(question, 80)}",
        text=_TEXT.format(
            said=said,
            name=name,
            question=_quoted(question),
            then=_THEN_MAIL if reply_to else _then_site(conversation.page_url),
        ),
        message_id=f"<{unseen[-1].id}{host}",
        references=(f"<{conversation.id}{host}",),
        reply_to=reply_to,
        sender_name=name,
    )
    return _Letter(mail, unseen[-1].id, len(unseen) < len(waiting), are_young)


async def _unseen(session: AsyncSession, conversation: Conversation) -> list[Message]:
    """Members' messages after what was shown, what was mailed, and what the visitor wrote last."""
    of_it = (
        col(Message.workspace_id) == conversation.workspace_id,
        col(Message.conversation_id) == conversation.id,
    )
    wrote = await session.execute(
        select(col(Message.id))
        .where(*of_it, col(Message.role) == Sender.VISITOR.value)
        .order_by(col(Message.id).desc())
        .limit(1)
    )
    known = (wrote.scalar_one_or_none(), conversation.visitor_seen_id, conversation.visitor_mailed_id)
    found = await session.execute(
        select(Message)
        .where(
            *of_it,
            col(Message.role) == Sender.MEMBER.value,
            *(col(Message.id) > each for each in known if each is not None),
        )
        .order_by(col(Message.id))
    )
    return list(found.scalars())


async def _first_question(session: AsyncSession, conversation: Conversation) -> str:
    found = await session.execute(
        select(col(Message.text))
        .where(
            col(Message.workspace_id) == conversation.workspace_id,
            col(Message.conversation_id) == conversation.id,
            col(Message.role) == Sender.VISITOR.value,
        )
        .order_by(col(Message.id))
        .limit(1)
    )
    return found.scalar_one_or_none() or "your question"


def _quoted(question: str) -> str:
    return "\n".join(f"> {line}" for line in question[:1000].splitlines())


def _then_site(page_url: str) -> str:
    try:
        parts = urlsplit(page_url)
    except ValueError:
        return _THEN_WEBSITE
    if parts.scheme in {"http", "https"} and parts.hostname:
        return f"To go on, open the chat again: {parts.scheme}://{parts.netloc}{parts.path}"
    return _THEN_WEBSITE


TOO_MANY = "too many mails went out within the hour. It goes along with the next mail."
_THEN_WEBSITE = "To go on, open the chat on our website again."
_THEN_MAIL = "To go on, answer this mail."
_TEXT = """\
{said}

{then}

--
{name}

You asked:
{question}
"""
