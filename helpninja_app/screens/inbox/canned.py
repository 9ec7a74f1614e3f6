"""How canned replies look: the list above the composer (``canned.js``), and where they are kept."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.conversations.canned_replies import MAX_NAME
from helpninja_app.conversations.canned_text import VARIABLES
from helpninja_app.screens.inbox.canned_state import MAX_SEARCH, NAME, NEW, CannedRow, CannedState
from helpninja_app.screens.inbox.state import InboxState
from helpninja_app.screens.shell.frame import refused, this_form
from helpninja_app.ui.actions import busy_button, button, icon_button
from helpninja_app.ui.dialogs import confirm, dialog, opens
from helpninja_app.ui.forms import field, search_field, text_area
from helpninja_app.ui.icons import icon
from helpninja_app.ui.panels import empty_state, failed_state, skeleton_rows

_state: Any = CannedState
_errors: Any = CannedState.errors
_LIST, _MANAGE = "canned", "manage-canned"
_HINT = (
    f"Variables: {', '.join(f'{{{{{name}}}}}' for name in VARIABLES)}. "
    "Words behind a bar stand in where nothing is known: {{visitor.name|there}}."
)


def canned_button() -> rx.Component:
    """Opens the list, as a / at the beginning of a reply does."""
    return button(
        icon("zap"),
        "Canned replies",
        type="button",
        id="open-canned",
        size="small",
        emphasis="quiet",
        title="Canned replies (/)",
        aria_haspopup="dialog",
        on_click=CannedState.open_canned,
        custom_attrs={"popoverTarget": _LIST},
    )


def canned_list() -> rx.Component:
    """Outside the form of the reply, which Enter would send."""
    return rx.el.div(
        rx.el.div(
            icon("search", class_name="text-muted"),
            rx.el.input(
                id="canned-search",
                type="text",
                role="combobox",
                aria_label="Search canned replies",
                aria_expanded="true",
                aria_controls="canned-replies",
                aria_autocomplete="list",
                placeholder="Search canned replies",
                max_length=MAX_SEARCH,
                auto_complete="off",
                on_change=_state.search_canned.debounce(150),
                class_name="h-10 min-w-0 flex-1 bg-transparent text-table text-text outline-none! "
                "placeholder:text-muted",
            ),
            class_name="mb-1 flex items-center gap-2.5 border-b border-border px-3",
        ),
        rx.el.div(
            rx.foreach(CannedState.rows, _option),
            id="canned-replies",
            role="listbox",
            aria_label="Canned replies",
            hidden=CannedState.rows.length() == 0,
            data_for=CannedState.found_for,
            class_name="max-h-64 overflow-y-auto px-1",
        ),
        rx.el.div(_instead_of_rows(), role="status", class_name="px-3 text-table"),
        rx.el.div(
            rx.el.p(CannedState.more, class_name="min-w-0 text-small text-muted"),
            button(
                "Manage",
                type="button",
                size="small",
                emphasis="quiet",
                id="open-manage-canned",
                on_click=CannedState.open_canned,
                **opens(_MANAGE),
            ),
            class_name="mt-1 flex items-center justify-between gap-2 border-t border-border p-1 pl-3",
        ),
        id=_LIST,
        role="dialog",
        aria_label="Canned replies",
        data_placement="above start",
        custom_attrs={"popover": "auto"},
        class_name="m-0 w-96 max-w-[calc(100vw-1rem)] rounded-card border border-border bg-raised "
        "shadow-float",
    )


def _instead_of_rows() -> rx.Component:
    return rx.cond(
        CannedState.failure != "",
        failed_state(CannedState.failure, retry=CannedState.open_canned),
        rx.cond(
            CannedState.is_loaded,
            rx.cond(
                CannedState.rows.length() == 0,
                rx.cond(
                    CannedState.found_for != "",
                    empty_state("search-x", "Nothing found", "Look for other words."),
                    empty_state("zap", "Nothing is kept yet", "Keep what you answer with again and again."),
                ),
            ),
            skeleton_rows(3),
        ),
    )


def _option(row: CannedRow) -> rx.Component:
    return rx.el.div(
        rx.el.p(row.name, class_name="truncate text-table font-medium"),
        rx.el.p(row.preview, class_name="truncate text-small text-muted"),
        id=f"canned-{row.id}",
        key=row.id,
        role="option",
        aria_selected="false",
        data_canned=True,
        on_click=_state.choose(row.id, InboxState.conversation_id),
        class_name="cursor-pointer rounded-chip px-2 py-1.5 hover:bg-border/50 aria-selected:bg-accent-soft",
    )


def canned_missing() -> rx.Component:
    """What the reply that was chosen could not say, until it is sent; or why there is none."""
    is_here = CannedState.filled_for == InboxState.conversation_id
    return rx.el.div(
        rx.cond(CannedState.is_editing, rx.fragment(), refused(CannedState)),
        rx.cond(
            is_here & (CannedState.missing != ""),
            rx.el.div(
                icon("triangle-alert", class_name="mt-px"),
                rx.el.p(CannedState.missing, class_name="min-w-0 flex-1"),
                icon_button("Close the hint", "x", size="small", on_click=CannedState.close_missing),
                class_name="flex items-start gap-2 rounded-control bg-warning-soft px-3 py-1.5 text-small "
                "font-medium text-warning",
            ),
        ),
        role="status",
        class_name="empty:hidden",
    )


def canned_dialog() -> rx.Component:
    """Where members add, change and delete them."""
    return rx.fragment(
        dialog(
            rx.el.div(
                refused(CannedState),
                rx.cond(CannedState.is_editing, _form(), _kept()),
                data_focuses=CannedState.focuses,
                class_name="flex flex-col gap-3",
            ),
            id=_MANAGE,
            title="Canned replies",
            on_close=CannedState.close_editor,
        ),
        rx.foreach(CannedState.rows, _deleting),
    )


def _kept() -> rx.Component:
    return rx.fragment(
        rx.el.div(
            search_field(
                "Search canned replies",
                name="kept",
                placeholder="Search",
                id="kept-search",
                max_length=MAX_SEARCH,
                default_value=CannedState.wanted,
                on_change=_state.search_canned.debounce(250),
            ),
            button(icon("plus"), "New reply", type="button", id=NEW, on_click=CannedState.begin),
            class_name="flex items-center gap-2",
        ),
        rx.el.ul(rx.foreach(CannedState.rows, _row), class_name="flex flex-col empty:hidden"),
        _instead_of_rows(),
        rx.el.p(CannedState.more, class_name="text-small text-muted empty:hidden"),
    )


def _row(row: CannedRow) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.p(row.name, class_name="truncate text-table font-medium"),
            rx.el.p(row.preview, class_name="truncate text-small text-muted"),
            class_name="min-w-0 flex-1",
        ),
        icon_button(f"Change “{row.name}”", "pencil", on_click=_state.edit(row.id)),
        icon_button(f"Delete “{row.name}”", "trash-2", **opens(f"delete-canned-{row.id}")),
        key=row.id,
        class_name="flex items-center gap-1 border-t border-border py-2 first:border-t-0",
    )


def _deleting(row: CannedRow) -> rx.Component:
    # Not in the dialog: React tells that one of what closes within it as if it closed itself.
    return rx.fragment(
        confirm(
            id=f"delete-canned-{row.id}",
            title=f"Delete “{row.name}”?",
            consequence="Nobody in this workspace has it any more. What was sent with it stays.",
            act="Delete",
            on_confirm=_state.delete(row.id),
        ),
        key=row.id,
    )


def _form() -> rx.Component:
    return rx.el.form(
        rx.el.div(
            field(
                "Name",
                name="name",
                id=NAME,
                default_value=CannedState.name,
                max_length=MAX_NAME,
                auto_complete="off",
                error=_errors["name"],
            ),
            text_area(
                "Text",
                name="text",
                id="canned-text",
                rows="6",
                hint=_HINT,
                default_value=CannedState.text,
                error=_errors["text"],
            ),
            key=_state.drawn.to_string(),
            class_name="flex flex-col gap-4",
        ),
        this_form(CannedState),
        rx.el.div(
            button("Back", type="button", on_click=CannedState.close_editor),
            busy_button(
                rx.cond(CannedState.edited != "", "Save", "Add"),
                is_busy=CannedState.is_busy,
                while_busy="Saving…",
                type="submit",
            ),
            class_name="flex justify-end gap-2",
        ),
        on_submit=_state.save,
        no_validate=True,
        class_name="flex flex-col gap-4",
    )
