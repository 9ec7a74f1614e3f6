"""The frame that all pages of the dashboard share."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.screens.session import SignedInState
from helpninja_app.screens.shell.state import Choice, ShellState
from helpninja_app.ui.forms import select_box
from helpninja_app.ui.shell import Place, app_shell

_go: Any = ShellState.go_to_workspace


def dashboard(*content: rx.Component, path: str) -> rx.Component:
    """A page of the dashboard at ``path``, whose entry in the sidebar is marked."""

    def place(label: str, symbol: str, href: str, **more: Any) -> Place:
        return Place(label, symbol, href, is_current=href == path, **more)

    return app_shell(
        *content,
        workspace=ShellState.workspace_name,
        email=ShellState.email,
        switcher=rx.cond(ShellState.workspaces.length() > 1, _switcher(), rx.fragment()),
        places=(
            place("Home", "house", "/app"),
            place("Team", "users", "/app/team"),
            place("API keys", "key-round", "/app/keys", is_shown=ShellState.may_manage_keys),
            place("Settings", "settings", "/app/settings", is_shown=ShellState.may_manage_workspace),
            place("Audit log", "scroll-text", "/app/audit", is_shown=ShellState.may_read_audit),
            place("Account", "circle-user", "/app/account"),
            place("Demo shop", "store", "/demo", is_page=False, is_shown=ShellState.has_demo),
            place("API docs", "file-code", "/api/docs", is_page=False),
        ),
        sign_out_action="/api/auth/sign-out",
        on_sign_out=SignedInState.forget,
    )


def _switcher() -> rx.Component:
    return select_box(
        "Workspace",
        rx.foreach(ShellState.workspaces, _choice),
        value=ShellState.workspace_id,
        on_change=_go,
    )


def _choice(choice: Choice) -> rx.Component:
    return rx.el.option(choice.name, value=choice.id)
