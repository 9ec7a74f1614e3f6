"""The documents of the workspace, fifty to a page: filtered, chosen, renamed, read again, deleted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.audit import Actor, record
from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.errors import FieldError, Forbidden, Invalid, NotFound
from helpninja_app.kernel.scope import Audience
from helpninja_app.knowledge.documents import (
    DocumentView,
    delete_documents,
    get_document,
    list_documents,
    name_of,
    restore_documents,
)
from helpninja_app.knowledge.models import DocumentStatus
from helpninja_app.knowledge.notes import change_any
from helpninja_app.knowledge.uploads import request_vectorisation
from helpninja_app.resources import current_resources
from helpninja_app.screens.knowledge.following import FollowedState
from helpninja_app.screens.knowledge.refreshing import is_part, the_others
from helpninja_app.screens.knowledge.rows import DocumentRow, document_row
from helpninja_app.screens.knowledge.state import limits_of
from helpninja_app.screens.paged_state import filter_text
from helpninja_app.screens.session import SignedInState, id_from, text_in
from helpninja_app.screens.undo_state import deleted, restored

MAX_FILTER = 200
MAX_TITLE = 500
MAX_CHOSEN = 200
STATUSES = ("", *DocumentStatus)
AUDIENCES = ("", *Audience)


class DocumentsState(FollowedState, SignedInState):
    """``total`` is how many documents match the filters, ``chosen`` are ids of those on this page."""

    rows: rx.Field[list[DocumentRow]] = rx.field(default_factory=list)
    filter_text: str = ""
    status: str = ""
    audience: str = ""
    chosen: rx.Field[list[str]] = rx.field(default_factory=list)
    chosen_names: str = ""
    may_choose: bool = False

    @rx.event(background=True)
    async def open_documents(self) -> Any:
        """Run when the page loads, and to try again."""
        return await self._answer()

    @rx.event(background=True)
    async def filter_documents(self, text: str) -> Any:
        """Only documents with this text in title, address or file name."""
        return await self._answer(filter_text=filter_text(text, MAX_FILTER), page=0)

    @rx.event(background=True)
    async def choose_status(self, status: str) -> Any:
        """Only documents that are read, being read, or could not be."""
        return await self._answer(status=status if status in STATUSES else "", page=0)

    @rx.event(background=True)
    async def choose_audience(self, audience: str) -> Any:
        """Only documents for these people."""
        return await self._answer(audience=audience if audience in AUDIENCES else "", page=0)

    @rx.event
    def choose(self, document_id: str) -> None:
        """Choose a document of this page, or no longer."""
        self._choose({document_id} ^ set(self.chosen))

    @rx.event
    def choose_all(self) -> None:
        """All of this page that may be changed, or none."""
        changeable = {row.id for row in self.rows if row.may_change}
        self._choose(set() if changeable <= set(self.chosen) else changeable)

    @rx.event(background=True)
    async def rename(self, form: dict[str, Any]) -> Any:
        """Give a document another title."""

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            require(caller, Permission.WRITE_KNOWLEDGE)
            wanted, title = id_from(text_in(form, "id")), text_in(form, "title", MAX_TITLE)
            if not title:
                raise Invalid("Give the document a title.", errors=(FieldError("title", "A title."),))
            await _change(session, caller, [wanted], title=title)

        return await self._answer(work, lambda _: the_others("documents"))

    @rx.event(background=True)
    async def change_audience(self, document_ids: list[str], audience: str) -> Any:
        """Who is answered from documents."""

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            require(caller, Permission.WRITE_KNOWLEDGE)
            await _change(session, caller, ids_from(document_ids), audience=audience_from(audience))

        return await self._answer(work, lambda _: the_others("documents"), chosen=[], chosen_names="")

    @rx.event(background=True)
    async def read_again(self, document_id: str) -> Any:
        """Read a document anew, such as one that failed."""

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            require(caller, Permission.UPLOAD_DOCUMENTS)
            wanted = id_from(document_id)
            document = await get_document(session, caller.workspace.id, wanted)
            is_own = document.created_by == caller.label
            if not is_own and Permission.WRITE_KNOWLEDGE not in caller.permissions:
                raise Forbidden("You may only process documents that you uploaded yourself.")
            await request_vectorisation(session, current_resources().queue, caller.workspace.id, wanted)
            await record(session, Actor.of(caller), "document.processed", name_of(document))

        return await self._answer(work)

    @rx.event(background=True)
    async def delete(self, document_ids: list[str]) -> Any:
        """Put documents into the bin, all or none."""

        async def work(session: AsyncSession, caller: MemberCaller) -> tuple[str, list[str]]:
            require(caller, Permission.UPLOAD_DOCUMENTS)
            ids = ids_from(document_ids)
            first = await get_document(session, caller.workspace.id, ids[0])
            await delete_documents(session, caller, ids)
            return name_of(first) if len(ids) == 1 else f"{len(ids)} documents", [str(each) for each in ids]

        def then(gone: tuple[str, list[str]]) -> Any:
            self._choose(set())
            return [deleted("documents", *gone), *the_others("documents")]

        return await self._answer(work, then)

    @rx.event(background=True)
    async def restore(self, document_ids: list[str]) -> Any:
        """Bring deleted documents back."""

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            require(caller, Permission.UPLOAD_DOCUMENTS)
            queue, limits = current_resources().queue, limits_of(caller)
            await restore_documents(session, queue, caller, ids_from(document_ids), limits)

        return await self._answer(work, lambda _: [restored(), *the_others("documents")])

    async def _list(
        self, session: AsyncSession, caller: MemberCaller, *, limit: int, offset: int
    ) -> tuple[Sequence[tuple[DocumentView, MemberCaller]], int]:
        require(caller, Permission.READ_KNOWLEDGE)
        found = await list_documents(
            session,
            caller.workspace.id,
            limit=limit,
            offset=offset,
            status=self.status or None,
            audience=self.audience or None,
            contains=self.filter_text or None,
        )
        return [(document, caller) for document in found.documents], found.total

    def _row(self, item: tuple[DocumentView, MemberCaller], moment: datetime) -> DocumentRow:
        return document_row(*item, moment)

    def _show(self, found: tuple[int, Sequence[Any], int], caller: MemberCaller) -> Any:
        super()._show(found, caller)
        self._choose(set(self.chosen))
        self.may_choose = any(row.may_change for row in self.rows)
        return DocumentsState.follow if self._is_under_way() else None

    def _choose(self, ids: set[str]) -> None:
        there = [row for row in self.rows if row.id in ids and row.may_change]
        self.chosen = [row.id for row in there]
        names = [row.title for row in there]
        self.chosen_names = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if names[5:] else "")

    def _is_under_way(self) -> bool:
        return any(row.is_reading for row in self.rows)

    def _when_over(self) -> Any:
        return the_others("documents")


is_part("documents", DocumentsState.open_documents)


def ids_from(ids: object) -> list[UUID]:
    """What came over the websocket as ids of documents: at least one, at most ``MAX_CHOSEN``."""
    if not isinstance(ids, list) or not ids or len(ids) > MAX_CHOSEN:
        raise NotFound("There are no such documents.")
    return list(dict.fromkeys(id_from(each) for each in ids))


def audience_from(text: object) -> Audience:
    """What came over the websocket as an audience; ``NotFound`` for what is none."""
    try:
        return Audience(str(text))
    except ValueError:
        raise NotFound("There is no such audience.") from None


async def _change(
    session: AsyncSession,
    caller: MemberCaller,
    ids: Sequence[UUID],
    *,
    title: str | None = None,
    audience: Audience | None = None,
) -> None:
    queue, actor = current_resources().queue, Actor.of(caller)
    for wanted in sorted(ids):
        await change_any(session, queue, actor, wanted, title=title, audience=audience)
