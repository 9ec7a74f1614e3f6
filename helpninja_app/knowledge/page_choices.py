"""What members chose for a page by hand: kept by its address, so that it holds when the page comes back."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from uuid import UUID

from sqlalchemy import or_, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.knowledge.models import DeletedDocument, Document, PageChoice

_FOLLOW_PAGE = text(
    """
    update page_choices p set source_id = d.source_id from documents d
    where p.workspace_id = :workspace and p.url = :url and d.workspace_id = p.workspace_id and d.url = p.url
    """
)
# What is for members stays so, whatever was said of the new address before.
_CARRY_CHOICE = text(
    """
    insert into page_choices (workspace_id, url, source_id, title, audience)
    select workspace_id, :place, source_id, title, audience from page_choices
    where workspace_id = :workspace and url = :before and url <> :place
    on conflict (workspace_id, url) do update set audience = excluded.audience
    where excluded.audience = 'members'
    """
)


@dataclass(frozen=True, slots=True)
class Choice:
    """``None`` where nobody chose anything."""

    title: str | None = None
    audience: str | None = None


async def remember_choice(session: AsyncSession, document: Document, choice: Choice) -> None:
    """Remember what was chosen for a page; a file or a note needs no remembering: none goes by itself."""
    chosen = {name: value for name, value in asdict(choice).items() if value is not None}
    if document.url is None or not chosen:
        return
    chosen["source_id"] = document.source_id
    await session.execute(
        upsert(PageChoice)
        .values(workspace_id=document.workspace_id, url=document.url, **chosen)
        .on_conflict_do_update(index_elements=["workspace_id", "url"], set_=chosen)
    )
    if choice.audience is not None:
        # What was deleted of this page before may be restored one day.
        await session.execute(
            update(DeletedDocument)
            .where(
                col(DeletedDocument.workspace_id) == document.workspace_id,
                col(DeletedDocument.url) == document.url,
            )
            .values(audience=choice.audience)
        )


async def choice_for(session: AsyncSession, workspace_id: UUID, url: str | None) -> Choice:
    """What members chose for the page of an address."""
    found = await session.execute(
        select(col(PageChoice.title), col(PageChoice.audience)).where(
            col(PageChoice.workspace_id) == workspace_id, col(PageChoice.url) == url
        )
    )
    return Choice(*(found.tuples().one_or_none() or ()))


async def carry_choice(session: AsyncSession, workspace_id: UUID, before: str, place: str) -> None:
    """What was chosen for a page holds for it at its new address too."""
    await session.execute(_CARRY_CHOICE, {"workspace": workspace_id, "before": before, "place": place})


async def follow_page(session: AsyncSession, workspace_id: UUID, url: str) -> None:
    """Bind the choice to the source that has the page now: what is said for all of that holds for it."""
    await session.execute(_FOLLOW_PAGE, {"workspace": workspace_id, "url": url})


async def forget_audiences(session: AsyncSession, workspace_id: UUID, source_id: UUID) -> None:
    """For a source that is now for the same people as a whole, pages included that are gone just now."""
    theirs = select(col(Document.url)).where(
        col(Document.workspace_id) == workspace_id, col(Document.source_id) == source_id
    )
    await session.execute(
        update(PageChoice)
        .where(
            col(PageChoice.workspace_id) == workspace_id,
            # Another source may have had the page in between.
            or_(col(PageChoice.source_id) == source_id, col(PageChoice.url).in_(theirs)),
        )
        .values(audience=None)
    )
