"""How much room a plan leaves for documents and websites, and the refusal where it is none."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.errors import LimitUsedUp
from helpninja_app.knowledge.limits import KnowledgeLimits
from helpninja_app.knowledge.models import Document, Source
from helpninja_app.knowledge.overview import list_sites

_LOCK_SITES = text("select pg_advisory_xact_lock(hashtextextended('sites:' || :workspace, 0))")


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
        f"The {limits.plan} plan has room for {limits.documents:,} documents, and {used:,} are there already."
        " Delete some"
        if room > 0
        else f"All {limits.documents:,} documents of the {limits.plan} plan are used. Delete one"
    )
    other = limits.without_larger
    raise LimitUsedUp(
        f"{told}. {other}" if other else f"{told}, or have an owner change the plan under Billing.",
        limit=limits.documents,
        used=used,
        is_by_plan=not other,
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


async def lock_sites(session: AsyncSession, workspace_id: UUID) -> None:
    """Let one transaction at a time add websites, or two would both be the last one that fits.

    Taken before the index's lock and before any source, which others hold while they wait for it.
    """
    await session.execute(_LOCK_SITES, {"workspace": str(workspace_id)})


async def claim_sites(
    session: AsyncSession, workspace_id: UUID, source_id: UUID, hosts: Sequence[str], limits: KnowledgeLimits
) -> None:
    """Note on which websites the pages of a source are; ``LimitUsedUp`` when they are too many."""
    await lock_sites(session, workspace_id)
    await check_sites(session, workspace_id, hosts, limits, besides=source_id)
    await session.execute(
        update(Source)
        .where(col(Source.workspace_id) == workspace_id, col(Source.id) == source_id)
        .values(hosts=list(hosts))
    )


async def check_sites(
    session: AsyncSession,
    workspace_id: UUID,
    hosts: Sequence[str],
    limits: KnowledgeLimits,
    *,
    besides: UUID | None = None,
) -> None:
    """Raise ``LimitUsedUp`` when ``hosts`` would be more websites than the plan has, with those there are."""
    if limits.sites is None:
        return
    known = await list_sites(session, workspace_id, besides=besides)
    new = [host for host in dict.fromkeys(hosts) if host not in known]
    if new and len(known) + len(new) > limits.sites:
        raise LimitUsedUp(
            f"{new[-1]} would be website number {len(known) + len(new)}, and the {limits.plan} plan includes"
            f" {limits.sites}. Remove a website, or have an owner change the plan under Billing.",
            limit=limits.sites,
            used=len(known),
        )
