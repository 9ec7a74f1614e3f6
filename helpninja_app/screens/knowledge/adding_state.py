"""A website to be read: looked at first, then asked for as it was shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.audit import Actor
from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.knowledge.previews import IngestPreview, PreviewedPage, preview_ingest
from helpninja_app.knowledge.sources import add_website
from helpninja_app.resources import current_resources
from helpninja_app.screens.knowledge.documents_state import audience_from
from helpninja_app.screens.knowledge.sources_state import SourcesState
from helpninja_app.screens.knowledge.state import KnowledgeState, limits_of
from helpninja_app.screens.page_state import PageState
from helpninja_app.screens.session import SignedInState, text_in

MAX_ADDRESS = 2000
FOLLOWED = "There is no sitemap at this address: the links on its pages are followed, on this website only."
ALREADY = {
    "visitors": "It is one of your sources already: visitors are answered from it now.",
    "members": "It is one of your sources already: only members are answered from it now.",
}
NOT_ALL_SEEN = "There was no time to see all of the sitemap: there may be more."


@dataclass(frozen=True)
class PageLine:
    """An address of the preview; ``note`` is empty for one that is simply read."""

    url: str
    note: str


class AddingState(PageState, SignedInState):
    """``address`` is the one that ``summary`` and ``lines`` are about, ``what`` names its pages.

    ``reach`` is "links" or "page"; ``has_choice`` where there is one: not of a sitemap or a file.
    ``present`` is the audience of a source that is there at this address already, ``audience`` the one that
    it is to have.
    """

    is_open: bool = False
    address: str = ""
    summary: str = ""
    what: str = ""
    details: rx.Field[list[str]] = rx.field(default_factory=list)
    limits: rx.Field[list[str]] = rx.field(default_factory=list)
    lines: rx.Field[list[PageLine]] = rx.field(default_factory=list)
    more: str = ""
    audience: str = "visitors"
    present: str = ""
    reach: str = "links"
    has_choice: bool = False

    _has_chosen: bool = False

    @rx.event
    def begin(self) -> None:
        """Open the dialog, empty; what is typed in it already stays."""
        if not self.is_open:
            self._empty()
            self.is_open = True

    @rx.event
    def close(self) -> None:
        """The dialog was closed."""
        self._empty()

    @rx.event
    def choose_audience(self, audience: str) -> None:
        """Who is to be answered from these pages."""
        self.audience = "members" if audience == "members" else "visitors"
        self._has_chosen = True

    @rx.event(background=True)
    async def preview(self, form: dict[str, Any]) -> Any:
        """Look at what would be read."""
        return await self._look(text_in(form, "address", MAX_ADDRESS), "links")

    @rx.event(background=True)
    async def choose_reach(self, reach: str) -> Any:
        """Whether a page is read alone or with what it links to: look at that."""
        return await self._look(self.address, "page" if reach == "page" else "links")

    async def _look(self, address: str, reach: str) -> Any:
        asked = (self.drawn, address, reach)

        def is_still_asked() -> bool:
            return (self.drawn, self.address, self.reach) == asked

        async def errand(caller: MemberCaller) -> IngestPreview | None:
            require(caller, Permission.WRITE_KNOWLEDGE)
            try:
                return await preview_ingest(
                    current_resources().knowledge,
                    caller.scope,
                    caller.workspace.id,
                    address,
                    limits_of(caller),
                    follows_links=reach == "links",
                )
            except Exception:
                if is_still_asked():
                    raise
                # Nobody asks about this address any more.
                return None

        def then(found: IngestPreview | None) -> None:
            if found is not None and is_still_asked():
                self._show_preview(found)

        return await self._answer(errand=errand, then=then, summary="", address=address, reach=reach)

    @rx.event(background=True)
    async def add(self, address: str, audience: str, reach: str) -> Any:
        """Read what was shown."""
        drawn = self.drawn

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            require(caller, Permission.WRITE_KNOWLEDGE)
            wanted = address[:MAX_ADDRESS] if isinstance(address, str) else ""
            await add_website(
                session,
                current_resources().queue,
                Actor.of(caller),
                wanted,
                limits_of(caller),
                audience=audience_from(audience),
                follows_links=reach == "links",
            )

        def then(_: None) -> Any:
            if self.drawn == drawn:
                self._empty()
            return [SourcesState.open_sources, KnowledgeState.open_knowledge]

        return await self._answer(work, then, once=())

    async def _read(self, session: AsyncSession, caller: MemberCaller) -> None:
        require(caller, Permission.WRITE_KNOWLEDGE)

    def _show(self, found: None, caller: MemberCaller) -> None:
        """Nothing is kept here."""

    def _show_preview(self, found: IngestPreview) -> None:
        readable = found.found - found.forbidden - found.left_out
        pages = "1 page" if readable == 1 else f"{readable:,} pages"
        self.has_choice = found.kind == "site" or (found.kind == "page" and self.reach == "page")
        is_beginning = found.kind == "site" and not found.is_complete
        self.what = f"the pages of {found.host}" if is_beginning else f"{pages} of {found.host}"
        self.summary = (
            f"{pages} of {found.host} were found so far, and more may follow."
            if is_beginning
            else f"{self.what} will be read."
        )
        self.present = found.audience.value if found.audience else ""
        if not self._has_chosen:
            self.audience = found.before.value if found.before else "visitors"
        self.limits = list(found.limits)
        self.details = [
            sentence
            for count, sentence in (
                (self.present, ALREADY.get(self.present, "")),
                (found.known, f"{found.known:,} of them are here already and are read again."),
                (found.elsewhere, _elsewhere(found)),
                (found.forbidden, f"{found.forbidden:,} are not read: robots.txt forbids it."),
                (found.left_out, f"{found.left_out:,} are left out, since they were deleted here."),
                (found.kind == "site", FOLLOWED),
                (found.kind == "page", "This page alone is read."),
                (found.skipped_count, _skipped(found)),
                (found.kind == "sitemap" and not found.is_complete, NOT_ALL_SEEN),
            )
            if count
        ]
        self.lines = [
            *(PageLine(page.url, _note(page)) for page in found.pages),
            *(PageLine(url, "robots.txt forbids it") for url in found.robots),
            *(PageLine(skip.url, skip.reason) for skip in found.skipped),
        ]
        shown = len(found.pages)
        rest = found.found - found.forbidden - shown
        self.more = f"and {rest:,} more" if rest > 0 else ""

    def _empty(self) -> None:
        self.is_open, self.address, self.summary, self.problem, self.more = False, "", "", "", ""
        self.what = ""
        self.is_at_limit, self.audience, self.present = False, "visitors", ""
        self._has_chosen = False
        self.reach, self.has_choice = "links", False
        self.details, self.limits, self.lines = [], [], []
        self.drawn += 1


def _note(page: PreviewedPage) -> str:
    if page.is_left_out:
        return "was deleted here"
    return "is here already" if page.is_known else ""


def _elsewhere(found: IngestPreview) -> str:
    kept = found.elsewhere - found.public
    counts = ((found.public, "public"), (kept, "for members only"))
    stay = ", ".join(f"{count:,} {word}" for count, word in counts if count)
    return f"Pages that other sources brought stay for whom they are there: {stay}."


def _skipped(found: IngestPreview) -> str:
    where = "of the sitemap" if found.kind == "sitemap" else "that links lead to"
    if found.skipped_count == 1:
        return f"1 address {where} is not read."
    return f"{found.skipped_count:,} addresses {where} are not read."
