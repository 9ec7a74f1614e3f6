"""The list of the inbox: its parts with their counts, filters, search, fifty more at a time, live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.members import MemberView, list_members
from helpninja_app.accounts.permissions import Permission
from helpninja_app.billing.plans import Feature, why_lacking
from helpninja_app.conversations.inbox import (
    STATUSES_IN,
    InboxFilter,
    InboxPage,
    Order,
    View,
    count_views,
    count_waiting,
    in_view,
    list_inbox,
)
from helpninja_app.conversations.mentions import (
    MOST_UNREAD,
    MentionView,
    count_unread_mentions,
    list_mentions,
    mark_mentions_read,
)
from helpninja_app.conversations.models import Reason, Status
from helpninja_app.conversations.notices import Change, inbox_topic
from helpninja_app.errors import NotFound
from helpninja_app.kernel.columns import now
from helpninja_app.resources import current_resources
from helpninja_app.screens.inbox.choosing_state import ChosenState
from helpninja_app.screens.inbox.rows import (
    MemberRow,
    MentionRow,
    conversation_row,
    mention_row,
)
from helpninja_app.screens.inbox.words import member_labels
from helpninja_app.screens.paged_state import PAGE_SIZE, filter_text
from helpninja_app.screens.session import SignedInState, id_from

PATH = "/app/inbox"
MAX_SEARCH = 200
NOBODY = "nobody"
# Of a busy workspace everything is told, and read at most this often.
_REST = 1.0
_MENTIONS = 20


@dataclass(frozen=True, slots=True)
class Found:
    page: InboxPage
    counts: dict[View, int]
    waiting: int
    members: Sequence[MemberView]
    mentions: tuple[MentionView, ...]
    unread_mentions: int
    export: str


class InboxListState(ChosenState, SignedInState):
    """``counts`` are by the name of a ``View``; the filters are texts as they stand in their fields.

    ``cleared`` counts how often all filters were taken away: their fields are drawn anew with each time.
    ``mentions`` are the last notes that mention the caller, ``unread_mentions`` how many they have not read.
    ``export`` is the query of a file with all that the list shows; ``no_export`` is why the plan gives none.
    """

    counts: rx.Field[dict[str, int]] = rx.field(default_factory=dict)
    members: rx.Field[list[MemberRow]] = rx.field(default_factory=list)
    waiting: int = 0
    view: str = View.OPEN.value
    order: str = Order.NEWEST.value
    wanted: str = ""
    status: str = ""
    reason: str = ""
    assignee: str = ""
    site: str = ""
    since: str = ""
    until: str = ""
    narrowing: int = 0
    cleared: int = 0
    has_more: bool = False
    mentions: rx.Field[list[MentionRow]] = rx.field(default_factory=list)
    unread_mentions: str = ""
    export: str = ""
    no_export: str = ""

    _most: int = PAGE_SIZE

    @rx.event(background=True)
    async def open_inbox(self) -> Any:
        """Run when the page loads, and to try again."""
        return await self._answer()

    @rx.event(background=True)
    async def choose_view(self, view: str) -> Any:
        """Go to another part of the inbox; a status that it has not is not asked for any more."""
        chosen = View(view) if isinstance(view, str) and view in set(View) else View.OPEN
        return await self._narrow(view=chosen.value, status=_status_in(chosen, self.status))

    @rx.event(background=True)
    async def choose_order(self, order: str) -> Any:
        """The latest first, or who waits longest."""
        chosen = order if isinstance(order, str) and order in set(Order) else Order.NEWEST.value
        return await self._answer(order=chosen, _most=PAGE_SIZE)

    @rx.event(background=True)
    async def search_conversations(self, text: str) -> Any:
        """Only conversations with these words, or of a visitor with these in their name or address."""
        return await self._answer(wanted=filter_text(text, MAX_SEARCH), _most=PAGE_SIZE)

    @rx.event(background=True)
    async def choose_status(self, status: str) -> Any:
        """Only those of a status that the part has, or all of it when empty."""
        return await self._narrow(status=_status_in(View(self.view), status))

    @rx.event(background=True)
    async def choose_reason(self, reason: str) -> Any:
        return await self._narrow(reason=reason if isinstance(reason, str) and reason in set(Reason) else "")

    @rx.event(background=True)
    async def choose_assignee(self, member_id: str) -> Any:
        """A member, ``nobody``, or everybody when empty."""
        return await self._narrow(assignee=filter_text(member_id, 40))

    @rx.event(background=True)
    async def choose_site(self, site: str) -> Any:
        """Only what was written on this host."""
        return await self._narrow(site=filter_text(site, MAX_SEARCH))

    @rx.event(background=True)
    async def choose_since(self, day: str) -> Any:
        return await self._narrow(since=filter_text(day, 10))

    @rx.event(background=True)
    async def choose_until(self, day: str) -> Any:
        return await self._narrow(until=filter_text(day, 10))

    @rx.event(background=True)
    async def clear_filters(self) -> Any:
        async with self:
            self.cleared += 1
        return await self._narrow(status="", reason="", assignee="", site="", since="", until="")

    @rx.event(background=True)
    async def show_more(self) -> Any:
        return await self._answer(_most=len(self.rows) + PAGE_SIZE)

    @rx.event(background=True)
    async def read_mentions(self) -> Any:
        """Mark all that mentions the member as read; opening a conversation does so for its own."""

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            await mark_mentions_read(session, caller)

        return await self._answer(work)

    async def _narrow(self, **filters: str) -> Any:
        names = ("status", "reason", "assignee", "site", "since", "until")
        narrowing = sum(bool(filters.get(name, getattr(self, name))) for name in names)
        changed: dict[str, Any] = {**filters}
        return await self._answer(_most=PAGE_SIZE, narrowing=narrowing, **changed)

    async def _read(self, session: AsyncSession, caller: MemberCaller) -> Found:
        require(caller, Permission.READ_CONVERSATIONS)
        wanted = self._filter(ZoneInfo(caller.workspace.time_zone))
        members = await list_members(session, caller.workspace.id)
        if wanted.assignee is not None and wanted.assignee not in {each.user_id for each in members}:
            raise NotFound("There is no such member in this workspace.")
        shown = in_view(View(self.view), caller, wanted)
        return Found(
            await list_inbox(session, caller, shown, limit=self._most, order=Order(self.order)),
            await count_views(session, caller, wanted),
            await count_waiting(session, caller),
            members,
            await list_mentions(session, caller, limit=_MENTIONS),
            await count_unread_mentions(session, caller),
            export_query(shown, caller),
        )

    def _filter(self, zone: ZoneInfo) -> InboxFilter:
        is_nobodys = self.assignee == NOBODY
        return InboxFilter(
            statuses=(Status(self.status),) if self.status else (),
            reason=self.reason or None,
            assignee=id_from(self.assignee) if self.assignee and not is_nobodys else None,
            unassigned=is_nobodys,
            contains=self.wanted or None,
            site=self.site or None,
            since=_midnight(self.since, zone),
            until=_midnight(self.until, zone, days=1),
        )

    def _show(self, found: Found, caller: MemberCaller) -> None:
        moment = now()
        names = {str(id): label for id, label in member_labels(found.members).items()}
        rows = [conversation_row(item, names, moment) for item in found.page.items]
        if rows != self.rows:
            self.rows = rows
        self._choose(set(self.chosen))
        self._show_answerers(found.members, caller)
        members = [MemberRow(id, name) for id, name in names.items()]
        if members != self.members:
            self.members = members
        self.counts = {view.value: count for view, count in found.counts.items()}
        self.waiting = found.waiting
        self.has_more = found.page.next is not None
        mentions = [mention_row(each, moment) for each in found.mentions]
        if mentions != self.mentions:
            self.mentions = mentions
        unread = found.unread_mentions
        self.unread_mentions = f"{unread}{'+' if unread >= MOST_UNREAD else ''}" if unread else ""
        self.export = found.export
        self.no_export = why_lacking(current_resources().plan_of(caller.workspace), Feature.EXPORT)

    def _topic(self, caller: MemberCaller) -> str:
        require(caller, Permission.READ_CONVERSATIONS)
        return inbox_topic(caller.workspace.id)

    def _concerns(self, notice: str) -> bool:
        return not notice.endswith(f" {Change.VISITOR_TYPES.value}")

    def _rest(self) -> float:
        return _REST


def export_query(wanted: InboxFilter, caller: MemberCaller) -> str:
    """What ``/api/inbox/export`` is asked for, so that the file has what ``wanted`` lists."""
    assignee = "none" if wanted.unassigned else str(wanted.assignee or "")
    asked = [
        ("tenantId", str(caller.workspace.id)),
        *(("status", status.value) for status in wanted.statuses),
        ("reason", wanted.reason or ""),
        ("assignee", assignee),
        ("q", wanted.contains or ""),
        ("site", wanted.site or ""),
        ("since", wanted.since.isoformat() if wanted.since else ""),
        ("until", wanted.until.isoformat() if wanted.until else ""),
        ("snoozed", "true" if wanted.snoozed else ""),
    ]
    return urlencode([(name, value) for name, value in asked if value])


def _status_in(view: View, status: object) -> str:
    return status if isinstance(status, str) and status in STATUSES_IN[view] else ""


def _midnight(day: str, zone: ZoneInfo, *, days: int = 0) -> datetime | None:
    """The beginning of a day, or of one some ``days`` later, on the clocks of ``zone``."""
    try:
        found = datetime.strptime(day, "%Y-%m-%d").date() + timedelta(days=days)
    except (ValueError, OverflowError):
        return None
    return datetime.combine(found, time.min, tzinfo=zone)
