"""The people of the workspace, and invites: what a member sees, and what one may change of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.invites import InviteView, invite, list_invites, renew_invite, revoke_invite
from helpninja_app.accounts.mail_limits import limit_invite_mails
from helpninja_app.accounts.mails import request_invite_mail
from helpninja_app.accounts.members import (
    MemberView,
    change_role,
    list_members,
    remove_member,
    suspend_member,
)
from helpninja_app.accounts.models import Role
from helpninja_app.accounts.permissions import Permission, outranks
from helpninja_app.accounts.users import check_email
from helpninja_app.errors import NotFound, NotSignedIn
from helpninja_app.kernel.columns import now
from helpninja_app.resources import current_resources, plan_of
from helpninja_app.screens.session import (
    SignedInState,
    Work,
    id_from,
    perform,
    sentence_for,
    text_in,
    to_sign_in,
)
from helpninja_app.ui.times import in_words

PATH = "/app/team"


@dataclass(frozen=True)
class MemberRow:
    id: str
    email: str
    name: str
    role: str
    is_me: bool
    is_suspended: bool
    can_change: bool


@dataclass(frozen=True)
class InviteRow:
    id: str
    email: str
    role: str
    when: str


class TeamState(SignedInState):
    """``asked`` is the id of the member whose removal waits for a second click."""

    is_loaded: bool = False
    failure: str = ""
    problem: str = ""
    may_manage: bool = False
    members: rx.Field[list[MemberRow]] = rx.field(default_factory=list)
    invites: rx.Field[list[InviteRow]] = rx.field(default_factory=list)
    grantable: rx.Field[list[str]] = rx.field(default_factory=list)
    asked: str = ""
    link: str = ""
    link_note: str = ""

    @rx.event(background=True)
    async def open_team(self) -> Any:
        """Run when the page loads, and to try again."""
        return await self._do(None)

    @rx.event(background=True)
    async def send_invite(self, form: dict[str, Any]) -> Any:
        """Invite somebody by mail, or make a link where no address is given."""

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            require(caller, Permission.MANAGE_MEMBERS)
            address = text_in(form, "email", 320)
            email = check_email(address) if address else ""
            limit = plan_of(current_resources().settings, caller.workspace.plan).members
            view, token = await invite(session, caller, email, _role(text_in(form, "role")), limit=limit)
            await self._hand_out(session, caller, view, token)

        return await self._do(work)

    @rx.event(background=True)
    async def resend_invite(self, invite_id: str) -> Any:
        """A new link and seven more days."""

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            require(caller, Permission.MANAGE_MEMBERS)
            limit = plan_of(current_resources().settings, caller.workspace.plan).members
            view, token = await renew_invite(session, caller, id_from(invite_id), limit=limit)
            await self._hand_out(session, caller, view, token)

        return await self._do(work)

    @rx.event(background=True)
    async def withdraw_invite(self, invite_id: str) -> Any:
        """The link does not count any more."""

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            require(caller, Permission.MANAGE_MEMBERS)
            await revoke_invite(session, caller, id_from(invite_id))

        return await self._do(work)

    @rx.event(background=True)
    async def give_role(self, user_id: str, role: str) -> Any:
        """Change what a member may do."""

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            require(caller, Permission.MANAGE_MEMBERS)
            await change_role(session, caller, id_from(user_id), _role(role))

        return await self._do(work)

    @rx.event(background=True)
    async def suspend(self, user_id: str, is_suspended: bool) -> Any:
        """Keep a member out, or let them in again."""

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            require(caller, Permission.MANAGE_MEMBERS)
            await suspend_member(session, caller, id_from(user_id), is_suspended=is_suspended is True)

        return await self._do(work)

    @rx.event
    def ask_to_remove(self, user_id: str) -> None:
        """The first click; an empty id takes it back."""
        self.asked = user_id if isinstance(user_id, str) else ""

    @rx.event(background=True)
    async def remove(self, user_id: str) -> Any:
        """The second click: take a member out, or leave oneself."""

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            member_id = id_from(user_id)
            if member_id != caller.user_id:
                require(caller, Permission.MANAGE_MEMBERS)
            await remove_member(session, caller, member_id)

        return await self._do(work)

    async def _do(self, work: Work | None) -> Any:
        """Do something, then show what there is; what went wrong is said and nothing is changed."""
        try:
            caller, problem = await perform(self, work)
            may = Permission.MANAGE_MEMBERS in caller.permissions
            async with current_resources().database.unit_of_work(caller.scope) as session:
                members = await list_members(session, caller.workspace.id)
                invites = await list_invites(session, caller.workspace.id) if may else []
        except NotSignedIn:
            return to_sign_in(PATH)
        except Exception as error:
            async with self:
                self.failure = sentence_for(error)
            return None
        if not any(member.user_id == caller.user_id for member in members):
            # They have just left.
            return [SignedInState.forget, rx.call_script("location.assign('/app')")]
        moment = now()
        async with self:
            self._show_to_this_session()
            self.failure, self.problem, self.asked, self.may_manage = "", problem, "", may
            self.members = [_member_row(view, caller) for view in members]
            self.invites = [_invite_row(view, moment) for view in invites]
            self.grantable = [role.value for role in Role if not outranks(role, caller.role)]
            if work is None or problem:
                self.link = self.link_note = ""
            self.is_loaded = True
        return None

    async def _hand_out(
        self, session: AsyncSession, caller: MemberCaller, view: InviteView, token: str
    ) -> None:
        resources = current_resources()
        if view.email:
            await limit_invite_mails(resources.limiter, caller.user_id, view.email)
            await request_invite_mail(session, resources.queue, caller.workspace.id, view.id)
        is_mailed = bool(view.email) and resources.mailer.is_real
        async with self:
            origin = resources.settings.public_url or self.router.headers.origin
            self.link = f"{origin}/invite?token={token}"
            self.link_note = (
                f"A mail with such a link is on its way to {view.email}."
                if is_mailed
                else "Pass this link on. It counts once and for seven days, and is not shown again."
            )


def _member_row(view: MemberView, caller: MemberCaller) -> MemberRow:
    may = Permission.MANAGE_MEMBERS in caller.permissions and not outranks(view.role, caller.role)
    return MemberRow(
        id=str(view.user_id),
        email=view.email,
        name=view.name,
        role=view.role.value,
        is_me=view.user_id == caller.user_id,
        is_suspended=view.is_suspended,
        can_change=may and view.user_id != caller.user_id,
    )


def _invite_row(view: InviteView, moment: datetime) -> InviteRow:
    return InviteRow(
        id=str(view.id),
        email=view.email or "Anyone with the link",
        role=view.role.value,
        when=in_words(view.created_at, moment),
    )


def _role(text: object) -> Role:
    try:
        return Role(str(text))
    except ValueError:
        raise NotFound("There is no such role.") from None
