"""The inbox: the list of conversations, the one that is open, and what is known about it."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.screens.inbox.canned import canned_dialog
from helpninja_app.screens.inbox.context import context, context_sheet
from helpninja_app.screens.inbox.list import conversations
from helpninja_app.screens.inbox.list_state import PATH, InboxListState
from helpninja_app.screens.inbox.sharing import sharing_dialogs
from helpninja_app.screens.inbox.state import InboxState
from helpninja_app.screens.inbox.thread import thread
from helpninja_app.screens.inbox.toolbar import done_toast, tag_dialog
from helpninja_app.screens.knowledge.curated import curated_editor
from helpninja_app.screens.shell.frame import dashboard
from helpninja_app.ui.actions import button
from helpninja_app.ui.following import follower
from helpninja_app.ui.toasts import said_toast

_state: Any = InboxState


def inbox_page() -> rx.Component:
    return dashboard(
        rx.el.div(conversations(), thread(), context(), class_name="flex min-h-0 flex-1"),
        context_sheet(),
        rx.cond(InboxListState.may_answer, tag_dialog()),
        rx.cond(InboxState.may_answer, rx.fragment(canned_dialog(), sharing_dialogs())),
        rx.cond(InboxState.may_write_answers, curated_editor()),
        said_toast(
            rx.cond(InboxState.resolved != "", "The conversation is resolved.", ""),
            tone="success",
            on_close=InboxState.close_resolved,
            action=button(
                "Undo", type="button", size="small", on_click=_state.undo_resolve(InboxState.resolved)
            ),
        ),
        done_toast(),
        follower(InboxListState),
        follower(InboxState),
        path=PATH,
        with_usage=False,
        fills=True,
        count=InboxListState.waiting,
    )
