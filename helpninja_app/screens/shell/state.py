"""What every page of the dashboard shows around its content: who is signed in, where, and what they may."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import reflex as rx

from helpninja_app.accounts.callers import MemberCaller
from helpninja_app.accounts.identity import identify_member, identify_user
from helpninja_app.accounts.members import list_memberships
from helpninja_app.accounts.permissions import Permission
from helpninja_app.accounts.sessions import choose_workspace
from helpninja_app.billing.ledger import database_time
from helpninja_app.billing.models import Subscription, Unit
from helpninja_app.billing.plans import without_larger
from helpninja_app.billing.subscriptions import subscription_of
from helpninja_app.billing.usage import Usage, usage_of
from helpninja_app.conversations.inbox import count_waiting
from helpninja_app.errors import NotFound, NotSignedIn
from helpninja_app.kernel.columns import now
from helpninja_app.resources import current_resources
from helpninja_app.screens.billing.used import is_used_up, usage_notices, ways_on
from helpninja_app.screens.billing.words import pressing_words
from helpninja_app.screens.session import (
    SignedInState,
    credentials_of,
    page_of,
    sentence_for,
    signed_in_person,
    to_sign_in,
    user_of_tab,
    workspace_asked_for,
)

HOME = "/app"
ACCOUNT = "/app/account"
SAID_FOR_SECONDS = 6.0
_NO_SUCH_WORKSPACE = "There is no such workspace, or you do not belong to it."


@dataclass(frozen=True)
class Choice:
    """A workspace one may go to."""

    id: str
    name: str


class ShellState(SignedInState):
    """Empty until ``open_shell`` found out who is there. ``connections`` counts how often it did."""

    workspace_name: str = ""
    workspace_id: str = ""
    email: str = ""
    name: str = ""
    has_demo: bool = False
    may_read_conversations: bool = False
    waiting: int = 0
    may_use_chat: bool = False
    may_manage_members: bool = False
    may_manage_keys: bool = False
    may_manage_workspace: bool = False
    may_read_audit: bool = False
    may_manage_billing: bool = False
    is_operator: bool = False
    usage: str = ""
    usage_more: str = ""
    is_used_up: bool = False
    has_larger_plan: bool = True
    plan_notice: str = ""
    is_plan_lost: bool = False
    is_unverified: bool = False
    is_supabase: bool = False
    connections: int = 0
    said: str = ""
    said_tone: str = "neutral"
    said_number: int = 0
    workspaces: rx.Field[list[Choice]] = rx.field(default_factory=list)

    _complaint: str = ""

    @rx.event(background=True)
    async def open_shell(self) -> Any:
        """Run when a page of the dashboard loads."""
        asked_for = workspace_asked_for(self)
        try:
            user, caller = await signed_in_person(self)
            resources = current_resources()
            # Of all their workspaces, so not in the scope of one.
            async with resources.database.unit_of_work(user.scope) as session:
                if asked_for:
                    await choose_workspace(session, user.id, user.session_id, caller.workspace.id)
                memberships = await list_memberships(session, user.id)
        except NotSignedIn:
            return to_sign_in(page_of(self))
        except NotFound:
            if asked_for:
                return [told(_NO_SUCH_WORKSPACE, "danger"), rx.redirect(HOME)]
            return await self._open_without_workspace()
        except Exception as error:
            sentence = sentence_for(error)
            async with self:
                self._complaint = sentence
            return told(sentence, "danger")
        may, usages, words = caller.permissions, list[Usage](), None
        waiting = 0
        if Permission.READ_CONVERSATIONS in may:
            try:
                async with resources.database.unit_of_work(caller.scope) as session:
                    waiting = await count_waiting(session, caller)
            except Exception as error:
                sentence_for(error)
        zone = ZoneInfo(caller.workspace.time_zone)
        plan = resources.plan_of(caller.workspace).name
        nothing_larger = without_larger(plan)
        if Permission.MANAGE_WORKSPACE in may:
            try:
                usages, subscription, moment = await _read_plan(caller)
                on_sale = resources.stripe.prices.plans if resources.stripe else ()
                words = pressing_words(subscription, moment, zone, on_sale)
            except Exception as error:
                # The page itself does not depend on it.
                sentence_for(error)
        async with self:
            self._show_to_this_session()
            self.connections += 1
            if self.said == self._complaint:
                # It was tried again, and is no longer so.
                self.said = ""
            self.workspace_name, self.workspace_id = caller.workspace.name, str(caller.workspace.id)
            self.email, self.name = caller.email, user.name
            self.is_unverified = not user.is_verified and resources.supabase is None
            self.has_demo = resources.settings.is_development
            self.is_supabase = resources.supabase is not None
            self.may_read_conversations, self.waiting = Permission.READ_CONVERSATIONS in may, waiting
            self.may_use_chat = Permission.USE_CHAT in may
            self.may_manage_members = Permission.MANAGE_MEMBERS in may
            self.may_manage_keys = Permission.MANAGE_KEYS in may
            self.may_manage_workspace = Permission.MANAGE_WORKSPACE in may
            self.may_read_audit = Permission.READ_AUDIT in may
            self.may_manage_billing = Permission.MANAGE_BILLING in may
            self.is_operator = user.is_verified and user.email.lower() in resources.settings.operators
            self.usage, self.is_used_up = " ".join(usage_notices(usages, zone)), is_used_up(usages)
            self.usage_more = ways_on(usages, plan) if nothing_larger else ""
            self.has_larger_plan = not nothing_larger
            self.plan_notice = words.sentence if words else ""
            self.is_plan_lost = words is not None and words.tone == "danger"
            self.workspaces = [Choice(str(item.workspace_id), item.name) for item in memberships]
        return ShellState.fade if self._is_passing() else None

    @rx.event(background=True)
    async def tell(self, sentence: str, tone: str = "neutral") -> None:
        """Say something at the corner of the page: what went wrong until it is closed, the rest for a while.

        Reflex' own toasts reach a browser as scripts to evaluate, which the policy of our pages refuses.
        """
        async with self:
            is_unread = self.said != "" and self.said_tone == "danger"
            if is_unread and sentence and tone != "danger":
                # Whoever has not closed it may not have read it, and what went well shows on the page.
                return
            self.said_number += 1
            self.said = sentence[:300] if isinstance(sentence, str) else ""
            self.said_tone = tone if tone in {"success", "danger"} else "neutral"
            mine = self.said_number if self._is_passing() else 0
        await self._let_fade(mine)

    @rx.event(background=True)
    async def fade(self) -> None:
        """Take away what was said for a while: the page that said it was left before it came to that."""
        async with self:
            mine = self.said_number if self._is_passing() else 0
        await self._let_fade(mine)

    async def _let_fade(self, mine: int) -> None:
        if not mine:
            return
        await asyncio.sleep(SAID_FOR_SECONDS)
        async with self:
            if self.said_number == mine:
                self.said = ""

    async def _open_without_workspace(self) -> Any:
        """Somebody who left or deleted their last workspace: they have an account, and can make a new one."""
        try:
            credentials = await credentials_of(self)
            async with current_resources().database.unit_of_work() as session:
                user = await identify_user(session, credentials)
        except NotSignedIn:
            return to_sign_in(page_of(self))
        async with self:
            self._show_to_this_session()
            self.email, self.name, self.workspace_name = user.email, user.name, "No workspace"
        if page_of(self) != ACCOUNT:
            return rx.redirect(ACCOUNT)
        return ShellState.fade if self._is_passing() else None

    def _is_passing(self) -> bool:
        return self.said != "" and self.said_tone != "danger"

    @rx.event(background=True)
    async def go_to_workspace(self, workspace_id: str) -> Any:
        """Make another workspace the one that this session means, and start there."""
        try:
            wanted = UUID(workspace_id) if isinstance(workspace_id, str) else None
            if wanted is None:
                raise ValueError
            user = await user_of_tab(self)
            credentials = await credentials_of(self)
            async with current_resources().database.unit_of_work() as session:
                caller = await identify_member(session, credentials, str(wanted))
                await choose_workspace(session, user.id, user.session_id, caller.workspace.id)
        except NotSignedIn:
            return to_sign_in(HOME)
        except ValueError:
            return told(NotFound().detail, "danger")
        except Exception as error:
            return told(sentence_for(error), "danger")
        return to_workspace(caller.workspace.slug)


async def _read_plan(caller: MemberCaller) -> tuple[list[Usage], Subscription | None, datetime]:
    """The month's messages and credits where they are limited, what is paid for, and the time it is."""
    resources = current_resources()
    plan = resources.plan_of(caller.workspace)
    is_limited = plan.messages is not None or plan.credits is not None
    if not is_limited and resources.stripe is None:
        return [], None, now()
    async with resources.database.unit_of_work(caller.scope) as session:
        usages = [await usage_of(session, caller.workspace.id, unit, plan) for unit in Unit if is_limited]
        return usages, await subscription_of(session, caller.workspace.id), await database_time(session)


def to_workspace(handle: str) -> list[Any]:
    """Go to another workspace: what the tab holds is the present one's."""
    return [SignedInState.forget, rx.redirect(f"{HOME}?workspace={handle}")]


# Of files that were under way when their page was left.
UPLOADED = "Uploaded to Knowledge."
NOT_UPLOADED = "A file for the chat was not uploaded. Add it there again to see why."


def told(sentence: str, tone: str = "neutral") -> Any:
    """What an event returns to have something said at the corner of the page."""
    tell: Any = ShellState.tell
    return tell(sentence, tone)
