"""Forms that notice a change, and the bar at their end that saves it."""

from __future__ import annotations

from typing import Any

import reflex as rx
from reflex_components_core.el.elements.forms import Form

from helpninja_app.ui.actions import button
from helpninja_app.ui.dialogs import confirm
from helpninja_app.ui.notices import notice

_UNSAVED = "unsaved"


class WatchedForm(Form):
    """A form that hears of a change in any of its fields."""

    on_change: rx.EventHandler[rx.event.no_args_event_spec]  # type: ignore[type-arg, valid-type]


def watched_form(
    *content: rx.Component, on_submit: Any, on_change: Any, class_name: str, is_changed: Any = None
) -> rx.Component:
    """``on_change`` is heard at most twice a second; the server checks the fields, not the browser.

    With ``is_changed``, which one form of a page may have, ``unsaved.js`` asks before the page is left.
    """
    asking = is_changed is not None
    return WatchedForm.create(
        *content,
        _unsaved() if asking else rx.fragment(),
        **({"data_unsaved": rx.cond(is_changed, "true", "false"), "data_asks": _UNSAVED} if asking else {}),
        on_submit=on_submit,
        on_change=on_change.throttle(500),
        no_validate=True,
        class_name=class_name,
    )


def _unsaved() -> rx.Component:
    return confirm(
        id=_UNSAVED,
        title="Leave without saving?",
        consequence="What you changed on this page is not saved, and would be lost.",
        act="Leave",
        keep="Stay",
        on_confirm=rx.noop(),
    )


def save_bar(*, is_changed: Any, is_saved: Any, is_busy: Any, problem: Any) -> rx.Component:
    """Stays in sight at the bottom; says whether there is something to save, and why it could not be."""
    return rx.el.div(
        rx.cond(problem != "", notice(problem, tone="danger")),
        rx.el.div(
            button(
                rx.cond(is_busy, "Saving…", "Save"),
                type="submit",
                id="save",
                emphasis="primary",
                size="large",
                aria_disabled=rx.cond(is_busy, "true", "false"),
            ),
            rx.el.p(
                rx.cond(is_changed, "You have changes that are not saved.", rx.cond(is_saved, "Saved.", "")),
                role="status",
                class_name="text-table text-muted",
            ),
            class_name="flex flex-wrap items-center gap-x-4 gap-y-2",
        ),
        class_name="sticky bottom-0 z-10 flex flex-col gap-3 border-t border-border bg-bg py-3",
    )
