"""How the sheet looks in which an integration is added or changed."""

from __future__ import annotations

from typing import Any

import reflex as rx
from reflex_components_core.el.elements.forms import Form

from helpninja_app.integrations.credentials import MAX_LENGTH, MIN_SECRET
from helpninja_app.integrations.models import Provider
from helpninja_app.screens.escalation.integration_editor_state import MAX_NAME, IntegrationEditorState
from helpninja_app.screens.shell.frame import refused, this_form
from helpninja_app.ui.actions import busy_button, button
from helpninja_app.ui.dialogs import closes, sheet
from helpninja_app.ui.forms import field
from helpninja_app.ui.panels import failed_state, skeleton_rows

# Reflex' types do not know what the decorated handlers can do.
_state: Any = IntegrationEditorState
_ID = "integration-editor"
_FORM = f"{_ID}-form"

_CHAT_HINTS = {
    Provider.SLACK: "In Slack: Apps, Incoming Webhooks, Add to Slack. Copy the address that it shows.",
    Provider.TEAMS: "In Teams: the channel's Workflows, “Post to a channel when a webhook request is "
    "received”. Copy the address at its end.",
    Provider.DISCORD: "In Discord: the channel's settings, Integrations, Webhooks, Copy Webhook URL.",
}


def integration_editor() -> rx.Component:
    return sheet(
        rx.cond(
            IntegrationEditorState.failure != "",
            failed_state(IntegrationEditorState.failure, retry=_state.edit(IntegrationEditorState.edited)),
            rx.cond(IntegrationEditorState.is_loaded, _form(), skeleton_rows(3)),
        ),
        id=_ID,
        title=rx.cond(
            IntegrationEditorState.edited != "",
            f"Change {IntegrationEditorState.kind}",
            f"Send escalations to {IntegrationEditorState.kind}",
        ),
        actions=(
            button("Cancel", type="button", **closes()),
            busy_button(
                "Save",
                is_busy=IntegrationEditorState.is_busy,
                while_busy="Checking…",
                type="submit",
                form=_FORM,
            ),
        ),
        is_shown=IntegrationEditorState.is_open,
        on_close=_state.close,
        insists=True,
    )


def _form() -> rx.Component:
    return rx.fragment(
        refused(IntegrationEditorState),
        Form.create(
            rx.el.div(
                _text(
                    "Name",
                    "name",
                    hint="As it stands in lists and rules, such as Support team.",
                    max_length=MAX_NAME,
                ),
                rx.match(
                    IntegrationEditorState.provider,
                    (Provider.SLACK.value, _slack()),
                    (Provider.EMAIL.value, _mail()),
                    (Provider.TEAMS.value, _address(Provider.TEAMS)),
                    (Provider.DISCORD.value, _address(Provider.DISCORD)),
                    _webhook(),
                ),
                key=_state.drawn.to_string(),
                class_name="flex flex-col gap-4",
            ),
            this_form(IntegrationEditorState),
            id=_FORM,
            on_submit=_state.save,
            no_validate=True,
        ),
    )


def _slack() -> rx.Component:
    return rx.fragment(
        _address(Provider.SLACK),
        _text(
            "Channel",
            "channel",
            hint="If it is not the one of the address, such as #support.",
            placeholder="#support",
        ),
        _text("Shown as", "username", hint="The name above the messages, if it is not the app's."),
    )


def _mail() -> rx.Component:
    return rx.fragment(
        _text(
            "E-mail addresses",
            "to",
            hint="One, or several with commas between them.",
            placeholder="support@example.com",
        ),
        _text("Begin of the subject", "subject_prefix", hint="Instead of the workspace's name in brackets."),
    )


def _webhook() -> rx.Component:
    return rx.fragment(
        _secret(
            "Address",
            "url",
            "https:// and a public host. Each escalation is posted there as JSON.",
            is_url=True,
        ),
        _secret(
            "Secret",
            "secret",
            f"At least {MIN_SECRET} characters. Your server checks with it that a message is ours.",
        ),
        rx.cond(
            IntegrationEditorState.edited == "",
            rx.el.div(
                button("Make a secret", type="button", size="small", data_makes_secret=f"{_ID}-secret"),
                rx.el.p(
                    "Copy it to your server before you save: it is not shown again.",
                    class_name="text-small text-muted",
                ),
                class_name="flex flex-wrap items-center gap-x-3 gap-y-1",
            ),
        ),
    )


def _address(provider: Provider) -> rx.Component:
    return _secret("Webhook address", "webhook_url", _CHAT_HINTS[provider], is_url=True)


def _text(label: str, name: str, *, hint: str, **attributes: Any) -> rx.Component:
    """A field of what is no secret: it holds what is there."""
    filled: Any = IntegrationEditorState.name if name == "name" else _state.shown[name]
    return field(
        label,
        name=name,
        id=f"{_ID}-{name}",
        default_value=filled,
        hint=hint,
        error=_state.errors[name],
        auto_complete="off",
        **({"max_length": MAX_LENGTH} | attributes),
    )


def _secret(label: str, name: str, hint: str, *, is_url: bool = False) -> rx.Component:
    """A field that begins empty: of what is there only the end is known here."""
    kept = IntegrationEditorState.edited != ""
    return rx.el.div(
        field(
            label,
            name=name,
            id=f"{_ID}-{name}",
            hint=hint,
            error=_state.errors[name],
            placeholder=rx.cond(kept, _state.shown[name], "https://" if is_url else ""),
            auto_complete="off",
            spell_check=False,
            max_length=MAX_LENGTH,
            **({"input_mode": "url"} if is_url else {}),
        ),
        rx.cond(
            kept, rx.el.p("Leave it empty to keep the one that is there.", class_name="text-small text-muted")
        ),
        class_name="flex flex-col gap-1.5",
    )
