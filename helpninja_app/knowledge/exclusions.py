"""Pages that were deleted and are not to come back by themselves with the next crawl."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Text, any_, cast, delete, func, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.audit import Actor, record
from helpninja_app.errors import NotFound
from helpninja_app.kernel.database import new_id
from helpninja_app.knowledge.models import ExcludedPage

EXCLUDED = "This page was deleted here, so it is left out until it is restored or allowed again."


@dataclass(frozen=True, slots=True)
class ExclusionView:
    id: UUID
    url: str
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ExclusionPage:
    exclusions: tuple[ExclusionView, ...]
    total: int


async def exclude_pages(session: AsyncSession, workspace_id: UUID, urls: Sequence[str], by: str) -> None:
    if urls:
        rows = [{"workspace_id": workspace_id, "id": new_id(), "url": url, "created_by": by} for url in urls]
        await session.execute(upsert(ExcludedPage).values(rows).on_conflict_do_nothing())


async def include_pages(session: AsyncSession, workspace_id: UUID, urls: Sequence[str]) -> None:
    """Let crawls read these addresses again, where they may not."""
    await session.execute(
        delete(ExcludedPage).where(
            col(ExcludedPage.workspace_id) == workspace_id,
            col(ExcludedPage.url) == any_(cast(list(urls), ARRAY(Text))),
        )
    )


async def is_excluded(session: AsyncSession, workspace_id: UUID, url: str) -> bool:
    found = await session.execute(
        select(col(ExcludedPage.id)).where(
            col(ExcludedPage.workspace_id) == workspace_id, col(ExcludedPage.url) == url
        )
    )
    return found.scalar_one_or_none() is not None


async def excluded_among(session: AsyncSession, workspace_id: UUID, urls: Sequence[str]) -> set[str]:
    """Those of ``urls`` that are not to be read."""
    found = await session.execute(
        select(col(ExcludedPage.url)).where(
            col(ExcludedPage.workspace_id) == workspace_id,
            col(ExcludedPage.url) == any_(cast(list(urls), ARRAY(Text))),
        )
    )
    return set(found.scalars())


async def list_exclusions(
    session: AsyncSession, workspace_id: UUID, *, limit: int, offset: int
) -> ExclusionPage:
    """The latest first."""
    query = select(ExcludedPage).where(col(ExcludedPage.workspace_id) == workspace_id)
    total = (await session.execute(select(func.count()).select_from(query.subquery()))).scalar_one()
    found = await session.execute(
        query.order_by(col(ExcludedPage.created_at).desc(), col(ExcludedPage.id).desc())
        .limit(limit)
        .offset(offset)
    )
    return ExclusionPage(
        tuple(ExclusionView(row.id, row.url, row.created_by, row.created_at) for row in found.scalars()),
        total,
    )


async def remove_exclusion(session: AsyncSession, actor: Actor, exclusion_id: UUID) -> None:
    """Let crawls read a page again; the next one does. ``NotFound`` when it is not this workspace's."""
    removed = await session.execute(
        delete(ExcludedPage)
        .where(col(ExcludedPage.workspace_id) == actor.workspace_id, col(ExcludedPage.id) == exclusion_id)
        .returning(col(ExcludedPage.url))
    )
    url = removed.scalar_one_or_none()
    if url is None:
        raise NotFound("There is no such excluded page.")
    await record(session, actor, "source.page_allowed", url)
