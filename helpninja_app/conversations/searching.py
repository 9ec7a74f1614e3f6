"""The words by which members find a conversation: those that were said in it, and who the visitor is."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import ColumnElement, any_, false, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.answers.words import words_of
from helpninja_app.conversations.models import Conversation
from helpninja_app.kernel.lexemes import beginning, lexeme

# How much of one message can be found by its words; a longer word is found by its beginning.
_LONGEST_TEXT = 20_000
_LONGEST_WORD = 100
_NOTE = text("select note_words(:conversation, cast(:words as text[]))")


async def note_words(session: AsyncSession, conversation_id: UUID, said: str) -> None:
    """That ``conversation_id``, one of the scope's workspace, is found by the words of ``said``, too."""
    words = sorted({word[:_LONGEST_WORD] for word in words_of(said[:_LONGEST_TEXT])})
    if words:
        await session.execute(_NOTE, {"conversation": conversation_id, "words": words})


def holds_words(wanted: str) -> ColumnElement[bool]:
    """Whether a conversation has all the words of ``wanted``, of which the last may be unfinished.

    Only in a scope of members. A text without any word is in none.
    """
    words = [word[:_LONGEST_WORD] for word in words_of(wanted)]
    if not words:
        return false()
    query = " & ".join([*map(lexeme, words[:-1]), beginning(words[-1])])
    found = select(func.conversations_with(query)).scalar_subquery()
    # As one array, which is looked up by its hashes; joined row by row, a frequent word took twice as long.
    return col(Conversation.id) == any_(func.array(found))
