"""How the workspace's settings look: one form, and at its end the way out."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

import reflex as rx

from helpninja_app.screens.shell.frame import as_it_opens, dashboard, once_loaded
from helpninja_app.screens.workspace_settings.form import LANGUAGES
from helpninja_app.screens.workspace_settings.hours_section import hours_section
from helpninja_app.screens.workspace_settings.state import DELETION_PART, PATH, SettingsState
from helpninja_app.ui.actions import button
from helpninja_app.ui.choices import chip, chips, search_choice, slider_field
from helpninja_app.ui.dialogs import closes, dialog, opens
from helpninja_app.ui.editing import save_bar, watched_form
from helpninja_app.ui.forms import field, select_field, text_area
from helpninja_app.ui.panels import card, page_header, section, skeleton_rows

_state: Any = SettingsState
_errors: Any = SettingsState.errors
_drawn: Any = SettingsState.drawn

_DELETION, _DELETION_FORM = "deletion", "deletion-form"
_AT_ONCE = (
    "Visitors, members and programs are shut out at once. You can bring it back for seven days; then "
    "everything in it is gone."
)
_VOICES = (
    ("friendly", "Friendly"),
    ("professional", "Professional"),
    ("casual", "Casual"),
    ("formal", "Formal"),
)
# Those that are named after a place, as people look for them; the server takes every other one too.
_ZONES = (
    "UTC",
    *sorted(
        zone
        for zone in available_timezones()
        if "/" in zone and not zone.startswith(("Etc/", "US/", "Canada/", "Brazil/", "Chile/", "Mexico/"))
    ),
)
# Evaluated by the browser that opens the page.
_BROWSERS_ZONE: Any = rx.Var("Intl.DateTimeFormat().resolvedOptions().timeZone ?? ''", _var_type=str)


def settings_page() -> rx.Component:
    return dashboard(
        page_header("Settings", "How the assistant of this workspace speaks, and where."),
        once_loaded(
            SettingsState,
            rx.cond(SettingsState.is_loaded, _form(), card(skeleton_rows(6))),
            rx.cond(SettingsState.is_owner, _deletion()),
            again=(SettingsState.open_settings,),
        ),
        as_it_opens(SettingsState.begin_anew),
        path=PATH,
    )


def _form() -> rx.Component:
    return watched_form(
        rx.el.div(
            section("Workspace", _fields(*_workspace_fields())),
            section("Assistant", _fields(*_assistant_fields())),
            section("Languages", _fields(*_language_fields())),
            section(
                "Allowed domains",
                _fields(
                    text_area(
                        "Websites that may show the widget",
                        name="allowed_domains",
                        rows="4",
                        default_value=SettingsState.allowed_domains,
                        hint="One a line, such as example.com or *.example.com. Empty: any website may.",
                        error=_errors["allowed_domains"],
                    ),
                ),
            ),
            hours_section(),
            key=_drawn.to_string(),
            on_mount=_state.offer_zone(_BROWSERS_ZONE),
            class_name="flex flex-col gap-8",
        ),
        save_bar(
            is_changed=SettingsState.is_changed,
            is_saved=SettingsState.is_saved,
            is_busy=SettingsState.is_busy,
            problem=rx.cond(SettingsState.is_deleting, "", SettingsState.problem),
        ),
        on_submit=_state.save,
        on_change=_state.note_change,
        is_changed=SettingsState.is_changed,
        class_name="flex flex-col gap-8",
    )


def _workspace_fields() -> tuple[rx.Component, ...]:
    return (
        field(
            "Name",
            name="name",
            required=True,
            max_length=100,
            default_value=SettingsState.name,
            error=_errors["name"],
        ),
        field(
            "Name in addresses",
            name="slug",
            required=True,
            max_length=63,
            auto_complete="off",
            default_value=SettingsState.slug,
            hint="Small letters, digits and dashes. Earlier addresses stop working.",
            error=_errors["slug"],
        ),
        search_choice(
            "Time zone",
            name="time_zone",
            options=_ZONES,
            value=SettingsState.time_zone,
            on_change=_state.choose_zone,
            note=rx.cond(SettingsState.zone_note != "", SettingsState.zone_note, "Type a city or a region."),
            error=_errors["time_zone"],
            beside=rx.cond(
                (SettingsState.own_zone != "") & (SettingsState.own_zone != SettingsState.time_zone),
                rx.el.button(
                    "Use ",
                    SettingsState.own_zone,
                    ", as in this browser",
                    type="button",
                    on_click=_state.take_own_zone,
                    class_name="text-small font-medium text-accent-text underline",
                ),
            ),
        ),
    )


def _assistant_fields() -> tuple[rx.Component, ...]:
    return (
        select_field(
            "Voice",
            name="voice",
            options=_VOICES,
            default_value=SettingsState.voice,
            error=_errors["voice"],
        ),
        slider_field(
            "Confidence threshold",
            name="threshold",
            value=SettingsState.threshold,
            on_change=_state.try_threshold,
            note=SettingsState.threshold_note,
            error=_errors["threshold"],
        ),
        text_area(
            "Greeting",
            name="greeting",
            max_length=500,
            default_value=SettingsState.greeting,
            hint="The first message of the widget.",
            error=_errors["greeting"],
        ),
        text_area(
            "Suggested questions",
            name="suggestions",
            default_value=SettingsState.suggestions,
            hint="One a line, at most six.",
            error=_errors["suggestions"],
        ),
    )


def _language_fields() -> tuple[rx.Component, ...]:
    chosen: Any = SettingsState.languages
    return (
        chips(
            "Languages of your visitors",
            *(
                chip(
                    label,
                    name=f"language_{code}",
                    value=code,
                    checked=chosen.contains(code),
                    id=f"language_{code}",
                )
                for code, label in LANGUAGES
            ),
            rx.foreach(
                SettingsState.other_languages,
                lambda code: chip(code.upper(), name="language_" + code.to(str), value=code, checked=True),
            ),
            name="languages",
            hint="None chosen: the assistant goes by what each visitor writes.",
            error=_errors["languages"],
        ),
        rx.el.div(
            rx.el.label("Main language", html_for="main_language", class_name="text-table font-medium"),
            rx.el.select(
                rx.el.option("None", value=""),
                *(rx.el.option(label, value=code) for code, label in LANGUAGES),
                rx.foreach(
                    SettingsState.other_languages, lambda code: rx.el.option(code.upper(), value=code)
                ),
                id="main_language",
                name="main_language",
                default_value=SettingsState.main_language,
                aria_describedby="main_language-hint",
                class_name="h-10 w-full rounded-control border border-border-strong bg-bg px-3 text-body",
            ),
            rx.el.p(
                "Counts where a question is too short to tell its language.",
                id="main_language-hint",
                class_name="text-small text-muted",
            ),
            class_name="flex min-w-0 flex-col gap-1.5",
        ),
    )


def _fields(*fields: rx.Component) -> rx.Component:
    return card(rx.el.div(*fields, class_name="grid gap-4 p-4 tablet:grid-cols-2"))


def _deletion() -> rx.Component:
    return section(
        "Delete this workspace",
        card(
            rx.el.div(
                rx.el.p(_AT_ONCE, class_name="max-w-prose text-table text-muted"),
                button("Delete the workspace", type="button", emphasis="danger", **opens(_DELETION)),
                class_name="flex flex-wrap items-center justify-between gap-x-6 gap-y-3 p-4",
            )
        ),
        dialog(
            rx.el.form(
                rx.el.p(_AT_ONCE, class_name="text-muted"),
                rx.el.p(SettingsState.deletion_loss, class_name="font-medium empty:hidden"),
                field(
                    f"Type {SettingsState.slug} to confirm",
                    name="confirm",
                    required=True,
                    max_length=100,
                    auto_complete="off",
                    error=rx.cond(SettingsState.is_deleting, SettingsState.problem, ""),
                ),
                id=_DELETION_FORM,
                on_submit=_state.delete_workspace,
                class_name="flex flex-col gap-4",
            ),
            id=_DELETION,
            title=f"Delete {SettingsState.name}?",
            on_close=_state.keep_workspace,
            actions=(
                button("Keep", type="button", **closes()),
                button("Delete", type="submit", emphasis="danger", form=_DELETION_FORM),
            ),
        ),
        id=DELETION_PART,
    )
