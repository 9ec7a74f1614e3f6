"""What people answer to our mails comes back into the conversation: as its visitor's words, or a member's."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from hashlib import sha256
from uuid import UUID, uuid5

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.callers import WorkspaceView
from helpninja_app.accounts.identity import identify_sender
from helpninja_app.accounts.permissions import Permission
from helpninja_app.accounts.workspaces import load_workspace
from helpninja_app.billing.plans import Plan, PlanOf
from helpninja_app.conversations.desk import reply, take_over
from helpninja_app.conversations.handoff import escalate, wake_up
from helpninja_app.conversations.models import (
    Conversation,
    ConversationNote,
    Message,
    Reason,
    Sender,
    Status,
)
from helpninja_app.conversations.notices import Change, announce
from helpninja_app.conversations.received_mail import MAX_TEXT, MailHead, ReceivedMail
from helpninja_app.conversations.reply_addresses import Party, read_reply_address, workspace_of_thread
from helpninja_app.conversations.rules.applying import judge_turn, tell_of
from helpninja_app.conversations.threads import add_message, lock_conversation
from helpninja_app.errors import Conflict, NotFound
from helpninja_app.kernel.columns import now
from helpninja_app.kernel.database import Database, enter_scope
from helpninja_app.kernel.queue import Queue
from helpninja_app.kernel.scope import Scope

EMAIL = "email"
"""The ``kind`` of a message that came by mail."""

MAX_AN_HOUR = 30
"""Mails that a conversation takes, from anybody: two programs that answer each other would never stop."""
# What is told of a mail beside it has an id made of the mail's.
_FILES, _SENDER = "attachments", "sender"


class Outcome(StrEnum):
    """What became of a mail."""

    STORED = "stored"
    REPEATED = "repeated"
    AUTOMATIC = "automatic"
    UNKNOWN = "unknown"
    EMPTY = "empty"
    TOO_MANY = "too_many"


def turn_away(signing_key: str, head: MailHead) -> Outcome | None:
    """What becomes of a mail that is for none of our conversations, or that nobody wrote: it is not read."""
    if read_reply_address(signing_key, head.recipients) is None:
        return Outcome.UNKNOWN
    return Outcome.AUTOMATIC if head.is_automatic else None


async def take_in(
    database: Database, queue: Queue, plan_of: PlanOf, signing_key: str, mail: ReceivedMail
) -> Outcome:
    """Store a mail once, however often it is delivered.

    Which conversation, and who answers, says the signed address that it went to. A visitor's words are for
    people: where none is there, one is asked, and the rules say where. A member's take the conversation over.
    """
    found = read_reply_address(signing_key, mail.recipients)
    turned_away = turn_away(signing_key, mail)
    if found is None or turned_away is not None:
        return turned_away or Outcome.UNKNOWN
    conversation_id, party = found
    async with database.unit_of_work() as session:
        workspace_id = await workspace_of_thread(session, conversation_id)
        if workspace_id is None:
            return Outcome.UNKNOWN
        await enter_scope(session, Scope.members(workspace_id))
        try:
            workspace = await load_workspace(session, workspace_id)
            conversation = await lock_conversation(session, workspace_id, conversation_id)
        except NotFound:
            return Outcome.UNKNOWN
        client_id = _id_of(mail, conversation_id)
        if await _is_stored(session, conversation, client_id):
            return Outcome.REPEATED
        if not mail.text and not mail.attachments:
            return Outcome.EMPTY
        if await _came_lately(session, conversation) >= MAX_AN_HOUR:
            return Outcome.TOO_MANY
        if mail.attachments:
            await _tell_members(
                session, conversation, mail, uuid5(client_id, _FILES), _not_taken(mail.attachments)
            )
        if party is Party.TEAM:
            await _store_of_team(session, queue, workspace, conversation, mail, client_id)
            return Outcome.STORED
        await _store_of_visitor(session, workspace, plan_of(workspace), conversation, mail, client_id)
        return Outcome.STORED


async def _store_of_visitor(
    session: AsyncSession,
    workspace: WorkspaceView,
    plan: Plan,
    conversation: Conversation,
    mail: ReceivedMail,
    client_id: UUID,
) -> None:
    if mail.sender != conversation.visitor_email.casefold():
        # A mail can be passed on: who answers it may be somebody else, or the same person elsewhere.
        text = f"The next message came from {mail.sender}, not from the address the visitor left."
        await _tell_members(session, conversation, mail, uuid5(client_id, _SENDER), text)
    await wake_up(session, conversation)
    question = await add_message(
        session,
        Message(
            workspace_id=conversation.workspace_id,
            conversation_id=conversation.id,
            role=Sender.VISITOR.value,
            kind=EMAIL,
            text=mail.text or "(only attachments)",
            client_id=client_id,
        ),
    )
    if Status(conversation.status) is Status.BOT:
        decision = await judge_turn(session, workspace, conversation, plan, question)
        await escalate(
            session,
            conversation,
            Reason.VISITOR_REQUEST,
            topic=mail.text,
            destinations=decision.destinations,
            workspace=workspace,
        )
        for rule in decision.notices:
            await tell_of(session, conversation, rule, mail.text)


async def _store_of_team(
    session: AsyncSession,
    queue: Queue,
    workspace: WorkspaceView,
    conversation: Conversation,
    mail: ReceivedMail,
    client_id: UUID,
) -> None:
    """As a reply where its sender may give one, else as a note: nothing that was written is lost."""
    caller = await identify_sender(session, workspace, mail.sender)
    if caller is None or Permission.ANSWER_CONVERSATIONS not in caller.permissions:
        why = "This came by mail from somebody who is no member who may answer; the visitor did not get it."
    elif not mail.text:
        return
    elif mail.is_doubted:
        why = (
            "This came by mail, and the server that received it says that it may be from somebody else;"
            " the visitor did not get it."
        )
    else:
        try:
            await take_over(session, caller, conversation.id)
            await reply(session, queue, caller, conversation.id, mail.text, client_id=client_id)
            return
        except Conflict as conflict:
            why = f"This came by mail; the visitor did not get it. {conflict.detail}"
    await _tell_members(session, conversation, mail, client_id, f"{why}\n\n{mail.text}".strip())


async def _tell_members(
    session: AsyncSession, conversation: Conversation, mail: ReceivedMail, client_id: UUID, text: str
) -> None:
    """Once, however often it is delivered: what was only told of leaves nothing else to know it by."""
    told = await session.execute(
        insert(ConversationNote)
        .values(
            workspace_id=conversation.workspace_id,
            conversation_id=conversation.id,
            author_name=(mail.sender_name or mail.sender)[:200],
            text=text[:MAX_TEXT],
            client_id=client_id,
        )
        .on_conflict_do_nothing()
        .returning(col(ConversationNote.id))
    )
    if told.first() is not None:
        await announce(session, conversation.workspace_id, conversation.id, Change.DETAILS)


async def _is_stored(session: AsyncSession, conversation: Conversation, client_id: UUID) -> bool:
    for table in (Message, ConversationNote):
        found = await session.execute(
            select(col(table.id)).where(
                col(table.workspace_id) == conversation.workspace_id,
                col(table.conversation_id) == conversation.id,
                col(table.client_id) == client_id,
            )
        )
        if found.first() is not None:
            return True
    return False


async def _came_lately(session: AsyncSession, conversation: Conversation) -> int:
    """How many mails left something here within the hour, as messages or only as notes."""
    ids: set[UUID] = set()
    for table in (Message, ConversationNote):
        found = await session.execute(
            select(col(table.client_id)).where(
                col(table.workspace_id) == conversation.workspace_id,
                col(table.conversation_id) == conversation.id,
                col(table.created_at) > now() - timedelta(hours=1),
            )
        )
        # Those of mails are made of their names; the pages and the widget draw theirs by lot.
        ids.update(each for each in found.scalars() if each is not None and each.version == 5)
    return len(ids - {uuid5(each, what) for each in ids for what in (_FILES, _SENDER)})


def _id_of(mail: ReceivedMail, conversation_id: UUID) -> UUID:
    return uuid5(
        conversation_id, mail.message_id or sha256(f"{mail.sender}\n{mail.text}".encode()).hexdigest()
    )


def _not_taken(attachments: int) -> str:
    files = "A file that was" if attachments == 1 else f"{attachments} files that were"
    return f"{files} attached to the next mail did not come with it."
