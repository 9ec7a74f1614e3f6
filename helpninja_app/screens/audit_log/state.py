"""The audit log, fifty entries to a page, filtered by kind, person and dates."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, TypeGuard
from zoneinfo import ZoneInfo

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
KINDS = ("", "member", "key", "workspace", "document", "note", "curated", "source")

# Kinds that are called by more than their own word.
_LONGER = {"curated": "curated answer"}


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
    """``kind`` and ``person`` are filters; an empty one lets everything through.

    So do ``since`` and ``until``, the first and the last day as ``2026-11-28`` on the workspace's clocks.
    """

    rows: rx.Field[list[EntryRow]] = rx.field(default_factory=list)
    kind: str = ""
    person: str = ""
    since: str = ""
    until: str = ""
    is_filtered: bool = False

    @rx.event(background=True)
    async def open_audit(self) -> Any:
        """Run when the page loads, and at each new connection: what its fields hold goes on to count."""
        return await self._answer()

    @rx.event(background=True)
    async def choose_kind(self, kind: str) -> Any:
        """Only entries about members, keys and so on; all of them for an empty text."""
        return await self._answer(kind=kind if kind in KINDS else "", page=0)

    @rx.event(background=True)
    async def choose_person(self, person: str) -> Any:
        """Only what somebody did whose address holds this text."""
        return await self._answer(person=filter_text(person, MAX_PERSON), page=0)

    @rx.event(background=True)
    async def choose_since(self, day: str) -> Any:
        """Only what was done on this day or later."""
        return await self._answer(since=_day(day), page=0)

    @rx.event(background=True)
    async def choose_until(self, day: str) -> Any:
        """Only what was done on this day or before."""
        return await self._answer(until=_day(day), page=0)

    async def _list(
        self, session: AsyncSession, caller: MemberCaller, *, limit: int, offset: int
    ) -> tuple[Sequence[AuditEntry], int]:
        require(caller, Permission.READ_AUDIT)
        zone = ZoneInfo(caller.workspace.time_zone)
        return await list_audit(
            session,
            caller.workspace.id,
            action=self.kind or None,
            actor=self.person or None,
            since=_beginning(self.since, zone) if self.since else None,
            until=_beginning(self.until, zone, after=1) if self.until else None,
            limit=limit,
            offset=offset,
        )

    def _show(self, found: tuple[int, Sequence[Any], int], caller: MemberCaller) -> None:
        super()._show(found, caller)
        self.is_filtered = bool(self.kind or self.person or self.since or self.until)

    def _row(self, item: AuditEntry, moment: datetime) -> EntryRow:
        return EntryRow(
            who=item.actor_name,
            what=_what(item.action),
            subject=item.subject,
            detail=_detail(item.detail),
            when=in_words(item.created_at, moment),
            moment=exactly(item.created_at),
            machine_time=item.created_at.isoformat(),
        )


def _what(action: str) -> str:
    """``source.ingest_cancelled`` as "Source ingest cancelled"."""
    kind, _, done = action.partition(".")
    words = f"{_LONGER.get(kind, kind)} {done}".replace("_", " ").rstrip()
    return words[:1].upper() + words[1:]


def _day(text: object) -> str:
    """A day as a date field gives it; empty for what is none, or none that a calendar goes on from."""
    if not isinstance(text, str) or not re.fullmatch(r"[12]\d{3}-\d\d-\d\d", text):
        return ""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return ""


def _beginning(day: str, zone: ZoneInfo, *, after: int = 0) -> datetime:
    """The first moment of a day, or of the one so many days after it."""
    return datetime.combine(date.fromisoformat(day) + timedelta(days=after), time.min, zone)


def _detail(detail: dict[str, Any]) -> str:
    if _is_change(detail):
        # Changes of a role were once recorded without its name.
        return _shown(detail)
    return ", ".join(f"{name.replace('_', ' ')}: {_shown(value)}" for name, value in detail.items())


def _is_change(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict) and value.keys() == {"before", "after"}


def _shown(value: object) -> str:
    if _is_change(value):
        return f"{_shown(value['before'])} → {_shown(value['after'])}"
    if isinstance(value, bool) or value is None:
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value) if value != "" else "empty"
