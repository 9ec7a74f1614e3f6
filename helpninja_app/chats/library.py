"""A member's chats: listing, searching, reading, renaming, deleting and bringing back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, delete, func, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.callers import MemberCaller, StaffCaller
from helpninja_app.chats.models import Chat, ChatMessage, MessageState, Role
from helpninja_app.chats.news import tell_owner
from helpninja_app.errors import NotFound
from helpninja_app.kernel.columns import now
from helpninja_app.kernel.lexemes import beginning, lexeme
from helpninja_app.kernel.queue import Queue
from helpninja_app.kernel.undo import gone_since, purge_later

PURGE_TASK = "purge_chat"
TITLE_LENGTH = 80

_LEXEMES = text(
    "select tsvector_to_array(to_tsvector('simple', :whole)), tsvector_to_array(to_tsvector('simple', :last))"
)
_HOLDS_WORDS = text("chats.words @@ cast(:words as tsquery)")


@dataclass(frozen=True, slots=True)
class ChatView:
    """A chat as lists show it."""

    id: UUID
    title: str
    model: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ChatPage:
    """One page of chats, latest first; ``total`` counts all of them."""

    chats: tuple[ChatView, ...]
    total: int


@dataclass(frozen=True, slots=True)
class ChatMessageView:
    """A message; ``citations`` hold ``n``, ``title``, ``url``, ``snippet``, ``document_id`` and ``text``."""

    id: UUID
    role: Role
    text: str
    state: MessageState
    finish: str
    reason: str
    model: str
    citations: tuple[dict[str, Any], ...]
    input_tokens: int
    output_tokens: int
    credits: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ChatThread:
    """A chat with its messages, oldest first, without those that were replaced.

    ``earlier`` is how many more there are before these.
    """

    chat: ChatView
    preference: str
    document_ids: tuple[UUID, ...]
    uses_all_knowledge: bool
    messages: tuple[ChatMessageView, ...]
    earlier: int = 0


async def list_chats(
    session: AsyncSession, caller: StaffCaller, *, limit: int, offset: int = 0, contains: str | None = None
) -> ChatPage:
    """The caller's chats, the latest first; ``contains`` are words of their titles or messages, all of them.

    The last word may be the beginning of one.
    """
    query = _own(caller)
    if contains is not None and contains.strip():
        words = await _words_of(session, contains)
        query = query.where(
            or_(
                col(Chat.title).icontains(contains.strip(), autoescape=True),
                _HOLDS_WORDS.bindparams(words=words),
            )
        )
    total = (await session.execute(select(func.count()).select_from(query.subquery()))).scalar_one()
    found = await session.execute(
        query.order_by(col(Chat.updated_at).desc(), col(Chat.id).desc()).limit(limit).offset(offset)
    )
    return ChatPage(tuple(view_of(chat) for chat in found.scalars()), total)


async def load_chat(
    session: AsyncSession, caller: StaffCaller, chat_id: UUID, *, for_update: bool = False
) -> Chat:
    """The row; ``NotFound`` when it is not the caller's, or deleted."""
    query = _own(caller).where(col(Chat.id) == chat_id)
    if for_update:
        query = query.with_for_update().execution_options(populate_existing=True)
    chat = (await session.execute(query)).scalar_one_or_none()
    if chat is None:
        raise NotFound("There is no such chat.")
    return chat


async def read_thread(
    session: AsyncSession,
    caller: StaffCaller,
    chat_id: UUID,
    *,
    dead_before: datetime,
    last: int | None = None,
) -> ChatThread:
    """A chat with its messages, or the ``last`` of them.

    What was being written ``dead_before`` then is shown as interrupted.
    """
    chat = await load_chat(session, caller, chat_id)
    messages = await read_messages(session, caller.workspace.id, chat_id, last=last)
    earlier = await _count_before(session, messages[0]) if last is not None and messages else 0
    return ChatThread(
        view_of(chat),
        chat.preference,
        tuple(chat.document_ids),
        chat.uses_all_knowledge,
        tuple(_message_view(message, dead_before) for message in messages),
        earlier,
    )


async def read_messages(
    session: AsyncSession, workspace_id: UUID, chat_id: UUID, *, last: int | None = None
) -> list[ChatMessage]:
    """The rows of a chat that count, oldest first; all of them, or the ``last``."""
    found = await session.execute(
        select(ChatMessage)
        .where(*counting(workspace_id, chat_id))
        .order_by(col(ChatMessage.position).desc())
        .limit(last)
    )
    return list(found.scalars())[::-1]


async def _count_before(session: AsyncSession, message: ChatMessage) -> int:
    counted = await session.execute(
        select(func.count())
        .select_from(ChatMessage)
        .where(*counting(message.workspace_id, message.chat_id), col(ChatMessage.position) < message.position)
    )
    return counted.scalar_one()


def counting(workspace_id: UUID, chat_id: UUID) -> tuple[ColumnElement[bool], ...]:
    """Of messages: those of a chat that were not replaced."""
    return (
        col(ChatMessage.workspace_id) == workspace_id,
        col(ChatMessage.chat_id) == chat_id,
        col(ChatMessage.state) != MessageState.REPLACED.value,
    )


async def rename_chat(session: AsyncSession, caller: StaffCaller, chat_id: UUID, title: str) -> ChatView:
    chat = await load_chat(session, caller, chat_id, for_update=True)
    chat.title = title
    await session.flush()
    await tell_owner(session, caller, chat_id)
    return view_of(chat)


async def delete_chat(session: AsyncSession, queue: Queue, caller: StaffCaller, chat_id: UUID) -> None:
    """Take a chat out of sight; for an hour it can be brought back, then it is gone."""
    chat = await load_chat(session, caller, chat_id, for_update=True)
    chat.deleted_at = now()
    await session.flush()
    ids = {"workspace_id": chat.workspace_id, "user_id": chat.user_id or "", "chat_id": chat.id}
    await purge_later(session, queue, PURGE_TASK, **ids)
    await tell_owner(session, caller, chat_id)


async def restore_chat(session: AsyncSession, caller: StaffCaller, chat_id: UUID) -> ChatView:
    """Bring back what was deleted; ``NotFound`` when it is gone."""
    restored = await session.execute(
        update(Chat)
        .where(
            *_of(caller),
            col(Chat.id) == chat_id,
            # Another tab may have brought it back already.
            or_(col(Chat.deleted_at).is_(None), col(Chat.deleted_at) > gone_since()),
        )
        .values(deleted_at=None)
        .returning(Chat)
    )
    chat = restored.scalar_one_or_none()
    if chat is None:
        raise NotFound("This chat is gone for good.")
    await tell_owner(session, caller, chat_id)
    return view_of(chat)


async def purge_chat(session: AsyncSession, workspace_id: UUID, chat_id: UUID) -> None:
    """Remove a chat that was not brought back in time."""
    await session.execute(
        delete(Chat).where(
            col(Chat.workspace_id) == workspace_id,
            col(Chat.id) == chat_id,
            col(Chat.deleted_at) <= gone_since(),
        )
    )


def title_of(question: str) -> str:
    """What a chat is called after its first question: its first line, cut between words."""
    line = next((" ".join(line.split()) for line in question.splitlines() if line.strip()), "New chat")
    if len(line) <= TITLE_LENGTH:
        return line
    cut = line[: TITLE_LENGTH - 1]
    return (cut.rsplit(" ", 1)[0] if " " in cut[TITLE_LENGTH // 2 :] else cut).rstrip(" ,;:") + "…"


def view_of(chat: Chat) -> ChatView:
    return ChatView(chat.id, chat.title, chat.model, chat.created_at, chat.updated_at)


async def _words_of(session: AsyncSession, wanted: str) -> str:
    """A tsquery of all the words of ``wanted``, which is not blank.

    Addresses, numbers and names of code are words as PostgreSQL parts them, so it parts these, too. The last
    one may be unfinished, and then be parted otherwise than the whole is: it also counts as it was typed.
    """
    *before, last = wanted.split()
    found = await session.execute(_LEXEMES, {"whole": " ".join(before), "last": last})
    whole, parts = found.one()
    typed = beginning(last.lower())
    if parts:
        typed = f"({typed} | {' & '.join(map(beginning, parts))})"
    return " & ".join([*map(lexeme, whole), typed])


def _own(caller: StaffCaller) -> Select[Chat]:
    return select(Chat).where(*_of(caller), col(Chat.deleted_at).is_(None))


def _of(caller: StaffCaller) -> tuple[ColumnElement[bool], ...]:
    in_workspace = col(Chat.workspace_id) == caller.workspace.id
    if isinstance(caller, MemberCaller):
        return in_workspace, col(Chat.user_id) == caller.user_id
    return in_workspace, col(Chat.key_id) == caller.key_id


def _message_view(message: ChatMessage, dead_before: datetime) -> ChatMessageView:
    state = MessageState(message.state)
    if state is MessageState.WRITING and message.created_at < dead_before:
        # Its process ended without being able to say so.
        state = MessageState.INTERRUPTED
    return ChatMessageView(
        id=message.id,
        role=Role(message.role),
        text=message.text,
        state=state,
        finish=message.finish,
        reason=message.reason,
        model=message.model,
        citations=tuple(message.citations),
        input_tokens=message.input_tokens,
        output_tokens=message.output_tokens,
        credits=message.credits,
        created_at=message.created_at,
    )
