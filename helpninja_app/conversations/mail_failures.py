"""Tells members of a mail that was to go out of a conversation and did not."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.conversations.models import ConversationNote
from helpninja_app.conversations.notices import Change, announce
from helpninja_app.kernel.database import new_id

NOT_SET_UP = "mail is not set up here."


async def show_mail_failure(
    session: AsyncSession,
    workspace_id: UUID,
    conversation_id: UUID,
    about: UUID,
    *,
    what: str,
    to: str,
    why: str,
) -> None:
    """A note that ``what``, such as "This reply", could not be mailed; once for what it is ``about``."""
    made = await session.execute(
        insert(ConversationNote)
        .values(
            workspace_id=workspace_id,
            id=new_id(),
            conversation_id=conversation_id,
            author_name="HelpNinja",
            text=f"{what} could not be mailed to {one_line(to, 320)}: {one_line(why, 500)}",
            mentions=[],
            # Once, also when the job is run again.
            client_id=about,
        )
        .on_conflict_do_nothing()
        .returning(col(ConversationNote.id))
    )
    if made.first() is not None:
        await announce(session, workspace_id, conversation_id, Change.DETAILS)


def one_line(text: str, most: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"
