"""A turn of a chat in the database: what it goes on from, its beginning, its text so far, and its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import case, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.callers import MemberCaller, StaffCaller
from helpninja_app.answers.providers.base import FinishReason, TokenUsage
from helpninja_app.answers.standalone import Turn
from helpninja_app.billing.models import Unit
from helpninja_app.billing.plans import Plan
from helpninja_app.billing.reservations import Reservation, release, reserve, settle
from helpninja_app.chats.history import read_history
from helpninja_app.chats.library import load_chat, title_of
from helpninja_app.chats.models import Chat, ChatMessage, MessageState, Role
from helpninja_app.chats.news import tell_owner
from helpninja_app.chats.replacing import NOTHING, Replaced, replace_from, set_back
from helpninja_app.errors import Conflict, FieldError, Invalid
from helpninja_app.kernel.columns import now
from helpninja_app.kernel.database import new_id, run
from helpninja_app.knowledge.chunk_rows import states_statement
from helpninja_app.knowledge.models import DocumentStatus


@dataclass(frozen=True, slots=True)
class Ask:
    """What a member asks.

    Without ``chat_id`` a chat begins, with ``earlier`` messages of the caller's own. ``replaces`` is the
    question that this one stands for instead; it and all that followed it count no more, unless its answer
    fails or has no text. What is ``None`` of ``preference`` and ``uses_all_knowledge`` stays as the chat has
    it. Under the same ``key`` a caller asks once, however often that is sent.
    """

    text: str
    chat_id: UUID | None = None
    earlier: tuple[Turn, ...] = ()
    preference: str | None = None
    document_ids: tuple[UUID, ...] = ()
    uses_all_knowledge: bool | None = None
    replaces: UUID | None = None
    key: str = ""


@dataclass(frozen=True, slots=True)
class Context:
    """What a question goes on from, as it is stored."""

    history: tuple[Turn, ...]
    preference: str
    uses_all_knowledge: bool


@dataclass(frozen=True, slots=True)
class Price:
    """Credits to reserve: ``wanted`` for the longest answer, ``at_least`` for a short one."""

    wanted: int
    at_least: int


@dataclass(frozen=True, slots=True)
class Begun:
    """A stored question and the answer that is being written to it."""

    chat_id: UUID
    title: str
    question_id: UUID
    message_id: UUID
    reservation: Reservation
    is_new: bool
    replaced: Replaced = NOTHING


@dataclass(frozen=True, slots=True)
class Written:
    """What came of an answer.

    ``is_ended_by_caller``, who stopped or left it, after a provider was asked.
    """

    text: str
    state: MessageState
    usage: TokenUsage
    finish: FinishReason | None = None
    reason: str = ""
    citations: tuple[dict[str, Any], ...] = ()
    is_ended_by_caller: bool = False


async def read_context(session: AsyncSession, caller: StaffCaller, ask: Ask, *, room: int) -> Context:
    """What the stored chat says before this question, whatever the caller says that it said.

    Of a long chat the end, in which there are more than ``room`` tokens.
    Raises ``NotFound`` for a chat or question that is not the caller's, and ``Invalid`` naming documents
    that are not theirs to read, or not ready.
    """
    history, preference, uses_all = ask.earlier, ask.preference, ask.uses_all_knowledge
    if ask.chat_id is not None:
        chat = await load_chat(session, caller, ask.chat_id)
        history = await read_history(session, caller.workspace.id, chat.id, replaces=ask.replaces, room=room)
        preference = chat.preference if preference is None else preference
        uses_all = chat.uses_all_knowledge if uses_all is None else uses_all
    if ask.document_ids:
        found = await run(session, states_statement(caller.scope, ask.document_ids))
        refuse_unready(ask.document_ids, found.states)
    return Context(history, preference or "", bool(uses_all))


async def begin_turn(
    session: AsyncSession,
    caller: StaffCaller,
    plan: Plan,
    ask: Ask,
    context: Context,
    model: str,
    price: Price,
    author: str,
    *,
    dead_before: datetime,
) -> Begun:
    """Store the question, reserve what its answer may take, and mark that it is being written.

    ``author`` is what the answer is said to be written by, the ``model`` that is asked or a curated answer.
    Raises ``LimitUsedUp``, storing nothing, when not even a short answer can be paid; ``Conflict`` while
    another answer is being written in the chat, unless that was ``dead_before`` then.
    """
    workspace_id = caller.workspace.id
    replaced = NOTHING
    if ask.chat_id is None:
        chat, position = _new_chat(caller, ask), len(ask.earlier)
    else:
        chat = await load_chat(session, caller, ask.chat_id, for_update=True)
        position, replaced = await _make_room(session, caller, chat, ask, dead_before)
    reservation = await reserve(
        session,
        workspace_id,
        plan,
        Unit.CREDIT,
        price.wanted,
        at_least=price.at_least,
        description=f"Chat with {model}",
    )
    chat.model, chat.preference, chat.updated_at = model, context.preference, now()
    chat.document_ids, chat.uses_all_knowledge = list(ask.document_ids), context.uses_all_knowledge
    if ask.chat_id is None:
        session.add(chat)
        await session.flush()
    question = _message(chat, position + 1, Role.USER, ask.text)
    question.request_id = request_id_of(caller, ask)
    answer = _message(chat, position + 2, Role.ASSISTANT, "", MessageState.WRITING, author)
    earlier = [
        _message(chat, place, Role(turn.role), turn.text)
        for place, turn in enumerate(ask.earlier if ask.chat_id is None else (), 1)
    ]
    session.add_all([*earlier, question, answer])
    await session.flush()
    await tell_owner(session, caller, chat.id)
    is_new = ask.chat_id is None
    return Begun(chat.id, chat.title, question.id, answer.id, reservation, is_new, replaced)


def request_id_of(caller: StaffCaller, ask: Ask) -> UUID | None:
    """What the caller's key stands for: another caller's same key is another one. ``None`` without a key."""
    owner = caller.user_id if isinstance(caller, MemberCaller) else caller.key_id
    return uuid5(owner, ask.key) if ask.key else None


async def keep_text(session: AsyncSession, caller: StaffCaller, begun: Begun, text: str | None) -> bool:
    """Store an answer as far as it is written, where that is news; ``False`` when it is wanted no further."""
    its = (
        col(ChatMessage.workspace_id) == caller.workspace.id,
        col(ChatMessage.id) == begun.message_id,
        col(ChatMessage.state) == MessageState.WRITING.value,
    )
    if text is None:
        found = await session.execute(select(col(ChatMessage.id)).where(*its))
        return found.scalar_one_or_none() is not None
    kept = await session.execute(
        update(ChatMessage).where(*its).values(text=text).returning(col(ChatMessage.id))
    )
    await tell_owner(session, caller, begun.chat_id, "text")
    return kept.scalar_one_or_none() is not None


async def finish_turn(
    session: AsyncSession, caller: StaffCaller, begun: Begun, written: Written, credits: int
) -> int:
    """Store the answer and settle what it took, ``credits`` at most; returns what was charged.

    Nothing is charged for an answer that failed, or that has no text and was not ended by the caller; what
    either was to replace counts again.
    """
    workspace_id = caller.workspace.id
    charged = 0
    await _lock_chat(session, caller, begun)
    if is_charged(written):
        charged = await settle(
            session, workspace_id, begun.reservation, credits, description=f"Chat: {begun.title}"
        )
    else:
        await release(session, workspace_id, begun.reservation)
    if not is_usable(written):
        # Before its text is stored, whose words are not to be noted then.
        await set_back(
            session, workspace_id, begun.chat_id, begun.replaced, begun.question_id, begun.message_id
        )
    await session.execute(
        update(ChatMessage)
        .where(col(ChatMessage.workspace_id) == workspace_id, col(ChatMessage.id) == begun.message_id)
        .values(
            text=written.text,
            state=case(
                (col(ChatMessage.state) == MessageState.REPLACED.value, MessageState.REPLACED.value),
                else_=written.state.value,
            ),
            finish=written.finish or "",
            reason=written.reason,
            citations=list(written.citations),
            input_tokens=written.usage.input,
            output_tokens=written.usage.output,
            credits=charged,
        )
    )
    await tell_owner(session, caller, begun.chat_id)
    return charged


async def charge_of_stored(session: AsyncSession, caller: StaffCaller, begun: Begun) -> int | None:
    """What was charged for an answer whose end is stored already; ``None`` where it is not."""
    await _lock_chat(session, caller, begun)
    found = await session.execute(
        select(col(ChatMessage.credits)).where(
            col(ChatMessage.workspace_id) == caller.workspace.id,
            col(ChatMessage.id) == begun.message_id,
            # Its state may say that it was stopped before its end is stored.
            or_(col(ChatMessage.finish) != "", col(ChatMessage.input_tokens) > 0),
        )
    )
    return found.scalar_one_or_none()


async def _lock_chat(session: AsyncSession, caller: StaffCaller, begun: Begun) -> None:
    """In the order of ``begin_turn``, which replaces a stopped answer that is about to be stored."""
    await session.execute(
        select(col(Chat.id))
        .where(col(Chat.workspace_id) == caller.workspace.id, col(Chat.id) == begun.chat_id)
        .with_for_update()
    )


def is_usable(written: Written) -> bool:
    """Whether the caller has something of it."""
    return bool(written.text.strip()) and written.state is not MessageState.FAILED


def is_charged(written: Written) -> bool:
    """Also where a provider was asked for nothing because the caller ended it: it takes its price."""
    is_for_nothing = written.is_ended_by_caller and written.state is MessageState.INTERRUPTED
    return is_usable(written) or is_for_nothing


async def stop_writing(session: AsyncSession, caller: StaffCaller, chat_id: UUID) -> UUID | None:
    """Have the answer that is being written end where it is, wherever that is; its id if there is one."""
    await load_chat(session, caller, chat_id, for_update=True)
    stopped = await session.execute(
        update(ChatMessage)
        .where(
            col(ChatMessage.workspace_id) == caller.workspace.id,
            col(ChatMessage.chat_id) == chat_id,
            col(ChatMessage.state) == MessageState.WRITING.value,
        )
        .values(state=MessageState.INTERRUPTED.value)
        .returning(col(ChatMessage.id))
    )
    await tell_owner(session, caller, chat_id)
    return stopped.scalar_one_or_none()


async def _make_room(
    session: AsyncSession, caller: StaffCaller, chat: Chat, ask: Ask, dead_before: datetime
) -> tuple[int, Replaced]:
    """Close what is dead, replace what is to be replaced; the position of the last message, and that."""
    of_chat = (col(ChatMessage.workspace_id) == chat.workspace_id, col(ChatMessage.chat_id) == chat.id)
    writing = await session.execute(
        select(ChatMessage).where(*of_chat, col(ChatMessage.state) == MessageState.WRITING.value)
    )
    if (other := writing.scalar_one_or_none()) is not None:
        if other.created_at >= dead_before:
            raise Conflict("An answer is still being written in this chat. Stop it or wait for its end.")
        other.state = MessageState.INTERRUPTED.value
        await session.flush()
    replaced = NOTHING
    if ask.replaces is not None:
        replaced = await replace_from(session, chat, ask.replaces, request_id_of(caller, ask))
    last = await session.execute(select(func.max(col(ChatMessage.position))).where(*of_chat))
    return last.scalar_one() or 0, replaced


def refuse_unready(wanted: Sequence[UUID], states: Mapping[str, str]) -> None:
    """Raise ``Invalid`` naming those that are not there or not ready, by what ``states_statement`` gave."""
    errors = []
    for document_id in dict.fromkeys(wanted):
        if str(document_id) not in states:
            errors.append(FieldError("body.documentIds", f"There is no document {document_id}."))
        elif states[str(document_id)] != DocumentStatus.COMPLETED.value:
            errors.append(FieldError("body.documentIds", f"The document {document_id} is not ready yet."))
    if errors:
        raise Invalid(errors=tuple(errors))


def _new_chat(caller: StaffCaller, ask: Ask) -> Chat:
    first = next((turn.text for turn in ask.earlier if turn.role == "user"), ask.text)
    return Chat(
        workspace_id=caller.workspace.id,
        id=new_id(),
        user_id=caller.user_id if isinstance(caller, MemberCaller) else None,
        key_id=None if isinstance(caller, MemberCaller) else caller.key_id,
        title=title_of(first),
    )


def _message(
    chat: Chat,
    position: int,
    role: Role,
    text: str,
    state: MessageState = MessageState.COMPLETE,
    model: str = "",
) -> ChatMessage:
    return ChatMessage(
        workspace_id=chat.workspace_id,
        id=new_id(),
        chat_id=chat.id,
        position=position,
        role=role.value,
        text=text,
        state=state.value,
        model=model,
    )


def dead_before(seconds: float) -> datetime:
    """An answer begun before this cannot be under way any more, where none may take more than ``seconds``."""
    return now() - timedelta(seconds=seconds + 30)
