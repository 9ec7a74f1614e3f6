"""What a stored chat says before a question, read from its end and no further than a model can be told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.answers.prompt import visible
from helpninja_app.answers.standalone import EARLIER_TURNS, Turn
from helpninja_app.chats.library import counting
from helpninja_app.chats.models import ChatMessage, MessageState, Role
from helpninja_app.errors import NotFound
from helpninja_app.knowledge.tokens import estimate_tokens

# How many messages are read first; twice as many each time that these do not fill the room.
FIRST_MESSAGES = 32


class Said(Protocol):
    """A message as far as a model is told of it."""

    @property
    def role(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def state(self) -> str: ...


async def read_history(
    session: AsyncSession, workspace_id: UUID, chat_id: UUID, *, replaces: UUID | None, room: int
) -> tuple[Turn, ...]:
    """The latest turns, oldest first: more of them than fit into ``room`` tokens, or all.

    Those before the question ``replaces`` where one is given; ``NotFound`` when it is not there.
    """
    latest = select(
        col(ChatMessage.position), col(ChatMessage.role), col(ChatMessage.text), col(ChatMessage.state)
    ).where(*counting(workspace_id, chat_id))
    if replaces is not None:
        position = await position_of_question(session, workspace_id, chat_id, replaces)
        latest = latest.where(col(ChatMessage.position) < position)
    latest = latest.order_by(col(ChatMessage.position).desc())
    messages: list[Said] = []
    wanted = FIRST_MESSAGES
    while True:
        read = (await session.execute(latest.limit(wanted))).all()
        messages += read
        turns = turns_of(messages[::-1])
        if len(read) < wanted or _is_enough(turns, room):
            return turns
        latest = latest.where(col(ChatMessage.position) < read[-1].position)
        wanted *= 2


async def position_of_question(
    session: AsyncSession, workspace_id: UUID, chat_id: UUID, question_id: UUID
) -> int:
    """Where a question stands in its chat; ``NotFound`` for one that is not there, or was replaced."""
    found = await session.execute(
        select(col(ChatMessage.position)).where(
            *counting(workspace_id, chat_id),
            col(ChatMessage.id) == question_id,
            col(ChatMessage.role) == Role.USER.value,
        )
    )
    if (position := found.scalar_one_or_none()) is None:
        raise NotFound("There is no such question in this chat.")
    return position


def turns_of(messages: Sequence[Said]) -> tuple[Turn, ...]:
    """What a model is told of earlier: questions with what was answered to them; failed ones are left out."""
    turns: list[Turn] = []
    for message in messages:
        is_heard = message.state != MessageState.FAILED.value and message.text.strip()
        if message.role == Role.ASSISTANT.value and not is_heard:
            # Nobody answered this: as if it had not been asked.
            if turns and turns[-1].role == "user":
                turns.pop()
            continue
        turns.append(Turn("user" if message.role == Role.USER.value else "assistant", message.text))
    return tuple(turns)


def _is_enough(turns: Sequence[Turn], room: int) -> bool:
    """Whether nothing before these would be told: neither to the model nor to the search."""
    asked = sum(turn.role == "user" and bool(turn.text.strip()) for turn in turns)
    return asked >= EARLIER_TURNS and sum(estimate_tokens(visible(turn.text)) for turn in turns) > room
