"""Where short messages appear that go away by themselves."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.ui.actions import icon_button


def toaster() -> rx.Component:
    """At the corner, one above the other, in our own colours (``components.css``)."""
    return rx.toast.provider(position="bottom-right", rich_colors=False, expand=False, close_button=False)


def said_toast(
    sentence: Any, *, tone: Any, on_close: Any, action: rx.Component | None = None
) -> rx.Component:
    """What the server says, at the same corner; read out when it appears, and there until it is empty."""
    return rx.el.div(
        rx.cond(
            sentence,
            rx.el.div(
                rx.el.span(
                    aria_hidden="true",
                    class_name=rx.match(
                        tone,
                        ("success", "mt-2.5 size-1.5 shrink-0 rounded-full bg-success"),
                        ("danger", "mt-2.5 size-1.5 shrink-0 rounded-full bg-danger"),
                        "mt-2.5 size-1.5 shrink-0 rounded-full bg-muted",
                    ),
                ),
                rx.el.p(sentence, class_name="min-w-0 flex-1 py-1 break-words"),
                action or rx.fragment(),
                icon_button("Close the message", "x", size="small", on_click=on_close),
                class_name="pointer-events-auto flex items-start gap-2.5 rounded-card border "
                "border-border-strong bg-raised py-2 pr-2 pl-3.5 text-table text-text shadow-float",
            ),
        ),
        role="status",
        class_name="pointer-events-none fixed right-4 bottom-4 z-50 w-80 max-w-[calc(100vw-2rem)]",
    )
