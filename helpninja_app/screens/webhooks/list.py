"""How the webhooks look: which address hears of what, and whether it does."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.screens.shell.frame import could_not_be_read, larger_plan, refused
from helpninja_app.screens.webhooks.editor_state import WebhookEditorState
from helpninja_app.screens.webhooks.log_state import WebhookLogState
from helpninja_app.screens.webhooks.state import WEBHOOKS, EndpointRow, WebhooksState
from helpninja_app.ui.actions import button
from helpninja_app.ui.badges import badge
from helpninja_app.ui.dialogs import confirm, opens
from helpninja_app.ui.icons import icon
from helpninja_app.ui.menus import menu_item
from helpninja_app.ui.notices import notice
from helpninja_app.ui.panels import card, empty_state, section, skeleton_rows
from helpninja_app.ui.rows import row_menu

# Reflex' types do not know what the decorated handlers can do.
_state: Any = WebhooksState
_editor: Any = WebhookEditorState
_log: Any = WebhookLogState


def webhooks_tab(*, again: tuple[Any, ...]) -> rx.Component:
    """The list; ``again`` are the events that load the page it stands on, after it could not be read."""
    is_full = WebhooksState.limit != ""
    lacks = WebhooksState.lacking != ""
    return section(
        "Webhooks",
        refused(WebhooksState),
        rx.cond(
            lacks,
            notice(rx.fragment(WebhooksState.lacking, " ", larger_plan()), tone="info"),
            rx.cond(is_full, notice(WebhooksState.limit, tone="info")),
        ),
        card(
            rx.cond(
                WebhooksState.failure != "",
                could_not_be_read(WebhooksState, again=again),
                rx.cond(
                    WebhooksState.is_loaded,
                    rx.cond(
                        WebhooksState.rows.length() > 0,
                        rx.el.ul(rx.foreach(WebhooksState.rows, _endpoint)),
                        empty_state(
                            "webhook",
                            "No server of yours is told",
                            "Add an address, and it hears of conversations, messages, escalations, "
                            "documents and ratings as they happen.",
                        ),
                    ),
                    skeleton_rows(2),
                ),
            )
        ),
        note="tell your own servers what happens here, signed as Standard Webhooks",
        actions=rx.cond(
            WebhooksState.is_loaded & ~is_full & ~lacks,
            button(
                icon("plus"), "Add a webhook", type="button", emphasis="primary", on_click=_editor.begin()
            ),
        ),
        heading_id=WEBHOOKS,
    )


def _endpoint(row: EndpointRow) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.div(
                rx.el.p(row.url, class_name="min-w-0 font-mono text-small font-medium wrap-anywhere"),
                badge(row.status, row.tone),
                class_name="flex flex-wrap items-center gap-x-2.5 gap-y-1",
            ),
            rx.el.p(row.description, class_name="text-table break-words empty:hidden"),
            rx.el.p(row.events, class_name="text-small break-words text-muted"),
            rx.el.p(row.problem, class_name="text-small break-words text-danger empty:hidden"),
            rx.el.p(row.note, class_name="text-small text-muted empty:hidden"),
            class_name="flex min-w-0 flex-1 basis-60 flex-col gap-0.5",
        ),
        _actions(row),
        key=row.id,
        class_name="flex flex-wrap items-start gap-x-3 gap-y-2 border-b border-border px-4 py-3 "
        "last:border-b-0",
    )


def _actions(row: EndpointRow) -> rx.Component:
    renewal = f"webhook-secret-{row.id}"
    return rx.el.div(
        button(
            "Log",
            type="button",
            size="small",
            aria_label=f"Log of {row.url}",
            on_click=_log.open_log(row.id, row.url),
        ),
        row_menu(
            menu_item("Change", "pencil", on_click=_editor.edit(row.id)),
            menu_item("Send a test event", "send", on_click=_log.send_test(row.id, row.url)),
            menu_item("Make a new secret", "key-round", **opens(renewal)),
            menu_item(
                rx.cond(row.is_on, "Switch off", "Switch on"),
                "power",
                on_click=_state.switch(row.id, ~row.is_on),
            ),
            kind="webhook",
            id=row.id,
            name=row.url,
            question="Delete this webhook?",
            consequence=f"{row.url} hears of nothing more. What is on its way there is not sent, and its log "
            "goes for good. To pause it, switch it off.",
            on_delete=_state.delete(row.id),
        ),
        confirm(
            id=renewal,
            title="Make a new secret?",
            consequence="It is shown once. For 24 hours every event is signed with the old one too, so that "
            "your server misses none meanwhile.",
            act="Make a new secret",
            on_confirm=_editor.rotate(row.id),
        ),
        class_name="ml-auto flex items-center gap-1",
    )
