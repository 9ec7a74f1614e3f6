"""The notes of the workspace, fifty to a page; writing one is ``note_editor_state.py``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.audit import Actor
from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.knowledge.documents import delete_documents
from helpninja_app.knowledge.notes import NoteView, change_note, get_note, list_notes
from helpninja_app.resources import current_resources
from helpninja_app.screens.knowledge.documents_state import audience_from
from helpninja_app.screens.knowledge.following import FollowedState
from helpninja_app.screens.knowledge.refreshing import is_part, the_others
from helpninja_app.screens.knowledge.rows import DocumentRow, document_row, excerpt
from helpninja_app.screens.session import SignedInState, id_from
from helpninja_app.screens.undo_state import deleted


@dataclass(frozen=True)
class NoteRow(DocumentRow):
    """A document with the beginning of what was written."""

    excerpt: str = ""


class NotesState(FollowedState, SignedInState):
    """``counted`` is how many there are, empty for none."""

    rows: rx.Field[list[NoteRow]] = rx.field(default_factory=list)
    counted: str = ""

    @rx.event(background=True)
    async def open_notes(self) -> Any:
        """Run when the page loads, to try again, and when one was written."""
        return await self._answer()

    @rx.event(background=True)
    async def change_audience(self, note_id: str, audience: str) -> Any:
        """Who is answered from a note."""

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            require(caller, Permission.WRITE_KNOWLEDGE)
            queue, wanted = current_resources().queue, audience_from(audience)
            await change_note(session, queue, Actor.of(caller), id_from(note_id), audience=wanted)

        return await self._answer(work, lambda _: the_others("notes"))

    @rx.event(background=True)
    async def delete(self, note_id: str) -> Any:
        """Put a note into the bin; it comes back as the document that it is."""

        async def work(session: AsyncSession, caller: MemberCaller) -> str:
            require(caller, Permission.WRITE_KNOWLEDGE)
            wanted = id_from(note_id)
            note = await get_note(session, caller.workspace.id, wanted)
            await delete_documents(session, caller, [wanted])
            return note.document.title

        def then(title: str) -> Any:
            return [deleted("documents", title, [str(note_id)]), *the_others("notes")]

        return await self._answer(work, then)

    async def _list(
        self, session: AsyncSession, caller: MemberCaller, *, limit: int, offset: int
    ) -> tuple[Sequence[tuple[NoteView, MemberCaller]], int]:
        require(caller, Permission.READ_KNOWLEDGE)
        found = await list_notes(session, caller.workspace.id, limit=limit, offset=offset)
        return [(note, caller) for note in found.notes], found.total

    def _row(self, item: tuple[NoteView, MemberCaller], moment: datetime) -> NoteRow:
        note, caller = item
        return NoteRow(**vars(document_row(note.document, caller, moment)), excerpt=excerpt(note.markdown))

    def _show(self, found: tuple[int, Sequence[Any], int], caller: MemberCaller) -> Any:
        super()._show(found, caller)
        self.counted = f"{self.total:,}" if self.total else ""
        return NotesState.follow if self._is_under_way() else None

    def _is_under_way(self) -> bool:
        return any(row.is_reading for row in self.rows)

    def _when_over(self) -> Any:
        return the_others("notes")


is_part("notes", NotesState.open_notes)
