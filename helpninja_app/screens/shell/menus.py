"""The two menus of the sidebar: the workspaces one belongs to, and one's own account."""

from __future__ import annotations

from typing import Any

import reflex as rx
from reflex.style import color_mode, set_color_mode

from helpninja_app.screens.shell.overlays import SHORTCUTS, SIGN_OUT_BUTTON
from helpninja_app.screens.shell.state import ACCOUNT, Choice, ShellState
from helpninja_app.ui.avatars import avatar
from helpninja_app.ui.dialogs import opens
from helpninja_app.ui.forms import native_form
from helpninja_app.ui.menus import (
    menu,
    menu_choice,
    menu_group,
    menu_item,
    menu_line,
    menu_link,
    opens_menu,
)
from helpninja_app.ui.modes import MODES
from helpninja_app.ui.shell import account_button, switcher_button

_WORKSPACES, _ACCOUNT = "workspace-menu", "account-menu"
_go: Any = ShellState.go_to_workspace


def workspace_menu() -> rx.Component:
    """The workspace one is in; behind it the others, and the way to a new one."""
    return rx.fragment(
        switcher_button(ShellState.workspace_name, **opens_menu(_WORKSPACES)),
        menu(
            menu_group("Workspaces", rx.foreach(ShellState.workspaces, _workspace)),
            menu_line(),
            menu_link("New workspace", "plus", href=f"{ACCOUNT}#workspace-name"),
            id=_WORKSPACES,
            label="Workspaces",
        ),
    )


def account_menu(*, sign_out_action: str, on_sign_out: Any) -> rx.Component:
    """Who is signed in; behind it their account, the colours, the keys and the way out."""
    name: Any = rx.cond(ShellState.name != "", ShellState.name, ShellState.email)
    return rx.fragment(
        account_button(name, avatar(name), **opens_menu(_ACCOUNT)),
        menu(
            rx.el.div(
                rx.el.p(ShellState.name, class_name="truncate text-table font-medium empty:hidden"),
                rx.el.p(ShellState.email, class_name="truncate text-small text-muted"),
                class_name="px-2 py-1.5",
            ),
            menu_line(),
            menu_link("Account", "circle-user", href=ACCOUNT),
            menu_item("Keyboard shortcuts", "keyboard", hint="?", **opens(SHORTCUTS)),
            menu_line(),
            menu_group(
                "Colours",
                *(
                    menu_choice(label, symbol, is_chosen=color_mode == mode, on_choose=set_color_mode(mode))
                    for mode, label, symbol in MODES
                ),
            ),
            menu_line(),
            native_form(
                menu_item("Sign out", "log-out", type="submit", id=SIGN_OUT_BUTTON, on_click=on_sign_out),
                action=sign_out_action,
                class_name="",
                role="none",
            ),
            id=_ACCOUNT,
            label="Account",
            placement="above start",
        ),
    )


def _workspace(choice: Choice) -> rx.Component:
    return menu_choice(choice.name, is_chosen=choice.id == ShellState.workspace_id, on_choose=_go(choice.id))
