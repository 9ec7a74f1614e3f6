"""How the log of a webhook looks: each event, what is sent and answered at each attempt, sending it again."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.screens.shell.frame import refused
from helpninja_app.screens.webhooks.log_state import EVENTS, AttemptRow, EventRow, WebhookLogState
from helpninja_app.ui.actions import button
from helpninja_app.ui.badges import badge
from helpninja_app.ui.code import code_block
from helpninja_app.ui.dialogs import sheet
from helpninja_app.ui.following import follower
from helpninja_app.ui.forms import segments
from helpninja_app.ui.icons import icon
from helpninja_app.ui.panels import empty_state, failed_state, skeleton_rows

# Reflex' types do not know what the decorated handlers can do.
_state: Any = WebhookLogState
_STATUSES = (("", "All"), ("waiting", "Waiting"), ("sent", "Sent"), ("failed", "Failed"))


def webhook_log() -> rx.Component:
    return sheet(
        rx.el.p(WebhookLogState.place, class_name="font-mono text-small wrap-anywhere text-muted"),
        rx.el.div(
            segments(
                "Which are shown",
                name="webhook-status",
                options=_STATUSES,
                chosen=WebhookLogState.status,
                on_choose=_state.choose_status,
            ),
            rx.el.div(
                button(
                    icon("send"),
                    "Send a test event",
                    type="button",
                    size="small",
                    on_click=_state.send_test(WebhookLogState.endpoint_id, WebhookLogState.place),
                ),
                button(
                    icon("rotate-cw"), "Look again", type="button", size="small", on_click=_state.read_again
                ),
                class_name="flex flex-wrap gap-2",
            ),
            class_name="flex flex-wrap items-center justify-between gap-2",
        ),
        refused(WebhookLogState),
        rx.el.p(WebhookLogState.said, role="status", class_name="text-table text-success empty:hidden"),
        rx.cond(
            WebhookLogState.failure != "",
            failed_state(WebhookLogState.failure, retry=_state.read_again),
            rx.cond(
                WebhookLogState.is_loaded,
                rx.cond(WebhookLogState.rows.length() > 0, _rows(), _nothing()),
                # Nothing loads in a sheet that is closed.
                rx.cond(WebhookLogState.is_open, skeleton_rows(4)),
            ),
        ),
        rx.cond(WebhookLogState.is_open, follower(WebhookLogState)),
        id="webhook-log",
        title="Log of the webhook",
        is_shown=WebhookLogState.is_open,
        on_close=_state.close,
        is_wide=True,
    )


def _rows() -> rx.Component:
    return rx.fragment(
        rx.el.ul(
            rx.foreach(WebhookLogState.rows, _event),
            id=EVENTS,
            tab_index=-1,
            aria_label="Events",
            class_name="rounded-card border border-border",
        ),
        rx.cond(
            WebhookLogState.has_more,
            rx.el.div(
                button("Show more", type="button", size="small", on_click=_state.show_more),
                class_name="flex justify-center",
            ),
        ),
    )


def _event(row: EventRow) -> rx.Component:
    is_opened = WebhookLogState.opened == row.id
    # Reflex' types do not know that this is a Var.
    sent: Any = WebhookLogState.sent
    return rx.el.li(
        rx.el.div(
            rx.el.div(
                rx.el.p(row.event, class_name="text-table font-medium"),
                rx.el.code(row.type, class_name="font-mono text-small text-muted"),
                class_name="flex min-w-0 flex-1 flex-wrap items-baseline gap-x-2.5 gap-y-0.5",
            ),
            rx.el.div(
                badge(row.status, row.tone),
                rx.el.time(
                    row.when,
                    date_time=row.machine_time,
                    title=row.moment,
                    class_name="min-w-18 text-right text-small text-muted tabular-nums",
                ),
                class_name="flex shrink-0 items-center gap-2",
            ),
            class_name="flex items-start justify-between gap-3",
        ),
        rx.el.p(row.problem, class_name="text-small break-words text-danger empty:hidden"),
        rx.el.div(
            rx.el.p(row.note, class_name="min-w-0 flex-1 basis-40 text-small text-muted"),
            rx.el.div(
                button(
                    rx.cond(is_opened, icon("chevron-up"), icon("chevron-down")),
                    "Details",
                    type="button",
                    size="small",
                    emphasis="quiet",
                    aria_label=f"Details: {row.event}, {row.when}",
                    aria_expanded=rx.cond(is_opened, "true", "false"),
                    on_click=_state.look_into(row.id),
                ),
                rx.cond(
                    row.may_resend,
                    button(
                        icon("rotate-cw"),
                        "Send again",
                        type="button",
                        size="small",
                        disabled=WebhookLogState.is_busy,
                        aria_label=f"Send again: {row.event}, {row.when}",
                        on_click=_state.send_again(row.id),
                    ),
                ),
                class_name="ml-auto flex gap-1",
            ),
            class_name="flex flex-wrap items-center justify-between gap-x-3 gap-y-1",
        ),
        rx.cond(
            is_opened,
            rx.cond(sent.id == row.id, _sent(), skeleton_rows(2)),
        ),
        key=row.id,
        class_name="flex flex-col gap-1 border-b border-border px-4 py-3 last:border-b-0",
    )


def _sent() -> rx.Component:
    # Reflex' types do not know that this is a Var.
    sent: Any = WebhookLogState.sent
    return rx.el.div(
        rx.el.p(
            rx.el.code("webhook-id", class_name="font-mono"),
            ": ",
            rx.el.code(sent.id, class_name="font-mono text-text select-all"),
            class_name="text-small wrap-anywhere text-muted",
        ),
        rx.cond(
            sent.log.length() > 0,
            rx.el.ul(
                rx.foreach(sent.log, _attempt),
                aria_label="Attempts",
                class_name="flex flex-col gap-1.5 text-small text-muted",
            ),
        ),
        code_block(sent.body, label="What is sent", is_long=True),
        rx.el.p(sent.cut, class_name="text-small text-muted empty:hidden"),
        class_name="mt-1 flex flex-col gap-3",
    )


def _attempt(attempt: AttemptRow) -> rx.Component:
    return rx.el.li(
        rx.el.time(
            attempt.when,
            date_time=attempt.machine_time,
            title=attempt.moment,
            class_name="w-29 shrink-0 tabular-nums",
        ),
        rx.el.span(attempt.took, class_name="w-16 shrink-0 text-right tabular-nums"),
        rx.el.span(attempt.became, class_name="min-w-0 flex-1 basis-48 break-words"),
        rx.cond(
            attempt.answer != "",
            rx.el.figure(
                rx.el.figcaption("Its answer begins:"),
                rx.el.pre(
                    attempt.answer,
                    class_name="mt-1 rounded-control bg-subtle px-3 py-2 font-mono wrap-anywhere "
                    "whitespace-pre-wrap text-text",
                ),
                class_name="m-0 w-full",
            ),
        ),
        # On a phone what became of it stands below.
        class_name="flex flex-wrap gap-x-3 gap-y-1",
    )


def _nothing() -> rx.Component:
    return rx.cond(
        WebhookLogState.status != "",
        empty_state("search-x", "Nothing matches", "Choose another status."),
        empty_state("send", "Nothing happened yet", "What it is told of appears here, for 30 days."),
    )
