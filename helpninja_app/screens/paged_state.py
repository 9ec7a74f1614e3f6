"""What lists of several pages have in common: where the reader is, and turning to another page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.callers import MemberCaller
from helpninja_app.kernel.columns import now
from helpninja_app.screens.page_state import PageState

PAGE_SIZE = 50


class PagedState(PageState, mixin=True):
    """A list says how it is read (``_list``) and how an item looks (``_row``), and has a var ``rows``.

    ``page`` counts from 0, ``total`` is how many items match. Filters and ``page`` change at once, so that of
    two changes that follow each other none is lost.
    """

    page: int = 0
    total: int = 0
    shown: str = ""
    is_last: bool = True

    @rx.event(background=True)
    async def turn_page(self, by: int) -> Any:
        """One page on (1) or back (-1)."""
        step = (by > 0) - (by < 0) if isinstance(by, int) else 0
        return await self._answer(page=max(self.page + step, 0))

    async def _list(
        self, session: AsyncSession, caller: MemberCaller, *, limit: int, offset: int
    ) -> tuple[Sequence[Any], int]:
        """Items that match the filters, and how many do in all."""
        raise NotImplementedError

    def _row(self, item: Any, moment: datetime) -> Any:
        raise NotImplementedError

    async def _read(self, session: AsyncSession, caller: MemberCaller) -> tuple[int, Sequence[Any], int]:
        page = self.page
        items, total = await self._list(session, caller, limit=PAGE_SIZE, offset=page * PAGE_SIZE)
        if page and not items:
            # The page went away under the reader, or was never there.
            page = max((total - 1) // PAGE_SIZE, 0)
            items, total = await self._list(session, caller, limit=PAGE_SIZE, offset=page * PAGE_SIZE)
        return page, items, total

    def _show(self, found: tuple[int, Sequence[Any], int], caller: MemberCaller) -> None:
        self.page, items, self.total = found
        moment = now()
        self.rows = [self._row(item, moment) for item in items]
        first = self.page * PAGE_SIZE
        self.shown = f"{first + 1:,} to {first + len(items):,} of {self.total:,}" if items else ""
        self.is_last = first + len(items) >= self.total


def filter_text(text: object, most: int) -> str:
    """What somebody looks for, as it came over the websocket."""
    return text.replace("\x00", "").strip()[:most] if isinstance(text, str) else ""
