"""What a member does with a saved chat: rename it, delete it, and bring it back."""

from __future__ import annotations

from typing import Any

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.chats.library import ChatView, delete_chat, rename_chat, restore_chat
from helpninja_app.chats.turns import stop_writing
from helpninja_app.errors import Invalid
from helpninja_app.kernel.database import new_id
from helpninja_app.resources import current_resources
from helpninja_app.screens.page_state import PageState
from helpninja_app.screens.session import id_from, text_in

PATH = "/app/chat"
NEW = "new"
MAX_TITLE = 200


class ManagedChat(PageState, mixin=True):
    """``deleted`` is the sentence that offers to bring back what was deleted last in this tab.

    ``opening`` is another whenever another chat is shown; one that is begun keeps it when it is stored.
    """

    chat_id: str = ""
    opening: str = ""
    title: str = ""
    deleted: str = ""

    _wanted: str = ""
    _deleted_id: str = ""

    @rx.event(background=True)
    async def rename(self, form: dict[str, Any]) -> Any:
        """Give the chat that is open another title."""
        chat_id, title = self.chat_id, " ".join(text_in(form, "title", MAX_TITLE).split())

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            require(caller, Permission.USE_CHAT)
            if not title:
                raise Invalid("Type a title first.")
            await rename_chat(session, caller, id_from(chat_id), title)

        return await self._answer(work, is_left=lambda: self._wanted != chat_id)

    @rx.event(background=True)
    async def delete(self) -> Any:
        """Delete the chat that is open; for an hour it can be brought back."""
        chat_id, title = self.chat_id, self.title

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            require(caller, Permission.USE_CHAT)
            resources, wanted = current_resources(), id_from(chat_id)
            message_id = await stop_writing(session, caller, wanted)
            await delete_chat(session, resources.queue, caller, wanted)
            if message_id is not None:
                resources.stop_answer(message_id)

        def offer(_: None) -> Any:
            shown = title if len(title) <= 60 else f"{title[:59]}…"
            self.deleted = f"“{shown}” is deleted. It can be brought back for an hour."
            self._deleted_id = chat_id
            if self._wanted != chat_id:
                return None
            self._wanted = ""
            for name, value in self._nothing().items():
                setattr(self, name, value)
            return rx.redirect(f"{PATH}?chat={NEW}")

        return await self._answer(work, offer, is_left=lambda: self._wanted != chat_id)

    @rx.event(background=True)
    async def restore(self) -> Any:
        """Bring back what was deleted last in this tab, and open it."""
        chat_id = self._deleted_id

        async def work(session: AsyncSession, caller: MemberCaller) -> ChatView:
            require(caller, Permission.USE_CHAT)
            return await restore_chat(session, caller, id_from(chat_id))

        def show(chat: ChatView) -> Any:
            self.deleted = ""
            return rx.redirect(f"{PATH}?chat={chat.id}")

        return await self._answer(work, show)

    @rx.event
    def close_deleted(self) -> None:
        """The message was closed."""
        self.deleted = ""

    def _nothing(self) -> dict[str, Any]:
        """The vars of a chat as they are without one."""
        return {"chat_id": "", "opening": new_id().hex, "title": ""}
