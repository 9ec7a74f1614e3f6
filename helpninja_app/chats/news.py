"""Tells the tabs of a chat's owner that it changed, and names what they listen to."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.callers import MemberCaller, StaffCaller
from helpninja_app.kernel.database import Statement
from helpninja_app.kernel.live import EVERYTHING, tell, telling

What = Literal["chat", "text"]
"""``text`` when an answer that is being written has grown, and nothing that lists show has changed."""


async def tell_owner(session: AsyncSession, caller: StaffCaller, chat_id: UUID, what: What = "chat") -> None:
    """Have the owner's tabs look again when this is committed. A program has no tabs."""
    if isinstance(caller, MemberCaller):
        await tell(session, topic_of(caller), f"{what}:{chat_id}")


def telling_owner(caller: StaffCaller, chat_id: UUID) -> tuple[Statement, ...]:
    """``tell_owner`` as a statement, or none."""
    if not isinstance(caller, MemberCaller):
        return ()
    return (telling(topic_of(caller), f"chat:{chat_id}"),)


def topic_of(caller: MemberCaller) -> str:
    return f"chats:{caller.workspace.id}:{caller.user_id}"


def concerns_lists(notice: str) -> bool:
    return notice == EVERYTHING or notice.startswith("chat:")


def concerns_chat(notice: str, chat_id: str) -> bool:
    return notice == EVERYTHING or (bool(chat_id) and notice.endswith(f":{chat_id}"))
