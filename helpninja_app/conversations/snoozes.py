"""A conversation that members have put off comes back when its time is up: on top, unread, and told live."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import delete, func, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.members import list_members
from helpninja_app.conversations.models import Conversation, ConversationRead
from helpninja_app.conversations.notices import Change, announce
from helpninja_app.kernel.columns import now
from helpninja_app.kernel.database import Database, enter_scope
from helpninja_app.kernel.queue import Priority, Queue
from helpninja_app.kernel.scope import Scope

WAKE_TASK = "wake_conversation"


async def queue_waking(session: AsyncSession, queue: Queue, conversation: Conversation) -> None:
    """Have a conversation that is put off woken at its time, by one job however often that changes."""
    until = conversation.snoozed_until
    if until is not None:
        once = f"{WAKE_TASK}:{conversation.id}"
        await queue.enqueue(
            session,
            WAKE_TASK,
            # Behind what somebody waits for: a job may be here for a year.
            priority=Priority.SCHEDULED,
            once=once,
            after=until - now(),
            workspace_id=str(conversation.workspace_id),
            conversation_id=str(conversation.id),
        )
        await queue.bring_forward(session, once, until)


async def wake(database: Database, queue: Queue, workspace_id: UUID, conversation_id: UUID) -> bool:
    """Bring it back for whom it is assigned to, or for everybody; False when it is not, or no longer, due.

    Who is suspended is not there: what is assigned to them comes back for everybody else.
    However many do this at once, one does. One that was put off further is woken then.
    """
    async with database.unit_of_work(Scope.members(workspace_id)) as session:
        found = await session.execute(
            update(Conversation)
            .where(
                col(Conversation.workspace_id) == workspace_id,
                col(Conversation.id) == conversation_id,
                # By the clock that starts the job.
                col(Conversation.snoozed_until) <= func.clock_timestamp(),
            )
            .values(snoozed_until=None, last_message_at=now())
            .returning(col(Conversation.assignee_id))
        )
        row = found.one_or_none()
        if row is None:
            later = await session.get(Conversation, (workspace_id, conversation_id))
            if later is not None:
                await queue_waking(session, queue, later)
            return False
        await _make_unread(session, workspace_id, conversation_id, row.assignee_id)
        await announce(session, workspace_id, conversation_id, Change.DETAILS)
        return True


async def _make_unread(
    session: AsyncSession, workspace_id: UUID, conversation_id: UUID, assignee_id: UUID | None
) -> None:
    members = [each.user_id for each in await list_members(session, workspace_id) if not each.is_suspended]
    for user_id in [assignee_id] if assignee_id in members else members:
        # What somebody has read is seen in a scope of their own alone.
        await enter_scope(session, Scope.members(workspace_id, user_id))
        await session.execute(
            delete(ConversationRead).where(
                col(ConversationRead.workspace_id) == workspace_id,
                col(ConversationRead.conversation_id) == conversation_id,
                col(ConversationRead.user_id) == user_id,
            )
        )
    await enter_scope(session, Scope.members(workspace_id))
