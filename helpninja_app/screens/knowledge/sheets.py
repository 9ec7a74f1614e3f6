"""How failed pages and passages look, in sheets from the side."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.screens.knowledge.deleted_state import DeletedRow, DeletedState
from helpninja_app.screens.knowledge.runs_state import RunRow, RunsState
from helpninja_app.screens.knowledge.sheets_state import (
    FailedPage,
    FailedPagesState,
    PassageRow,
    PassagesState,
)
from helpninja_app.screens.knowledge.sources_state import SourcesState
from helpninja_app.screens.knowledge.state import KnowledgeState
from helpninja_app.screens.shell.frame import refused
from helpninja_app.ui.actions import button
from helpninja_app.ui.badges import badge
from helpninja_app.ui.dialogs import closes, sheet
from helpninja_app.ui.icons import icon
from helpninja_app.ui.panels import empty_state, failed_state, skeleton_rows
from helpninja_app.ui.tables import pages

_failed: Any = FailedPagesState
_passages: Any = PassagesState
_sources: Any = SourcesState
_runs: Any = RunsState
_deleted_state: Any = DeletedState


def failed_pages_sheet() -> rx.Component:
    return sheet(
        _list(
            FailedPagesState,
            rx.el.ul(rx.foreach(FailedPagesState.rows, _failed_page)),
            empty_state("circle-check", "No page has failed", "They were read again meanwhile."),
            again=_failed.turn_page(0),
        ),
        id="failed-pages",
        title="Pages that could not be read",
        actions=(
            rx.cond(
                KnowledgeState.may_write,
                button(
                    icon("rotate-cw"),
                    "Try failed pages again",
                    type="button",
                    emphasis="primary",
                    on_click=_sources.retry(FailedPagesState.job_id),
                    **closes(),
                ),
            ),
        ),
        is_shown=FailedPagesState.is_open,
        on_close=_failed.close,
    )


def passages_sheet() -> rx.Component:
    return sheet(
        _list(
            PassagesState,
            rx.el.ol(rx.foreach(PassagesState.rows, _passage)),
            empty_state("file-text", "There are no passages yet", "They appear once the document is read."),
            again=_passages.turn_page(0),
        ),
        id="passages",
        title=rx.cond(PassagesState.title != "", f"Passages of {PassagesState.title}", "Passages"),
        is_shown=PassagesState.is_open,
        on_close=_passages.close,
    )


def runs_sheet() -> rx.Component:
    return sheet(
        _list(
            RunsState,
            rx.el.ol(rx.foreach(RunsState.rows, _run)),
            empty_state("history", "It was not read yet", "What each run found is kept here, the last ten."),
            again=_runs.turn_page(0),
        ),
        id="runs",
        title=rx.cond(RunsState.name != "", f"Runs of {RunsState.name}", "Runs"),
        is_shown=RunsState.is_open,
        on_close=_runs.close,
    )


def deleted_sheet() -> rx.Component:
    return sheet(
        refused(DeletedState),
        _list(
            DeletedState,
            rx.el.ul(rx.foreach(DeletedState.rows, _deleted)),
            empty_state(
                "trash-2", "Nothing is deleted", "What is deleted can be brought back here for seven days."
            ),
            again=_deleted_state.turn_page(0),
        ),
        id="deleted",
        title="Deleted in the last seven days",
        is_shown=DeletedState.is_open,
        on_close=_deleted_state.close,
    )


def _list(state: Any, rows: rx.Component, nothing: rx.Component, *, again: Any) -> rx.Component:
    return rx.cond(
        state.failure != "",
        failed_state(state.failure, retry=again),
        rx.cond(
            state.is_loaded,
            rx.cond(
                state.rows.length() > 0,
                rx.fragment(
                    rows,
                    rx.cond(
                        state.total > state.rows.length(),
                        pages(
                            state.shown,
                            is_first=state.page == 0,
                            is_last=state.is_last,
                            back=state.turn_page(-1),
                            on=state.turn_page(1),
                            name="Pages of this list",
                        ),
                    ),
                ),
                nothing,
            ),
            skeleton_rows(4),
        ),
    )


def _failed_page(page: FailedPage) -> rx.Component:
    return rx.el.li(
        rx.el.a(
            page.url,
            href=page.url,
            target="_blank",
            rel="noopener noreferrer",
            class_name="rounded-chip text-table font-medium wrap-anywhere hover:underline",
        ),
        rx.el.p(page.reason, class_name="text-table text-muted"),
        class_name="flex flex-col gap-0.5 border-b border-border py-3 last:border-b-0",
    )


def _deleted(item: DeletedRow) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.p(item.name, class_name="text-table font-medium wrap-anywhere"),
            rx.el.p(
                item.what,
                " · ",
                rx.el.time(item.when, date_time=item.machine_time, title=item.moment),
                class_name="text-small text-muted",
            ),
            class_name="min-w-0 flex-1",
        ),
        button(
            "Restore",
            type="button",
            size="small",
            aria_label=f"Restore {item.name}",
            disabled=DeletedState.is_busy,
            on_click=_deleted_state.restore(item.kind, item.id),
        ),
        key=item.id,
        class_name="flex items-center gap-3 border-b border-border py-3 last:border-b-0",
    )


def _run(run: RunRow) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            badge(run.status, run.tone),
            rx.el.span(run.cause, class_name="min-w-0 flex-1 text-muted"),
            rx.el.time(
                run.when,
                date_time=run.machine_time,
                title=run.moment,
                class_name="shrink-0 text-muted tabular-nums",
            ),
            class_name="flex items-center gap-2.5 text-table",
        ),
        rx.el.p(run.outcome, class_name="text-table tabular-nums empty:hidden"),
        rx.el.p(run.reason, class_name="text-table break-words text-muted empty:hidden"),
        rx.cond(
            run.failed_pages != "",
            button(
                run.failed_pages,
                type="button",
                size="small",
                aria_haspopup="dialog",
                on_click=_failed.open_failed(run.job_id),
            ),
        ),
        key=run.job_id,
        class_name="flex flex-col items-start gap-1.5 border-b border-border py-3 last:border-b-0 "
        "*:first:w-full",
    )


def _passage(passage: PassageRow) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.span(passage.position, class_name="text-muted tabular-nums"),
            rx.el.span(passage.place, class_name="min-w-0 flex-1 font-medium break-words"),
            rx.el.span(passage.size, class_name="shrink-0 text-small text-muted tabular-nums"),
            class_name="flex items-baseline gap-2.5 text-table",
        ),
        rx.el.p(passage.text, class_name="text-table whitespace-pre-wrap break-words text-muted"),
        class_name="flex flex-col gap-1 border-b border-border py-3 last:border-b-0",
    )
