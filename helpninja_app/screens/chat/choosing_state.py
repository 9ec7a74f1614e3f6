"""Which documents a chat is about: all, none, or some that were chosen or uploaded into it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.errors import Conflict
from helpninja_app.knowledge.documents import DocumentPage, get_document, list_documents
from helpninja_app.knowledge.models import DocumentStatus
from helpninja_app.screens.chat.managing_state import ManagedChat
from helpninja_app.screens.chat.rows import DELETED, DocumentRow, document_rows
from helpninja_app.screens.page_state import PageState
from helpninja_app.screens.paged_state import filter_text
from helpninja_app.screens.session import SignedInState, id_from, text_in
from helpninja_app.screens.shell.state import UPLOADED, told

MAX_CHOSEN = 50
MAX_SHOWN = 50
MAX_SEARCH = 200


class ChoosingState(ManagedChat, mixin=True):
    """``chosen`` are the only documents that are asked about, unless there are none."""

    uses_all: bool = True
    chosen: rx.Field[list[DocumentRow]] = rx.field(default_factory=list)
    chosen_ids: rx.Field[list[str]] = rx.field(default_factory=list)
    is_reading: bool = False

    _chosen: rx.Field[list[str]] = rx.field(default_factory=list)

    @rx.event(background=True)
    async def choose_scope(self, scope: str) -> Any:
        """Ask about ``all`` documents, or about none; those that were chosen no longer count."""
        return await self._answer(uses_all=scope == "all", _chosen=[])

    @rx.event(background=True)
    async def choose_document(self, document_id: str) -> Any:
        """Ask about this document too; or, where it is chosen already, no longer."""
        if document_id not in self._chosen:
            return await self._add(document_id, self.opening)
        async with self:
            self._chosen = [each for each in self._chosen if each != document_id]
            # What is being read meanwhile is of what was chosen before.
            self._latest += 1
        return await self._answer()

    @rx.event(background=True)
    async def add_document(self, form: dict[str, Any]) -> Any:
        """Ask about a document that was just uploaded, in the chat whose composer took its file.

        Where another one is shown by now, that is not asked about it, and where the file is is told.
        """
        opening, chat_id = text_in(form, "opening", 40), text_in(form, "chat", 40)
        return await self._add(text_in(form, "document", 100), opening, chat_id, otherwise=UPLOADED)

    async def _add(self, document_id: object, opening: str, chat_id: str = "", *, otherwise: str = "") -> Any:
        def is_left() -> bool:
            is_it = self.opening == opening or (chat_id != "" and self.chat_id == chat_id)
            # Of one that is not read yet it is not known what else it is about.
            is_read = self.chat_id != "" or self._wanted == ""
            return not (is_it and is_read)

        async def work(session: AsyncSession, caller: MemberCaller) -> str:
            require(caller, Permission.USE_CHAT)
            if len(self._chosen) >= MAX_CHOSEN and not is_left():
                raise Conflict(f"At most {MAX_CHOSEN} documents can be chosen.")
            return str((await get_document(session, caller.workspace.id, id_from(document_id))).id)

        def choose(added: str) -> Any:
            if is_left():
                return told(otherwise) if otherwise else None
            self._chosen = [*(each for each in self._chosen if each != added), added]
            return None

        return await self._answer(work, choose, is_left=is_left)

    def _is_waiting(self) -> bool:
        return self.is_reading

    def _show_chosen(self, chosen: list[DocumentRow]) -> None:
        self._chosen = [row.id for row in chosen]
        if chosen != self.chosen:
            self.chosen, self.chosen_ids = chosen, [row.id for row in chosen]
        self.is_reading = any(row.status == DocumentStatus.PROCESSING.value for row in chosen)

    def _documents_to_ask(self) -> tuple[UUID, ...]:
        if any(row.status == DELETED for row in self.chosen):
            raise Conflict("A document that this is asked about was deleted. Remove it below, and ask again.")
        if self.is_reading:
            raise Conflict("A document is still being read. Ask as soon as it is ready.")
        ready = [row for row in self.chosen if row.status == DocumentStatus.COMPLETED.value]
        if self.chosen and not ready:
            raise Conflict("None of the chosen documents could be read. Choose others.")
        return tuple(UUID(row.id) for row in ready)


class PickerState(PageState, SignedInState):
    """The documents to choose from: the newest that match ``wanted``."""

    rows: rx.Field[list[DocumentRow]] = rx.field(default_factory=list)
    wanted: str = ""
    more: str = ""

    @rx.event(background=True)
    async def open_picker(self) -> Any:
        """Run when the choice is opened, and to try again."""
        return await self._answer()

    @rx.event(background=True)
    async def search_documents(self, text: str) -> Any:
        """Only documents with this text in title, address or file name."""
        return await self._answer(wanted=filter_text(text, MAX_SEARCH))

    async def _read(self, session: AsyncSession, caller: MemberCaller) -> DocumentPage:
        require(caller, Permission.USE_CHAT)
        return await list_documents(
            session,
            caller.workspace.id,
            limit=MAX_SHOWN,
            offset=0,
            status=DocumentStatus.COMPLETED.value,
            contains=self.wanted or None,
        )

    def _show(self, found: DocumentPage, caller: MemberCaller) -> None:
        self.rows = document_rows(found.documents)
        left = found.total - len(self.rows)
        self.more = f"{left:,} more: search for what is not here." if left > 0 else ""
