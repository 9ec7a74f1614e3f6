"""What can be done with a saved chat, behind the three dots beside its title."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.screens.chat.managing_state import MAX_TITLE
from helpninja_app.screens.chat.state import ChatState
from helpninja_app.screens.shell.state import ShellState
from helpninja_app.ui.actions import button, icon_button
from helpninja_app.ui.dialogs import closes, confirm, dialog, opens
from helpninja_app.ui.forms import field
from helpninja_app.ui.menus import menu, menu_item, menu_line, menu_link, opens_menu
from helpninja_app.ui.toasts import said_toast

_MENU, _RENAME, _DELETE = "chat-menu", "rename-chat", "delete-chat"
_rename: Any = ChatState.rename


def chat_menu() -> rx.Component:
    """Nothing for a chat that is not begun."""
    file = f"/api/chats/{ChatState.chat_id}/export?tenantId={ShellState.workspace_id}&format="
    return rx.cond(
        ChatState.chat_id != "",
        rx.fragment(
            icon_button("This chat", "ellipsis", **opens_menu(_MENU)),
            menu(
                menu_item("Rename", "pencil", **opens(_RENAME)),
                menu_link("Export as Markdown", "download", href=f"{file}md", is_page=False),
                menu_link("Export as JSON", "download", href=f"{file}json", is_page=False),
                menu_line(),
                menu_item("Delete", "trash-2", tone="danger", **opens(_DELETE)),
                id=_MENU,
                label="This chat",
                placement="below end",
            ),
        ),
    )


def chat_dialogs() -> rx.Component:
    return rx.fragment(
        dialog(
            rx.el.form(
                field(
                    "Title",
                    name="title",
                    id="chat-title",
                    key=f"{ChatState.chat_id}{ChatState.title}",
                    default_value=ChatState.title,
                    max_length=MAX_TITLE,
                    required=True,
                    auto_complete="off",
                ),
                rx.el.div(
                    button("Keep it", type="button", **closes()),
                    button("Rename", type="submit", emphasis="primary", **closes()),
                    class_name="flex justify-end gap-2",
                ),
                on_submit=_rename,
                class_name="flex flex-col gap-4",
            ),
            id=_RENAME,
            title="Rename this chat",
        ),
        confirm(
            id=_DELETE,
            title=f"Delete “{ChatState.title}”?",
            consequence="It can be brought back for an hour, then it is gone for good.",
            act="Delete",
            on_confirm=ChatState.delete,
        ),
        said_toast(
            ChatState.deleted,
            tone="neutral",
            on_close=ChatState.close_deleted,
            action=button("Undo", type="button", size="small", on_click=ChatState.restore),
        ),
    )
