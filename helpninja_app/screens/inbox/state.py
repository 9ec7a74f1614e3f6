"""What members do in the conversation that is open: answer, note, take over, pass on, resolve."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.members import MemberView, list_members
from helpninja_app.accounts.permissions import Permission
from helpninja_app.conversations import desk
from helpninja_app.conversations.inbox import mark_read
from helpninja_app.errors import Conflict, HelpNinjaError, Invalid, NotSignedIn
from helpninja_app.kernel.columns import now
from helpninja_app.resources import current_resources
from helpninja_app.screens.inbox.canned_state import CannedState
from helpninja_app.screens.inbox.choosing_state import MAX_TAG
from helpninja_app.screens.inbox.list_state import PATH
from helpninja_app.screens.inbox.thread_state import ThreadState
from helpninja_app.screens.inbox.words import member_labels, snooze_until
from helpninja_app.screens.session import SignedInState, id_from, page_of, signed_in, text_in, to_sign_in

# As over HTTP, and what the websocket takes at once (kernel/websockets.py).
MAX_REPLY = 20_000
MAX_MENTIONS = 50

Act = Callable[[AsyncSession, MemberCaller, UUID], Awaitable[Any]]


class InboxState(ThreadState, SignedInState):
    """``accepted`` is the client's id of the text that was stored last: the browser clears its field by that.

    ``resolved`` is the conversation that the message at the corner offers to open again. What is pressed says
    for which conversation, as the browser showed it: on a slow line another one may be open here by then.
    """

    accepted: str = ""
    resolved: str = ""

    @rx.event(background=True)
    async def send_reply(self, form: dict[str, Any]) -> Any:
        """Answer the visitor, and take the conversation over for it where nobody has."""

        async def reply(session: AsyncSession, caller: MemberCaller, wanted: UUID) -> None:
            text, client_id = _sent(form)
            queue = current_resources().queue
            try:
                await desk.reply(session, queue, caller, wanted, text, client_id=client_id)
            except Conflict as refused:
                if refused.detail != desk.TAKE_OVER_FIRST:
                    raise
                await desk.take_over(session, caller, wanted)
                await desk.reply(session, queue, caller, wanted, text, client_id=client_id)

        # What a canned reply could not say was read by now.
        hint: Any = CannedState.close_missing
        return await self._send(form, reply, hint)

    @rx.event(background=True)
    async def send_note(self, form: dict[str, Any]) -> Any:
        """Tell the other members; those whose names stand behind an @ are mentioned."""

        async def note(session: AsyncSession, caller: MemberCaller, wanted: UUID) -> None:
            text, client_id = _sent(form)
            mentions = mentioned(text, await list_members(session, caller.workspace.id))
            queue = current_resources().queue
            await desk.add_note(session, queue, caller, wanted, text, client_id=client_id, mentions=mentions)

        return await self._send(form, note)

    @rx.event(background=True)
    async def take_over(self, conversation: str) -> Any:
        return await self._act(desk.take_over, conversation)

    @rx.event(background=True)
    async def hand_back(self, conversation: str) -> Any:
        return await self._act(desk.hand_back, conversation)

    @rx.event(background=True)
    async def resolve(self, conversation: str) -> Any:
        """Nothing is left to do; it can be opened again at once."""

        def offer(_: Any) -> None:
            self.resolved = conversation

        return await self._act(desk.resolve, conversation, offer)

    @rx.event(background=True)
    async def reopen(self, conversation: str) -> Any:
        return await self._act(desk.reopen, conversation)

    @rx.event(background=True)
    async def undo_resolve(self, conversation: str) -> Any:
        """Open again what the message is about, whichever conversation is shown by now."""

        def done(_: Any) -> None:
            self.resolved = "" if self.resolved == conversation else self.resolved

        return await self._act(_undo_resolve, conversation, done)

    @rx.event
    def close_resolved(self) -> None:
        """The message was closed."""
        self.resolved = ""

    @rx.event(background=True)
    async def assign(self, conversation: str, member_id: str) -> Any:
        """Have a member look after it; nobody in particular when empty."""

        async def assign(session: AsyncSession, caller: MemberCaller, wanted: UUID) -> None:
            await desk.assign(session, caller, wanted, id_from(member_id) if member_id else None)

        return await self._act(assign, conversation)

    @rx.event(background=True)
    async def snooze(self, conversation: str, choice: str) -> Any:
        """Keep it out of the lists for a while, by the clocks of the workspace; ``wake`` brings it back."""

        async def snooze(session: AsyncSession, caller: MemberCaller, wanted: UUID) -> None:
            until = snooze_until(str(choice), now(), ZoneInfo(caller.workspace.time_zone))
            if until is None and choice != "wake":
                raise Invalid("Choose until when.")
            await desk.snooze(session, current_resources().queue, caller, wanted, until)

        return await self._act(snooze, conversation)

    @rx.event(background=True)
    async def add_tag(self, form: dict[str, Any]) -> Any:
        tag = text_in(form, "tag", MAX_TAG)
        return await self._act(partial(desk.add_tag, tag=tag), text_in(form, "conversation", 40))

    @rx.event(background=True)
    async def remove_tag(self, conversation: str, tag: str) -> Any:
        async def remove(session: AsyncSession, caller: MemberCaller, wanted: UUID) -> None:
            await desk.remove_tag(session, caller, wanted, tag)

        return await self._act(remove, conversation)

    @rx.event(background=True)
    async def mark_unread(self, conversation: str) -> Any:
        """Come back to it later: the list shows it as new, and it is closed here."""

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            await mark_read(session, caller, id_from(conversation), is_read=False)

        # Shown, it would be read again at once.
        def leave(_: Any) -> Any:
            if self._wanted != conversation:
                return None
            self._wanted, self.conversation_id, self.unseen, self.is_thread_shown = "", "", "", False
            return rx.redirect(PATH)

        return await self._answer(work, leave)

    @rx.event(background=True)
    async def show_typing(self, conversation: str) -> Any:
        """Have the visitor see that somebody writes; nobody is told when that fails."""
        try:
            caller = await signed_in(self)
            require(caller, Permission.ANSWER_CONVERSATIONS)
            async with current_resources().database.unit_of_work(caller.scope) as session:
                await desk.show_typing(session, caller, id_from(conversation))
        except NotSignedIn:
            return to_sign_in(page_of(self))
        except HelpNinjaError as refused:
            async with self:
                # What a member may not do they are told; that somebody else has it by now, they see.
                self.problem = refused.detail if not isinstance(refused, Conflict) else self.problem
        return None

    async def _send(self, form: dict[str, Any], act: Act, next_step: Any = None) -> Any:
        """Store what was typed; the browser keeps it until it hears that it was, and sends it once."""
        sent = text_in(form, "client_id", 40)

        def accept(_: Any) -> Any:
            self.accepted = sent
            return next_step

        return await self._act(act, text_in(form, "conversation", 40), accept)

    async def _act(self, act: Act, conversation: str, then: Callable[[Any], Any] | None = None) -> Any:
        async def work(session: AsyncSession, caller: MemberCaller) -> Any:
            require(caller, Permission.ANSWER_CONVERSATIONS)
            return await act(session, caller, id_from(conversation))

        return await self._answer(work, then, is_left=lambda: self._wanted != conversation)


async def _undo_resolve(session: AsyncSession, caller: MemberCaller, conversation_id: UUID) -> Any:
    return await desk.undo_resolve(session, current_resources().queue, caller, conversation_id)


def mentioned(text: str, members: Sequence[MemberView]) -> list[UUID]:
    """The members whose labels or names, or addresses where they have none, stand behind an @ in ``text``.

    Of two names of which one begins the other, the longer counts; a name of several members mentions all.
    """
    called: dict[str, list[UUID]] = {}
    labels = member_labels(members)
    for each in (member for member in members if not member.is_suspended):
        for name in {labels[each.user_id].casefold(), (each.name or each.email).casefold()}:
            called.setdefault(name, []).append(each.user_id)
    if not called:
        return []
    longest_first = "|".join(re.escape(name) for name in sorted(called, key=len, reverse=True))
    found = re.findall(rf"(?<!\w)@({longest_first})(?!\w)", text.casefold())
    return list(dict.fromkeys(id for name in found for id in called[name]))[:MAX_MENTIONS]


def _sent(form: dict[str, Any]) -> tuple[str, UUID]:
    text = text_in(form, "text", MAX_REPLY + 1)
    if not text:
        raise Invalid("Type something first.")
    if len(text) > MAX_REPLY:
        raise Invalid(f"This is longer than {MAX_REPLY:,} characters. Send it in parts.")
    return text, id_from(text_in(form, "client_id", 40))
