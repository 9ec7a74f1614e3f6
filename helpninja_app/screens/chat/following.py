"""Keeps a tab in step with the others: it hears of changes as they are stored, and reads them anew.

The browser starts ``follow`` again and again (``chat.js``), so that it ends soon after its tab is closed.
"""

from __future__ import annotations

import asyncio
from typing import Any

import reflex as rx

from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.chats.news import topic_of
from helpninja_app.errors import NotSignedIn
from helpninja_app.kernel.live import EVERYTHING
from helpninja_app.resources import current_resources
from helpninja_app.screens.page_state import PageState
from helpninja_app.screens.session import fingerprint, page_of, sentence_for, signed_in, to_sign_in

FOLLOW_SECONDS = 25.0
# What nobody tells of is looked at this often, while it is under way.
LOOK_SECONDS = 2.0


class FollowedState(PageState, mixin=True):
    """``heard`` counts the times that ``follow`` went on to its end: the browser starts it again at once.

    One that ended before that, as where another tab went to another workspace, is started again later.
    """

    heard: int = 0

    _follower: int = 0

    @rx.event(background=True)
    async def follow(self) -> Any:
        """Show what changes meanwhile; of many followers in a tab only the latest goes on."""
        async with self:
            self._follower += 1
            mine = self._follower
        try:
            is_heard = await self._keep_following(mine)
        except NotSignedIn:
            return to_sign_in(page_of(self))
        except Exception as error:
            sentence = sentence_for(error)
            async with self:
                if self._follower == mine:
                    self.failure = sentence
            return None
        async with self:
            if self._follower == mine and is_heard:
                self.heard += 1
        return None

    async def _keep_following(self, mine: int) -> bool:
        """Whether it went on until its time was over."""
        caller = await signed_in(self)
        topic = self._topic(caller)
        clock = asyncio.get_running_loop()
        until = clock.time() + FOLLOW_SECONDS
        with current_resources().live.listening(topic) as listener:
            # What was told between two followers was heard by nobody.
            told: tuple[str, ...] = (EVERYTHING,)
            while self._follower == mine:
                await self._heed(told)
                if any(map(self._concerns, told)) and not await self._catch_up(mine):
                    return False
                left = until - clock.time()
                if left <= 0:
                    return True
                if told:
                    await asyncio.sleep(min(left, self._rest()))
                told = await listener.hear(min(left, LOOK_SECONDS))
                # Also where that began meanwhile, as when a file was added.
                told = told or ((EVERYTHING,) if self._is_waiting() else ())
        return False

    async def _catch_up(self, mine: int) -> bool:
        """Read and show it anew, for whoever the caller is by now; false when it is not for this tab."""
        seen, read_for = self._latest, fingerprint(self)
        caller = await signed_in(self)
        found = await self._find(caller)
        async with self:
            is_elsewhere = self._workspace_shown not in {"", str(caller.workspace.id)}
            if self._follower != mine or is_elsewhere or not self._show_to_this_session(read_for):
                return False
            if self._latest == seen:
                self.failure, self.is_loaded = "", True
                self._workspace_shown = str(caller.workspace.id)
                self._show(found, caller)
        return True

    def _topic(self, caller: MemberCaller) -> str:
        """What is listened to; raises what keeps the caller from it."""
        require(caller, Permission.USE_CHAT)
        return topic_of(caller)

    async def _heed(self, told: tuple[str, ...]) -> None:
        """Show what a notice says by itself, before anything is read."""

    def _concerns(self, notice: str) -> bool:
        raise NotImplementedError

    def _rest(self) -> float:
        """How long it waits after each look, in seconds, however much is told meanwhile."""
        return 0.0

    def _is_waiting(self) -> bool:
        """Whether something is under way that nobody tells of."""
        return False
