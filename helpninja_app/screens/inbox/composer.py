"""Where a reply or a note is written; ``inbox.js`` keeps what is not sent, and sends it once."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.screens.inbox.canned import canned_button, canned_list, canned_missing
from helpninja_app.screens.inbox.canned_state import CannedState
from helpninja_app.screens.inbox.rows import MemberRow
from helpninja_app.screens.inbox.state import InboxState
from helpninja_app.screens.shell.frame import refused
from helpninja_app.ui.actions import button
from helpninja_app.ui.keys import with_control

_state: Any = InboxState
_canned: Any = CannedState
_TAB = "rounded-chip px-1 text-table font-medium text-muted hover:text-text aria-selected:text-text"


def composer() -> rx.Component:
    """Nothing for who may only read."""
    return rx.cond(
        InboxState.may_answer,
        rx.el.div(
            refused(InboxState),
            canned_missing(),
            rx.el.div(
                rx.el.div(
                    _tab("reply", "Reply", "r", is_first=True),
                    _tab("note", "Note", "n", is_first=False),
                    role="tablist",
                    aria_label="What to write",
                    data_panels=True,
                    class_name="flex gap-3 px-2 pt-2.5",
                ),
                _form(
                    "reply",
                    "Your reply",
                    rx.cond(
                        InboxState.is_mine,
                        f"Write to {InboxState.visitor}",
                        f"Write to {InboxState.visitor}. Taking over stops the assistant.",
                    ),
                    InboxState.send_reply,
                    "Send",
                ),
                _form(
                    "note",
                    "A note for members",
                    "Only members see this. @ mentions one of them.",
                    InboxState.send_note,
                    "Add note",
                ),
                class_name="rounded-card border border-border-strong bg-bg focus-within:outline-2 "
                "focus-within:outline-accent",
            ),
            canned_list(),
            rx.el.button(
                type="button",
                hidden=True,
                id="shows-typing",
                on_click=_state.show_typing(InboxState.conversation_id),
            ),
            id="inbox-composer",
            data_accepted=InboxState.accepted,
            data_conversation=InboxState.conversation_id,
            data_filled=CannedState.filled,
            data_filled_for=CannedState.filled_for,
            data_fillings=_canned.fillings.to_string(),
            data_types=rx.cond(InboxState.is_mine, "true", "false"),
            class_name="flex flex-col gap-2 px-4 pb-4",
        ),
    )


def _tab(id: str, label: str, letter: str, *, is_first: bool) -> rx.Component:
    return rx.el.button(
        label,
        id=f"{id}-tab",
        type="button",
        role="tab",
        title=f"{label} ({letter})",
        tab_index=0 if is_first else -1,
        aria_selected="true" if is_first else "false",
        aria_controls=f"{id}-panel",
        class_name=_TAB,
    )


def _form(id: str, label: str, placeholder: Any, on_submit: Any, act: str) -> rx.Component:
    return rx.el.div(
        rx.el.form(
            rx.el.textarea(
                id=id,
                name="text",
                rows="2",
                aria_label=label,
                placeholder=placeholder,
                class_name="block max-h-60 min-h-15 w-full resize-none bg-transparent px-3 pt-2 text-body "
                "outline-none! placeholder:text-muted",
            ),
            _mentions() if id == "note" else rx.fragment(),
            rx.el.input(type="hidden", name="conversation", value=InboxState.conversation_id, read_only=True),
            rx.el.input(type="hidden", name="client_id"),
            rx.el.div(
                # Its icon below the first letters of the text.
                rx.el.span(canned_button(), class_name="mr-auto -ml-1.5") if id == "reply" else rx.fragment(),
                rx.el.span(with_control("↵"), class_name="ml-auto hidden phone:inline"),
                button(
                    act,
                    type="submit",
                    emphasis="primary",
                    size="small",
                    disabled=InboxState.is_busy,
                    aria_keyshortcuts="Control+Enter",
                ),
                class_name="flex items-center justify-end gap-2 p-2",
            ),
            id=f"{id}-form",
            on_submit=on_submit,
            data_sends=id,
        ),
        id=f"{id}-panel",
        role="tabpanel",
        aria_labelledby=f"{id}-tab",
        hidden=id == "note",
    )


def _mentions() -> rx.Component:
    """Shown by ``inbox.js`` while a name is typed behind an @."""
    return rx.el.div(
        rx.foreach(InboxState.everybody, _member),
        id="mentions",
        role="listbox",
        aria_label="Members to mention",
        hidden=True,
        class_name="mx-2 max-h-40 overflow-y-auto rounded-control border border-border bg-raised p-1",
    )


def _member(member: MemberRow) -> rx.Component:
    return rx.el.button(
        member.name,
        type="button",
        role="option",
        aria_selected="false",
        tab_index=-1,
        data_mention=member.name,
        class_name="block w-full rounded-chip px-2 py-1 text-left text-table hover:bg-subtle "
        "aria-selected:bg-accent-soft aria-selected:text-accent-text",
    )
