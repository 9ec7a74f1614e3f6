"""The conversation that is open: what was said, noted and changed, and what is known of its visitor."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.members import MemberView, list_members
from helpninja_app.accounts.permissions import ROLE_PERMISSIONS, Permission
from helpninja_app.conversations.history import History, read_history
from helpninja_app.conversations.models import Conversation, Sender, Status
from helpninja_app.conversations.notices import Change, inbox_topic
from helpninja_app.conversations.seen import latest_unseen, mark_seen
from helpninja_app.conversations.timeline import Timeline, TimelineMessage, read_timeline
from helpninja_app.conversations.whereabouts import clock_there
from helpninja_app.errors import HelpNinjaError, NotSignedIn, Unavailable
from helpninja_app.kernel.columns import now
from helpninja_app.kernel.live import EVERYTHING
from helpninja_app.resources import current_resources
from helpninja_app.screens.chat.following import FollowedState
from helpninja_app.screens.inbox.rows import (
    EntryRow,
    MemberRow,
    PassageRow,
    PastRow,
    entry_rows,
    page_in_words,
    past_row,
    visitor_name,
)
from helpninja_app.screens.inbox.words import STATUSES, language_in_words, member_labels, rating_in_words, why
from helpninja_app.screens.knowledge.rows import percent
from helpninja_app.screens.session import id_from, page_of, signed_in, to_sign_in
from helpninja_app.ui.times import day_of, exactly

MESSAGES = 60
TYPES_FOR = 6.0
_BOT = Sender.BOT.value


@dataclass(frozen=True, slots=True)
class Opened:
    timeline: Timeline
    messages: tuple[TimelineMessage, ...]
    has_earlier: bool
    history: History
    members: Sequence[MemberView]
    unseen: str
    entries: list[EntryRow]


class ThreadState(FollowedState, mixin=True):
    """``conversation_id`` is empty while none is open; ``visitor`` is what they are called,
    and ``given_name`` what they call themselves.

    ``csat`` is how good the visitor found it, in words, and empty until they say.
    ``passages`` are those of the answer ``explained``, given at ``explained_at``; ``passage`` is the button
    of the one that was pressed, and empty while none was: then it is the last answer before the hand-over.
    ``unseen`` is empty when the member has had all of it before their eyes, and another text for each thing
    that they have not.
    """

    conversation_id: str = ""
    is_thread_shown: bool = False
    unseen: str = ""
    visitor: str = ""
    given_name: str = ""
    email: str = ""
    mail_link: str = ""
    page: str = ""
    page_url: str = ""
    language: str = ""
    local_time: str = ""
    first_seen: str = ""
    status: str = ""
    status_tone: str = ""
    status_label: str = ""
    assignee_id: str = ""
    assignee: str = ""
    snoozed: str = ""
    is_mine: bool = False
    may_answer: bool = False
    may_write_answers: bool = False
    csat: str = ""
    csat_tone: str = ""
    csat_comment: str = ""
    tags: rx.Field[list[str]] = rx.field(default_factory=list)
    entries: rx.Field[list[EntryRow]] = rx.field(default_factory=list)
    has_earlier: bool = False
    is_visitor_typing: bool = False
    was_escalated: bool = False
    reasons: str = ""
    doubt: int = 0
    doubted: str = ""
    is_sure: bool = False
    threshold: str = ""
    passages: rx.Field[list[PassageRow]] = rx.field(default_factory=list)
    explained: str = ""
    explained_at: str = ""
    passage: str = ""
    past: rx.Field[list[PastRow]] = rx.field(default_factory=list)
    conversations: str = ""
    answerers: rx.Field[list[MemberRow]] = rx.field(default_factory=list)
    everybody: rx.Field[list[MemberRow]] = rx.field(default_factory=list)

    _wanted: str = ""
    _most: int = MESSAGES
    _typed_at: float = 0.0
    _last_message: str = ""

    @rx.event(background=True)
    async def open_conversation(self) -> Any:
        """Run when the page loads, whose address names the conversation, and to try again."""
        wanted = self.router.url.query_parameters.get("conversation", "")[:40]
        anew: dict[str, Any] = {} if wanted and wanted == self.conversation_id else self._nothing()
        return await self._answer(
            _wanted=wanted, _most=MESSAGES, is_thread_shown=bool(wanted), failure="", **anew
        )

    @rx.event(background=True)
    async def show_earlier(self) -> Any:
        return await self._answer(_most=self._most + MESSAGES)

    @rx.event
    def show_passage(self, conversation: str, message_id: str, passage: str) -> None:
        """Show what an answer rests on, with one of its passages marked; nothing of a conversation that was
        left meanwhile."""
        row = next((row for row in self.entries if row.id == message_id), None)
        if conversation != self.conversation_id or row is None:
            return
        if passage in [each.button for each in row.passages]:
            self.explained, self.passage = row.id, passage
            self._show_passages(self.entries, row.id)

    @rx.event(background=True)
    async def see(self) -> Any:
        """Mark as read what is shown: the browser knows when it is before somebody's eyes, as an open tab
        need not be. Where the database is away it is tried again at their next look."""
        shown = self.unseen
        conversation, _, until = shown.partition(" ")
        try:
            caller = await signed_in(self)
            require(caller, Permission.READ_CONVERSATIONS)
            if not shown:
                return None
            async with current_resources().database.unit_of_work(caller.scope) as session:
                await mark_seen(session, caller, id_from(conversation), datetime.fromisoformat(until))
        except NotSignedIn:
            return to_sign_in(page_of(self))
        except Unavailable:
            return None
        except HelpNinjaError as refused:
            async with self:
                self.problem = refused.detail
            return None
        async with self:
            # Not what came meanwhile.
            self.unseen = "" if self.unseen == shown else self.unseen
        return None

    def _nothing(self) -> dict[str, Any]:
        return {
            "conversation_id": "",
            "entries": [],
            "passages": [],
            "explained": "",
            "passage": "",
            "past": [],
            "is_visitor_typing": False,
            "unseen": "",
            "is_loaded": False,
        }

    async def _read(self, session: AsyncSession, caller: MemberCaller) -> Opened | None:
        require(caller, Permission.READ_CONVERSATIONS)
        if not self._wanted:
            return None
        wanted = id_from(self._wanted)
        timeline = await read_timeline(session, caller, wanted)
        messages, has_earlier = timeline.messages, timeline.has_earlier
        while has_earlier and len(messages) < self._most:
            before = await read_timeline(session, caller, wanted, before=messages[0].id)
            messages, has_earlier = (*before.messages, *messages), before.has_earlier
        shown = messages[-self._most :]
        unseen = await latest_unseen(session, caller, wanted)
        return Opened(
            timeline,
            shown,
            has_earlier or len(shown) < len(messages),
            await read_history(session, caller, timeline.conversation),
            await list_members(session, caller.workspace.id),
            f"{wanted} {unseen.isoformat()}" if unseen else "",
            [],
        )

    async def _find(self, caller: MemberCaller) -> Opened | None:
        found: Opened | None = await super()._find(caller)
        if found is None:
            return None
        known = {row.id: row for row in self.entries if row.kind == "bot"}
        rows = await asyncio.to_thread(
            entry_rows,
            found.timeline,
            found.messages,
            found.has_earlier,
            {str(id): label for id, label in member_labels(found.members).items()},
            ZoneInfo(caller.workspace.time_zone),
            caller.workspace.confidence_threshold,
            known,
        )
        return replace(found, entries=rows)

    def _show(self, found: Opened | None, caller: MemberCaller) -> None:
        self.may_answer = Permission.ANSWER_CONVERSATIONS in caller.permissions
        self.may_write_answers = Permission.WRITE_KNOWLEDGE in caller.permissions
        if found is None:
            self.conversation_id = ""
            return
        zone = ZoneInfo(caller.workspace.time_zone)
        self._show_people(found.members)
        self._show_conversation(found.timeline.conversation, caller, zone)
        if found.entries != self.entries:
            self.entries = found.entries
        self.has_earlier, self.unseen = found.has_earlier, found.unseen
        last = str(found.messages[-1].id) if found.messages else ""
        if last != self._last_message or time.monotonic() - self._typed_at > TYPES_FOR:
            self.is_visitor_typing = False
        self._last_message = last
        self._show_doubt(found, caller)
        self.first_seen = day_of(found.history.first_seen, zone)
        total = found.history.total
        # Kept together on a line.
        self.conversations = "1\u00a0conversation" if total == 1 else f"{total:,}\u00a0conversations"
        moment = now()
        self.past = [past_row(each, moment) for each in found.history.others]

    def _show_people(self, members: Sequence[MemberView]) -> None:
        active = [each for each in members if not each.is_suspended]
        labels = member_labels(members)
        everybody = [MemberRow(str(each.user_id), labels[each.user_id]) for each in active]
        if everybody != self.everybody:
            self.everybody = everybody
        answerers = [
            row
            for row, each in zip(everybody, active, strict=True)
            if Permission.ANSWER_CONVERSATIONS in ROLE_PERMISSIONS[each.role]
        ]
        if answerers != self.answerers:
            self.answerers = answerers

    def _show_conversation(self, found: Conversation, caller: MemberCaller, zone: ZoneInfo) -> None:
        self.conversation_id = str(found.id)
        self.visitor, self.email = visitor_name(found), found.visitor_email
        self.given_name = found.visitor_name.strip()
        # Its own parts could name other recipients.
        self.mail_link = f"mailto:{quote(self.email, safe='@')}"
        self.page = page_in_words(found.page_url)
        self.page_url = found.page_url if found.page_url.startswith(("https://", "http://")) else ""
        self.language = language_in_words(found.visitor_language)
        self.local_time = clock_there(found.visitor_time_zone, now())
        self.status = found.status
        self.status_tone, self.status_label = STATUSES[Status(found.status)]
        self.assignee_id = str(found.assignee_id or "")
        names = {row.id: row.name for row in self.everybody}
        self.assignee = names.get(self.assignee_id, "A former member" if self.assignee_id else "")
        self.is_mine = found.status == Status.HUMAN and found.assignee_id in {None, caller.user_id}
        until = found.snoozed_until
        self.snoozed = f"Snoozed until {exactly(until.astimezone(zone))}" if until and until > now() else ""
        self.tags = list(found.tags)
        self.csat, self.csat_tone = rating_in_words(found.csat)
        self.csat_comment = found.csat_comment

    def _show_doubt(self, found: Opened, caller: MemberCaller) -> None:
        """Of the answer after which it was handed over last; of the last answer where it never was."""
        handed = [
            change.created_at
            for change in found.timeline.changes
            if (change.from_status, change.to_status) == (Status.BOT, Status.WAITING)
        ]
        answers = [each for each in found.messages if each.role == _BOT and each.confidence is not None]
        before = [each for each in answers if handed and each.created_at <= handed[-1]]
        one = next(iter((before or answers)[::-1]), None)
        threshold = caller.workspace.confidence_threshold
        self.was_escalated, self.threshold = bool(found.timeline.reasons), percent(threshold)
        confidence = one.confidence if one else None
        self.doubt = round(confidence * 100) if confidence is not None else 0
        self.is_sure = confidence is not None and confidence >= threshold
        self.doubted = percent(confidence) if confidence is not None else ""
        said = [why(reason, confidence, threshold) for reason in found.timeline.reasons]
        rules = [f"“{name}”" for name in found.timeline.rules]
        if rules:
            said.append(f"{'rules' if len(rules) > 1 else 'rule'} that matched: {', '.join(rules)}")
        reasons = "; ".join(said)
        self.reasons = f"{reasons[0].upper()}{reasons[1:]}." if reasons else ""
        cited = [each for each in found.messages if each.role == _BOT and each.citations]
        shown = one if one is not None and one.citations else cited[-1] if cited else None
        self._show_passages(found.entries, str(shown.id) if shown else "")

    def _show_passages(self, entries: Sequence[EntryRow], last: str) -> None:
        """Of the answer that was chosen; of the ``last`` one where none is, or it is not shown any more."""
        rows = {row.id: row for row in entries if row.passages}
        if not self.passage or self.explained not in rows:
            self.explained, self.passage = last if last in rows else "", ""
        row = rows.get(self.explained)
        self.passages, self.explained_at = (row.passages, row.time) if row else ([], "")

    def _topic(self, caller: MemberCaller) -> str:
        require(caller, Permission.READ_CONVERSATIONS)
        return inbox_topic(caller.workspace.id)

    async def _heed(self, told: tuple[str, ...]) -> None:
        async with self:
            if f"{self.conversation_id} {Change.VISITOR_TYPES.value}" in told:
                self.is_visitor_typing, self._typed_at = True, time.monotonic()

    def _concerns(self, notice: str) -> bool:
        if notice.endswith(f" {Change.VISITOR_TYPES.value}"):
            return False
        return notice == EVERYTHING or (bool(self._wanted) and notice.startswith(f"{self._wanted} "))

    def _is_waiting(self) -> bool:
        return self.is_visitor_typing
