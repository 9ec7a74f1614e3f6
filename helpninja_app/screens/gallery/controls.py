"""Samples of what one presses, fills in and chooses."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.screens.gallery.samples import ADDRESS, ARABIC, LONG, line
from helpninja_app.ui.actions import Emphasis, Size, busy_button, button, button_link, icon_button
from helpninja_app.ui.forms import (
    check_box,
    field,
    search_field,
    segments,
    select_box,
    select_field,
    switch,
    text_area,
)
from helpninja_app.ui.icons import icon

_EMPHASES: tuple[tuple[Emphasis, str], ...] = (
    ("primary", "Take over"),
    ("secondary", "Resolve"),
    ("quiet", "Cancel"),
    ("danger", "Delete"),
)
_SIZES: tuple[Size, ...] = ("small", "normal", "large")
_ROLES = (("owner", "Owner"), ("agent", "Agent"), ("viewer", "Viewer"))


def buttons(_side: str) -> rx.Component:
    return rx.fragment(
        line("Emphasis", *(button(label, type="button", emphasis=emphasis) for emphasis, label in _EMPHASES)),
        line(
            "Disabled",
            *(
                button(label, type="button", emphasis=emphasis, disabled=True)
                for emphasis, label in _EMPHASES
            ),
        ),
        line("Size", *(button(size.capitalize(), type="button", size=size) for size in _SIZES)),
        line(
            "With an icon, as a link",
            button(icon("plus"), "Add source", type="button", emphasis="primary"),
            button(icon("upload"), "Upload files", type="button"),
            button(icon("sparkles", size=20), "Ask", type="button", size="large"),
        ),
        line(
            "As a link",
            *(button_link(label, href="/", emphasis=emphasis) for emphasis, label in _EMPHASES),
            *(button_link(size.capitalize(), href="/", size=size) for size in _SIZES),
            button_link("The API", icon("arrow-up-right"), href="/api/docs", is_page=False),
        ),
        line("Busy", *(_busy(label, is_busy=True, emphasis=emphasis) for emphasis, label in _EMPHASES)),
        line("Not busy", *(_busy(label, is_busy=False, emphasis=emphasis) for emphasis, label in _EMPHASES)),
        line("Busy, by size", *(_busy("Save", is_busy=True, size=size) for size in _SIZES)),
        line(
            "Icon alone",
            icon_button("More", "ellipsis"),
            icon_button("Copy", "copy", emphasis="secondary"),
            icon_button("Send", "arrow-up", emphasis="primary"),
            icon_button("Delete", "trash-2", emphasis="danger"),
            *(icon_button(f"Close, {size}", "x", size=size) for size in _SIZES),
            icon_button("Not to be deleted", "trash-2", disabled=True),
        ),
    )


def _busy(
    label: str, *, is_busy: bool, emphasis: Emphasis = "primary", size: Size = "normal"
) -> rx.Component:
    return busy_button(
        label, is_busy=is_busy, while_busy="A moment", emphasis=emphasis, size=size, type="button"
    )


def fields(side: str) -> rx.Component:
    return rx.fragment(
        field(
            "Name", name="name", id=f"{side}-name", placeholder="Fernway Outdoor", hint="What visitors see."
        ),
        field(
            "E-mail address",
            name="email",
            id=f"{side}-email",
            type="email",
            default_value="jonas@example",
            hint="Where the invite goes.",
            error="This is not an address: a dot is missing after the @.",
        ),
        field("Public key", name="key", id=f"{side}-key", default_value="hn_pk_demo", read_only=True),
        field("Plan", name="plan", id=f"{side}-plan", default_value="Business", disabled=True),
        field("Long", name="long", id=f"{side}-long", default_value=ADDRESS),
        rx.el.div(field(ARABIC, name="rtl", id=f"{side}-rtl", default_value=ARABIC, error=ARABIC), dir="rtl"),
        *(
            search_field(f"Search, {size}", name=f"search-{size}", placeholder="Search by name", size=size)
            for size in _SIZES
        ),
        search_field("Search nothing", name="search-off", placeholder="There is nothing yet", disabled=True),
    )


def more_fields(side: str) -> rx.Component:
    return rx.fragment(
        select_field("Role", name="role", id=f"{side}-role", options=_ROLES, hint="What they may do."),
        select_field(
            "Role", name="role", id=f"{side}-bad-role", options=_ROLES, error="A workspace needs an owner."
        ),
        select_field("Role", name="role", id=f"{side}-fixed-role", options=_ROLES, disabled=True),
        text_area("Greeting", name="greeting", id=f"{side}-greeting", default_value=LONG),
        text_area("Greeting", name="greeting", id=f"{side}-bad-greeting", error="Say something here."),
        text_area(
            "Greeting", name="greeting", id=f"{side}-fixed-greeting", default_value=LONG, disabled=True
        ),
        line(
            "Without a label to see",
            *(select_box(f"Kind, {size}", rx.el.option("Everything"), size=size) for size in _SIZES),
            select_box("Kind, as it is", rx.el.option("Members"), disabled=True),
        ),
    )


def choices(side: str) -> rx.Component:
    chosen: Any = rx.Var.create("all")
    return rx.fragment(
        switch(
            "Answer by itself", name=f"{side}-on", default_checked=True, note="Below 55 % it asks a person."
        ),
        switch("Ask for an e-mail address", name=f"{side}-off"),
        switch("Sound", name=f"{side}-disabled", disabled=True, note="Not in this plan."),
        switch(LONG, name=f"{side}-long", default_checked=True),
        rx.el.div(switch(ARABIC, name=f"{side}-rtl", default_checked=True), dir="rtl"),
        line(
            "Boxes",
            check_box("Read", name=f"{side}-read", value="yes", default_checked=True),
            check_box("Write", name=f"{side}-write", value="yes"),
            check_box("Delete", name=f"{side}-delete", value="yes", disabled=True),
        ),
        line(
            "One of a few",
            segments(
                "Audience",
                name=f"{side}-audience",
                options=(("all", "Everybody"), ("team", "Team only")),
                chosen=chosen,
                on_choose=lambda _: rx.noop(),
            ),
        ),
    )
