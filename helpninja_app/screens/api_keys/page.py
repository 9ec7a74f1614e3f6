"""How the API keys look, beside the webhooks: make one, see it once, and the list of those that count."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.screens.api_keys.state import KEYS, PATH, KeyRow, KeysState
from helpninja_app.screens.api_keys.words import MAY
from helpninja_app.screens.shell.frame import (
    as_it_opens,
    dashboard,
    larger_plan,
    once_loaded,
    refused,
    this_form,
)
from helpninja_app.screens.webhooks.editor import webhook_editor
from helpninja_app.screens.webhooks.editor_state import WebhookEditorState
from helpninja_app.screens.webhooks.list import webhooks_tab
from helpninja_app.screens.webhooks.log import webhook_log
from helpninja_app.screens.webhooks.log_state import WebhookLogState
from helpninja_app.screens.webhooks.state import WebhooksState
from helpninja_app.ui.actions import busy_button, button
from helpninja_app.ui.badges import badge
from helpninja_app.ui.code import copied_line
from helpninja_app.ui.dialogs import confirm, opens
from helpninja_app.ui.forms import check_box, field, select_field
from helpninja_app.ui.notices import notice
from helpninja_app.ui.panels import card, empty_state, page_header, section, skeleton_rows
from helpninja_app.ui.tabs import Tab, tabs

_state: Any = KeysState
_kept: Any = KeysState.kept

# What both tabs show: of one that failed the other mostly failed too.
OPENING: tuple[Any, ...] = (KeysState.open_keys, WebhooksState.open_webhooks)

_LIFETIMES = (("90", "90 days"), ("30", "30 days"), ("365", "one year"), ("", "until it is revoked"))


def api_keys_page() -> rx.Component:
    return dashboard(
        rx.el.div(
            page_header("API keys & webhooks", "For programs: they call this workspace, and hear from it."),
            tabs(
                "API keys & webhooks",
                Tab("keys", "API keys", _keys_tab(), count=KeysState.counted),
                Tab("webhooks", "Webhooks", webhooks_tab(again=OPENING), count=WebhooksState.counted),
            ),
            # The tabs stand closer to the head than parts of a page do.
            class_name="flex flex-col gap-3",
        ),
        webhook_editor(),
        webhook_log(),
        # A secret is not shown again.
        as_it_opens(KeysState.put_key_away, WebhookEditorState.close, WebhookLogState.close),
        path=PATH,
    )


def _keys_tab() -> rx.Component:
    return rx.el.div(
        once_loaded(
            KeysState,
            refused(KeysState),
            rx.cond(
                KeysState.secret != "",
                section(
                    "Your new key",
                    copied_line(KeysState.secret, label="The new key", note="Copied."),
                    note="is not shown again: keep it where your other secrets are",
                ),
            ),
            section("Make a key", rx.cond(KeysState.lacking != "", _lacking(), card(_form())), id="make"),
            section(
                "Keys",
                card(
                    rx.cond(
                        KeysState.is_loaded,
                        rx.cond(
                            KeysState.keys.length() > 0,
                            rx.el.ul(rx.foreach(KeysState.keys, _key)),
                            empty_state(
                                "key-round",
                                "There is no key yet",
                                rx.cond(
                                    KeysState.lacking != "",
                                    "Programs call this workspace with one.",
                                    "Make one above for your program.",
                                ),
                            ),
                        ),
                        skeleton_rows(2),
                    )
                ),
                heading_id=KEYS,
            ),
            again=OPENING,
        ),
        class_name="flex flex-col gap-6",
    )


def _lacking() -> rx.Component:
    said = rx.fragment(KeysState.lacking, " ", KeysState.waiting, " ", larger_plan())
    return notice(said, tone="info")


def _form() -> rx.Component:
    return rx.el.form(
        rx.el.div(
            rx.el.div(
                field(
                    "Name",
                    name="name",
                    required=True,
                    max_length=100,
                    default_value=_kept["name"],
                    hint="What it is for, such as CI.",
                ),
                select_field(
                    "Valid for",
                    name="lifetime",
                    options=_LIFETIMES,
                    default_value=rx.cond(_kept["name"], _kept["lifetime"], _LIFETIMES[0][0]),
                ),
                class_name="grid gap-4 tablet:grid-cols-2",
            ),
            rx.el.fieldset(
                rx.el.legend("It may", class_name="mb-2 text-table font-medium"),
                rx.el.div(
                    *(
                        check_box(
                            rx.fragment(
                                f"{words} ",
                                rx.el.code(permission.value, class_name="font-mono text-small text-muted"),
                            ),
                            name=permission.value,
                            value="yes",
                            default_checked=_kept[permission.value] == "yes",
                        )
                        for permission, words in MAY.items()
                    ),
                    class_name="grid gap-x-4 gap-y-2 tablet:grid-cols-2 wide:grid-cols-3",
                ),
            ),
            key=_state.drawn.to_string(),
            class_name="flex flex-col gap-5",
        ),
        this_form(KeysState),
        rx.el.div(
            busy_button(
                "Make the key", is_busy=KeysState.is_busy, while_busy="Making…", type="submit", size="large"
            ),
        ),
        on_submit=_state.make_key,
        class_name="flex flex-col gap-5 p-4",
    )


def _key(key: KeyRow) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.p(
                key.name,
                " ",
                rx.el.code(key.prefix, class_name="ml-1 font-mono text-small font-normal text-muted"),
                class_name="truncate text-table font-medium",
            ),
            rx.el.p(key.permissions, class_name="text-small text-muted"),
            rx.el.p(key.used, " · ", key.expires, class_name="text-small text-muted"),
            class_name="flex min-w-0 flex-1 flex-col gap-0.5",
        ),
        rx.cond(
            key.is_expired,
            badge("Expired", "warning"),
            rx.cond(KeysState.waiting != "", badge("Waiting", "neutral")),
        ),
        button("Revoke", type="button", emphasis="quiet", **opens(f"revoke-{key.id}")),
        confirm(
            id=f"revoke-{key.id}",
            title=f"Revoke the key “{key.name}”?",
            consequence="Programs that use it stop working at once. A revoked key does not come back.",
            act="Revoke",
            on_confirm=_state.revoke(key.id),
        ),
        key=key.id,
        class_name="flex flex-wrap items-center gap-x-4 gap-y-2 border-b border-border px-4 py-3 "
        "last:border-b-0",
    )
