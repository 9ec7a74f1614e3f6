"""Lists of which something is under way: shown anew every two seconds until nothing is."""

from __future__ import annotations

import asyncio
from typing import Any

import reflex as rx

from helpninja_app.errors import NotSignedIn
from helpninja_app.screens.paged_state import PagedState
from helpninja_app.screens.session import fingerprint, page_of, sentence_for, signed_in, to_sign_in

POLL_SECONDS = 2.0


class FollowedState(PagedState, mixin=True):
    """A list says whether something in it is under way (``_is_under_way``), and has an event ``follow``."""

    _follower: int = 0

    @rx.event(background=True)
    async def follow(self) -> Any:
        """Show how far everything is, as long as something is under way.

        Only the follower that was started last goes on, so that nobody can start a crowd of them.
        """
        async with self:
            self._follower += 1
            mine = self._follower
        is_under_way = True
        while is_under_way:
            await asyncio.sleep(POLL_SECONDS)
            seen, read_for = self._latest, fingerprint(self)
            try:
                caller = await signed_in(self)
                found = await self._find(caller)
            except NotSignedIn:
                return to_sign_in(page_of(self))
            except Exception as error:
                async with self:
                    self.failure = sentence_for(error)
                return None
            async with self:
                elsewhere = self._workspace_shown not in {"", str(caller.workspace.id)}
                if self._follower != mine or elsewhere or not self._show_to_this_session(read_for):
                    return None
                if self._latest == seen:
                    self.failure, self.is_loaded = "", True
                    self._workspace_shown = str(caller.workspace.id)
                    self._show(found, caller)
                is_under_way = self._is_under_way()
        return self._when_over()

    def _is_under_way(self) -> bool:
        raise NotImplementedError

    def _when_over(self) -> Any:
        """What the browser does once nothing is under way any more."""
