"""A question that is sent again under its key: what became of it is told, instead of asking it twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from psycopg.errors import UniqueViolation
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.callers import StaffCaller
from helpninja_app.chats.library import load_chat
from helpninja_app.chats.models import Chat, ChatMessage, MessageState
from helpninja_app.chats.turns import Ask, request_id_of
from helpninja_app.errors import Conflict, FieldError, Invalid

UNDER_WAY = "This question is being answered already. Ask for its chat, or send it again when that is over."
_INDEX = "asked_once"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that was sent before, in its chat, with its answer."""

    chat: Chat
    question: ChatMessage
    answer: ChatMessage

    def is_under_way(self, dead_before: datetime) -> bool:
        return self.answer.state == MessageState.WRITING.value and self.answer.created_at >= dead_before

    @property
    def is_answered(self) -> bool:
        """Otherwise its answer failed or broke off, and it may be asked anew."""
        return self.answer.state == MessageState.COMPLETE.value


async def find_asked(session: AsyncSession, caller: StaffCaller, ask: Ask) -> Asked | None:
    """What was sent under the key of ``ask`` before; ``None`` when nothing was.

    Raises ``Invalid`` where that was another question, ``NotFound`` where its chat is deleted, and
    ``Conflict`` where something else was asked in its place since, or after it when it has no answer.
    """
    found = await session.execute(
        select(ChatMessage).where(
            col(ChatMessage.workspace_id) == caller.workspace.id,
            col(ChatMessage.request_id) == request_id_of(caller, ask),
        )
    )
    question = found.scalar_one_or_none()
    if question is None:
        return None
    if question.text != ask.text or ask.chat_id not in {None, question.chat_id}:
        error = FieldError("header.Idempotency-Key", "Another question was sent with this key.")
        raise Invalid(errors=(error,))
    chat = await load_chat(session, caller, question.chat_id)
    if question.state == MessageState.REPLACED.value:
        raise Conflict("This question was asked before, and another one in its place since.")
    since = await session.execute(
        select(ChatMessage)
        .where(
            col(ChatMessage.workspace_id) == caller.workspace.id,
            col(ChatMessage.chat_id) == question.chat_id,
            col(ChatMessage.position) > question.position,
            col(ChatMessage.state) != MessageState.REPLACED.value,
        )
        .order_by(col(ChatMessage.position))
        .limit(2)
    )
    answer, *later = since.scalars()
    asked = Asked(chat, question, answer)
    if later and not asked.is_answered:
        # Asking it anew would take away what was said, and paid for, since.
        raise Conflict("This question was asked before without an answer, and the chat went on since.")
    return asked


@contextmanager
def asked_once() -> Iterator[None]:
    """Raises ``Conflict`` where the same question is stored by another request at this very moment."""
    try:
        yield
    except (UniqueViolation, IntegrityError) as error:
        broken = error.orig if isinstance(error, IntegrityError) else error
        if isinstance(broken, UniqueViolation) and broken.diag.constraint_name == _INDEX:
            raise Conflict(UNDER_WAY) from error
        raise
