"""The command palette: one field to go anywhere and do anything, by keyboard, pointer or touch."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.ui.dialogs import closes, opens
from helpninja_app.ui.icons import icon
from helpninja_app.ui.keys import key, with_control
from helpninja_app.ui.links import document_link

PALETTE = "palette"
_OPTION = (
    "flex h-9 w-full cursor-pointer scroll-my-8 items-center gap-2.5 rounded-control px-2.5 text-left "
    "text-body text-text [&[hidden]]:hidden aria-selected:bg-accent-soft aria-selected:text-accent-text"
)


def palette(*groups: rx.Component, id: str = PALETTE) -> rx.Component:
    """A dialog with the entries of ``groups``; Ctrl-K opens the first one of a page."""
    return rx.el.dialog(
        rx.el.div(
            icon("search", class_name="text-muted"),
            rx.el.input(
                type="text",
                role="combobox",
                aria_label="Go to a page, or do something",
                aria_expanded="true",
                aria_controls=f"{id}-list",
                aria_autocomplete="list",
                auto_complete="off",
                spell_check=False,
                placeholder="Search or jump to",
                class_name="h-12 min-w-0 flex-1 bg-transparent text-chat text-text outline-none! "
                "placeholder:text-muted",
            ),
            rx.el.button(
                key("Esc"), type="button", aria_label="Close", class_name="rounded-chip p-1", **closes()
            ),
            class_name="flex items-center gap-2.5 border-b border-border px-4",
        ),
        rx.el.div(
            *groups,
            id=f"{id}-list",
            role="listbox",
            aria_label="Pages and actions",
            class_name="max-h-[min(60dvh,26rem)] overflow-y-auto p-2",
        ),
        rx.el.p(
            "Nothing has this name. Try a page, a workspace or an action.",
            data_none=True,
            hidden=True,
            class_name="px-4 pb-6 text-center text-table text-muted [&[hidden]]:hidden",
        ),
        rx.el.p(data_count=True, role="status", class_name="sr-only"),
        rx.el.div(
            _hint("↑ ↓", "choose"),
            _hint("↵", "go"),
            _hint("Esc", "close"),
            aria_hidden="true",
            class_name="hidden gap-4 border-t border-border bg-subtle px-4 py-2 text-small text-muted "
            "phone:flex",
        ),
        id=id,
        aria_label="Command palette",
        data_palette=True,
        class_name="mx-auto mt-[max(1rem,12dvh)] w-[calc(100%-2rem)] max-w-palette overflow-hidden "
        "rounded-card border border-border bg-raised p-0 text-left shadow-float",
    )


def palette_button(id: str = PALETTE) -> rx.Component:
    """Looks like a search field and opens the palette."""
    return rx.el.button(
        icon("search"),
        rx.el.span("Search or jump to", class_name="flex-1 truncate text-left"),
        with_control("K"),
        type="button",
        aria_keyshortcuts="Control+K Meta+K",
        class_name="flex h-8 w-full items-center gap-1.5 rounded-control border border-border-strong bg-bg "
        "px-2 text-table text-muted hover:text-text",
        **opens(id),
    )


def palette_group(label: str, *options: rx.Component) -> rx.Component:
    return rx.el.div(
        rx.el.p(label, aria_hidden="true", class_name="px-2.5 pt-2 pb-1 text-small text-muted"),
        *options,
        role="group",
        aria_label=label,
        class_name="[&[hidden]]:hidden",
    )


def palette_link(
    label: Any, symbol: str, *, href: str, words: str = "", is_page: bool = True
) -> rx.Component:
    """An entry that leads somewhere; ``words`` are further ones it is found by."""
    link = rx.el.a if is_page else document_link
    return link(*_inside(label, symbol), href=href, **_option(words))


def palette_action(label: Any, symbol: str, *, words: str = "", **attributes: Any) -> rx.Component:
    """An entry that does something."""
    return rx.el.button(*_inside(label, symbol), type="button", **_option(words), **attributes)


def _inside(label: Any, symbol: str) -> tuple[rx.Component, ...]:
    return icon(symbol, class_name="opacity-70"), rx.el.span(label, class_name="min-w-0 truncate")


def _option(words: str) -> dict[str, Any]:
    return {
        "role": "option",
        "aria_selected": "false",
        "tab_index": -1,
        "data_words": words,
        "class_name": _OPTION,
    }


def _hint(name: str, meaning: str) -> rx.Component:
    return rx.el.span(key(name), meaning, class_name="inline-flex items-center gap-1.5")
