"""How the sources look: a table with what each holds, did last, and may be told to do."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.screens.knowledge.audiences import audience_chip, audience_item, public_question
from helpninja_app.screens.knowledge.rows import SourceRow
from helpninja_app.screens.knowledge.runs_state import RunsState
from helpninja_app.screens.knowledge.sheets_state import FailedPagesState
from helpninja_app.screens.knowledge.sources_state import SourcesState
from helpninja_app.screens.knowledge.state import KnowledgeState
from helpninja_app.screens.shell.frame import refused
from helpninja_app.ui.actions import button
from helpninja_app.ui.badges import badge
from helpninja_app.ui.forms import select_box
from helpninja_app.ui.menus import menu_choice, menu_group, menu_item, menu_line
from helpninja_app.ui.panels import card, empty_state, failed_state, skeleton_rows
from helpninja_app.ui.progress import progress
from helpninja_app.ui.rows import actions_column, row_menu
from helpninja_app.ui.tables import Column, cell, pages, row, table

# Reflex' types do not know what the decorated handlers can do.
_state: Any = SourcesState
_failed_pages: Any = FailedPagesState
_runs: Any = RunsState

_WIDE_ONLY = "hidden tablet:table-cell"
_COLUMNS = (
    Column("Source"),
    Column("Documents", f"w-32 {_WIDE_ONLY}"),
    Column("Status", "w-36 tablet:w-44"),
    Column("Last read", f"w-52 {_WIDE_ONLY}"),
    Column("Read again", f"w-32 {_WIDE_ONLY}"),
    actions_column(),
)
_SCHEDULES = (("off", "Never"), ("daily", "Daily"), ("weekly", "Weekly"))


def sources_tab() -> rx.Component:
    return rx.el.div(
        refused(SourcesState),
        card(
            rx.cond(
                SourcesState.failure != "",
                failed_state(SourcesState.failure, retry=SourcesState.open_sources),
                rx.cond(
                    SourcesState.is_loaded,
                    rx.cond(SourcesState.rows.length() > 0, _table(), _nothing()),
                    skeleton_rows(4),
                ),
            )
        ),
        class_name="flex flex-col gap-4",
    )


def _table() -> rx.Component:
    return rx.fragment(
        table("Sources", _COLUMNS, rx.foreach(SourcesState.rows, _source)),
        rx.cond(
            SourcesState.total > SourcesState.rows.length(),
            pages(
                SourcesState.shown,
                is_first=SourcesState.page == 0,
                is_last=SourcesState.is_last,
                back=_state.turn_page(-1),
                on=_state.turn_page(1),
                name="Pages of sources",
            ),
        ),
    )


def _source(source: SourceRow) -> rx.Component:
    return row(
        cell(
            rx.el.p(source.name, class_name="line-clamp-2 font-medium wrap-anywhere", title=source.name),
            rx.el.div(
                rx.el.span(source.kind),
                audience_chip(source.audience, source.is_public),
                rx.cond(source.exceptions != "", rx.el.span(source.exceptions)),
                class_name="mt-1 flex flex-wrap items-center gap-2 text-small text-muted",
            ),
        ),
        cell(source.documents, class_name=f"text-muted tabular-nums {_WIDE_ONLY}"),
        cell(_status(source)),
        cell(_last_run(source), class_name=_WIDE_ONLY),
        cell(_schedule(source), class_name=_WIDE_ONLY),
        cell(
            rx.cond(KnowledgeState.may_write | source.is_from_web, _actions(source)), class_name="text-right"
        ),
        key=source.id,
    )


def _status(source: SourceRow) -> rx.Component:
    return rx.el.div(
        badge(source.status, source.tone),
        rx.cond(
            source.is_running,
            rx.fragment(
                rx.el.p(source.progress, class_name="text-small text-muted tabular-nums"),
                progress(source.name, source.percent),
                rx.cond(
                    KnowledgeState.may_write,
                    button(
                        "Cancel",
                        type="button",
                        size="small",
                        aria_label=f"Cancel reading {source.name}",
                        on_click=_state.cancel(source.job_id),
                    ),
                ),
            ),
        ),
        rx.cond(source.reason != "", rx.el.p(source.reason, class_name="text-small break-words text-muted")),
        rx.cond(
            ~source.is_running & (source.failed_pages != ""),
            button(
                source.failed_pages,
                type="button",
                size="small",
                aria_haspopup="dialog",
                on_click=_failed_pages.open_failed(source.job_id),
            ),
        ),
        class_name="flex flex-col items-start gap-1.5",
    )


def _last_run(source: SourceRow) -> rx.Component:
    return rx.fragment(
        rx.el.time(source.when, date_time=source.machine_time, title=source.moment, class_name="text-muted"),
        rx.el.p(source.outcome, class_name="text-small text-muted tabular-nums empty:hidden"),
    )


def _schedule(source: SourceRow) -> rx.Component:
    chosen = rx.match(source.schedule, *_SCHEDULES, source.schedule)
    return rx.cond(
        source.is_from_web,
        rx.cond(
            KnowledgeState.may_write,
            select_box(
                f"How often {source.name} is read again",
                *(rx.el.option(label, value=value) for value, label in _SCHEDULES),
                size="small",
                value=source.schedule,
                title=source.next_run,
                on_change=lambda schedule: _state.choose_schedule(source.id, schedule),
            ),
            rx.el.span(chosen, class_name="text-muted"),
        ),
        rx.el.span("—", class_name="text-muted", aria_label="Cannot be read again"),
    )


def _schedule_in_menu(source: SourceRow) -> rx.Component:
    """Where the column of the schedule has no room."""
    return rx.el.div(
        menu_group(
            "Read again",
            *(
                menu_choice(
                    label,
                    "calendar-clock" if value != "off" else "calendar-off",
                    is_chosen=source.schedule == value,
                    on_choose=_state.choose_schedule(source.id, value),
                )
                for value, label in _SCHEDULES
            ),
        ),
        menu_line(),
        class_name="tablet:hidden",
    )


def _changes(source: SourceRow, public: Any) -> rx.Component:
    return rx.fragment(
        rx.cond(
            source.is_from_web & ~source.is_running,
            menu_item("Read again now", "refresh-cw", on_click=_state.read_again(source.id)),
        ),
        rx.cond(
            (source.failed_pages != "") & ~source.is_running,
            menu_item("Try failed pages again", "rotate-cw", on_click=_state.retry(source.job_id)),
        ),
        rx.cond(source.is_from_web, _schedule_in_menu(source)),
        audience_item(
            source.is_public,
            question=public,
            on_members=_state.choose_audience(source.id, "members"),
        ),
    )


def _actions(source: SourceRow) -> rx.Component:
    public = f"source-public-{source.id}"
    return rx.fragment(
        row_menu(
            rx.cond(
                source.is_from_web,
                menu_item("Show its runs", "history", on_click=_runs.open_runs(source.id)),
            ),
            rx.cond(KnowledgeState.may_write, _changes(source, public)),
            kind="source",
            id=source.id,
            name=source.name,
            question=f"Delete {source.name}?",
            consequence="The assistant no longer answers from it. You can restore it for seven days.",
            on_delete=_state.delete(source.id),
            may_delete=KnowledgeState.may_write,
        ),
        public_question(
            id=public,
            what=rx.fragment(source.name, " with ", source.documents),
            on_confirm=_state.choose_audience(source.id, "visitors"),
        ),
    )


def _nothing() -> rx.Component:
    return empty_state(
        "book-open",
        "There is nothing to answer from yet",
        rx.cond(
            KnowledgeState.may_write,
            "Add your website or its sitemap with “Add website”, or drop files anywhere on this page.",
            "Somebody who looks after the knowledge of this workspace can add a website or files.",
        ),
    )
