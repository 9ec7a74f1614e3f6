"""Marks that ``sessions.js`` reads: whose page this is, and that a session has to be kept going."""

from __future__ import annotations

from typing import Any

import reflex as rx


def renewal(is_needed: Any, *, then_to: Any = "") -> rx.Component:
    """Asks for a renewal now and again; once there is one, goes on to ``then_to``."""
    return rx.cond(is_needed, rx.el.span(hidden=True, custom_attrs={"data-renews": then_to}))


def whose_page(account: Any, workspace: Any) -> rx.Component:
    """Has the page left when another tab of this browser signs out, or goes to another workspace.

    Nothing is watched while ``account``, an e-mail address, is empty.
    """
    return rx.cond(
        account,
        rx.el.span(hidden=True, custom_attrs={"data-account": account, "data-workspace": workspace}),
    )
