"""A curated answer being written."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.audit import Actor
from helpninja_app.accounts.callers import MemberCaller
from helpninja_app.kernel.scope import Audience
from helpninja_app.knowledge.curated import (
    MAX_ANSWER,
    MAX_PHRASINGS,
    MAX_QUESTION,
    CuratedDraft,
    CuratedView,
    CuratedWish,
    change_curated,
    check_draft,
    create_curated,
    get_curated,
    prepare_phrasings,
)
from helpninja_app.resources import current_resources
from helpninja_app.screens.knowledge.curated_state import CuratedState
from helpninja_app.screens.knowledge.editor_state import EditorState
from helpninja_app.screens.session import SignedInState, id_from, is_checked, text_in

# One more than may be, so that what is too long is refused and not cut.
_PHRASINGS_LENGTH = (MAX_PHRASINGS + 1) * (MAX_QUESTION + 2)


class CuratedEditorState(EditorState, SignedInState):
    """``phrasings`` has one to a line."""

    audience: str = "visitors"
    question: str = ""
    phrasings: str = ""
    answer: str = ""
    is_on: bool = True

    @rx.event(background=True)
    async def begin(self, question: str) -> Any:
        """Open it empty, or with a question that has no answer yet."""
        return await self._begin_with(question=_text(question, MAX_QUESTION))

    @rx.event(background=True)
    async def begin_answered(self, question: str, answer: str) -> Any:
        """Open it with what was asked and answered somewhere else."""
        return await self._begin_with(
            question=_text(question, MAX_QUESTION), answer=_text(answer, MAX_ANSWER)
        )

    async def _load(self, session: AsyncSession, caller: MemberCaller, wanted: UUID) -> CuratedView:
        return await get_curated(session, caller.workspace.id, wanted)

    async def _store(
        self, caller: MemberCaller, form: object, edited: str, audience: Audience, *, is_tried: bool = False
    ) -> None:
        draft = CuratedDraft(
            question=text_in(form, "question", MAX_QUESTION + 1),
            answer=text_in(form, "answer", MAX_ANSWER + 1),
            phrasings=tuple(
                line.strip()
                for line in text_in(form, "phrasings", _PHRASINGS_LENGTH).splitlines()
                if line.strip()
            ),
            audience=audience,
            is_on=is_checked(form, "is_on"),
        )
        check_draft(draft)
        if is_tried:
            return
        resources = current_resources()
        embedder = resources.knowledge.embedders.of(caller.workspace.embedding_model)
        database, actor = resources.database, Actor.of(caller)
        if edited:
            wish = CuratedWish(draft.question, draft.answer, draft.phrasings, draft.audience, draft.is_on)
            await change_curated(database, caller.scope, embedder, actor, id_from(edited), wish)
            return
        prepared = await prepare_phrasings(embedder, draft)
        async with database.unit_of_work(caller.scope) as session:
            await create_curated(session, actor, draft, prepared)

    def _fill(self, found: CuratedView | None) -> Audience:
        draft = found.draft if found else CuratedDraft("", "")
        self.question, self.answer, self.is_on = draft.question, draft.answer, draft.is_on
        self.phrasings = "\n".join(draft.phrasings)
        return draft.audience

    def _parts(self) -> list[Any]:
        return [CuratedState.open_curated]


def _text(value: object, most: int) -> str:
    return value[:most] if isinstance(value, str) else ""
