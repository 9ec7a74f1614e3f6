"""How a conversation is shared: entries of its menu, and the dialogs behind them."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.screens.inbox.sharing_state import LIFETIMES, MAKE, MAX_EMAIL, ShareRow, SharingState
from helpninja_app.screens.inbox.state import InboxState
from helpninja_app.screens.shell.frame import refused, this_form
from helpninja_app.screens.shell.state import ShellState
from helpninja_app.ui.actions import busy_button, button
from helpninja_app.ui.badges import badge
from helpninja_app.ui.code import copied_line
from helpninja_app.ui.dialogs import closes, confirm, dialog, opens
from helpninja_app.ui.forms import field, hidden_field, select_field
from helpninja_app.ui.menus import menu_group, menu_item, menu_link
from helpninja_app.ui.panels import failed_state, skeleton_rows

_state: Any = SharingState
_SHARES, _MAIL = "share-conversation", "mail-transcript"
_FORMATS = (("md", "Markdown"), ("txt", "Text"), ("json", "JSON"))


def sharing_entries() -> rx.Component:
    """For the menu of the conversation; who may only read it may keep it as a file."""
    path = f"/api/conversations/{InboxState.conversation_id}/export?tenantId={ShellState.workspace_id}"
    return rx.fragment(
        rx.cond(
            InboxState.may_answer,
            menu_group(
                "Share",
                menu_item("Share link", "link", on_click=_state.open_shares(InboxState.conversation_id)),
                menu_item("Send transcript by e-mail", "mail-plus", on_click=SharingState.begin_mail),
            ),
        ),
        menu_group(
            "Download",
            *(
                menu_link(label, "download", href=f"{path}&format={format}", is_page=False)
                for format, label in _FORMATS
            ),
            menu_link("With notes, as Markdown", "download", href=f"{path}&notes=true", is_page=False),
        ),
    )


def sharing_dialogs() -> rx.Component:
    return rx.fragment(_shares(), rx.foreach(SharingState.rows, _revoking), _mail())


def _shares() -> rx.Component:
    return dialog(
        rx.el.p(
            "Whoever has a link reads what the visitor sees: no notes, and nothing of other conversations.",
            class_name="text-table text-muted",
        ),
        refused(SharingState),
        rx.cond(
            SharingState.failure != "",
            failed_state(SharingState.failure, retry=_state.open_shares(InboxState.conversation_id)),
            rx.fragment(
                _making(),
                rx.cond(SharingState.url != "", _made()),
                rx.cond(
                    SharingState.is_loaded,
                    rx.cond(
                        SharingState.rows.length() > 0,
                        rx.el.ul(
                            rx.foreach(SharingState.rows, _row),
                            aria_label="Links",
                            class_name="flex flex-col",
                        ),
                        rx.el.p("There is no link yet.", class_name="text-table text-muted"),
                    ),
                    skeleton_rows(2),
                ),
            ),
        ),
        id=_SHARES,
        title="Share this conversation",
        is_shown=SharingState.is_open,
        on_close=SharingState.close_shares,
    )


def _making() -> rx.Component:
    return rx.el.form(
        rx.el.div(
            select_field("A new link counts", name="days", id="link-days", options=LIFETIMES),
            class_name="min-w-0 flex-1",
        ),
        busy_button(
            "Make a link",
            is_busy=SharingState.is_busy,
            while_busy="Making…",
            size="large",
            type="submit",
            id=MAKE,
        ),
        this_form(SharingState),
        on_submit=_state.make_link,
        class_name="flex items-end gap-2",
    )


def _made() -> rx.Component:
    return rx.el.div(
        copied_line(SharingState.url, label="The new link", note="Copied."),
        rx.el.p("Copy it now: it is not shown again.", role="status", class_name="text-small text-muted"),
        class_name="flex flex-col gap-1.5",
    )


def _row(row: ShareRow) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.p(row.made, class_name="truncate text-table font-medium"),
            rx.el.p(row.counts, " · ", row.seen, class_name="text-small text-muted"),
            class_name="min-w-0 flex-1",
        ),
        badge(row.status, row.tone),
        rx.cond(
            row.is_open,
            button("Revoke", type="button", size="small", **opens(f"revoke-{row.id}")),
        ),
        key=row.id,
        class_name="flex items-center gap-3 border-t border-border py-2.5",
    )


def _revoking(row: ShareRow) -> rx.Component:
    """Beside the dialog, not in it: React tells a dialog of what closes within it as if it closed itself."""
    return rx.fragment(
        rx.cond(
            row.is_open,
            confirm(
                id=f"revoke-{row.id}",
                title="Revoke this link?",
                consequence="It shows nothing any more, to whoever has it. It does not come back.",
                act="Revoke",
                on_confirm=_state.revoke(row.id),
            ),
        ),
        key=row.id,
    )


def _mail() -> rx.Component:
    return dialog(
        rx.el.p(
            "What the visitor sees is sent, without notes. Five mails an hour go to one address.",
            class_name="text-table text-muted",
        ),
        refused(SharingState),
        rx.el.form(
            field(
                "E-mail",
                name="email",
                id="transcript-email",
                type="email",
                key=InboxState.conversation_id,
                default_value=InboxState.email,
                max_length=MAX_EMAIL,
                required=True,
                auto_complete="off",
            ),
            hidden_field("conversation", InboxState.conversation_id),
            this_form(SharingState),
            rx.el.div(
                button("Cancel", type="button", **closes()),
                busy_button("Send", is_busy=SharingState.is_busy, while_busy="Sending…", type="submit"),
                class_name="flex justify-end gap-2",
            ),
            on_submit=_state.send_transcript,
            class_name="flex flex-col gap-4",
        ),
        id=_MAIL,
        title="Send the transcript by e-mail",
        is_shown=SharingState.is_mailing,
        on_close=SharingState.close_mail,
    )
