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
    transfer_workspace,
)
from helpninja_app.accounts.models import Role
from helpninja_app.accounts.permissions import Permission, outranks
from helpninja_app.accounts.users import check_email
from helpninja_app.errors import NotFound
from helpninja_app.kernel.columns import now
from helpninja_app.resources import current_resources
from helpninja_app.screens.once import KeptFormState
from helpninja_app.screens.page_state import Leaving, PageState
from helpninja_app.screens.session import SignedInState, id_from, text_in
from helpninja_app.screens.shell.state import ShellState, told
from helpninja_app.ui.times import in_words

PATH = "/app/team"
# The heading that the focus goes to when what had it is gone.
MEMBERS = "members"


@dataclass(frozen=True)
class MemberRow:
    id: str
    email: str
    name: str
    role: str
    is_me: bool
    is_suspended: bool
    can_change: bool
    can_own: bool
    is_last_owner: bool


@dataclass(frozen=True)
class InviteRow:
    id: str
    email: str
    role: str
    when: str


class TeamState(KeptFormState, PageState, SignedInState):
    """``link`` is that of the invite just made, shown once."""

    may_manage: bool = False
    members: rx.Field[list[MemberRow]] = rx.field(default_factory=list)
    invites: rx.Field[list[InviteRow]] = rx.field(default_factory=list)
    grantable: rx.Field[list[str]] = rx.field(default_factory=list)
    link: str = ""
    link_note: str = ""

    @rx.event(background=True)
    async def open_team(self) -> Any:
        """Run when the page loads, and to try again; a link that was just made stays shown."""
        return await self._answer()

    @rx.event
    def put_link_away(self) -> None:
        """The page is there anew: the link that was made on it before is not shown again."""
        self.link = self.link_note = ""

    @rx.event(background=True)
    async def send_invite(self, form: dict[str, Any]) -> Any:
        """Invite somebody by mail, or make a link where no address is given."""

        async def work(session: AsyncSession, caller: MemberCaller) -> tuple[InviteView, str]:
            require(caller, Permission.MANAGE_MEMBERS)
            address = text_in(form, "email", 320)
            email = check_email(address) if address else ""
            role = _role(text_in(form, "role"))
            return await _mail(
                session, caller, *await invite(session, caller, email, role, limit=_most(caller))
            )

        def then(made: tuple[InviteView, str]) -> None:
            self._hand_out(made)
            # Only now: what was typed stays when it is refused.
            self.drawn += 1

        return await self._answer(work, then, once=form, link="", link_note="")

    @rx.event(background=True)
    async def resend_invite(self, invite_id: str) -> Any:
        """A new link and seven more days."""

        async def work(session: AsyncSession, caller: MemberCaller) -> tuple[InviteView, str]:
            require(caller, Permission.MANAGE_MEMBERS)
            renewed = await renew_invite(session, caller, id_from(invite_id), limit=_most(caller))
            return await _mail(session, caller, *renewed)

        return await self._answer(work, self._hand_out, once=(), link="", link_note="")

    @rx.event(background=True)
    async def withdraw_invite(self, invite_id: str) -> Any:
        """The link does not count any more."""

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            require(caller, Permission.MANAGE_MEMBERS)
            await revoke_invite(session, caller, id_from(invite_id))

        return await self._answer(work, _to_the_list)

    @rx.event(background=True)
    async def give_role(self, user_id: str, role: str) -> Any:
        """Change what a member may do."""

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            require(caller, Permission.MANAGE_MEMBERS)
            await change_role(session, caller, id_from(user_id), _role(role))

        return await self._answer(work)

    @rx.event(background=True)
    async def suspend(self, user_id: str, is_suspended: bool) -> Any:
        """Keep a member out, or let them in again."""

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            require(caller, Permission.MANAGE_MEMBERS)
            await suspend_member(session, caller, id_from(user_id), is_suspended=is_suspended is True)

        return await self._answer(work)

    @rx.event(background=True)
    async def remove(self, user_id: str) -> Any:
        """Take a member out, or leave oneself."""

        async def work(session: AsyncSession, caller: MemberCaller) -> Leaving | None:
            member_id = id_from(user_id)
            is_me = member_id == caller.user_id
            if not is_me:
                require(caller, Permission.MANAGE_MEMBERS)
            await remove_member(session, caller, member_id)
            return Leaving("/app") if is_me else None

        return await self._answer(work, _to_the_list)

    @rx.event(background=True)
    async def transfer(self, user_id: str) -> Any:
        """Make another member the owner, and oneself an admin."""

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            require(caller, Permission.DELETE_WORKSPACE)
            await transfer_workspace(session, caller, id_from(user_id))

        return await self._answer(work, _to_the_new_owner)

    async def _read(
        self, session: AsyncSession, caller: MemberCaller
    ) -> tuple[list[MemberView], list[InviteView]]:
        members = await list_members(session, caller.workspace.id)
        return members, await list_invites(session, caller.workspace.id) if _may_manage(caller) else []

    def _show(self, found: tuple[list[MemberView], list[InviteView]], caller: MemberCaller) -> None:
        members, invites = found
        moment = now()
        self.may_manage = _may_manage(caller)
        has_another = any(view.user_id != caller.user_id for view in members if _owns(view))
        self.members = [_member_row(view, caller, has_another_owner=has_another) for view in members]
        self.invites = [_invite_row(view, moment) for view in invites]
        self.grantable = [role.value for role in Role if not outranks(role, caller.role)]

    def _hand_out(self, made: tuple[InviteView, str]) -> None:
        view, token = made
        resources = current_resources()
        origin = resources.settings.public_url or self.router.headers.origin
        self.link = f"{origin}/invite?token={token}"
        self.link_note = (
            f"A mail with such a link is on its way to {view.email}."
            if view.email and resources.mailer.is_real
            else "Pass this link on. It counts once and for seven days, and is not shown again."
        )


async def _mail(
    session: AsyncSession, caller: MemberCaller, view: InviteView, token: str
) -> tuple[InviteView, str]:
    """The invite and its token, with a mail on its way where there is an address."""
    resources = current_resources()
    if view.email:
        await limit_invite_mails(resources.limiter, caller.user_id, view.email)
        await request_invite_mail(session, resources.queue, caller.workspace.id, view.id)
    return view, token


def _to_the_list(_: None) -> Any:
    return rx.set_focus(MEMBERS)


def _to_the_new_owner(_: None) -> Any:
    # What the sidebar offers follows the new role.
    said = told("The workspace has a new owner, and you are an admin now.", "success")
    return [rx.set_focus(MEMBERS), ShellState.open_shell, said]


def _owns(view: MemberView) -> bool:
    return view.role is Role.OWNER and not view.is_suspended


def _may_manage(caller: MemberCaller) -> bool:
    return Permission.MANAGE_MEMBERS in caller.permissions


def _most(caller: MemberCaller) -> int | None:
    """How many members the plan has room for."""
    return current_resources().most_members(caller.workspace)


def _member_row(view: MemberView, caller: MemberCaller, *, has_another_owner: bool) -> MemberRow:
    may = _may_manage(caller) and not outranks(view.role, caller.role)
    is_me = view.user_id == caller.user_id
    return MemberRow(
        id=str(view.user_id),
        email=view.email,
        name=view.name,
        role=view.role.value,
        is_me=is_me,
        is_suspended=view.is_suspended,
        can_change=may and not is_me,
        can_own=caller.role is Role.OWNER and view.role is not Role.OWNER and not view.is_suspended,
        is_last_owner=is_me and _owns(view) and not has_another_owner,
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
