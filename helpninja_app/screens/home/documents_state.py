"""The documents of the workspace, fifty to a page, filtered by a text."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.errors import NotSignedIn
from helpninja_app.kernel.columns import now
from helpninja_app.knowledge.documents import DocumentPage, list_documents
from helpninja_app.resources import current_resources
from helpninja_app.screens.home.rows import DocumentRow, document_row
from helpninja_app.screens.home.state import PATH
from helpninja_app.screens.session import SignedInState, sentence_for, signed_in, to_sign_in

PAGE_SIZE = 50
MAX_FILTER = 200


class DocumentsState(SignedInState):
    """``page`` counts from 0; ``total`` is how many documents match the filter."""

    is_loaded: bool = False
    failure: str = ""
    rows: rx.Field[list[DocumentRow]] = rx.field(default_factory=list)
    total: int = 0
    page: int = 0
    filter_text: str = ""
    shown: str = ""
    is_last: bool = True

    _latest: int = 0

    @rx.event(background=True)
    async def open_documents(self) -> Any:
        """Run when the page loads, and to try again."""
        return await self._show(self.filter_text, self.page)

    @rx.event(background=True)
    async def filter_documents(self, text: str) -> Any:
        """Only documents with this text in title, address or file name."""
        wanted = text.replace("\x00", "").strip()[:MAX_FILTER] if isinstance(text, str) else ""
        return await self._show(wanted, 0)

    @rx.event(background=True)
    async def turn_page(self, by: int) -> Any:
        """One page on (1) or back (-1)."""
        step = (by > 0) - (by < 0) if isinstance(by, int) else 0
        return await self._show(self.filter_text, max(self.page + step, 0))

    async def _show(self, contains: str, page: int) -> Any:
        async with self:
            self._latest += 1
            mine = self._latest
        try:
            caller = await signed_in(self)
            found = await _read(caller, contains, page)
            if page and not found.documents:
                # The page went away under the reader, or was never there.
                page = max((found.total - 1) // PAGE_SIZE, 0)
                found = await _read(caller, contains, page)
        except NotSignedIn:
            return to_sign_in(PATH)
        except Exception as error:
            async with self:
                self.failure = sentence_for(error)
            return None
        moment = now()
        async with self:
            if self._latest == mine:
                self._show_to_this_session()
                self.failure = ""
                self.filter_text, self.page, self.total = contains, page, found.total
                self.rows = [document_row(document, moment) for document in found.documents]
                first = page * PAGE_SIZE
                self.shown = f"{first + 1:,} to {first + len(self.rows):,} of {found.total:,}"
                self.is_last = first + len(self.rows) >= found.total
                self.is_loaded = True
        return None


async def _read(caller: MemberCaller, contains: str, page: int) -> DocumentPage:
    require(caller, Permission.READ_KNOWLEDGE)
    async with current_resources().database.unit_of_work(caller.scope) as session:
        return await list_documents(
            session,
            caller.workspace.id,
            limit=PAGE_SIZE,
            offset=page * PAGE_SIZE,
            contains=contains or None,
        )
