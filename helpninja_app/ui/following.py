"""What keeps a part of a page in step with the others while it is open."""

from __future__ import annotations

from typing import Any

import reflex as rx


def follower(state: Any, follow: Any = None) -> rx.Component:
    """Pressed by ``chat.js`` each time the follower came to its end, as long as the page is there.

    ``follow`` is the event that follows, where it is not the state's ``follow``.
    """
    return rx.cond(
        state.is_loaded,
        rx.el.button(
            type="button", hidden=True, data_follows=f"{state.heard}", on_click=follow or state.follow
        ),
    )
