"""Which conversations of the list are chosen, and what is done with them at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.members import MemberView
from helpninja_app.accounts.permissions import ROLE_PERMISSIONS, Permission
from helpninja_app.conversations import desk
from helpninja_app.conversations.bulk import MOST_AT_ONCE, Act, Outcome, do_with_each, resolve_open
from helpninja_app.conversations.inbox import mark_read
from helpninja_app.errors import Conflict, Invalid, NotFound
from helpninja_app.kernel.columns import now
from helpninja_app.kernel.rate_limits import Burst
from helpninja_app.resources import current_resources
from helpninja_app.screens.chat.following import FollowedState
from helpninja_app.screens.inbox.rows import ConversationRow, MemberRow
from helpninja_app.screens.inbox.words import done_in_words, member_labels, snooze_until
from helpninja_app.screens.session import id_from, text_in

MAX_TAG = 50
# Each is up to a hundred changes, of which each is told to whoever is told of one.
AT_ONCE = Burst(30, 60)
_MAX_IDS = 40 * MOST_AT_ONCE


class ChosenState(FollowedState, mixin=True):
    """``chosen`` are ids of conversations that the list shows, in its order.

    ``done`` says what was done with them last, or why not when it ``is_refused``; ``resolved_last`` are those
    that were resolved by it, for who undoes that. ``answerers`` may look after them; the caller is first.
    """

    rows: rx.Field[list[ConversationRow]] = rx.field(default_factory=list)
    chosen: rx.Field[list[str]] = rx.field(default_factory=list)
    answerers: rx.Field[list[MemberRow]] = rx.field(default_factory=list)
    may_answer: bool = False
    is_tagging: bool = False
    done: str = ""
    is_refused: bool = False
    resolved_last: rx.Field[list[str]] = rx.field(default_factory=list)

    @rx.event
    def choose(self, conversation_id: str) -> None:
        """Choose a conversation of the list, or no longer."""
        if isinstance(conversation_id, str):
            self._choose({conversation_id} ^ set(self.chosen))

    @rx.event
    def choose_all(self) -> None:
        """All that the list shows, or none."""
        shown = {row.id for row in self.rows[:MOST_AT_ONCE]}
        self._choose(set() if shown <= set(self.chosen) else shown)

    @rx.event
    def choose_none(self) -> None:
        self._choose(set())

    @rx.event
    def begin_tag(self) -> None:
        """Ask which tag they are to have."""
        self.is_tagging, self.problem = bool(self.chosen), ""

    @rx.event
    def close_tag(self) -> None:
        self.is_tagging = False

    @rx.event
    def close_done(self) -> None:
        """The message was closed."""
        self.done, self.is_refused, self.resolved_last = "", False, []

    @rx.event(background=True)
    async def assign_chosen(self, conversations: list[str], member_id: str) -> Any:
        """Have a member look after them; nobody in particular when empty."""
        name = next((each.name for each in self.answerers if each.id == member_id), "")
        whom = "you" if self.answerers and member_id == self.answerers[0].id else name or "a member"

        async def assign(session: AsyncSession, caller: MemberCaller, wanted: UUID) -> None:
            await desk.assign(session, caller, wanted, id_from(member_id) if member_id else None)

        return await self._do(conversations, assign, f"assigned to {whom if member_id else 'nobody'}")

    @rx.event(background=True)
    async def tag_chosen(self, form: dict[str, Any]) -> Any:
        """Give each of them one more tag."""
        tag = text_in(form, "tag", MAX_TAG)
        conversations = text_in(form, "conversations", _MAX_IDS).split(",")
        return await self._do(conversations, partial(desk.add_tag, tag=tag), f"tagged “{tag}”")

    @rx.event(background=True)
    async def snooze_chosen(self, conversations: list[str], choice: str) -> Any:
        """Keep them out of the lists for a while, by the clocks of the workspace."""

        async def snooze(session: AsyncSession, caller: MemberCaller, wanted: UUID) -> None:
            until = snooze_until(str(choice), now(), ZoneInfo(caller.workspace.time_zone))
            if until is None:
                raise Invalid("Choose until when.")
            await desk.snooze(session, current_resources().queue, caller, wanted, until)

        return await self._do(conversations, snooze, "snoozed")

    @rx.event(background=True)
    async def resolve_chosen(self, conversations: list[str]) -> Any:
        """Nothing is left to do with them; they can be opened again at once."""
        return await self._do(conversations, resolve_open, "resolved", is_undoable=True)

    @rx.event(background=True)
    async def undo_resolve_chosen(self, conversations: list[str]) -> Any:
        """Open again what the message is about."""

        async def undo(session: AsyncSession, caller: MemberCaller, wanted: UUID) -> None:
            await desk.undo_resolve(session, current_resources().queue, caller, wanted)

        return await self._do(conversations, undo, "open again")

    @rx.event(background=True)
    async def read_chosen(self, conversations: list[str]) -> Any:
        """Nothing of them is new to the member."""
        read = partial(mark_read, is_read=True)
        return await self._do(conversations, read, "marked as read", Permission.READ_CONVERSATIONS)

    async def _do(
        self,
        conversations: object,
        act: Act,
        what: str,
        needed: Permission = Permission.ANSWER_CONVERSATIONS,
        *,
        is_undoable: bool = False,
    ) -> Any:
        async def work(session: AsyncSession, caller: MemberCaller) -> Outcome:
            require(caller, needed)
            await current_resources().limiter.hit("bulk", str(caller.user_id), AT_ONCE)
            return await do_with_each(session, caller, _ids_from(conversations), act)

        def then(outcome: Outcome) -> None:
            done = [str(each) for each in outcome.done]
            self.is_tagging = False
            if done:
                self.done, self.is_refused = done_in_words(outcome, what), False
                self.resolved_last = done if is_undoable else []
                self._choose(set(self.chosen) - set(done))
            elif not (is_undoable and self._was_resolved(conversations)):
                self._refuse(Conflict(done_in_words(outcome, what)))

        return await self._answer(work, then)

    def _was_resolved(self, conversations: object) -> bool:
        """Whether that was done just now: a second click on it keeps the way back."""
        return isinstance(conversations, list) and set(map(str, conversations)) <= set(self.resolved_last)

    def _refuse(self, error: Exception) -> Any:
        next_step = super()._refuse(error)
        self.done, self.is_refused, self.resolved_last = self.problem, True, []
        return next_step

    def _choose(self, ids: set[str]) -> None:
        chosen = [row.id for row in self.rows if row.id in ids][:MOST_AT_ONCE]
        if chosen != self.chosen:
            self.chosen = chosen
        if not chosen:
            self.is_tagging = False

    def _show_answerers(self, members: Sequence[MemberView], caller: MemberCaller) -> None:
        self.may_answer = Permission.ANSWER_CONVERSATIONS in caller.permissions
        labels = member_labels(members)
        may_answer = [
            each
            for each in members
            if not each.is_suspended and Permission.ANSWER_CONVERSATIONS in ROLE_PERMISSIONS[each.role]
        ]
        may_answer.sort(key=lambda each: each.user_id != caller.user_id)
        rows = [MemberRow(str(each.user_id), labels[each.user_id]) for each in may_answer]
        if rows != self.answerers:
            self.answerers = rows


def _ids_from(conversations: object) -> list[UUID]:
    """What came over the websocket as ids of conversations; how many may be is for those who take them."""
    if not isinstance(conversations, list) or len(conversations) > _MAX_IDS:
        raise NotFound("There are no such conversations.")
    return [id_from(each) for each in conversations]
