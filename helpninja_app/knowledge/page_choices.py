"""What members chose for a page by hand: kept by its address, so that it holds when the page comes back."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import delete, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.kernel.scope import Audience
from helpninja_app.knowledge.models import DeletedDocument, Document, PageChoice

_FOLLOW_PAGE = text(
    """
    update page_choices p set source_id = d.source_id from documents d
    where p.workspace_id = :workspace and p.url = :url and d.workspace_id = p.workspace_id and d.url = p.url
    """
)


async def choose_audience(session: AsyncSession, document: Document, audience: Audience) -> None:
    """Remember who a page is for; a file or a note needs no remembering, since it never goes by itself."""
    if document.url is None:
        return
    await session.execute(
        upsert(PageChoice)
        .values(
            workspace_id=document.workspace_id,
            url=document.url,
            source_id=document.source_id,
            audience=audience.value,
        )
        .on_conflict_do_update(
            index_elements=["workspace_id", "url"],
            set_={"source_id": document.source_id, "audience": audience.value},
        )
    )
    # What was deleted of this page before may be restored one day.
    await session.execute(
        update(DeletedDocument)
        .where(
            col(DeletedDocument.workspace_id) == document.workspace_id,
            col(DeletedDocument.url) == document.url,
        )
        .values(audience=audience.value)
    )


async def chosen_audience(session: AsyncSession, workspace_id: UUID, url: str) -> str | None:
    """Who the page of an address is for, where a member said so."""
    found = await session.execute(
        select(col(PageChoice.audience)).where(
            col(PageChoice.workspace_id) == workspace_id, col(PageChoice.url) == url
        )
    )
    return found.scalar_one_or_none()


async def follow_page(session: AsyncSession, workspace_id: UUID, url: str) -> None:
    """Bind the choice to the source that has the page now: what is said for all of that holds for it."""
    await session.execute(_FOLLOW_PAGE, {"workspace": workspace_id, "url": url})


async def forget_audiences(session: AsyncSession, workspace_id: UUID, source_id: UUID) -> None:
    """For a source that is now for the same people as a whole, pages included that are gone just now."""
    await session.execute(
        delete(PageChoice).where(
            col(PageChoice.workspace_id) == workspace_id, col(PageChoice.source_id) == source_id
        )
    )
