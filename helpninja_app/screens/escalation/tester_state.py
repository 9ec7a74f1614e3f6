"""Trying the rules on something typed or on a conversation: which match, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.conversations.models import Conversation
from helpninja_app.conversations.rules.sentences import Explained
from helpninja_app.conversations.rules.trials import Draft, MadeUp, Trial, Tried, try_rules
from helpninja_app.errors import FieldError, Invalid
from helpninja_app.screens.escalation.draft import count_in, share_in
from helpninja_app.screens.page_state import PageState
from helpninja_app.screens.session import SignedInState, text_in

MAX_QUESTION = 2_000
MAX_PAGE = 2_000
TYPED = "typed"
STORED = "stored"


@dataclass(frozen=True)
class Reason:
    """A condition of a rule, ``depth`` groups deep, with what was found for it."""

    depth: int
    sentence: str
    found: str
    matched: bool


@dataclass(frozen=True)
class TriedRow:
    """A rule with why it matched, or why it did not."""

    id: str
    name: str
    is_on: bool
    matched: bool
    reasons: list[Reason]


class TrialShown(PageState, mixin=True):
    """``kind`` is ``typed`` or ``stored``; ``outcome`` says what the rules would do, empty before a try."""

    kind: str = TYPED
    zone: str = ""
    outcome: str = ""
    about: str = ""
    rows: rx.Field[list[TriedRow]] = rx.field(default_factory=list)
    errors: rx.Field[dict[str, str]] = rx.field(default_factory=dict)

    def _choose_kind(self, kind: object) -> None:
        self.kind = STORED if kind == STORED else TYPED
        self.outcome, self.about, self.problem = "", "", ""
        self.rows, self.errors = [], {}

    def _show_trial(self, trial: Trial) -> None:
        self.outcome = trial.outcome
        self.about = f"Tried on “{trial.facts.question}”." if trial.facts.question else ""
        self.rows = [_row(each) for each in trial.tried]


class RuleTrialState(TrialShown, SignedInState):
    """All rules as they are saved, tried."""

    @rx.event(background=True)
    async def open_tester(self) -> Any:
        """Run when the page loads, and to try again."""
        return await self._answer(outcome="", about="", rows=[], errors={})

    @rx.event
    def choose_kind(self, kind: str) -> None:
        """Whether it is tried on something typed or on a conversation."""
        self._choose_kind(kind)

    @rx.event(background=True)
    async def try_them(self, form: dict[str, Any]) -> Any:
        """Say for each rule whether it matches; nothing is changed or sent."""
        is_stored = self.kind == STORED

        async def work(session: AsyncSession, caller: MemberCaller) -> Trial:
            require(caller, Permission.READ_CONVERSATIONS)
            return await try_on_form(session, caller, form, is_stored=is_stored)

        return await self._answer(work, self._show_trial, outcome="", about="", rows=[], errors={})

    async def _read(self, session: AsyncSession, caller: MemberCaller) -> None:
        require(caller, Permission.READ_CONVERSATIONS)

    def _show(self, found: None, caller: MemberCaller) -> None:
        self.zone = caller.workspace.time_zone

    def _refuse(self, error: Exception) -> Any:
        wrong = error.errors if isinstance(error, Invalid) else ()
        self.errors = {item.field: item.message for item in wrong}
        super()._refuse(error)
        if self.errors:
            self.problem = ""


async def try_on_form(
    session: AsyncSession, caller: MemberCaller, form: object, *, is_stored: bool, draft: Draft | None = None
) -> Trial:
    """Raises ``Invalid`` with each wrong field."""
    if not is_stored:
        made_up = _made_up(form, ZoneInfo(caller.workspace.time_zone))
        return await try_rules(session, caller, made_up, draft=draft)
    conversation_id = _conversation(form)
    if await session.get(Conversation, (caller.workspace.id, conversation_id)) is None:
        raise Invalid(errors=(FieldError("conversation", "There is no such conversation."),))
    return await try_rules(session, caller, conversation_id, draft=draft)


def _row(tried: Tried) -> TriedRow:
    return TriedRow(
        id=str(tried.rule.id),
        name=tried.rule.name,
        is_on=tried.is_on,
        matched=tried.explained.matched,
        reasons=list(_reasons(tried.explained, 0)),
    )


def _reasons(explained: Explained, depth: int) -> Iterator[Reason]:
    # A group of one is that one.
    if len(explained.parts) == 1:
        yield from _reasons(explained.parts[0], depth)
        return
    yield Reason(depth, explained.sentence, explained.found, explained.matched)
    for part in explained.parts:
        yield from _reasons(part, depth + 1)


def _made_up(form: object, zone: ZoneInfo) -> MadeUp:
    """Raises ``Invalid`` with each wrong field."""
    errors = []
    confidence, count = text_in(form, "confidence", 20), text_in(form, "count", 20)
    share, messages, moment = share_in(confidence), count_in(count or "1"), None
    if confidence and share is None:
        errors.append(FieldError("confidence", "Type a number from 0 to 100, or nothing."))
    if messages is None:
        errors.append(FieldError("count", "Type a number from 1 to 10,000."))
    at = text_in(form, "at", 40)
    try:
        moment = datetime.fromisoformat(at).replace(tzinfo=zone) if at else None
    except (ValueError, OverflowError):
        errors.append(FieldError("at", "Choose a day and a time, or nothing."))
    if errors:
        raise Invalid(errors=tuple(errors))
    return MadeUp(
        question=text_in(form, "question", MAX_QUESTION),
        confidence=share,
        page_url=text_in(form, "page", MAX_PAGE),
        message_count=messages or 1,
        moment=moment,
    )


def _conversation(form: object) -> UUID:
    """An id, or the address of a conversation in the inbox."""
    given = text_in(form, "conversation", MAX_PAGE)
    try:
        asked = parse_qs(urlsplit(given).query).get("conversation", [given])
        return UUID(asked[0])
    except ValueError:
        message = "This is no conversation: copy the address of one from the inbox."
        raise Invalid(errors=(FieldError("conversation", message),)) from None
