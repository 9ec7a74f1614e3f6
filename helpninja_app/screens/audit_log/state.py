"""The audit log, fifty entries to a page, filtered by kind and person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.audit import AuditEntry, list_audit
from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.screens.paged_state import PagedState, filter_text
from helpninja_app.screens.session import SignedInState
from helpninja_app.ui.times import exactly, in_words

PATH = "/app/audit"
MAX_PERSON = 200
KINDS = ("", "member", "key", "workspace", "document", "source")


@dataclass(frozen=True)
class EntryRow:
    who: str
    what: str
    subject: str
    detail: str
    when: str
    moment: str
    machine_time: str


class AuditState(PagedState, SignedInState):
    """``kind`` and ``person`` are filters; an empty one lets everything through."""

    rows: rx.Field[list[EntryRow]] = rx.field(default_factory=list)
    kind: str = ""
    person: str = ""

    @rx.event(background=True)
    async def open_audit(self) -> Any:
        """Run when the page loads, and to try again."""
        return await self._answer()

    @rx.event(background=True)
    async def choose_kind(self, kind: str) -> Any:
        """Only entries about members, keys and so on; all of them for an empty text."""
        return await self._answer(kind=kind if kind in KINDS else "", page=0)

    @rx.event(background=True)
    async def choose_person(self, person: str) -> Any:
        """Only what somebody did whose address holds this text."""
        return await self._answer(person=filter_text(person, MAX_PERSON), page=0)

    async def _list(
        self, session: AsyncSession, caller: MemberCaller, *, limit: int, offset: int
    ) -> tuple[Sequence[AuditEntry], int]:
        require(caller, Permission.READ_AUDIT)
        return await list_audit(
            session,
            caller.workspace.id,
            action=self.kind or None,
            actor=self.person or None,
            limit=limit,
            offset=offset,
        )

    def _row(self, item: AuditEntry, moment: datetime) -> EntryRow:
        return EntryRow(
            who=item.actor_name,
            what=item.action.replace(".", " ").replace("_", " "),
            subject=item.subject,
            detail=", ".join(f"{name}: {_shown(value)}" for name, value in item.detail.items()),
            when=in_words(item.created_at, moment),
            moment=exactly(item.created_at),
            machine_time=item.created_at.isoformat(),
        )


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
