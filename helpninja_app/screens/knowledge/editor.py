"""How the sheet looks in which a note or a curated answer is written."""

from __future__ import annotations

from typing import Any

import reflex as rx
from reflex_components_core.el.elements.forms import Form

from helpninja_app.screens.knowledge.audiences import VISITORS_AND_MEMBERS, public_question
from helpninja_app.screens.shell.frame import refused, this_form
from helpninja_app.ui.actions import busy_button, button
from helpninja_app.ui.dialogs import closes, sheet
from helpninja_app.ui.forms import segments
from helpninja_app.ui.panels import failed_state, skeleton_rows


def editor(state: Any, *fields: rx.Component, id: str, title: Any, what: str) -> rx.Component:
    """``fields`` in a form of their own, whom it is for, and the question before ``what`` becomes public."""
    return rx.fragment(
        sheet(
            rx.cond(
                state.failure != "",
                failed_state(state.failure, retry=state.edit(state.edited)),
                rx.cond(state.is_loaded, _form(state, fields, id), skeleton_rows(4)),
            ),
            id=id,
            title=title,
            actions=(
                button("Cancel", type="button", **closes()),
                busy_button(
                    "Save", is_busy=state.is_busy, while_busy="Saving…", type="submit", form=f"{id}-form"
                ),
            ),
            is_shown=state.is_open,
            on_close=state.close,
            insists=True,
        ),
        public_question(
            id=f"{id}-public",
            what=what,
            on_confirm=state.publish,
            is_shown=state.asks,
            on_close=state.keep_private,
        ),
    )


def _form(state: Any, fields: tuple[rx.Component, ...], id: str) -> rx.Component:
    return rx.fragment(
        refused(state),
        Form.create(
            rx.el.div(*fields, key=state.drawn.to_string(), class_name="flex flex-col gap-4"),
            rx.el.div(
                rx.el.p("Who it is for", aria_hidden="true", class_name="text-table font-medium"),
                segments(
                    "Who it is for",
                    name=f"{id}-audience",
                    options=VISITORS_AND_MEMBERS,
                    chosen=state.audience,
                    on_choose=state.choose_audience,
                ),
                rx.el.p(
                    rx.cond(
                        state.audience == "visitors",
                        "Everybody who uses the widget on your website.",
                        "Only members of this workspace.",
                    ),
                    class_name="w-full text-small text-muted",
                ),
                class_name="flex flex-wrap items-center gap-x-3 gap-y-2",
            ),
            this_form(state),
            id=f"{id}-form",
            on_submit=state.save,
            no_validate=True,
            class_name="flex flex-col gap-4",
        ),
    )
