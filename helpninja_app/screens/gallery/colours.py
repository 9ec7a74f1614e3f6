"""Samples of the tokens: what each colour is for, and the sizes of text."""

from __future__ import annotations

import reflex as rx

from helpninja_app.screens.gallery.samples import block

_SURFACES = ("bg-bg", "bg-subtle", "bg-raised", "bg-border", "bg-border-strong")
_PAIRS = (
    ("accent", "bg-accent text-on-accent"),
    ("accent, soft", "bg-accent-soft text-accent-text"),
    ("success", "bg-success-soft text-success"),
    ("warning", "bg-warning-soft text-warning"),
    ("danger", "bg-danger-soft text-danger"),
    ("danger, solid", "bg-danger text-on-danger"),
    ("info", "bg-info-soft text-info"),
    ("jade", "bg-jade-soft text-jade"),
    ("blue", "bg-blue-soft text-blue"),
    ("violet", "bg-violet-soft text-violet"),
    ("sand", "bg-sand-soft text-sand"),
    ("rose", "bg-rose-soft text-rose"),
)
_SIZES = (
    ("Heading 28", "text-heading font-semibold tracking-title"),
    ("Title 20", "text-title font-semibold tracking-title"),
    ("Lead 17", "text-lead"),
    ("Chat 15", "text-chat"),
    ("Body 14", "text-body"),
    ("Table 13", "text-table"),
    ("Small 12, muted", "text-small text-muted"),
)


def colours(_side: str) -> rx.Component:
    return rx.fragment(
        block(
            "Surfaces and lines",
            rx.el.div(
                *(
                    rx.el.div(
                        rx.el.div(class_name=f"h-10 rounded-control border border-border {name}"),
                        rx.el.p(name.removeprefix("bg-"), class_name="pt-1 text-small text-muted"),
                    )
                    for name in _SURFACES
                ),
                class_name="grid grid-cols-3 gap-2 phone:grid-cols-5",
            ),
        ),
        block(
            "Pairs that may stand on each other",
            rx.el.div(
                *(
                    rx.el.p(name, class_name=f"rounded-control px-3 py-2 text-table font-medium {classes}")
                    for name, classes in _PAIRS
                ),
                class_name="grid grid-cols-2 gap-2 phone:grid-cols-3",
            ),
        ),
    )


def type_scale(_side: str) -> rx.Component:
    return rx.el.div(
        *(rx.el.p(f"{name} · 0123456789", class_name=classes) for name, classes in _SIZES),
        class_name="flex flex-col gap-2",
    )
