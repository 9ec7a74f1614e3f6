"""One's own account: the name, the password, and where one is signed in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import reflex as rx

from helpninja_app.accounts.deletion import list_deleted, restore_workspace
from helpninja_app.accounts.sessions import SessionView, choose_workspace, end_session_of, list_sessions
from helpninja_app.accounts.sign_up import open_workspace
from helpninja_app.accounts.users import change_name
from helpninja_app.errors import NotSignedIn
from helpninja_app.kernel.columns import now
from helpninja_app.resources import current_resources
from helpninja_app.screens.once import OnceState
from helpninja_app.screens.session import (
    SignedInState,
    id_from,
    sentence_for,
    text_in,
    to_sign_in,
    user_of_tab,
)
from helpninja_app.screens.shell.state import ShellState, to_workspace, told
from helpninja_app.ui.times import exactly, in_words

PATH = "/app/account"
_ERRORS = {
    "wrong": "Your present password is not right.",
    "weak": "The new password is easy to guess. Four words that do not belong together make a good one.",
    "limited": "There were too many tries. Please wait ten minutes and try again.",
}
_DONE = {
    "password": "Your password is changed, and you are signed out on your other devices.",
    "sent": "The link is on its way.",
    "deleted": "The workspace is deleted. You can bring it back below for seven days.",
}
_SYSTEMS = ("iPhone", "iPad", "Android", "Windows", "Mac", "Linux")
_BROWSERS = (("Edg/", "Edge"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))


@dataclass(frozen=True)
class SessionRow:
    id: str
    device: str
    address: str
    seen: str
    is_current: bool


@dataclass(frozen=True)
class DeletedRow:
    id: str
    name: str
    gone: str


class AccountState(OnceState, SignedInState):
    is_loaded: bool = False
    failure: str = ""
    error: str = ""
    notice: str = ""
    email: str = ""
    name: str = ""
    is_verified: bool = True
    deleted: rx.Field[list[DeletedRow]] = rx.field(default_factory=list)
    has_mail: bool = True
    sessions: rx.Field[list[SessionRow]] = rx.field(default_factory=list)

    @rx.event(background=True)
    async def open_account(self) -> Any:
        """Run when the page loads, and to try again."""
        async with self:
            asked = self.router.url.query_parameters
            code, done = asked.get("error", ""), asked.get("done", "")
            self.error, self.notice = _ERRORS.get(code, ""), _DONE.get(done, "")
            # What a process left so when it died holds the button back no longer.
            self.is_busy = self._is_under_way()
        return await self._show()

    @rx.event(background=True)
    async def rename(self, form: dict[str, Any]) -> Any:
        """Change the name that colleagues see."""
        try:
            user = await user_of_tab(self)
            async with current_resources().database.unit_of_work(user.scope) as session:
                await change_name(session, user.id, text_in(form, "name", 100))
        except NotSignedIn:
            return to_sign_in(PATH)
        except Exception as error:
            return told(sentence_for(error), "danger")
        await self._show()
        # The sidebar has the name too.
        return [ShellState.open_shell, told("Saved.", "success")]

    @rx.event(background=True)
    async def end(self, session_id: str) -> Any:
        """Sign one device out."""
        try:
            user = await user_of_tab(self)
            async with current_resources().database.unit_of_work(user.scope) as session:
                await end_session_of(session, user.id, id_from(session_id))
        except NotSignedIn:
            return to_sign_in(PATH)
        except Exception as error:
            return told(sentence_for(error), "danger")
        return await self._show()

    @rx.event(background=True)
    async def make_workspace(self, form: dict[str, Any]) -> Any:
        """Make another workspace, and go there."""
        async with self._once(form) as click:
            return await (self._make(text_in(form, "name", 100)) if click else self._of_nothing(form))

    @rx.event(background=True)
    async def bring_back(self, workspace_id: str) -> Any:
        """Undo the deletion of a workspace that one owned."""
        try:
            user = await user_of_tab(self)
            async with current_resources().database.unit_of_work(user.scope) as session:
                await restore_workspace(session, user, id_from(workspace_id))
        except NotSignedIn:
            return to_sign_in(PATH)
        except Exception as error:
            return told(sentence_for(error), "danger")
        return to_workspace(str(workspace_id))

    async def _make(self, name: str) -> Any:
        if not name:
            return told("Give the workspace a name.", "danger")
        try:
            resources = current_resources()
            user = await user_of_tab(self)
            async with resources.database.unit_of_work() as session:
                workspace_id = await open_workspace(
                    session,
                    user_id=user.id,
                    email=user.email,
                    name=name,
                    embedding_model=resources.knowledge.embedders.current.name,
                )
                await choose_workspace(session, user.id, user.session_id, workspace_id)
        except NotSignedIn:
            return to_sign_in(PATH)
        except Exception as error:
            return told(sentence_for(error), "danger")
        async with self:
            self.drawn += 1
        return to_workspace(str(workspace_id))

    async def _show(self) -> Any:
        try:
            resources = current_resources()
            user = await user_of_tab(self)
            async with resources.database.unit_of_work(user.scope) as session:
                found = await list_sessions(session, user.id)
                deleted = await list_deleted(session, user)
        except NotSignedIn:
            return to_sign_in(PATH)
        except Exception as error:
            async with self:
                self.failure = sentence_for(error)
            return None
        moment = now()
        async with self:
            self._show_to_this_session()
            self.failure = ""
            self.email, self.name, self.is_verified = (
                user.email,
                user.name,
                user.is_verified or resources.supabase is not None,
            )
            self.deleted = [
                DeletedRow(str(item.id), item.name, f"gone for good on {exactly(item.gone_at)}")
                for item in deleted
            ]
            self.has_mail = resources.mailer.is_real
            self.sessions = [_row(view, moment, view.id == user.session_id) for view in found]
            self.is_loaded = True
        return None


def _row(view: SessionView, moment: datetime, is_current: bool) -> SessionRow:
    return SessionRow(
        id=str(view.id),
        device=device_in_words(view.user_agent),
        address=view.address,
        seen="now" if is_current else in_words(view.last_seen_at, moment),
        is_current=is_current,
    )


def device_in_words(user_agent: str) -> str:
    """``Firefox on Linux``, as far as the User-Agent lets one guess."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "")
    system = next((name for name in _SYSTEMS if re.search(name, user_agent)), "")
    if browser and system:
        return f"{browser} on {system}"
    return browser or system or "A program"
