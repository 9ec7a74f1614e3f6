"""How a website is added: its address, what would be read of it, and the word to do so."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.screens.knowledge.adding_state import MAX_ADDRESS, AddingState, PageLine
from helpninja_app.screens.knowledge.audiences import VISITORS_AND_MEMBERS, public_question
from helpninja_app.screens.shell.frame import larger_plan, refused
from helpninja_app.ui.actions import busy_button, button
from helpninja_app.ui.dialogs import closes, dialog, opens
from helpninja_app.ui.forms import field, segments
from helpninja_app.ui.notices import notice

_state: Any = AddingState
_QUESTION = "adding-public"
_REACHES = (("links", "The pages it links to"), ("page", "This page only"))


def adding_dialog() -> rx.Component:
    """The dialog, and the question before pages become public."""
    return rx.fragment(
        _dialog(),
        public_question(
            id=_QUESTION,
            what=AddingState.what,
            on_confirm=_state.add(AddingState.address, "visitors", AddingState.reach),
        ),
    )


def _dialog() -> rx.Component:
    return dialog(
        rx.el.form(
            rx.el.div(
                field(
                    "Address of a website, a page or a sitemap",
                    name="address",
                    type="text",
                    input_mode="url",
                    placeholder="https://example.com/sitemap.xml",
                    auto_complete="off",
                    required=True,
                    max_length=MAX_ADDRESS,
                ),
                class_name="min-w-0 flex-1",
            ),
            rx.el.div(
                busy_button(
                    "Look at it",
                    is_busy=AddingState.is_busy,
                    while_busy="Looking…",
                    type="submit",
                    emphasis="secondary",
                    size="large",
                ),
                class_name="flex phone:pt-6",
            ),
            on_submit=_state.preview,
            class_name="flex flex-col gap-3 phone:flex-row phone:items-start",
        ),
        rx.cond(AddingState.has_choice, _reach()),
        refused(AddingState),
        rx.el.div(rx.cond(AddingState.summary != "", _preview()), aria_live="polite"),
        id="adding",
        title="Add a website",
        actions=(
            button("Cancel", type="button", **closes()),
            rx.cond(
                AddingState.audience == "visitors",
                _read_it(**opens(_QUESTION)),
                _read_it(on_click=_state.add(AddingState.address, "members", AddingState.reach)),
            ),
        ),
        is_shown=AddingState.is_open,
        on_close=_state.close,
    )


def _reach() -> rx.Component:
    return rx.el.div(
        rx.el.p("What is read", aria_hidden="true", class_name="text-table font-medium"),
        segments(
            "What is read",
            name="adding-reach",
            options=_REACHES,
            chosen=AddingState.reach,
            on_choose=_state.choose_reach,
        ),
        class_name="flex flex-wrap items-center gap-x-3 gap-y-2",
    )


def _read_it(**attributes: Any) -> rx.Component:
    return button(
        "Read it",
        type="button",
        emphasis="primary",
        disabled=(AddingState.summary == "") | AddingState.is_busy,
        **attributes,
    )


def _preview() -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.el.p(AddingState.summary, class_name="text-body font-medium"),
            rx.foreach(
                AddingState.details, lambda sentence: rx.el.p(sentence, class_name="text-table text-muted")
            ),
            class_name="flex flex-col gap-1",
        ),
        rx.foreach(
            AddingState.limits,
            lambda sentence: notice(rx.fragment(sentence, " ", larger_plan()), tone="warning"),
        ),
        rx.el.ul(
            rx.foreach(AddingState.lines, _line),
            aria_label="Addresses",
            tab_index=0,
            class_name="max-h-48 overflow-y-auto rounded-control border border-border",
        ),
        rx.cond(AddingState.more != "", rx.el.p(AddingState.more, class_name="text-small text-muted")),
        rx.el.div(
            rx.el.p("Who is answered from it", aria_hidden="true", class_name="text-table font-medium"),
            segments(
                "Who is answered from it",
                name="adding-audience",
                options=VISITORS_AND_MEMBERS,
                chosen=AddingState.audience,
                on_choose=_state.choose_audience,
            ),
            rx.el.p(
                rx.cond(
                    AddingState.audience == "visitors",
                    "Everybody who uses the widget can be answered from these pages.",
                    "Only members of this workspace are answered from these pages.",
                ),
                rx.cond(
                    (AddingState.present != "") & (AddingState.present != AddingState.audience),
                    " That changes for all pages of this source, at once.",
                    "",
                ),
                class_name="w-full text-small text-muted",
            ),
            class_name="flex flex-wrap items-center gap-x-3 gap-y-2",
        ),
        class_name="flex flex-col gap-3",
    )


def _line(line: PageLine) -> rx.Component:
    return rx.el.li(
        rx.el.span(line.url, class_name="min-w-0 flex-1 truncate", title=line.url),
        rx.el.span(line.note, class_name="max-w-1/2 shrink-0 text-muted empty:hidden"),
        class_name="flex gap-3 border-b border-border px-3 py-1.5 text-small last:border-b-0",
    )
