"""The audit log, fifty entries to a page, filtered by kind and person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import reflex as rx

from helpninja_app.accounts.audit import AuditEntry, list_audit
from helpninja_app.accounts.callers import require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.errors import NotSignedIn
from helpninja_app.kernel.columns import now
from helpninja_app.resources import current_resources
from helpninja_app.screens.session import SignedInState, sentence_for, signed_in, to_sign_in
from helpninja_app.ui.times import exactly, in_words

PATH = "/app/audit"
PAGE_SIZE = 50
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


class AuditState(SignedInState):
    """``page`` counts from 0."""

    is_loaded: bool = False
    failure: str = ""
    rows: rx.Field[list[EntryRow]] = rx.field(default_factory=list)
    page: int = 0
    kind: str = ""
    person: str = ""
    shown: str = ""
    is_last: bool = True

    _latest: int = 0

    @rx.event(background=True)
    async def open_audit(self) -> Any:
        """Run when the page loads, and to try again."""
        return await self._show(self.kind, self.person, self.page)

    @rx.event(background=True)
    async def choose_kind(self, kind: str) -> Any:
        """Only entries about members, keys and so on; all of them for an empty text."""
        return await self._show(kind if kind in KINDS else "", self.person, 0)

    @rx.event(background=True)
    async def choose_person(self, person: str) -> Any:
        """Only what somebody did whose address holds this text."""
        wanted = person.replace("\x00", "").strip()[:200] if isinstance(person, str) else ""
        return await self._show(self.kind, wanted, 0)

    @rx.event(background=True)
    async def turn_page(self, by: int) -> Any:
        """One page on (1) or back (-1)."""
        step = (by > 0) - (by < 0) if isinstance(by, int) else 0
        return await self._show(self.kind, self.person, max(self.page + step, 0))

    async def _show(self, kind: str, person: str, page: int) -> Any:
        async with self:
            self._latest += 1
            mine = self._latest
        try:
            caller = await signed_in(self)
            require(caller, Permission.READ_AUDIT)
            async with current_resources().database.unit_of_work(caller.scope) as session:
                entries, total = await list_audit(
                    session,
                    caller.workspace.id,
                    action=kind or None,
                    actor=person or None,
                    limit=PAGE_SIZE,
                    offset=page * PAGE_SIZE,
                )
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
                self.kind, self.person, self.page = kind, person, page
                self.rows = [_row(entry, moment) for entry in entries]
                first = page * PAGE_SIZE
                self.shown = f"{first + 1:,} to {first + len(entries):,} of {total:,}" if entries else ""
                self.is_last = first + len(entries) >= total
                self.is_loaded = True
        return None


def _row(entry: AuditEntry, moment: datetime) -> EntryRow:
    return EntryRow(
        who=entry.actor_name,
        what=entry.action.replace(".", " ").replace("_", " "),
        subject=entry.subject,
        detail=", ".join(f"{name}: {_shown(value)}" for name, value in entry.detail.items()),
        when=in_words(entry.created_at, moment),
        moment=exactly(entry.created_at),
        machine_time=entry.created_at.isoformat(),
    )


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
