"""The saved chats of a member: the latest first, searched, fifty more at a time."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.chats.library import ChatPage, list_chats
from helpninja_app.chats.news import concerns_lists
from helpninja_app.kernel.columns import now
from helpninja_app.screens.chat.following import FollowedState
from helpninja_app.screens.chat.rows import ChatRow, chat_row
from helpninja_app.screens.paged_state import PAGE_SIZE, filter_text
from helpninja_app.screens.session import SignedInState

MAX_SEARCH = 200


class ChatListState(FollowedState, SignedInState):
    """``rows`` are those that match ``wanted``, as many pages of them as were asked for."""

    rows: rx.Field[list[ChatRow]] = rx.field(default_factory=list)
    wanted: str = ""
    has_more: bool = False

    _most: int = PAGE_SIZE

    @rx.event(background=True)
    async def open_chats(self) -> Any:
        """Run when the page loads, and to try again."""
        return await self._answer()

    @rx.event(background=True)
    async def search_chats(self, text: str) -> Any:
        """Only chats with these words in title or messages."""
        return await self._answer(wanted=filter_text(text, MAX_SEARCH), _most=PAGE_SIZE)

    @rx.event(background=True)
    async def show_more(self) -> Any:
        return await self._answer(_most=len(self.rows) + PAGE_SIZE)

    async def _read(self, session: AsyncSession, caller: MemberCaller) -> ChatPage:
        require(caller, Permission.USE_CHAT)
        return await list_chats(session, caller, limit=self._most, contains=self.wanted or None)

    def _show(self, found: ChatPage, caller: MemberCaller) -> None:
        moment, zone = now(), ZoneInfo(caller.workspace.time_zone)
        rows = [chat_row(chat, moment, zone) for chat in found.chats]
        if rows != self.rows:
            self.rows = rows
        self.has_more = found.total > len(self.rows)

    def _concerns(self, notice: str) -> bool:
        return concerns_lists(notice)
