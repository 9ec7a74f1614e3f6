"""Keeps a session going while a page is open."""

from __future__ import annotations

from typing import Any

import reflex as rx


def renewal(is_needed: Any, *, then_to: Any = "") -> rx.Component:
    """Has ``behaviours.js`` ask for a renewal now and again; once there is one, go on to ``then_to``."""
    return rx.cond(is_needed, rx.el.span(hidden=True, custom_attrs={"data-renews": then_to}))
