"""The private assistant: saved chats beside the one that is open."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.screens.chat.composer import composer
from helpninja_app.screens.chat.documents import picker
from helpninja_app.screens.chat.list_state import MAX_SEARCH, ChatListState
from helpninja_app.screens.chat.managing import chat_dialogs, chat_menu
from helpninja_app.screens.chat.managing_state import NEW, PATH
from helpninja_app.screens.chat.messages import again_dialog, answer_under_way, message
from helpninja_app.screens.chat.models_menu import models_menu
from helpninja_app.screens.chat.rows import ChatRow
from helpninja_app.screens.chat.state import ChatState
from helpninja_app.screens.chat.thread_state import NOTES
from helpninja_app.screens.shell.frame import could_not_be_read, dashboard
from helpninja_app.screens.typed import as_read
from helpninja_app.ui.actions import button, button_link
from helpninja_app.ui.badges import badge
from helpninja_app.ui.dialogs import sheet
from helpninja_app.ui.following import follower
from helpninja_app.ui.forms import search_field
from helpninja_app.ui.icons import icon
from helpninja_app.ui.links import document_link
from helpninja_app.ui.panels import empty_state, skeleton_rows
from helpninja_app.ui.rendered import rendered_text

_search: Any = ChatListState.search_chats


def chat_page() -> rx.Component:
    return dashboard(
        rx.el.div(_chats(), _thread(), class_name="flex min-h-0 flex-1"),
        _source(),
        picker(),
        chat_dialogs(),
        again_dialog(),
        path=PATH,
        with_usage=False,
        fills=True,
    )


def _chats() -> rx.Component:
    return rx.el.section(
        rx.el.div(
            rx.el.h2("Chats", class_name="text-chat font-semibold"),
            button_link(icon("plus"), "New", href=f"{PATH}?chat={NEW}"),
            class_name="flex items-center justify-between gap-2 px-3 pt-3 pb-2",
        ),
        rx.el.div(
            search_field(
                "Search chats",
                name="search",
                placeholder="Search",
                max_length=MAX_SEARCH,
                default_value=ChatListState.wanted,
                key=as_read(ChatListState),
                on_change=_search.debounce(250),
            ),
            class_name="flex px-3 pb-2",
        ),
        rx.cond(
            ChatListState.failure != "",
            could_not_be_read(ChatListState, again=(ChatListState.open_chats,)),
            rx.cond(
                ChatListState.is_loaded,
                rx.cond(ChatListState.rows.length() > 0, _rows(), _nothing()),
                skeleton_rows(4),
            ),
        ),
        id="chats",
        aria_label="Saved chats",
        class_name=rx.cond(
            ChatState.is_thread_shown,
            "hidden w-62 shrink-0 flex-col overflow-y-auto border-r border-border tablet:flex",
            "flex w-full shrink-0 flex-col overflow-y-auto border-border tablet:w-62 tablet:border-r",
        ),
    )


def _rows() -> rx.Component:
    return rx.fragment(
        rx.el.ul(rx.foreach(ChatListState.rows, _row), class_name="flex flex-col gap-0.5 px-2"),
        rx.cond(
            ChatListState.has_more,
            rx.el.div(
                button("Show more", type="button", on_click=ChatListState.show_more),
                class_name="flex justify-center p-3",
            ),
        ),
    )


def _row(chat: ChatRow) -> rx.Component:
    is_open = ChatState.chat_id == chat.id
    shape = "block rounded-control border px-3 py-2 outline-offset-[-2px] "
    return rx.el.li(
        rx.el.a(
            rx.el.span(chat.title, class_name="block truncate text-table font-medium"),
            rx.el.span(chat.day, class_name="block text-small text-muted"),
            href=f"{PATH}?chat={chat.id}",
            title=chat.title,
            aria_current=rx.cond(is_open, "true", "false"),
            class_name=rx.cond(
                is_open, shape + "border-border bg-subtle", shape + "border-transparent hover:bg-subtle"
            ),
        )
    )


def _nothing() -> rx.Component:
    return rx.cond(
        ChatListState.wanted != "",
        empty_state("search-x", "Nothing found", "Titles and messages are looked through."),
        empty_state("message-circle", "No chats yet", "What you ask is kept here, for you alone."),
    )


def _thread() -> rx.Component:
    return rx.el.section(
        rx.el.header(
            rx.el.a(
                icon("arrow-left"),
                href=PATH,
                aria_label="All chats",
                class_name="inline-flex size-8 items-center justify-center rounded-control tablet:hidden",
            ),
            rx.el.h1(
                rx.el.span(
                    rx.cond(ChatState.title != "", ChatState.title, "New chat"),
                    class_name="block truncate",
                ),
                class_name="min-w-0 flex-1 text-body font-semibold",
            ),
            models_menu(),
            chat_menu(),
            class_name="flex items-center gap-2 border-b border-border px-4 py-2.5",
        ),
        rx.cond(
            ChatState.failure != "",
            could_not_be_read(ChatState, again=(ChatListState.open_chats, ChatState.open_chat)),
            rx.fragment(_messages(), composer()),
        ),
        rx.el.p(ChatState.announced, role="status", class_name="sr-only"),
        follower(ChatState),
        follower(ChatListState),
        aria_label="Chat",
        class_name=rx.cond(
            ChatState.is_thread_shown,
            "flex min-w-0 flex-1 flex-col",
            "hidden min-w-0 flex-1 flex-col tablet:flex",
        ),
    )


def _messages() -> rx.Component:
    return rx.el.div(
        rx.cond(
            ChatState.is_loaded,
            rx.cond(
                (ChatState.messages.length() > 0) | ChatState.is_asking,
                rx.el.div(
                    rx.cond(
                        ChatState.earlier > 0,
                        rx.el.div(
                            button(
                                "Show earlier", type="button", size="small", on_click=ChatState.show_earlier
                            ),
                            class_name="flex justify-center",
                        ),
                    ),
                    rx.foreach(ChatState.messages, message),
                    rx.cond(ChatState.is_asking, answer_under_way()),
                    # In a column that begins at its end, this is what puts a short chat at the top.
                    class_name="mx-auto mb-auto flex w-full max-w-reading flex-col gap-5 px-4 py-6",
                ),
                _beginning(),
            ),
            rx.el.div(skeleton_rows(3), class_name="mb-auto"),
        ),
        tab_index=0,
        role="group",
        aria_label="Messages",
        class_name="flex min-h-0 flex-1 flex-col-reverse overflow-y-auto outline-offset-[-2px]",
    )


def _beginning() -> rx.Component:
    return rx.el.div(
        empty_state(
            "message-circle",
            "What would you like to know?",
            rx.cond(
                ChatState.chosen.length() > 0,
                "Answers rest on the documents that are chosen below, and show which.",
                rx.cond(
                    ChatState.uses_all,
                    "Answers rest on the documents of this workspace, and show which.",
                    "Without documents a model answers by itself; the offline one can only quote them all.",
                ),
            )
            + " Files can be dropped here: all members can ask about them.",
        ),
        rx.el.ul(
            rx.foreach(
                ChatState.suggestions,
                lambda question: rx.el.li(
                    rx.el.button(
                        question,
                        type="button",
                        data_asks=question,
                        class_name="h-full w-full rounded-card border border-border px-4 py-3 text-left "
                        "text-table hover:bg-subtle",
                    )
                ),
            ),
            aria_label="Suggestions",
            class_name="mx-auto grid w-full max-w-reading gap-2 px-4 empty:hidden tablet:grid-cols-2",
        ),
        class_name="my-auto flex flex-col pb-6",
    )


def _source() -> rx.Component:
    return sheet(
        rx.el.div(
            rx.el.p(ChatState.source_place, class_name="text-table text-muted empty:hidden"),
            rx.match(
                ChatState.source_audience,
                ("visitors", badge("Visitors", "accent")),
                ("members", badge("Members", "neutral")),
                rx.fragment(),
            ),
            class_name="flex flex-wrap items-center gap-2",
        ),
        rendered_text(ChatState.source_html),
        id="source",
        title=ChatState.source_title,
        is_shown=ChatState.source_title != "",
        on_close=ChatState.close_source,
        actions=(
            rx.cond(
                ChatState.source_url != "",
                document_link(
                    rx.cond(ChatState.source_url == NOTES, "See the notes in Knowledge", "Open the document"),
                    href=ChatState.source_url,
                    target="_blank",
                    rel="noopener",
                    class_name="rounded-chip text-table font-medium underline underline-offset-4",
                ),
            ),
        ),
    )
