"""Pages that are not there any more: which they are, and taking them out of the index in one transaction."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.knowledge.lexical_index import lock_index

NOT_LISTED = "It is not in the sitemap any more."
# Runs that are remembered for each source: their pages can be many.
RUNS_KEPT = 10

# What the last run of another source that is still there has as well, to be followed by where it is.
_OF_ANOTHER_SOURCE = """
    select from ingest_pages p
    join ingest_jobs j on j.workspace_id = p.workspace_id and j.id = p.job_id
    join sources s on s.workspace_id = j.workspace_id and s.id = j.source_id and s.deleted_at is null
    where p.workspace_id = :workspace and j.source_id <> :source and p.state in ('changed', 'unchanged')
      and j.id = (select last.id from ingest_jobs last
                  where last.workspace_id = j.workspace_id and last.source_id = j.source_id
                    and last.state = 'completed'
                  order by last.created_at desc, last.id desc limit 1)
      and coalesce(p.found_url, p.url) =
"""
# A page that failed stands where it stood before, so that a redirect that is down for once loses nothing.
_REMEMBER_PLACES = text(
    """
    update ingest_pages p set found_url = (
      select b.found_url from ingest_pages b
      join ingest_jobs j on j.workspace_id = b.workspace_id and j.id = b.job_id
      where b.workspace_id = p.workspace_id and j.source_id = :source and b.url = p.url
        and b.job_id <> p.job_id and (b.found_url is not null or b.state = 'gone')
      order by j.created_at desc, j.id desc limit 1
    )
    where p.workspace_id = :workspace and p.job_id = :job and p.state = 'failed' and p.found_url is null
    """
)
# Of pages that another source has as well, that one decides.
_REMOVE_ABSENT = text(
    f"""
    with seen as (
      select unnest(array[url, found_url]) as url from ingest_pages
      where workspace_id = :workspace and job_id = :job and state <> 'gone'
    )
    delete from documents d
    where d.workspace_id = :workspace and d.source_id = :source and d.url is not null
      and not exists (select from seen where seen.url = d.url)
      and not exists ({_OF_ANOTHER_SOURCE} d.url)
    returning d.url
    """  # noqa: S608 - made of constants
)
# Where a page was: under its own address, and where that led to before. What several pages are led to for now
# is a notice of a site in trouble, or a sign-in, and not where they have moved to. What a run met stays.
_REMOVE_MOVED = text(
    f"""
    with here as (
      select url, coalesce(found_url, url) as place, found_url is not null as is_led from ingest_pages
      where workspace_id = :workspace and job_id = :job
        and (state in ('changed', 'unchanged') or state = 'skipped' and found_url is not null)
    ), led as (
      select h.url, count(*) over (partition by h.place) as together
      from here h join documents d on d.workspace_id = :workspace and d.url = h.url
      where h.is_led
    ), left_behind as (
      select url from led where together = 1
      union
      select b.found_url from here h
      join ingest_pages b on b.workspace_id = :workspace and b.url = h.url and b.job_id <> :job
      join ingest_jobs j on j.workspace_id = b.workspace_id and j.id = b.job_id
      where j.source_id = :source and b.found_url <> h.place and not exists ({_OF_ANOTHER_SOURCE} b.found_url)
    )
    delete from documents d using left_behind
    where d.workspace_id = :workspace and d.url = left_behind.url and not exists (
      select from ingest_pages p
      where p.workspace_id = :workspace and p.job_id = :job and p.state <> 'gone'
        and coalesce(p.found_url, p.url) = d.url)
    """  # noqa: S608 - made of constants
)
_NOTE_GONE = text(
    """
    insert into ingest_pages (workspace_id, job_id, position, url, state, reason)
    select :workspace, :job,
           (select coalesce(max(position), -1) from ingest_pages
            where workspace_id = :workspace and job_id = :job) + gone.number,
           gone.url, 'gone', :reason
    from unnest(cast(:urls as text[])) with ordinality as gone (url, number)
    """
)
_WAS_READ = text(
    """
    select exists (select from ingest_pages where workspace_id = :workspace and job_id = :job
                   and state in ('changed', 'unchanged'))
    """
)
_EARLIER_PLACE = text(
    """
    select p.found_url from ingest_pages p
    join ingest_jobs j on j.workspace_id = p.workspace_id and j.id = p.job_id
    where p.workspace_id = :workspace and j.source_id = :source and p.url = :url
      and (p.found_url is not null or p.state = 'gone')
    order by j.created_at desc, j.id desc limit 1
    """
)
# Also an address that was led there and is not read yet in this run, or cannot be for once.
_IS_ELSEWHERE = text(
    f"""
    select exists (
      select from ingest_pages p
      where p.workspace_id = :workspace and p.job_id = :job and p.url <> :url and p.state <> 'gone'
        and (coalesce(p.found_url, p.url) = :place or p.state in ('pending', 'failed') and exists (
          select from ingest_pages b
          join ingest_jobs j on j.workspace_id = b.workspace_id and j.id = b.job_id
          where b.workspace_id = :workspace and j.source_id = :source
            and b.url = p.url and b.found_url = :place
        ))
    ) or exists ({_OF_ANOTHER_SOURCE} :place)
    """  # noqa: S608 - made of constants
)
_FORGET_RUNS = text(
    """
    delete from ingest_jobs where workspace_id = :workspace and source_id = :source and id <> all(array(
      select id from ingest_jobs where workspace_id = :workspace and source_id = :source
      order by created_at desc, id desc limit :kept))
    """
)


async def remove_absent(session: AsyncSession, workspace_id: UUID, source_id: UUID, job_id: UUID) -> int:
    """Remove the documents of a source that a run which knows the whole sitemap did not meet.

    They are noted as gone; returns how many. Nothing is removed by a run that could read no page at all.
    """
    await lock_index(session, workspace_id)
    values = {"workspace": workspace_id, "source": source_id, "job": job_id}
    await session.execute(_REMEMBER_PLACES, values)
    if not (await session.execute(_WAS_READ, values)).scalar_one():
        return 0
    gone = list((await session.execute(_REMOVE_ABSENT, values)).scalars())
    await note_gone(session, workspace_id, job_id, gone, NOT_LISTED)
    return len(gone)


async def remove_moved(session: AsyncSession, workspace_id: UUID, source_id: UUID, job_id: UUID) -> None:
    """Remove the documents of addresses that led to others in this run: each page stands where it is now."""
    await lock_index(session, workspace_id)
    values = {"workspace": workspace_id, "source": source_id, "job": job_id}
    await session.execute(_REMEMBER_PLACES, values)
    await session.execute(_REMOVE_MOVED, values)


async def note_gone(
    session: AsyncSession, workspace_id: UUID, job_id: UUID, urls: list[str], reason: str
) -> None:
    """Add these addresses to the pages of a run."""
    values = {"workspace": workspace_id, "job": job_id, "urls": sorted(urls), "reason": reason}
    await session.execute(_NOTE_GONE, values)


async def earlier_place(session: AsyncSession, workspace_id: UUID, source_id: UUID, url: str) -> str | None:
    """Where the page of an address was the last time, if it was led to another."""
    found = await session.execute(
        _EARLIER_PLACE, {"workspace": workspace_id, "source": source_id, "url": url}
    )
    place: str | None = found.scalar_one_or_none()
    return place


async def is_elsewhere(
    session: AsyncSession, workspace_id: UUID, source_id: UUID, job_id: UUID, url: str, place: str
) -> bool:
    """Whether the page at ``place`` is there for more than ``url``: this run or another source has it too."""
    values = {"workspace": workspace_id, "source": source_id, "job": job_id, "url": url, "place": place}
    found: bool = (await session.execute(_IS_ELSEWHERE, values)).scalar_one()
    return found


async def forget_old_runs(session: AsyncSession, workspace_id: UUID, source_id: UUID) -> None:
    """Keep the latest runs of a source and forget the others with their pages."""
    await session.execute(_FORGET_RUNS, {"workspace": workspace_id, "source": source_id, "kept": RUNS_KEPT})
