"""How the outbox looks: each message to a destination, what became of it, and sending it again."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.screens.escalation.deliveries_state import OUTBOX, DeliveriesState, DeliveryRow
from helpninja_app.screens.inbox.list_state import PATH as INBOX
from helpninja_app.screens.shell.frame import refused
from helpninja_app.ui.actions import button
from helpninja_app.ui.badges import badge
from helpninja_app.ui.forms import segments
from helpninja_app.ui.icons import icon
from helpninja_app.ui.panels import card, empty_state, failed_state, section, skeleton_rows
from helpninja_app.ui.tables import Column, cell, pages, row, table

_state: Any = DeliveriesState

_WIDE_ONLY = "hidden tablet:table-cell"
_COLUMNS = (
    Column("Sent to"),
    Column("Why", f"w-52 {_WIDE_ONLY}"),
    Column("Status", "w-44 tablet:w-80"),
    Column("When", f"w-32 text-right {_WIDE_ONLY}"),
)
_STATUSES = (("", "All"), ("waiting", "Waiting"), ("sent", "Sent"), ("failed", "Failed"))


def deliveries_tab() -> rx.Component:
    return section(
        "Outbox",
        refused(DeliveriesState),
        card(
            rx.cond(
                DeliveriesState.failure != "",
                failed_state(DeliveriesState.failure, retry=DeliveriesState.open_deliveries),
                rx.cond(
                    DeliveriesState.is_loaded,
                    rx.cond(DeliveriesState.rows.length() > 0, _table(), _nothing()),
                    skeleton_rows(4),
                ),
            )
        ),
        note="every escalation to every destination; what fails is tried ten times",
        actions=rx.el.div(
            segments(
                "Which are shown",
                name="delivery-status",
                options=_STATUSES,
                chosen=DeliveriesState.status,
                on_choose=_state.choose_status,
            ),
            data_forgets="status",
        ),
        heading_id=OUTBOX,
    )


def _table() -> rx.Component:
    return rx.fragment(
        table("Outbox", _COLUMNS, rx.foreach(DeliveriesState.rows, _delivery)),
        rx.cond(
            DeliveriesState.total > DeliveriesState.rows.length(),
            pages(
                DeliveriesState.shown,
                is_first=DeliveriesState.page == 0,
                is_last=DeliveriesState.is_last,
                back=_state.turn_page(-1),
                on=_state.turn_page(1),
                name="Pages of the outbox",
            ),
        ),
    )


def _delivery(delivery: DeliveryRow) -> rx.Component:
    return row(
        cell(
            rx.el.p(delivery.name, class_name="font-medium break-words"),
            rx.el.p(delivery.kind, class_name="text-small text-muted empty:hidden"),
            rx.el.div(
                _why(delivery), _when(delivery), class_name="mt-1 flex flex-col items-start tablet:hidden"
            ),
        ),
        cell(_why(delivery), class_name=_WIDE_ONLY),
        cell(_status(delivery)),
        cell(_when(delivery), class_name=f"text-right {_WIDE_ONLY}"),
        key=delivery.id,
    )


def _why(delivery: DeliveryRow) -> rx.Component:
    return rx.el.a(
        delivery.reason,
        rx.el.span(": open the conversation", class_name="sr-only"),
        href=f"{INBOX}?conversation={delivery.conversation_id}",
        class_name="rounded-chip text-accent-text underline-offset-4 hover:underline",
    )


def _when(delivery: DeliveryRow) -> rx.Component:
    return rx.el.time(
        delivery.when,
        date_time=delivery.machine_time,
        title=delivery.moment,
        class_name="text-muted tabular-nums",
    )


def _status(delivery: DeliveryRow) -> rx.Component:
    return rx.el.div(
        badge(delivery.status, delivery.tone),
        rx.el.p(delivery.note, delivery.problem, class_name="text-small break-words text-muted empty:hidden"),
        rx.cond(
            delivery.may_resend,
            button(
                icon("rotate-cw"),
                "Send again",
                type="button",
                size="small",
                aria_label=f"Send again to {delivery.name}",
                disabled=DeliveriesState.is_busy,
                on_click=_state.resend(delivery.id),
            ),
        ),
        class_name="flex flex-col items-start gap-1.5",
    )


def _nothing() -> rx.Component:
    return rx.cond(
        DeliveriesState.status != "",
        empty_state("search-x", "Nothing matches", "Choose another status."),
        empty_state(
            "send",
            "Nothing was sent yet",
            "When a visitor needs a person, each message about it to each destination appears here.",
        ),
    )
