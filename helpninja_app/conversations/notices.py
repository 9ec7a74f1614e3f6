"""What is told live about conversations: to the inbox of a workspace, and to the visitor of one."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.kernel.live import tell


class Change(StrEnum):
    """What happened to a conversation."""

    MESSAGE = "message"
    STATUS = "status"
    DETAILS = "details"
    MEMBER_TYPES = "member_types"
    VISITOR_TYPES = "visitor_types"


def inbox_topic(workspace_id: UUID) -> str:
    """Heard there: ids of conversations with what happened, as ``<id> <change>``."""
    return f"inbox:{workspace_id}"


def conversation_topic(conversation_id: UUID) -> str:
    """Heard there: what happened, as a :class:`Change`."""
    return f"conversation:{conversation_id}"


async def announce(session: AsyncSession, workspace_id: UUID, conversation_id: UUID, change: Change) -> None:
    """Have the workspace's inboxes and, but for what is the members' alone, the visitor hear of it."""
    if change is not Change.MEMBER_TYPES:
        await tell(session, inbox_topic(workspace_id), f"{conversation_id} {change.value}")
    if change not in {Change.DETAILS, Change.VISITOR_TYPES}:
        await tell(session, conversation_topic(conversation_id), change.value)
