"""What opens above every page of the dashboard: the command palette and the list of shortcuts."""

from __future__ import annotations

from typing import Any

import reflex as rx
from reflex.style import set_color_mode

from helpninja_app.screens.shell.state import ACCOUNT, Choice, ShellState
from helpninja_app.ui.dialogs import dialog
from helpninja_app.ui.keys import key, with_control
from helpninja_app.ui.palette import palette, palette_action, palette_group, palette_link
from helpninja_app.ui.shell import Place

SHORTCUTS, SIGN_OUT_BUTTON = "shortcuts", "sign-out"
_go: Any = ShellState.go_to_workspace


def command_palette(places: tuple[Place, ...]) -> rx.Component:
    """The pages this member may see, their other workspaces, and what can be done from anywhere."""
    return palette(
        palette_group("Pages", *(_place(place) for place in places)),
        rx.cond(
            ShellState.workspaces.length() > 1,
            palette_group("Workspaces", rx.foreach(ShellState.workspaces, _workspace)),
        ),
        palette_group(
            "Actions",
            rx.cond(
                ShellState.may_manage_members,
                palette_link(
                    "Invite somebody", "user-plus", href="/app/team#invite", words="member add colleague"
                ),
            ),
            rx.cond(
                ShellState.may_manage_keys,
                palette_link("Make an API key", "key-round", href="/app/keys#make", words="new token"),
            ),
            palette_link("New workspace", "plus", href=f"{ACCOUNT}#workspace-name", words="make add"),
            palette_action(
                "Light colours", "sun", words="theme mode bright", on_click=set_color_mode("light")
            ),
            palette_action("Dark colours", "moon", words="theme mode night", on_click=set_color_mode("dark")),
            palette_action(
                "Colours as the system", "monitor", words="theme mode", on_click=set_color_mode("system")
            ),
            palette_action("Keyboard shortcuts", "keyboard", words="keys help", data_opens=SHORTCUTS),
            palette_action("Sign out", "log-out", words="log out leave", data_clicks=SIGN_OUT_BUTTON),
        ),
    )


def shortcuts() -> rx.Component:
    """Every key that does something on its own."""
    return dialog(
        rx.el.dl(
            _shortcut("Search or jump to", with_control("K")),
            _shortcut("This list", key("?")),
            _shortcut("Move in menus, tabs and lists", rx.el.span(key("↑"), " ", key("↓"))),
            _shortcut("Next and previous conversation", rx.el.span(key("j"), " ", key("k"))),
            _shortcut("Reply, note", rx.el.span(key("r"), " ", key("n"))),
            _shortcut("Resolve, assign a conversation", rx.el.span(key("e"), " ", key("a"))),
            _shortcut("Choose a conversation", key("x")),
            _shortcut("Send a reply", with_control("↵")),
            _shortcut("Close what is open", key("Esc")),
            class_name="flex flex-col",
        ),
        id=SHORTCUTS,
        title="Keyboard shortcuts",
        is_help=True,
    )


def _shortcut(meaning: str, keys: rx.Component) -> rx.Component:
    return rx.el.div(
        rx.el.dt(meaning),
        rx.el.dd(keys),
        class_name="flex items-center justify-between gap-4 border-b border-border py-2.5 last:border-b-0",
    )


def _place(place: Place) -> rx.Component:
    entry = palette_link(place.label, place.symbol, href=place.href, is_page=place.is_page)
    return entry if place.is_shown is True else rx.cond(place.is_shown, entry)


def _workspace(choice: Choice) -> rx.Component:
    return palette_action(choice.name, "building-2", words="workspace switch go", on_click=_go(choice.id))
