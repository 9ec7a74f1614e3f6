"""The page a member lands on: figures, test search, latest conversations, documents, install line."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.conversations.delivery_models import DeliveryStatus
from helpninja_app.screens.escalation.deliveries_state import TAB
from helpninja_app.screens.escalation.integrations_state import PATH as ESCALATION
from helpninja_app.screens.home.rows import ConversationRow, IngestRow
from helpninja_app.screens.home.state import PATH, HomeState
from helpninja_app.screens.knowledge.search import search_section
from helpninja_app.screens.knowledge.state import PATH as KNOWLEDGE
from helpninja_app.screens.shell.frame import dashboard, larger_plan, once_loaded
from helpninja_app.ui.actions import button_link
from helpninja_app.ui.badges import badge
from helpninja_app.ui.code import copied_line
from helpninja_app.ui.icons import icon
from helpninja_app.ui.notices import notice
from helpninja_app.ui.panels import (
    card,
    empty_state,
    page_header,
    section,
    skeleton,
    skeleton_rows,
    stat,
)
from helpninja_app.ui.progress import progress
from helpninja_app.ui.tabs import panel_of

_FAILED_ONES = f"{ESCALATION}?status={DeliveryStatus.FAILED.value}#{panel_of(TAB)}"


def home_page() -> rx.Component:
    return dashboard(
        page_header(
            "Home",
            "What your assistant knows, what it would find, and who talked to it.",
            button_link(icon("book-open"), "Open Knowledge", href=KNOWLEDGE),
        ),
        once_loaded(
            HomeState,
            _figures(),
            rx.cond(
                HomeState.undelivered != "",
                notice(rx.fragment(HomeState.undelivered, " ", _to_the_outbox()), tone="warning"),
            ),
            rx.cond(
                HomeState.documents_full != "",
                notice(rx.fragment(HomeState.documents_full, " ", larger_plan()), tone="warning"),
            ),
            # Nothing is wrong: it is how a plan with one website is meant to be used.
            rx.cond(
                HomeState.sites_full != "",
                notice(rx.fragment(HomeState.sites_full, " ", larger_plan()), tone="info"),
            ),
            _ingests(),
            search_section(),
            _conversations(),
            _install(),
            again=(HomeState.open_page,),
        ),
        path=PATH,
    )


def _to_the_outbox() -> rx.Component:
    return rx.el.a(
        "See what failed", href=_FAILED_ONES, class_name="rounded-chip underline underline-offset-4"
    )


def _figures() -> rx.Component:
    return rx.el.dl(
        stat("Documents", _loaded(HomeState.documents), HomeState.documents_note),
        stat("Passages", _loaded(HomeState.passages), rx.cond(HomeState.is_loaded, "to answer from", "")),
        stat("Conversations", _loaded(HomeState.conversations_total), HomeState.conversations_note),
        stat("Waiting for a person", _loaded(HomeState.waiting), HomeState.waiting_note),
        class_name="grid grid-cols-2 gap-3 wide:grid-cols-4",
    )


def _loaded(value: Any) -> rx.Component:
    return rx.cond(HomeState.is_loaded, value, skeleton("my-1 h-6 w-14"))


def _ingests() -> rx.Component:
    return rx.cond(
        HomeState.ingests.length() > 0,
        section(
            "Reading now",
            card(rx.foreach(HomeState.ingests, _ingest)),
            note="new pages answer as soon as they are read",
        ),
    )


def _ingest(job: IngestRow) -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.el.p(job.address, class_name="truncate text-table font-medium"),
            rx.el.p(job.progress, class_name="shrink-0 text-small text-muted tabular-nums"),
            class_name="flex items-baseline justify-between gap-4",
        ),
        progress(job.address, job.percent),
        class_name="flex flex-col gap-2 border-b border-border px-4 py-3 last:border-b-0",
    )


def _conversations() -> rx.Component:
    return section(
        "Latest conversations",
        card(
            rx.cond(
                HomeState.is_loaded,
                rx.cond(
                    HomeState.latest.length() > 0,
                    rx.el.ul(rx.foreach(HomeState.latest, _conversation)),
                    empty_state(
                        "message-circle",
                        "Nobody has asked anything yet",
                        "Put the widget on your website with the line below, or try it in the demo shop.",
                    ),
                ),
                skeleton_rows(3),
            )
        ),
    )


def _conversation(row: ConversationRow) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.p(row.question, class_name="truncate text-table font-medium"),
            rx.el.time(
                row.when,
                date_time=row.machine_time,
                title=row.moment,
                class_name="shrink-0 text-small text-muted tabular-nums",
            ),
            class_name="flex items-baseline justify-between gap-4",
        ),
        rx.el.div(
            badge(row.status, row.tone),
            rx.cond(row.reason != "", rx.el.span(row.reason)),
            rx.cond(
                row.confidence != "",
                rx.el.span("confidence ", row.confidence, class_name="ml-auto tabular-nums"),
            ),
            class_name="flex items-center gap-2 text-small text-muted",
        ),
        class_name="flex flex-col gap-1.5 border-b border-border px-4 py-3 last:border-b-0",
    )


def _install() -> rx.Component:
    return section(
        "Put it on your website",
        rx.cond(
            HomeState.is_loaded,
            copied_line(
                HomeState.install_line,
                label="The line that installs the widget",
                note="Copied. Paste it before the end of the page's body.",
            ),
            skeleton("h-11 w-full"),
        ),
        note="one line, before the end of the body of every page",
    )
