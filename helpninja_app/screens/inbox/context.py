"""What is known about the open conversation: why it was handed over, its passages and its visitor."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.screens.inbox.choosing_state import MAX_TAG
from helpninja_app.screens.inbox.head import CONTEXT
from helpninja_app.screens.inbox.list_state import PATH
from helpninja_app.screens.inbox.rows import PassageRow, PastRow
from helpninja_app.screens.inbox.state import InboxState
from helpninja_app.ui.actions import button
from helpninja_app.ui.badges import badge
from helpninja_app.ui.dialogs import sheet
from helpninja_app.ui.forms import hidden_field
from helpninja_app.ui.icons import icon
from helpninja_app.ui.panels import card

_state: Any = InboxState


def context() -> rx.Component:
    """Beside the thread where there is room; below that it is a sheet."""
    return rx.cond(
        InboxState.conversation_id != "",
        rx.el.aside(
            *_parts(),
            aria_label="About this conversation",
            class_name="hidden w-73 shrink-0 flex-col gap-6 overflow-y-auto border-l border-border px-4 py-4 "
            "wide:flex",
        ),
    )


def context_sheet() -> rx.Component:
    return sheet(*_parts(), id=CONTEXT, title="About this conversation", is_read=True)


def _parts() -> tuple[rx.Component, ...]:
    return (
        rx.cond((InboxState.doubted != "") | (InboxState.reasons != ""), _doubt()),
        rx.cond(InboxState.passages.length() > 0, _passages()),
        rx.cond(InboxState.csat != "", _csat()),
        _visitor(),
        _tags(),
    )


def _part(title: Any, *content: rx.Component) -> rx.Component:
    return rx.el.section(
        rx.el.h3(title, class_name="text-body font-semibold"), *content, class_name="flex flex-col gap-2"
    )


def _doubt() -> rx.Component:
    return _part(
        rx.cond(InboxState.was_escalated, "Why it handed over", "How sure it was"),
        card(
            rx.cond(InboxState.doubted != "", _confidence()),
            rx.el.p(
                rx.cond(InboxState.reasons != "", f"{InboxState.reasons} ", ""),
                rx.cond(
                    InboxState.doubted != "",
                    rx.el.span(f"Threshold {InboxState.threshold}.", class_name="inline-block"),
                ),
                class_name="text-small text-pretty text-muted",
            ),
            class_name="flex flex-col gap-2 px-3 py-2.5",
        ),
    )


def _confidence() -> rx.Component:
    return rx.fragment(
        rx.el.div(
            rx.el.span("Confidence", class_name="text-muted"),
            rx.el.span(InboxState.doubted, class_name="font-semibold tabular-nums"),
            class_name="flex justify-between gap-2 text-body",
        ),
        rx.el.div(
            rx.el.div(
                class_name=rx.cond(
                    InboxState.is_sure, "h-full rounded-full bg-success", "h-full rounded-full bg-warning"
                ),
                style={"width": f"{InboxState.doubt}%"},
            ),
            role="progressbar",
            aria_label="Confidence",
            aria_valuemin=0,
            aria_valuemax=100,
            aria_valuenow=InboxState.doubt,
            class_name="h-1.5 w-full overflow-hidden rounded-full bg-border",
        ),
    )


def _passages() -> rx.Component:
    return _part(
        "Passages used",
        rx.el.p(
            "In the answer at ",
            rx.el.span(InboxState.explained_at, class_name="tabular-nums"),
            class_name="-mt-1.5 text-small text-muted",
        ),
        rx.el.ul(rx.foreach(InboxState.passages, _passage), class_name="flex flex-col"),
    )


def _passage(passage: PassageRow) -> rx.Component:
    is_marked = InboxState.passage == passage.button
    shape = "border-t py-2 "
    return rx.el.li(
        rx.el.p(
            rx.el.span(
                passage.n,
                " · ",
                rx.cond(
                    passage.url != "",
                    rx.el.a(
                        passage.title,
                        href=passage.url,
                        target="_blank",
                        rel="noopener nofollow ugc",
                        class_name="underline",
                    ),
                    passage.title,
                ),
                title=passage.title,
                class_name="min-w-0 truncate font-semibold",
            ),
            rx.el.span(passage.score, class_name="shrink-0 text-muted tabular-nums"),
            class_name="flex justify-between gap-2 text-table",
        ),
        rx.el.p(passage.snippet, class_name="line-clamp-3 text-small text-muted wrap-anywhere"),
        key=passage.button,
        data_passage=passage.button,
        aria_current=rx.cond(is_marked, "true", "false"),
        class_name=rx.cond(
            is_marked,
            shape + "-mx-2 rounded-chip border-transparent bg-accent-soft/60 px-2",
            shape + "border-border",
        ),
    )


def _csat() -> rx.Component:
    return _part(
        "The visitor's rating",
        rx.el.div(badge(InboxState.csat, InboxState.csat_tone), class_name="flex"),
        rx.cond(
            InboxState.csat_comment != "",
            rx.el.blockquote(
                InboxState.csat_comment,
                class_name="border-l-2 border-border-strong pl-3 text-table wrap-anywhere "
                "whitespace-pre-wrap",
            ),
        ),
    )


def _visitor() -> rx.Component:
    return _part(
        "Visitor",
        rx.el.dl(
            rx.cond(InboxState.given_name != "", _fact("Name", InboxState.given_name)),
            rx.cond(
                InboxState.email != "",
                _fact(
                    "E-mail",
                    rx.el.a(InboxState.email, href=InboxState.mail_link, class_name="underline"),
                ),
            ),
            rx.cond(
                InboxState.page != "",
                _fact(
                    "Page",
                    rx.cond(
                        InboxState.page_url != "",
                        rx.el.a(
                            InboxState.page,
                            href=InboxState.page_url,
                            target="_blank",
                            rel="noopener nofollow ugc",
                            title=InboxState.page,
                            class_name="block truncate underline",
                        ),
                        rx.el.span(InboxState.page, title=InboxState.page, class_name="block truncate"),
                    ),
                ),
            ),
            rx.cond(InboxState.language != "", _fact("Language", InboxState.language)),
            rx.cond(InboxState.local_time != "", _fact("Local time", InboxState.local_time)),
            _fact("First seen", f"{InboxState.first_seen}, {InboxState.conversations}"),
            class_name="flex flex-col gap-1.5",
        ),
        rx.cond(
            InboxState.past.length() > 0,
            rx.el.div(
                rx.el.h4("Before", class_name="text-table font-medium"),
                rx.el.ul(rx.foreach(InboxState.past, _past), class_name="flex flex-col gap-1"),
                class_name="mt-1 flex flex-col gap-1",
            ),
        ),
    )


def _fact(name: str, value: Any) -> rx.Component:
    return rx.el.div(
        rx.el.dt(name, class_name="w-16 shrink-0 text-muted"),
        rx.el.dd(value, class_name="min-w-0 wrap-anywhere"),
        class_name="flex gap-2 text-table",
    )


def _past(row: PastRow) -> rx.Component:
    return rx.el.li(
        rx.el.a(
            rx.el.span(row.label, class_name="min-w-0 truncate"),
            badge(row.status, row.tone),
            href=f"{PATH}?conversation={row.id}",
            class_name="flex items-center justify-between gap-2 rounded-chip py-0.5 text-small "
            "hover:bg-subtle",
        )
    )


def _tags() -> rx.Component:
    return _part(
        "Tags",
        rx.el.ul(rx.foreach(InboxState.tags, _tag), class_name="flex flex-wrap gap-1.5 empty:hidden"),
        rx.cond(
            InboxState.may_answer,
            rx.el.form(
                rx.el.input(
                    name="tag",
                    type="text",
                    aria_label="A tag",
                    placeholder="Add a tag",
                    max_length=MAX_TAG,
                    auto_complete="off",
                    class_name="h-8 min-w-0 flex-1 rounded-control border border-border-strong bg-bg px-2.5 "
                    "text-table placeholder:text-muted",
                ),
                hidden_field("conversation", InboxState.conversation_id),
                button("Add", type="submit", disabled=InboxState.is_busy),
                on_submit=_state.add_tag,
                reset_on_submit=True,
                class_name="flex gap-2",
            ),
            rx.cond(InboxState.tags.length() == 0, rx.el.p("None.", class_name="text-table text-muted")),
        ),
    )


def _tag(tag: Any) -> rx.Component:
    return rx.el.li(
        rx.el.span(tag),
        rx.cond(
            InboxState.may_answer,
            rx.el.button(
                icon("x"),
                type="button",
                aria_label=f"Remove the tag {tag}",
                on_click=_state.remove_tag(InboxState.conversation_id, tag),
                class_name="flex size-6 items-center justify-center rounded-chip hover:bg-border/60",
            ),
        ),
        key=tag,
        class_name="flex min-h-6 items-center gap-1 rounded-chip border border-border bg-subtle pl-2 "
        "text-small font-medium",
    )
