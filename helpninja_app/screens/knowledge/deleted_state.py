"""What was deleted from the knowledge in the last seven days, and bringing it back."""

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
from helpninja_app.errors import NotFound
from helpninja_app.knowledge.curated import restore_curated
from helpninja_app.knowledge.deleted import DeletedView, list_deleted
from helpninja_app.knowledge.documents import restore_documents
from helpninja_app.knowledge.sources import restore_source
from helpninja_app.resources import current_resources
from helpninja_app.screens.knowledge.curated_state import CuratedState
from helpninja_app.screens.knowledge.refreshing import the_others
from helpninja_app.screens.knowledge.state import limits_of
from helpninja_app.screens.paged_state import PagedState
from helpninja_app.screens.session import SignedInState, id_from
from helpninja_app.screens.undo_state import restored
from helpninja_app.ui.times import exactly, in_words

_KINDS = {"documents": "Document", "source": "Website", "curated": "Curated answer"}


@dataclass(frozen=True)
class DeletedRow:
    """``kind`` and ``id`` say what is brought back, ``what`` is the kind in words."""

    kind: str
    id: str
    what: str
    name: str
    when: str
    moment: str
    machine_time: str


class DeletedState(PagedState, SignedInState):
    """The sheet of what was deleted; it reads when it is opened."""

    is_open: bool = False
    rows: rx.Field[list[DeletedRow]] = rx.field(default_factory=list)

    @rx.event(background=True)
    async def open_deleted(self) -> Any:
        """Show what can be brought back."""
        return await self._answer(rows=[], is_loaded=False, page=0, is_open=True)

    @rx.event
    def close(self) -> None:
        """The sheet was closed."""
        self.is_open, self.rows = False, []

    @rx.event(background=True)
    async def restore(self, kind: str, id: str) -> Any:
        """Bring one back as it was."""

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            require(caller, Permission.WRITE_KNOWLEDGE)
            queue, limits, wanted = current_resources().queue, limits_of(caller), id_from(id)
            if kind == "documents":
                await restore_documents(session, queue, caller, [wanted], limits)
            elif kind == "source":
                await restore_source(session, queue, Actor.of(caller), wanted, limits)
            elif kind == "curated":
                await restore_curated(session, Actor.of(caller), wanted)
            else:
                raise NotFound("There is nothing like that to bring back.")

        curated: Any = CuratedState.open_curated
        return await self._answer(work, lambda _: [restored(), *the_others("deleted"), curated])

    async def _list(
        self, session: AsyncSession, caller: MemberCaller, *, limit: int, offset: int
    ) -> tuple[Sequence[DeletedView], int]:
        require(caller, Permission.WRITE_KNOWLEDGE)
        return await list_deleted(session, caller.workspace.id, limit=limit, offset=offset)

    def _row(self, item: DeletedView, moment: datetime) -> DeletedRow:
        return DeletedRow(
            kind=item.kind,
            id=str(item.id),
            what=_KINDS[item.kind],
            name=item.name,
            when=in_words(item.deleted_at, moment),
            moment=exactly(item.deleted_at),
            machine_time=item.deleted_at.isoformat(),
        )
