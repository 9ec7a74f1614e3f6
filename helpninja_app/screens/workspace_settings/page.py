"""How the workspace's settings look: one form, and at its end the way out."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.screens.shell.frame import dashboard
from helpninja_app.screens.workspace_settings.state import DAYS, PATH, SettingsState
from helpninja_app.ui.actions import button
from helpninja_app.ui.forms import field, select_field, text_area
from helpninja_app.ui.notices import notice
from helpninja_app.ui.panels import card, failed_state, page_header, section, skeleton_rows

_state: Any = SettingsState
_hours: Any = SettingsState.hours

_VOICES = (
    ("friendly", "Friendly"),
    ("professional", "Professional"),
    ("casual", "Casual"),
    ("formal", "Formal"),
)


def settings_page() -> rx.Component:
    return dashboard(
        page_header("Settings", "How the assistant of this workspace speaks, and where."),
        rx.cond(
            SettingsState.failure != "",
            card(failed_state(SettingsState.failure, retry=SettingsState.open_settings)),
        ),
        rx.cond(SettingsState.is_loaded, _form(), card(skeleton_rows(6))),
        rx.cond(SettingsState.is_owner, _deletion()),
        path=PATH,
    )


def _form() -> rx.Component:
    return rx.el.form(
        section(
            "Workspace",
            _fields(
                field("Name", name="name", required=True, max_length=100, default_value=SettingsState.name),
                field(
                    "Name in addresses",
                    name="slug",
                    required=True,
                    max_length=63,
                    default_value=SettingsState.slug,
                    hint="Small letters, digits and dashes. Earlier addresses stop working.",
                ),
                field(
                    "Time zone",
                    name="time_zone",
                    required=True,
                    max_length=64,
                    default_value=SettingsState.time_zone,
                    hint="Such as Europe/Berlin.",
                ),
                field(
                    "Languages",
                    name="languages",
                    max_length=100,
                    default_value=SettingsState.languages,
                    hint="Codes such as en, de. The first is the one of your visitors as a rule.",
                ),
            ),
        ),
        section(
            "Assistant",
            _fields(
                select_field("Voice", name="voice", options=_VOICES, default_value=SettingsState.voice),
                field(
                    "Confidence threshold",
                    name="threshold",
                    required=True,
                    input_mode="decimal",
                    max_length=6,
                    default_value=SettingsState.threshold,
                    hint="From 0 to 1. Below it a person is asked to look at the answer.",
                ),
                text_area(
                    "Greeting",
                    name="greeting",
                    max_length=500,
                    default_value=SettingsState.greeting,
                    hint="The first message of the widget.",
                ),
                text_area(
                    "Suggested questions",
                    name="suggestions",
                    default_value=SettingsState.suggestions,
                    hint="One a line, at most six.",
                ),
            ),
        ),
        section(
            "Allowed domains",
            _fields(
                text_area(
                    "Websites that may show the widget",
                    name="allowed_domains",
                    rows="4",
                    default_value=SettingsState.allowed_domains,
                    hint="One a line, such as example.com or *.example.com. Empty: any website may.",
                ),
            ),
        ),
        section(
            "Business hours",
            _fields(
                *(
                    field(
                        label,
                        name=f"hours_{day}",
                        max_length=100,
                        placeholder="closed",
                        default_value=_hours[day],
                    )
                    for day, label in DAYS
                ),
            ),
            note="such as 09:00-12:00, 13:00-17:30",
        ),
        rx.cond(SettingsState.problem != "", notice(SettingsState.problem, tone="danger")),
        rx.el.div(button("Save", type="submit", emphasis="primary", size="large")),
        on_submit=_state.save,
        class_name="flex flex-col gap-8",
    )


def _fields(*fields: rx.Component) -> rx.Component:
    return card(rx.el.div(*fields, class_name="grid gap-4 p-4 tablet:grid-cols-2"))


def _deletion() -> rx.Component:
    return section(
        "Delete this workspace",
        card(
            rx.el.form(
                rx.el.p(
                    "Visitors, members and programs are shut out at once. You can bring it back for seven "
                    "days; then everything in it is gone.",
                    class_name="max-w-prose text-table text-muted",
                ),
                rx.el.div(
                    rx.el.div(
                        field(
                            "Type the workspace's name in addresses",
                            name="confirm",
                            required=True,
                            max_length=100,
                            auto_complete="off",
                        ),
                        class_name="min-w-0 flex-1",
                    ),
                    button("Delete the workspace", type="submit", size="large"),
                    class_name="flex max-w-reading flex-wrap items-end gap-3",
                ),
                on_submit=_state.delete_workspace,
                class_name="flex flex-col gap-4 p-4",
            )
        ),
    )
