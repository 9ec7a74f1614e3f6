"""How the sheet looks in which a webhook is added or changed, and its secret is shown once."""

from __future__ import annotations

from typing import Any

import reflex as rx
from reflex_components_core.el.elements.forms import Form

from helpninja_app.integrations.webhooks.models import EventType
from helpninja_app.screens.shell.frame import refused, this_form
from helpninja_app.screens.webhooks.editor_state import (
    MAX_DESCRIPTION,
    MAX_URL,
    SHOWN_ONCE,
    WebhookEditorState,
)
from helpninja_app.screens.webhooks.words import EVENTS
from helpninja_app.ui.actions import busy_button, button
from helpninja_app.ui.code import copied_line
from helpninja_app.ui.dialogs import closes, sheet
from helpninja_app.ui.forms import check_box, field, field_error
from helpninja_app.ui.panels import failed_state, skeleton_rows

# Reflex' types do not know what the decorated handlers can do.
_state: Any = WebhookEditorState
_ID = "webhook-editor"
_FORM = f"{_ID}-form"


def webhook_editor() -> rx.Component:
    has_secret = WebhookEditorState.secret != ""
    return sheet(
        # Before anything that failed since: it is shown now or never.
        rx.cond(
            has_secret,
            _secret(),
            rx.cond(
                WebhookEditorState.failure != "",
                failed_state(WebhookEditorState.failure, retry=_state.edit(WebhookEditorState.edited)),
                rx.cond(
                    WebhookEditorState.is_loaded,
                    _form(),
                    # Nothing loads in a sheet that is closed.
                    rx.cond(WebhookEditorState.is_open, skeleton_rows(3)),
                ),
            ),
        ),
        id=_ID,
        title=rx.cond(
            has_secret,
            "The secret of the webhook",
            rx.cond(WebhookEditorState.edited != "", "Change the webhook", "Add a webhook"),
        ),
        actions=(
            rx.cond(
                has_secret,
                button("Done", type="button", emphasis="primary", **closes()),
                rx.fragment(
                    button("Cancel", type="button", **closes()),
                    busy_button(
                        "Save",
                        is_busy=WebhookEditorState.is_busy,
                        while_busy="Checking…",
                        type="submit",
                        form=_FORM,
                    ),
                ),
            ),
        ),
        is_shown=WebhookEditorState.is_open,
        on_close=_state.close,
        insists=True,
    )


def _secret() -> rx.Component:
    return rx.el.div(
        rx.el.p(WebhookEditorState.place, class_name="font-mono text-small wrap-anywhere text-muted"),
        rx.el.p(
            "Your server checks with it that an event is ours and is not an old one: Standard Webhooks, with "
            "the headers ",
            _header("webhook-id"),
            ", ",
            _header("webhook-timestamp"),
            " and ",
            _header("webhook-signature"),
            ".",
            class_name="text-body text-pretty",
        ),
        copied_line(WebhookEditorState.secret, label="The secret", note="Copied."),
        rx.el.p(
            "It is not shown again. Who has it can pretend to be us.", class_name="text-small text-muted"
        ),
        id=SHOWN_ONCE,
        tab_index=-1,
        class_name="flex flex-col gap-4 rounded-chip outline-offset-4",
    )


def _header(name: str) -> rx.Component:
    return rx.el.code(name, class_name="font-mono text-small whitespace-nowrap")


def _form() -> rx.Component:
    errors: Any = _state.errors
    return rx.fragment(
        refused(WebhookEditorState),
        Form.create(
            rx.el.div(
                field(
                    "Address",
                    name="url",
                    id=f"{_ID}-url",
                    default_value=WebhookEditorState.url,
                    hint="https:// and a public host. Each event is posted there as JSON, at least once.",
                    error=errors["url"],
                    placeholder="https://",
                    input_mode="url",
                    auto_complete="off",
                    spell_check=False,
                    max_length=MAX_URL,
                ),
                field(
                    "What it is for",
                    name="description",
                    id=f"{_ID}-description",
                    default_value=WebhookEditorState.description,
                    hint="If you like, so that others know it.",
                    max_length=MAX_DESCRIPTION,
                ),
                rx.el.fieldset(
                    rx.el.legend("It hears when", class_name="mb-2 text-table font-medium"),
                    rx.el.div(*(_event(event) for event in EventType), class_name="flex flex-col gap-2"),
                    field_error(f"{_ID}-events", errors["events"]),
                    class_name="flex flex-col gap-1.5",
                ),
                key=_state.drawn.to_string(),
                class_name="flex flex-col gap-4",
            ),
            this_form(WebhookEditorState),
            id=_FORM,
            on_submit=_state.save,
            no_validate=True,
        ),
    )


def _event(event: EventType) -> rx.Component:
    return check_box(
        rx.fragment(
            f"{EVENTS[event]} ", rx.el.code(event.value, class_name="font-mono text-small text-muted")
        ),
        name=event.value,
        value="yes",
        default_checked=WebhookEditorState.events.contains(event.value),
    )
