"""What an ingest would read, told before anything is read: its pages, and the limits it would meet."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ARRAY, Text, any_, cast, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.errors import FetchFailed, InputRefused, LimitUsedUp
from helpninja_app.kernel.scope import Audience, Scope
from helpninja_app.knowledge.crawl.discovery import Discovery, discover
from helpninja_app.knowledge.crawl.fetcher import PageFetcher
from helpninja_app.knowledge.crawl.following import look_ahead
from helpninja_app.knowledge.crawl.urls import canonical_url, origin
from helpninja_app.knowledge.exclusions import excluded_among
from helpninja_app.knowledge.ingest_requests import PageOutcome, find_source, is_known_site
from helpninja_app.knowledge.limits import KnowledgeLimits
from helpninja_app.knowledge.models import Document, PageState
from helpninja_app.knowledge.room import check_sites, room_left
from helpninja_app.knowledge.tools import KnowledgeTools

SECONDS = 10.0
SHOWN = 50


@dataclass(frozen=True, slots=True)
class PreviewedPage:
    """``is_known`` when its document is here already; ``is_left_out`` when it was deleted here."""

    url: str
    is_known: bool
    is_left_out: bool


@dataclass(frozen=True, slots=True)
class IngestPreview:
    """``found`` pages would be asked for, ``known`` of them are here already, ``forbidden`` by robots.txt.

    ``audience`` is for whom the source at this address is, ``None`` where there is none; ``before`` also for
    whom a deleted one was. ``elsewhere`` pages were brought by other sources and stay for whom they are
    there, ``public`` of them for visitors.
    ``pages``, ``robots`` and ``skipped`` are the first 50 of what would be read, of what robots.txt forbids
    and of what is not read for another reason. ``limits`` are sentences about what stands in the way; not
    ``is_complete`` when there was no time or no way to see all of a sitemap. Of a site only its beginning is
    looked at.
    """

    kind: Literal["page", "site", "sitemap"]
    host: str
    found: int
    known: int
    audience: Audience | None
    before: Audience | None
    elsewhere: int
    public: int
    left_out: int
    forbidden: int
    skipped_count: int
    pages: tuple[PreviewedPage, ...]
    robots: tuple[str, ...]
    skipped: tuple[PageOutcome, ...]
    limits: tuple[str, ...]
    is_complete: bool


async def preview_ingest(
    tools: KnowledgeTools,
    scope: Scope,
    workspace_id: UUID,
    address: str,
    limits: KnowledgeLimits,
    *,
    follows_links: bool | None = None,
) -> IngestPreview:
    """Look at a page, site or sitemap for about ten seconds, with the same refusals as an ingest has.

    ``follows_links`` is what the ingest would be asked for.

    Raises ``InputRefused`` (``AddressRefused``, ``FetchFailed``) for what an ingest would fail on as a whole.
    """
    url = canonical_url(address)
    is_site = follows_links
    if is_site is None:
        async with tools.database.unit_of_work(scope) as session:
            is_site = await is_known_site(session, workspace_id, url)
    try:
        async with asyncio.timeout(SECONDS):
            # Part of the time is kept for robots.txt.
            found = await discover(
                tools.fetcher,
                address,
                max_pages=limits.pages_per_crawl,
                max_seconds=SECONDS / 2,
                follows_links=is_site,
            )
            if found.kind == "site":
                found = await look_ahead(
                    tools.fetcher,
                    found.pages[0],
                    max_pages=limits.pages_per_crawl,
                    max_seconds=SECONDS / 2,
                    enough=SHOWN,
                )
            forbidden, trouble = await _forbidden(tools.fetcher, found.pages)
    except TimeoutError as error:
        raise FetchFailed(
            "The site is too slow to look at beforehand. It can be read all the same.", retryable=True
        ) from error
    async with tools.database.unit_of_work(scope) as session:
        source = await find_source(session, workspace_id, url)
        before = Audience(source.audience) if source else None
        if source is not None and source.deleted_at is not None:
            source = None
        known = await _known(session, workspace_id, found.pages)
        left_out = await excluded_among(session, workspace_id, found.pages)
        told = await _limits(session, workspace_id, found, len(known), limits)
    readable = [url for url in found.pages if url not in forbidden]
    others = [each for each in known.values() if source is None or each.source_id != source.id]
    return IngestPreview(
        kind=found.kind,
        host=found.host,
        found=len(found.pages),
        known=len(known),
        audience=before if source else None,
        before=before,
        elsewhere=len(others),
        public=sum(each.audience == Audience.VISITORS.value for each in others),
        left_out=len(left_out),
        forbidden=len(forbidden),
        skipped_count=found.skipped_total,
        pages=tuple(PreviewedPage(url, url in known, url in left_out) for url in readable[:SHOWN]),
        robots=tuple(url for url in found.pages if url in forbidden)[:SHOWN],
        skipped=tuple(
            PageOutcome(skip.url, skip.reason, PageState.SKIPPED) for skip in found.skipped[:SHOWN]
        ),
        limits=(*trouble, *told),
        is_complete=found.is_complete or found.kind == "page",
    )


async def _forbidden(fetcher: PageFetcher, urls: Sequence[str]) -> tuple[set[str], list[str]]:
    """The pages that robots.txt keeps us from, and why nothing of an origin can be read if that is so."""
    by_origin: dict[str, list[str]] = {}
    for url in urls:
        by_origin.setdefault(origin(url), []).append(url)
    forbidden: set[str] = set()
    trouble: list[str] = []
    for pages in by_origin.values():
        try:
            rules = await fetcher.robots.rules(pages[0])
            forbidden |= await asyncio.to_thread(rules.forbidden, pages)
        except InputRefused as error:
            trouble.append(error.detail)
    return forbidden, trouble


async def _known(session: AsyncSession, workspace_id: UUID, urls: Sequence[str]) -> dict[str, Any]:
    """``source_id`` and ``audience`` of the documents that are here, by their addresses."""
    found = await session.execute(
        select(col(Document.url), col(Document.source_id), col(Document.audience)).where(
            col(Document.workspace_id) == workspace_id,
            col(Document.url) == any_(cast(list(urls), ARRAY(Text))),
        )
    )
    return {row.url: row for row in found}


async def _limits(
    session: AsyncSession, workspace_id: UUID, found: Discovery, known: int, limits: KnowledgeLimits
) -> list[str]:
    told: list[str] = []
    try:
        await check_sites(session, workspace_id, found.hosts, limits)
    except LimitUsedUp as error:
        told.append(error.detail)
    if found.is_cut:
        told.append(
            f"Only the first {limits.pages_per_crawl:,} pages would be read: that is what the {limits.plan}"
            f" plan includes in a crawl. {limits.without_larger}".rstrip()
        )
    room = await room_left(session, workspace_id, limits)
    if room is not None and len(found.pages) - known > max(room, 0):
        told.append(
            f"The {limits.plan} plan has room for {max(room, 0):,} more documents, and"
            f" {len(found.pages) - known:,} new pages were found. {limits.without_larger}".rstrip()
        )
    return told
