"""A conversation for others: links that show it until they end, and its transcript by mail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.members import MemberView, list_members
from helpninja_app.accounts.permissions import Permission
from helpninja_app.accounts.users import check_email
from helpninja_app.conversations.shares import (
    SHARED_PATH,
    ShareView,
    create_share,
    list_shares,
    revoke_share,
)
from helpninja_app.conversations.transcript_mails import request_transcript_mail
from helpninja_app.errors import Invalid, Unavailable
from helpninja_app.kernel.columns import now
from helpninja_app.resources import current_resources
from helpninja_app.screens.inbox.words import member_labels, name_of_actor
from helpninja_app.screens.page_state import PageState
from helpninja_app.screens.session import SignedInState, id_from, text_in
from helpninja_app.screens.shell.state import told
from helpninja_app.ui.badges import BadgeTone
from helpninja_app.ui.times import exactly, in_words

LIFETIMES = (("7", "for 7 days"), ("1", "for a day"), ("30", "for 30 days"), ("90", "for 90 days"))
MAX_EMAIL = 320
# The button that the focus goes to when what had it is gone.
MAKE = "make-link"
# Links that are over stay in the list for a while to come.
_MOST = 50


@dataclass(frozen=True)
class ShareRow:
    """``tone`` and ``status`` say whether it still shows the conversation."""

    id: str
    made: str
    counts: str
    seen: str
    tone: str
    status: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class Shared:
    shares: tuple[ShareView, ...]
    members: list[MemberView]


class SharingState(PageState, SignedInState):
    """``url`` is the link just made, until the dialog is closed: nobody can read it again."""

    is_open: bool = False
    is_mailing: bool = False
    url: str = ""
    rows: rx.Field[list[ShareRow]] = rx.field(default_factory=list)

    _wanted: str = ""
    _made: str = ""

    @rx.event(background=True)
    async def open_shares(self, conversation_id: str) -> Any:
        """Show the links of a conversation, and try again."""
        wanted = str(conversation_id)[:40]
        return await self._answer(_wanted=wanted, is_open=True, is_loaded=False, url="", rows=[], failure="")

    @rx.event
    def close_shares(self) -> None:
        """The dialog was closed."""
        self._leave()

    @rx.event(background=True)
    async def make_link(self, form: dict[str, Any]) -> Any:
        """Make a link that shows the conversation to whoever has it."""
        wanted, days = self._wanted, text_in(form, "days")

        async def work(session: AsyncSession, caller: MemberCaller) -> tuple[ShareView, str]:
            require(caller, Permission.ANSWER_CONVERSATIONS)
            if days not in dict(LIFETIMES):
                raise Invalid("Choose how long the link counts.")
            return await create_share(session, caller, id_from(wanted), days=int(days))

        def then(made: tuple[ShareView, str]) -> Any:
            if self._wanted == wanted:
                return self._hand_out(made)
            # Nobody is to send it to the visitor of the conversation that is shown now.
            return told("The link of the conversation before is made. Make another one there to see it.")

        return await self._answer(work, then, once=form, url="")

    @rx.event(background=True)
    async def revoke(self, share_id: str) -> Any:
        """The link shows nothing any more."""
        wanted = self._wanted

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            require(caller, Permission.ANSWER_CONVERSATIONS)
            await revoke_share(session, caller, id_from(wanted), id_from(share_id))

        def revoked(_: None) -> Any:
            if share_id == self._made:
                self.url = ""
            return rx.set_focus(MAKE)

        return await self._answer(work, revoked)

    @rx.event
    def begin_mail(self) -> None:
        """Ask for an address."""
        self._leave()
        self.is_mailing = True

    @rx.event
    def close_mail(self) -> None:
        """The dialog was closed."""
        self._leave()

    @rx.event(background=True)
    async def send_transcript(self, form: dict[str, Any]) -> Any:
        """Mail what the visitor sees of a conversation to an address."""
        email, drawn = text_in(form, "email", MAX_EMAIL), self.drawn

        async def work(session: AsyncSession, caller: MemberCaller) -> str:
            require(caller, Permission.ANSWER_CONVERSATIONS)
            wanted, to = id_from(text_in(form, "conversation", 40)), check_email(email)
            resources = current_resources()
            queue, limiter = resources.queue, resources.limiter
            await request_transcript_mail(session, queue, limiter, caller, wanted, to)
            # Last, as over HTTP: what was stored is undone.
            if not resources.mailer.is_real:
                raise Unavailable("This installation sends no mail: SMTP_URL is not set.")
            return to

        def sent(to: str) -> Any:
            if self.drawn == drawn:
                self._leave()
            return told(f"The transcript is on its way to {to}.", "success")

        return await self._answer(work, sent, once=form)

    async def _read(self, session: AsyncSession, caller: MemberCaller) -> Shared | None:
        require(caller, Permission.READ_CONVERSATIONS)
        if not self._wanted:
            return None
        shares = await list_shares(session, caller, id_from(self._wanted))
        return Shared(shares[:_MOST], await list_members(session, caller.workspace.id))

    def _show(self, found: Shared | None, caller: MemberCaller) -> None:
        if found is None:
            self.rows = []
            return
        names = {str(id): label for id, label in member_labels(found.members).items()}
        moment = now()
        self.rows = [share_row(each, names, moment) for each in found.shares]

    def _hand_out(self, made: tuple[ShareView, str]) -> None:
        share, token = made
        self._made = str(share.id)
        self.drawn += 1
        origin = current_resources().settings.public_url or self.router.headers.origin
        self.url = f"{origin}{SHARED_PATH}?token={token}"

    def _leave(self) -> None:
        self.is_open, self.is_mailing, self.url, self.rows, self._wanted = False, False, "", [], ""
        self._made = ""
        self.drawn += 1
        self.problem, self.is_at_limit, self.failure = "", False, ""


def share_row(share: ShareView, names: Mapping[str, str], moment: datetime) -> ShareRow:
    tone, status = _standing(share, moment)
    times = "once" if share.views == 1 else f"{share.views:,} times"
    last = f"opened {times}, last {in_words(share.last_viewed_at, moment)}" if share.last_viewed_at else ""
    return ShareRow(
        id=str(share.id),
        made=f"{name_of_actor(share.created_by, names)}, {in_words(share.created_at, moment)}",
        counts=f"until {exactly(share.expires_at)}",
        seen=last or "not opened yet",
        tone=tone,
        status=status,
        is_open=status == "Open",
    )


def _standing(share: ShareView, moment: datetime) -> tuple[BadgeTone, str]:
    if share.revoked_at is not None:
        return "neutral", "Revoked"
    return ("neutral", "Expired") if share.expires_at <= moment else ("success", "Open")
