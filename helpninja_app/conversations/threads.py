"""Conversations and their messages: finding or starting one, reading and adding messages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.callers import VisitorCaller
from helpninja_app.answers.standalone import Turn
from helpninja_app.conversations.models import Contact, Conversation, Message, Sender, Status
from helpninja_app.conversations.notices import Change, announce
from helpninja_app.conversations.outgoing_events import tell_message, tell_started
from helpninja_app.conversations.searching import note_words
from helpninja_app.conversations.waiting import after_message
from helpninja_app.conversations.whereabouts import NOT_KNOWN, Whereabouts
from helpninja_app.errors import NotFound
from helpninja_app.kernel.columns import now

# A visitor who comes back after a day starts anew, unless a person has the conversation or is asked to. What
# was said before is shown to them until they write.
CONTINUES_FOR = timedelta(hours=24)
CONTEXT_MESSAGES = 6
SHOWN_MESSAGES = 200

_LOCK_SESSION = text("select pg_advisory_xact_lock(hashtextextended(:workspace || :session, 0))")


@dataclass(frozen=True, slots=True)
class MessageView:
    id: UUID
    role: str
    text: str
    kind: str
    confidence: float | None
    citations: tuple[dict[str, Any], ...]
    author_name: str
    rating: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Thread:
    """A visitor's conversation as the widget shows it; ``conversation_id`` is ``None`` before the first.

    It ``may_hold_replies`` of members where a person has it, is asked for, or had it.
    """

    conversation_id: UUID | None
    status: str
    messages: tuple[MessageView, ...]
    contact_requested: bool = False
    csat_requested: bool = False
    may_hold_replies: bool = False


async def open_conversation(
    session: AsyncSession, caller: VisitorCaller, *, whereabouts: Whereabouts = NOT_KNOWN
) -> Conversation:
    """The visitor's conversation, locked; a new one after a day, or when the session is not proven.

    One that waits for a person or has one goes on however old it is. Without its token a session id may go
    on with a conversation that has never had one: a program that only knows the older API. That is for a
    day, or while a person has it, who alone answers then. Once a token was given out, the id alone starts
    anew and sees nothing earlier.
    """
    await session.execute(
        _LOCK_SESSION, {"workspace": str(caller.workspace.id), "session": caller.session_id}
    )
    found = (await session.execute(_under_way(caller).with_for_update())).scalar_one_or_none()
    if found is not None:
        whereabouts.note(found)
        return found
    made = Conversation(
        workspace_id=caller.workspace.id,
        session_id=caller.session_id,
        is_signed=caller.is_signed,
    )
    whereabouts.note(made)
    if caller.is_signed:
        await _recognise(session, made)
    session.add(made)
    await session.flush()
    await note_words(session, made.id, f"{made.visitor_name} {made.visitor_email}")
    await tell_started(session, made)
    return made


async def _recognise(session: AsyncSession, conversation: Conversation) -> None:
    """Take over who the visitor is if they said so when they were asked last; only in a proven session."""
    found = await session.execute(
        select(Conversation)
        .where(
            col(Conversation.workspace_id) == conversation.workspace_id,
            col(Conversation.session_id) == conversation.session_id,
            col(Conversation.is_signed).is_(True),
            col(Conversation.contact).in_([Contact.GIVEN.value, Contact.DECLINED.value]),
        )
        .order_by(col(Conversation.created_at).desc())
        .limit(1)
    )
    last = found.scalar_one_or_none()
    if last is not None and Contact(last.contact) is Contact.GIVEN:
        conversation.visitor_name, conversation.visitor_email = last.visitor_name, last.visitor_email
        conversation.contact = last.contact


async def is_with_a_person(session: AsyncSession, caller: VisitorCaller) -> bool:
    """Whether a person answers in the conversation that ``open_conversation`` would open; locks nothing."""
    found = (await session.execute(_under_way(caller))).scalar_one_or_none()
    return found is not None and Status(found.status) is Status.HUMAN


def _under_way(caller: VisitorCaller) -> Select[Conversation]:
    return (
        select(Conversation)
        .where(
            col(Conversation.workspace_id) == caller.workspace.id,
            col(Conversation.session_id) == caller.session_id,
            col(Conversation.is_signed) == caller.is_signed,
            _goes_on()
            if caller.is_signed
            else or_(col(Conversation.status) == Status.HUMAN.value, _is_of_today()),
        )
        .order_by(*_in_turn())
        .limit(1)
    )


def _goes_on() -> ColumnElement[bool]:
    """Whether what the visitor writes goes into it."""
    return or_(col(Conversation.status).in_([Status.WAITING.value, Status.HUMAN.value]), _is_of_today())


def _is_of_today() -> ColumnElement[bool]:
    """By what the visitor said: that members put it off and it came back makes it no newer for them."""
    since = now() - CONTINUES_FOR
    spoken = col(Conversation.last_visitor_at)
    return or_(spoken > since, and_(spoken.is_(None), col(Conversation.created_at) > since))


def _in_turn() -> tuple[ColumnElement[Any], ...]:
    """First the one that a visitor is in: what they see and where they write, never beside a person."""
    return (
        (col(Conversation.status) == Status.HUMAN.value).desc(),
        _goes_on().desc(),
        col(Conversation.created_at).desc(),
    )


async def lock_conversation(session: AsyncSession, workspace_id: UUID, conversation_id: UUID) -> Conversation:
    """A conversation of this workspace, locked until the transaction ends; ``NotFound`` otherwise."""
    found = await session.execute(
        select(Conversation)
        .where(col(Conversation.workspace_id) == workspace_id, col(Conversation.id) == conversation_id)
        .with_for_update()
    )
    conversation = found.scalar_one_or_none()
    if conversation is None:
        raise NotFound("There is no such conversation.")
    return conversation


async def is_session_taken(session: AsyncSession, workspace_id: UUID, session_id: str) -> bool:
    """Whether a session id has conversations already; a token for it then needs an older token."""
    found = await session.execute(
        select(
            exists().where(
                col(Conversation.workspace_id) == workspace_id, col(Conversation.session_id) == session_id
            )
        )
    )
    return bool(found.scalar_one())


async def recent_turns(session: AsyncSession, workspace_id: UUID, conversation_id: UUID) -> tuple[Turn, ...]:
    """The last messages that an answer may refer to, oldest first."""
    found = await session.execute(
        select(col(Message.role), col(Message.text))
        .where(
            col(Message.workspace_id) == workspace_id,
            col(Message.conversation_id) == conversation_id,
            col(Message.role) != Sender.SYSTEM.value,
        )
        .order_by(col(Message.id).desc())
        .limit(CONTEXT_MESSAGES)
    )
    return tuple(
        Turn("user" if role == Sender.VISITOR else "assistant", words)
        for role, words in reversed(found.tuples().all())
        if words
    )


async def add_message(session: AsyncSession, message: Message) -> Message:
    """Store a message, note its time and words in its conversation, and have everybody hear of it."""
    session.add(message)
    changed: dict[str, Any] = {"last_message_at": message.created_at, **after_message(message)}
    if message.role == Sender.VISITOR.value:
        changed |= {"last_visitor_at": message.created_at, "snoozed_until": None}
    await session.execute(
        update(Conversation)
        .where(
            col(Conversation.workspace_id) == message.workspace_id,
            col(Conversation.id) == message.conversation_id,
        )
        .values(changed),
        execution_options={"synchronize_session": False},
    )
    await note_words(session, message.conversation_id, message.text)
    await session.flush()
    await announce(session, message.workspace_id, message.conversation_id, Change.MESSAGE)
    await tell_message(session, message)
    return message


async def read_thread(session: AsyncSession, caller: VisitorCaller, *, is_away: bool = False) -> Thread:
    """The conversation that the visitor is in, or had last, its last messages oldest first: seen from now on,
    unless nobody looks at the panel that asks (``is_away``).

    Only for a proven session.
    """
    conversation = (await session.execute(_latest(caller))).scalar_one_or_none()
    if conversation is None:
        return Thread(None, "bot", ())
    messages = await session.execute(
        select(Message)
        .where(
            col(Message.workspace_id) == caller.workspace.id,
            col(Message.conversation_id) == conversation.id,
        )
        .order_by(col(Message.id).desc())
        .limit(SHOWN_MESSAGES)
    )
    newest_first = messages.scalars().all()
    said = next((each.id for each in newest_first if each.role == Sender.MEMBER.value), None)
    if said is not None and not is_away:
        await note_seen(session, caller.workspace.id, conversation.id, said)
    return _thread(conversation, reversed(newest_first))


async def note_seen(
    session: AsyncSession, workspace_id: UUID, conversation_id: UUID, message_id: UUID
) -> None:
    """That a message, and so all before it, was on the visitor's screen."""
    seen = col(Conversation.visitor_seen_id)
    await session.execute(
        update(Conversation)
        .where(
            col(Conversation.workspace_id) == workspace_id,
            col(Conversation.id) == conversation_id,
            seen.is_(None) | (seen < message_id),
        )
        .values(visitor_seen_id=message_id)
    )


async def latest_conversation(session: AsyncSession, caller: VisitorCaller) -> UUID:
    """The conversation that a proven visitor is in, or had last; ``NotFound`` before the first."""
    found = await session.execute(_latest(caller))
    conversation = found.scalar_one_or_none()
    if conversation is None:
        raise NotFound("There is no conversation yet.")
    return conversation.id


async def read_since(
    session: AsyncSession, caller: VisitorCaller, conversation_id: UUID, after: UUID | None
) -> Thread:
    """A conversation of the visitor's with the first 200 messages after one of them; of the last without."""
    conversation = await session.get(Conversation, (caller.workspace.id, conversation_id))
    if conversation is None:
        raise NotFound("There is no such conversation.")
    of_it = (
        col(Message.workspace_id) == caller.workspace.id,
        col(Message.conversation_id) == conversation_id,
    )
    messages = await session.execute(
        select(Message).where(*of_it, col(Message.id) > after).order_by(col(Message.id)).limit(SHOWN_MESSAGES)
        if after is not None
        else select(Message).where(*of_it).order_by(col(Message.id).desc()).limit(1)
    )
    return _thread(conversation, messages.scalars())


def is_contact_requested(conversation: Conversation) -> bool:
    """Whether the visitor is to say who they are."""
    is_resolved = Status(conversation.status) is Status.RESOLVED
    return Contact(conversation.contact) is Contact.ASKED and not is_resolved


def _thread(conversation: Conversation, messages: Iterable[Message]) -> Thread:
    is_resolved = Status(conversation.status) is Status.RESOLVED
    return Thread(
        conversation.id,
        conversation.status,
        tuple(_view(message) for message in messages),
        contact_requested=is_contact_requested(conversation),
        csat_requested=is_resolved and conversation.csat is None,
        may_hold_replies=Status(conversation.status) is not Status.BOT or conversation.hand_backs > 0,
    )


def _latest(caller: VisitorCaller) -> Select[Conversation]:
    return (
        select(Conversation)
        .where(
            col(Conversation.workspace_id) == caller.workspace.id,
            col(Conversation.session_id) == caller.session_id,
            col(Conversation.is_signed).is_(True),
        )
        .order_by(*_in_turn())
        .limit(1)
    )


def _view(message: Message) -> MessageView:
    return MessageView(
        id=message.id,
        role=message.role,
        text=message.text,
        kind=message.kind,
        confidence=message.confidence,
        citations=tuple(message.citations),
        author_name=message.author_name,
        rating=message.rating,
        created_at=message.created_at,
    )
