"""Every component of the design system in every state, light beside dark; in development only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import reflex as rx
from reflex.style import set_color_mode

from helpninja_app.screens.gallery.choosing import days_and_times, many_of, numbers, one_of_many
from helpninja_app.screens.gallery.colours import colours, type_scale
from helpninja_app.screens.gallery.controls import buttons, choices, fields, more_fields
from helpninja_app.screens.gallery.frames import forms, headers, pages, said, sidebar_parts
from helpninja_app.screens.gallery.lists import long_lists, ordered_rows, people, states, tables
from helpninja_app.screens.gallery.overlays import dialogs, menus, messages, palettes, tooltips
from helpninja_app.screens.gallery.pieces import (
    badges,
    cards,
    charts,
    code,
    conversation,
    progresses,
    tab_sets,
)
from helpninja_app.ui.actions import button
from helpninja_app.ui.brand import brand_link
from helpninja_app.ui.links import document_link
from helpninja_app.ui.modes import MODES

Side = Literal["light", "dark"]


@dataclass(frozen=True, slots=True)
class Sample:
    """A kind of component: where it stands on the page, its name, and what draws it on one side."""

    id: str
    name: str
    draw: Callable[[str], rx.Component]


SAMPLES: tuple[tuple[str, tuple[Sample, ...]], ...] = (
    ("Tokens", (Sample("colours", "Colours", colours), Sample("type", "Type", type_scale))),
    (
        "Controls",
        (
            Sample("buttons", "Buttons", buttons),
            Sample("fields", "Fields", fields),
            Sample("more-fields", "Selects and text areas", more_fields),
            Sample("choices", "Switches and choices", choices),
            Sample("chips", "Chips", many_of),
            Sample("sliders", "Slider", numbers),
            Sample("times", "Days and times", days_and_times),
            Sample("search-choices", "One of many", one_of_many),
            Sample("forms", "Forms and the bar that saves", forms),
        ),
    ),
    (
        "Pieces",
        (
            Sample("badges", "Badges and notices", badges),
            Sample("people", "Avatars", people),
            Sample("cards", "Cards and figures", cards),
            Sample("tabs", "Tabs", tab_sets),
            Sample("progress", "Progress", progresses),
            Sample("charts", "Chart frame", charts),
            Sample("code", "Code", code),
            Sample("conversation", "Conversation and rendered text", conversation),
        ),
    ),
    (
        "Lists",
        (
            Sample("states", "Loading, empty, failed", states),
            Sample("tables", "Table", tables),
            Sample("ordered", "Rows in order", ordered_rows),
            Sample("long", "Long text and right to left", long_lists),
        ),
    ),
    (
        "Above the page",
        (
            Sample("dialogs", "Dialogs and sheets", dialogs),
            Sample("menus", "Menus", menus),
            Sample("tooltips", "Tooltips", tooltips),
            Sample("palettes", "Command palette", palettes),
            Sample("messages", "Toasts and failures", messages),
            Sample("said", "What the server says", said),
        ),
    ),
    (
        "Pages",
        (
            Sample("headers", "Page header and section", headers),
            Sample("sidebar-parts", "Parts of the sidebar", sidebar_parts),
            Sample("pages", "Whole pages", pages),
        ),
    ),
)
_SIDES: tuple[Side, ...] = ("light", "dark")


def gallery_page() -> rx.Component:
    return rx.el.div(
        rx.el.header(
            brand_link(),
            rx.el.div(
                *(
                    button(label, type="button", size="small", on_click=set_color_mode(mode))
                    for mode, label, _ in MODES
                ),
                role="group",
                aria_label="Colours of this page",
                class_name="flex gap-1",
            ),
            class_name="flex h-14 items-center justify-between gap-4 border-b border-border px-4",
        ),
        rx.el.div(
            _index(),
            rx.el.main(
                rx.el.h1("The design system", class_name="text-title font-semibold tracking-title"),
                rx.el.p(
                    "Each component in each state, in both modes. Hover, focus and press are real: try "
                    "them with "
                    "the pointer and with the Tab key.",
                    class_name="mt-1 max-w-prose text-body text-muted",
                ),
                *(
                    rx.el.div(
                        rx.el.h2(name, class_name="text-chat font-semibold text-muted"),
                        *(_sample(sample) for sample in samples),
                        class_name="flex flex-col gap-6 pt-12",
                    )
                    for name, samples in SAMPLES
                ),
                class_name="min-w-0 px-4 py-7 pb-24 tablet:px-8",
            ),
            class_name="tablet:grid tablet:grid-cols-shell",
        ),
        class_name="min-h-dvh bg-bg text-body text-text",
    )


def _index() -> rx.Component:
    return rx.el.nav(
        *(
            rx.el.div(
                rx.el.p(name, class_name="px-2 pb-1 text-small text-muted"),
                *(
                    document_link(
                        sample.name,
                        href=f"#{sample.id}",
                        class_name="block rounded-control px-2 py-1 text-table font-medium text-muted "
                        "hover:bg-border/60 hover:text-text",
                    )
                    for sample in samples
                ),
                class_name="pb-4",
            )
            for name, samples in SAMPLES
        ),
        aria_label="Components",
        class_name="hidden max-h-dvh self-start overflow-y-auto px-2 py-7 tablet:sticky tablet:top-0 "
        "tablet:block",
    )


def _sample(sample: Sample) -> rx.Component:
    return rx.el.section(
        rx.el.h3(sample.name, class_name="pb-2 text-body font-semibold"),
        rx.el.div(
            *(
                rx.el.div(
                    sample.draw(side),
                    data_theme=side,
                    class_name="flex min-w-0 flex-col gap-5 bg-bg p-5 text-text",
                )
                for side in _SIDES
            ),
            class_name="grid overflow-hidden rounded-card border border-border wide:grid-cols-2",
        ),
        id=sample.id,
        aria_label=sample.name,
        class_name="scroll-mt-6",
    )
