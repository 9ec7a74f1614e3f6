"""How the audit log looks: one table, filtered and in pages."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.screens.audit_log.state import PATH, AuditState, EntryRow
from helpninja_app.screens.shell.frame import could_not_be_read, dashboard
from helpninja_app.screens.typed import as_read
from helpninja_app.ui.forms import date_box, search_field, select_box
from helpninja_app.ui.panels import card, empty_state, page_header, section, skeleton_rows
from helpninja_app.ui.tables import Column, cell, pages, row, table

_state: Any = AuditState

_KINDS = (
    ("", "Everything"),
    ("member", "Members"),
    ("key", "API keys"),
    ("workspace", "Workspace"),
    ("document", "Documents"),
    ("note", "Notes"),
    ("curated", "Curated answers"),
    ("source", "Websites"),
)
# A year is typed digit by digit, and each of them is a day for the browser.
_TYPED = 400
_WIDE_ONLY = "hidden tablet:table-cell"
_COLUMNS = (
    Column("What"),
    Column("Who", f"w-64 {_WIDE_ONLY}"),
    Column("When", "w-28 text-right"),
)


def audit_page() -> rx.Component:
    return dashboard(
        page_header("Audit log", "Who changed what. Nobody can change it, and it goes with the workspace."),
        section(
            "Entries",
            card(
                rx.cond(
                    AuditState.failure != "",
                    could_not_be_read(AuditState, again=(_state.turn_page(0),)),
                    rx.cond(
                        AuditState.is_loaded,
                        rx.cond(AuditState.rows.length() > 0, _table(), _nothing()),
                        skeleton_rows(5),
                    ),
                )
            ),
            actions=rx.el.div(
                rx.el.div(
                    select_box(
                        "Kind",
                        *(rx.el.option(label, value=value) for value, label in _KINDS),
                        value=AuditState.kind,
                        on_change=_state.choose_kind,
                    ),
                    class_name="flex min-w-32 flex-1 tablet:flex-none",
                ),
                rx.el.div(
                    search_field(
                        "Filter by person",
                        name="person",
                        placeholder="Filter by person",
                        max_length=200,
                        default_value=AuditState.person,
                        key=as_read(AuditState),
                        on_change=_state.choose_person.debounce(_TYPED),
                    ),
                    class_name="flex min-w-44 flex-1",
                ),
                date_box(
                    "From",
                    default_value=AuditState.since,
                    key=as_read(AuditState),
                    on_change=_state.choose_since.debounce(_TYPED),
                ),
                date_box(
                    "Until",
                    default_value=AuditState.until,
                    key=as_read(AuditState),
                    on_change=_state.choose_until.debounce(_TYPED),
                ),
                class_name="flex w-full flex-wrap gap-x-3 gap-y-2 tablet:w-auto",
            ),
        ),
        path=PATH,
    )


def _table() -> rx.Component:
    return rx.fragment(
        table("Audit log", _COLUMNS, rx.foreach(AuditState.rows, _entry)),
        pages(
            AuditState.shown,
            is_first=AuditState.page == 0,
            is_last=AuditState.is_last,
            back=_state.turn_page(-1),
            on=_state.turn_page(1),
        ),
    )


def _entry(entry: EntryRow) -> rx.Component:
    return row(
        cell(
            rx.el.p(
                rx.el.span(entry.what, class_name="font-medium"),
                rx.cond(entry.subject != "", rx.el.span(" · ", entry.subject)),
                class_name="break-words",
            ),
            rx.cond(
                entry.detail != "",
                rx.el.p(entry.detail, class_name="break-words text-small text-muted"),
            ),
        ),
        cell(entry.who, class_name=f"truncate text-muted {_WIDE_ONLY}"),
        cell(
            rx.el.time(entry.when, date_time=entry.machine_time, title=entry.moment),
            class_name="text-right text-muted tabular-nums",
        ),
    )


def _nothing() -> rx.Component:
    return rx.cond(
        AuditState.is_filtered,
        empty_state("scroll-text", "Nothing matches", "Choose another kind, person or days."),
        empty_state("scroll-text", "There is nothing yet", "Changes appear as soon as somebody makes one."),
    )
