"""What every page of the dashboard shows around its content: who is signed in, where, and what they may."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import reflex as rx

from helpninja_app.accounts.identity import identify_member, identify_user
from helpninja_app.accounts.members import list_memberships
from helpninja_app.accounts.permissions import Permission
from helpninja_app.accounts.sessions import choose_workspace
from helpninja_app.errors import NotFound, NotSignedIn
from helpninja_app.resources import current_resources
from helpninja_app.screens.session import (
    SignedInState,
    credentials_of,
    page_of,
    sentence_for,
    signed_in,
    to_sign_in,
    user_of_tab,
)

HOME = "/app"
ACCOUNT = "/app/account"


@dataclass(frozen=True)
class Choice:
    """A workspace one may go to."""

    id: str
    name: str


class ShellState(SignedInState):
    """Empty until ``open_shell`` found out who is there."""

    workspace_name: str = ""
    workspace_id: str = ""
    email: str = ""
    name: str = ""
    has_demo: bool = False
    may_manage_members: bool = False
    may_manage_keys: bool = False
    may_manage_workspace: bool = False
    may_read_audit: bool = False
    is_unverified: bool = False
    workspaces: rx.Field[list[Choice]] = rx.field(default_factory=list)

    @rx.event(background=True)
    async def open_shell(self) -> Any:
        """Run when a page of the dashboard loads."""
        try:
            caller = await signed_in(self)
            resources = current_resources()
            async with resources.database.unit_of_work() as session:
                user = await identify_user(session, credentials_of(self))
                memberships = await list_memberships(session, user.id)
        except NotSignedIn:
            return to_sign_in(page_of(self))
        except NotFound:
            return await self._open_without_workspace()
        except Exception as error:
            return rx.toast.error(sentence_for(error))
        may = caller.permissions
        async with self:
            self._show_to_this_session()
            self.workspace_name, self.workspace_id = caller.workspace.name, str(caller.workspace.id)
            self.email, self.name, self.is_unverified = caller.email, user.name, not user.is_verified
            self.has_demo = resources.settings.is_development
            self.may_manage_members = Permission.MANAGE_MEMBERS in may
            self.may_manage_keys = Permission.MANAGE_KEYS in may
            self.may_manage_workspace = Permission.MANAGE_WORKSPACE in may
            self.may_read_audit = Permission.READ_AUDIT in may
            self.workspaces = [Choice(str(item.workspace_id), item.name) for item in memberships]
        return None

    async def _open_without_workspace(self) -> Any:
        """Somebody who left or deleted their last workspace: they have an account, and can make a new one."""
        try:
            async with current_resources().database.unit_of_work() as session:
                user = await identify_user(session, credentials_of(self))
        except NotSignedIn:
            return to_sign_in(page_of(self))
        async with self:
            self._show_to_this_session()
            self.email, self.name, self.workspace_name = user.email, user.name, "No workspace"
        return None if page_of(self) == ACCOUNT else rx.redirect(ACCOUNT)

    @rx.event(background=True)
    async def go_to_workspace(self, workspace_id: str) -> Any:
        """Make another workspace the one that this session means, and start there."""
        try:
            wanted = UUID(workspace_id) if isinstance(workspace_id, str) else None
            if wanted is None:
                raise ValueError
            user = await user_of_tab(self)
            async with current_resources().database.unit_of_work() as session:
                caller = await identify_member(session, credentials_of(self), str(wanted))
                await choose_workspace(session, user.session_id, caller.workspace.id)
        except NotSignedIn:
            return to_sign_in(HOME)
        except ValueError:
            return rx.toast.error(NotFound().detail)
        except Exception as error:
            return rx.toast.error(sentence_for(error))
        # What the tab holds is the other workspace's.
        return [SignedInState.forget, rx.call_script("location.assign('/app')")]
