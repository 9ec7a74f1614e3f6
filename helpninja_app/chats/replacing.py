"""What a question takes the place of, and how that counts again where no answer came in its place."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.chats.history import position_of_question
from helpninja_app.chats.library import counting
from helpninja_app.chats.models import Chat, ChatMessage, MessageState, Role

_FORGET_WORDS = text("select forget_words_of_chat(:workspace, :chat, :since)")
_UNHEARD = (MessageState.FAILED.value, MessageState.REPLACED.value)


@dataclass(frozen=True, slots=True)
class Stood:
    """A message as it stood before it was replaced."""

    id: UUID
    is_question: bool
    state: str
    has_text: bool


@dataclass(frozen=True, slots=True)
class Replaced:
    """The messages of a chat that a turn took the place of, in their order.

    ``keyed`` is the one whose request id went over to the turn's question.
    """

    messages: tuple[Stood, ...] = ()
    keyed: UUID | None = None
    request_id: UUID | None = None

    @property
    def is_missed(self) -> bool:
        """Not so one question that nobody answered: asked anew, it is the same as before."""
        answers = (each for each in self.messages if not each.is_question)
        is_answered = any(each.has_text and each.state not in _UNHEARD for each in answers)
        return is_answered or sum(each.is_question for each in self.messages) > 1


NOTHING = Replaced()


async def replace_from(
    session: AsyncSession, chat: Chat, question_id: UUID, request_id: UUID | None
) -> Replaced:
    """A question and all that followed it count no more; the chat is locked. ``NotFound`` without it.

    Under the same ``request_id`` the new question stands for the old one.
    """
    since = await position_of_question(session, chat.workspace_id, chat.id, question_id)
    found = await session.execute(
        select(
            col(ChatMessage.id),
            col(ChatMessage.role),
            col(ChatMessage.state),
            col(ChatMessage.request_id),
            (func.length(col(ChatMessage.text)) > 0).label("has_text"),
        )
        .where(*counting(chat.workspace_id, chat.id), col(ChatMessage.position) >= since)
        .order_by(col(ChatMessage.position))
    )
    rows = found.all()
    await session.execute(
        update(ChatMessage)
        .where(*counting(chat.workspace_id, chat.id), col(ChatMessage.position) >= since)
        .values(
            state=MessageState.REPLACED.value,
            request_id=func.nullif(col(ChatMessage.request_id), request_id),
        )
    )
    await _forget_words(session, chat.workspace_id, chat.id, since=since)
    keyed = (row.id for row in rows if request_id is not None and row.request_id == request_id)
    return Replaced(
        tuple(Stood(row.id, row.role == Role.USER.value, row.state, row.has_text) for row in rows),
        next(keyed, None),
        request_id,
    )


async def set_back(
    session: AsyncSession,
    workspace_id: UUID,
    chat_id: UUID,
    replaced: Replaced,
    question_id: UUID,
    answer_id: UUID,
) -> None:
    """What was replaced counts again, and the question and answer in its place no more; the chat is locked.

    Nothing where something else was asked in their place since, or where nobody misses what was replaced. The
    question gives up its request id: who sends it again asks anew, in place of what it was to replace.
    """
    if not replaced.is_missed:
        return
    gone = await session.execute(
        update(ChatMessage)
        .where(
            col(ChatMessage.workspace_id) == workspace_id,
            col(ChatMessage.id).in_([question_id, answer_id]),
            col(ChatMessage.state) != MessageState.REPLACED.value,
        )
        .values(state=MessageState.REPLACED.value, request_id=None)
        .returning(col(ChatMessage.id), col(ChatMessage.position))
    )
    places = {row.id: row.position for row in gone}
    if answer_id not in places:
        return
    await _forget_words(session, workspace_id, chat_id, since=min(places.values()))
    for few in _as_they_were_said(replaced.messages):
        for state in dict.fromkeys(each.state for each in few):
            ids = [each.id for each in few if each.state == state]
            await session.execute(update(ChatMessage).where(*_those(workspace_id, ids)).values(state=state))
    if replaced.keyed is not None:
        await session.execute(
            update(ChatMessage)
            .where(*_those(workspace_id, [replaced.keyed]))
            .values(request_id=replaced.request_id)
        )


async def _forget_words(session: AsyncSession, workspace_id: UUID, chat_id: UUID, *, since: int) -> None:
    """The chat is found no more by what it said from this position on, which is replaced."""
    await session.execute(_FORGET_WORDS, {"workspace": workspace_id, "chat": chat_id, "since": since})


def _as_they_were_said(messages: tuple[Stood, ...]) -> tuple[tuple[Stood, ...], ...]:
    """The last question by itself: the chat notes its words as they come, and those up to that one apart."""
    last = max(place for place, each in enumerate(messages) if each.is_question)
    return messages[:last], messages[last : last + 1], messages[last + 1 :]


def _those(workspace_id: UUID, ids: list[UUID]) -> tuple[ColumnElement[bool], ...]:
    return col(ChatMessage.workspace_id) == workspace_id, col(ChatMessage.id).in_(ids)
