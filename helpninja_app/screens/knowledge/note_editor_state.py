"""A note being written."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.audit import Actor
from helpninja_app.accounts.callers import MemberCaller
from helpninja_app.kernel.scope import Audience
from helpninja_app.knowledge.notes import (
    MAX_LENGTH,
    MAX_TITLE,
    NoteView,
    change_note,
    check_note,
    create_note,
    get_note,
)
from helpninja_app.resources import current_resources
from helpninja_app.screens.knowledge.editor_state import EditorState
from helpninja_app.screens.knowledge.notes_state import NotesState
from helpninja_app.screens.knowledge.refreshing import the_others
from helpninja_app.screens.knowledge.state import limits_of
from helpninja_app.screens.session import SignedInState, id_from, text_in


class NoteEditorState(EditorState, SignedInState):
    """``text`` is Markdown."""

    title: str = ""
    text: str = ""

    @rx.event(background=True)
    async def begin(self) -> Any:
        """Open it empty."""
        return await self._begin_with()

    async def _load(self, session: AsyncSession, caller: MemberCaller, wanted: UUID) -> NoteView:
        return await get_note(session, caller.workspace.id, wanted)

    async def _store(
        self, caller: MemberCaller, form: object, edited: str, audience: Audience, *, is_tried: bool = False
    ) -> None:
        # One more than may be, so that what is too long is refused and not cut.
        title, text = text_in(form, "title", MAX_TITLE + 1), text_in(form, "text", MAX_LENGTH + 1)
        check_note(title, text)
        if is_tried:
            return
        resources, actor = current_resources(), Actor.of(caller)
        async with resources.database.unit_of_work(caller.scope) as session:
            if edited:
                await change_note(
                    session,
                    resources.queue,
                    actor,
                    id_from(edited),
                    title=title,
                    markdown=text,
                    audience=audience,
                )
            else:
                await create_note(
                    session,
                    resources.queue,
                    actor,
                    limits_of(caller),
                    title=title,
                    markdown=text,
                    audience=audience,
                )

    def _fill(self, found: NoteView | None) -> Audience:
        self.title, self.text = (found.document.title, found.markdown) if found else ("", "")
        return Audience(found.document.audience) if found else Audience.MEMBERS

    def _parts(self) -> list[Any]:
        return [NotesState.open_notes, *the_others("notes")]
