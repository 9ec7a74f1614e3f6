"""How much room a plan leaves for documents, and the refusal where it is none."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.errors import LimitUsedUp
from helpninja_app.knowledge.limits import KnowledgeLimits
from helpninja_app.knowledge.models import Document


async def check_room(
    session: AsyncSession, workspace_id: UUID, limits: KnowledgeLimits, *, more: int = 1
) -> None:
    """``LimitUsedUp`` when ``more`` documents do not fit.

    Who adds some afterwards holds the index's lock, so that what arrives together is not all the last one.
    """
    room = await room_left(session, workspace_id, limits)
    if limits.documents is None or room is None or more <= room:
        return
    used = limits.documents - room
    told = (
        f"The {limits.plan} plan has room for {limits.documents} documents, and {used} are there already."
        " Delete some,"
        if room > 0
        else f"All {limits.documents} documents of the {limits.plan} plan are used. Delete one,"
    )
    raise LimitUsedUp(
        f"{told} or have an owner change the plan under Billing.", limit=limits.documents, used=used
    )


async def room_left(
    session: AsyncSession, workspace_id: UUID, limits: KnowledgeLimits, *, besides: str | None = None
) -> int | None:
    """How many more documents fit, fewer than none after a change of plan; ``None`` for any number.

    The one at the address ``besides`` is not counted.
    """
    if limits.documents is None:
        return None
    counted = select(func.count()).select_from(Document).where(col(Document.workspace_id) == workspace_id)
    if besides is not None:
        counted = counted.where(col(Document.url).is_distinct_from(besides))
    used: int = (await session.execute(counted)).scalar_one()
    return limits.documents - used
