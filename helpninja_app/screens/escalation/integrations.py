"""How the integrations look: what each is, whether it works, and a test message at a press."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.screens.escalation.integration_editor_state import IntegrationEditorState
from helpninja_app.screens.escalation.integrations_state import (
    INTEGRATIONS,
    IntegrationRow,
    IntegrationsState,
)
from helpninja_app.screens.escalation.words import PROVIDERS, SYMBOLS
from helpninja_app.screens.shell.frame import larger_plan, refused
from helpninja_app.ui.actions import busy_button, button
from helpninja_app.ui.badges import badge
from helpninja_app.ui.icons import icon
from helpninja_app.ui.menus import menu, menu_item, opens_menu
from helpninja_app.ui.notices import notice
from helpninja_app.ui.panels import card, empty_state, section, skeleton_rows
from helpninja_app.ui.rows import row_menu

# Reflex' types do not know what the decorated handlers can do.
_state: Any = IntegrationsState
_editor: Any = IntegrationEditorState
_ADDING = "integration-kinds"


def integrations_tab() -> rx.Component:
    return section(
        "Integrations",
        refused(IntegrationsState),
        rx.cond(
            IntegrationsState.may_manage & (IntegrationsState.limit != ""),
            notice(rx.fragment(IntegrationsState.limit, " ", larger_plan()), tone="info"),
        ),
        card(
            rx.cond(
                IntegrationsState.is_loaded,
                rx.cond(
                    IntegrationsState.rows.length() > 0,
                    rx.el.ul(rx.foreach(IntegrationsState.rows, _integration)),
                    _nothing(),
                ),
                skeleton_rows(3),
            )
        ),
        note="where your team hears that a person is asked for",
        actions=rx.cond(
            IntegrationsState.may_manage & IntegrationsState.is_loaded & (IntegrationsState.limit == ""),
            _add(),
        ),
        heading_id=INTEGRATIONS,
    )


def _add() -> rx.Component:
    return rx.el.div(
        button(
            icon("plus"),
            "Add an integration",
            type="button",
            emphasis="primary",
            **opens_menu(_ADDING),
        ),
        menu(
            *(
                menu_item(name, SYMBOLS[provider], on_click=_editor.begin(provider.value))
                for provider, name in PROVIDERS.items()
            ),
            id=_ADDING,
            label="Add an integration",
            placement="below end",
        ),
    )


def _integration(row: IntegrationRow) -> rx.Component:
    return rx.el.li(
        rx.el.span(
            rx.match(
                row.provider,
                *((provider.value, icon(symbol)) for provider, symbol in SYMBOLS.items()),
                icon("send"),
            ),
            class_name="flex size-8 shrink-0 items-center justify-center rounded-control border "
            "border-border bg-subtle text-muted",
        ),
        rx.el.div(
            rx.el.div(
                rx.el.p(row.name, class_name="min-w-0 truncate text-table font-medium", title=row.name),
                badge(row.status, row.tone),
                class_name="flex items-center gap-2.5",
            ),
            rx.el.p(row.kind, " · ", row.place, class_name="text-small wrap-anywhere text-muted"),
            rx.el.p(row.last, class_name="text-small text-muted", title=row.moment),
            rx.cond(
                (row.problem != "") & (IntegrationsState.tried != row.id),
                rx.el.p(
                    "The last attempt failed: ", row.problem, class_name="text-small break-words text-danger"
                ),
            ),
            rx.el.div(rx.cond(IntegrationsState.tried == row.id, _outcome()), role="status"),
            class_name="flex min-w-0 flex-1 basis-60 flex-col gap-0.5",
        ),
        rx.cond(IntegrationsState.may_manage, _actions(row)),
        key=row.id,
        class_name="flex flex-wrap items-start gap-x-3 gap-y-2 border-b border-border px-4 py-3 "
        "last:border-b-0",
    )


def _outcome() -> rx.Component:
    """What became of the test message."""
    return rx.cond(
        IntegrationsState.has_arrived,
        rx.el.p(
            icon("circle-check", class_name="mt-px"),
            IntegrationsState.outcome,
            class_name="flex gap-1.5 text-small font-medium text-success",
        ),
        rx.el.p(
            icon("circle-alert", class_name="mt-px"),
            rx.el.span("The test failed: ", IntegrationsState.outcome),
            class_name="flex gap-1.5 text-small font-medium break-words text-danger",
        ),
    )


def _actions(row: IntegrationRow) -> rx.Component:
    return rx.el.div(
        busy_button(
            "Send a test",
            is_busy=IntegrationsState.trying == row.id,
            while_busy="Sending…",
            type="button",
            emphasis="secondary",
            size="small",
            aria_label=f"Send a test to {row.name}",
            on_click=_state.send_test(row.id),
        ),
        row_menu(
            menu_item("Change", "pencil", on_click=_editor.edit(row.id)),
            menu_item(
                rx.cond(row.is_on, "Switch off", "Switch on"),
                "power",
                on_click=_state.switch(row.id, ~row.is_on),
            ),
            kind="integration",
            id=row.id,
            name=row.name,
            question=f"Delete {row.name}?",
            consequence="What still waits to be sent to it is shown as failed. You can undo it for an hour; "
            "then its credentials are gone for good. To pause it, switch it off.",
            on_delete=_state.delete(row.id),
        ),
        class_name="ml-auto flex items-center gap-1",
    )


def _nothing() -> rx.Component:
    return empty_state(
        "bell-ring",
        "Escalations stand in the inbox alone",
        rx.fragment(
            rx.cond(
                IntegrationsState.otherwise != "",
                f"Until there is an integration they go to {IntegrationsState.otherwise} as this "
                "installation's settings name it. ",
                "",
            ),
            rx.cond(
                IntegrationsState.may_manage,
                "Add one, and your team hears in Slack, by mail, in Teams, in Discord or at an address of "
                "yours when a visitor needs a person.",
                "An owner or admin of this workspace can have them sent to Slack, mail, Teams or Discord.",
            ),
        ),
    )
