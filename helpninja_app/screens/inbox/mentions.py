"""How the notes look that mention oneself: their number in the head of the list, and what they say."""

from __future__ import annotations

import reflex as rx

from helpninja_app.screens.inbox.list_state import PATH, InboxListState
from helpninja_app.screens.inbox.rows import MentionRow
from helpninja_app.ui.actions import button
from helpninja_app.ui.icons import icon

_PANEL = "my-mentions"


def mentions() -> rx.Component:
    has_unread = InboxListState.unread_mentions != ""
    return rx.fragment(
        rx.el.button(
            icon("at-sign"),
            rx.cond(
                has_unread,
                rx.el.span(
                    InboxListState.unread_mentions, class_name="text-small font-semibold tabular-nums"
                ),
            ),
            type="button",
            title="Mentions",
            aria_label=rx.cond(has_unread, f"Mentions, {InboxListState.unread_mentions} unread", "Mentions"),
            aria_haspopup="dialog",
            custom_attrs={"popoverTarget": _PANEL},
            class_name=rx.cond(
                has_unread,
                "flex h-7 min-w-7 items-center justify-center gap-1 rounded-control bg-accent-soft px-1.5 "
                "text-accent-text",
                "flex h-7 min-w-7 items-center justify-center gap-1 rounded-control px-1.5 text-muted "
                "hover:bg-border/60 hover:text-text",
            ),
        ),
        rx.el.div(
            rx.el.div(
                rx.el.h2("Mentions", class_name="text-body font-semibold"),
                rx.cond(
                    has_unread,
                    button(
                        "Mark all as read",
                        type="button",
                        size="small",
                        emphasis="quiet",
                        on_click=InboxListState.read_mentions,
                        disabled=InboxListState.is_busy,
                    ),
                ),
                class_name="flex h-9 items-center justify-between gap-2 px-3",
            ),
            rx.cond(
                InboxListState.mentions.length() > 0,
                rx.el.ul(rx.foreach(InboxListState.mentions, _row), class_name="max-h-96 overflow-y-auto"),
                rx.el.p(
                    "Nobody has mentioned you yet. Who writes @ and your name in a note tells you here.",
                    class_name="px-3 pb-3 text-table text-muted",
                ),
            ),
            id=_PANEL,
            role="dialog",
            aria_label="Mentions",
            data_placement="below start",
            custom_attrs={"popover": "auto"},
            class_name="m-0 w-80 max-w-[calc(100vw-1rem)] rounded-card border border-border bg-raised pt-1 "
            "shadow-float",
        ),
    )


def _row(row: MentionRow) -> rx.Component:
    return rx.el.li(
        rx.el.a(
            rx.el.span(
                rx.el.span(
                    row.who,
                    class_name=rx.cond(row.is_unread, "truncate font-semibold", "truncate font-medium"),
                ),
                rx.el.span(
                    row.when,
                    rx.cond(
                        row.is_unread,
                        rx.el.span(
                            rx.el.span("Unread", class_name="sr-only"),
                            class_name="size-2 shrink-0 rounded-full bg-accent",
                        ),
                    ),
                    class_name="flex shrink-0 items-center gap-2 text-small text-muted",
                ),
                class_name="flex items-baseline justify-between gap-2 text-table",
            ),
            rx.el.span(row.text, class_name="line-clamp-2 text-table text-muted wrap-anywhere"),
            href=f"{PATH}?conversation={row.conversation_id}",
            class_name="flex flex-col gap-0.5 border-t border-border px-3 py-2 outline-offset-[-2px] "
            "hover:bg-subtle",
        ),
        key=row.id,
    )
