"""The documents of the workspace, fifty to a page, filtered by a text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.knowledge.documents import DocumentView, list_documents
from helpninja_app.screens.home.rows import DocumentRow, document_row
from helpninja_app.screens.paged_state import PagedState, filter_text
from helpninja_app.screens.session import SignedInState

MAX_FILTER = 200


class DocumentsState(PagedState, SignedInState):
    """``total`` is how many documents match the filter."""

    rows: rx.Field[list[DocumentRow]] = rx.field(default_factory=list)
    filter_text: str = ""

    @rx.event(background=True)
    async def open_documents(self) -> Any:
        """Run when the page loads, and to try again."""
        return await self._answer()

    @rx.event(background=True)
    async def filter_documents(self, text: str) -> Any:
        """Only documents with this text in title, address or file name."""
        return await self._answer(filter_text=filter_text(text, MAX_FILTER), page=0)

    async def _list(
        self, session: AsyncSession, caller: MemberCaller, *, limit: int, offset: int
    ) -> tuple[Sequence[DocumentView], int]:
        require(caller, Permission.READ_KNOWLEDGE)
        found = await list_documents(
            session, caller.workspace.id, limit=limit, offset=offset, contains=self.filter_text or None
        )
        return found.documents, found.total

    def _row(self, item: DocumentView, moment: datetime) -> DocumentRow:
        return document_row(item, moment)
