"""Fields that are typed into and begin with what the state holds."""

from __future__ import annotations

from typing import Any

import reflex as rx


def as_read(state: Any) -> Any:
    """The key of such a field: it is drawn anew once, when the state is there.

    React does not notice that a field is emptied whose text came after it was drawn.
    """
    return rx.cond(state.is_loaded, "read", "new")
