"""Where short messages appear that go away by themselves."""

from __future__ import annotations

import reflex as rx


def toaster() -> rx.Component:
    """At the corner, one above the other, in our own colours (``components.css``)."""
    return rx.toast.provider(position="bottom-right", rich_colors=False, expand=False, close_button=False)
