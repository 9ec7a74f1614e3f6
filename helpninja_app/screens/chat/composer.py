"""Where a question is typed: sent by Enter, kept until it is stored; files are dropped here."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.screens.chat.choosing_state import PickerState
from helpninja_app.screens.chat.documents import PICKER, chosen_documents, scope_in_words
from helpninja_app.screens.chat.state import ChatState
from helpninja_app.screens.shell.frame import larger_plan, refused
from helpninja_app.ui.actions import button, icon_button
from helpninja_app.ui.dialogs import opens
from helpninja_app.ui.icons import icon

_ask: Any = ChatState.ask
_add: Any = ChatState.add_document
SUFFIXES = ".pdf,.docx,.md,.markdown,.txt,.html,.htm,.csv"


def composer() -> rx.Component:
    is_busy = ChatState.is_asking | ChatState.is_writing_elsewhere
    return rx.el.div(
        refused(ChatState),
        rx.el.ul(id="chat-uploads", aria_live="polite", class_name="flex flex-col gap-1 empty:hidden"),
        chosen_documents(),
        rx.el.form(
            rx.el.input(type="hidden", name="client_id"),
            rx.el.textarea(
                id="question",
                name="question",
                rows="2",
                aria_label="Your question",
                placeholder="Ask about your documents",
                class_name="block max-h-60 min-h-15 w-full resize-none bg-transparent px-4 pt-3 text-chat "
                "outline-none! placeholder:text-muted",
            ),
            rx.el.div(
                _attach(),
                button(
                    icon("file-search"),
                    # What is asked about changes with the last document that is taken out again, too.
                    rx.el.span(scope_in_words(), aria_live="polite", class_name="truncate"),
                    type="button",
                    emphasis="quiet",
                    size="small",
                    title="Choose documents",
                    on_click=PickerState.open_picker,
                    **opens(PICKER),
                ),
                rx.el.span(
                    ChatState.credits, class_name="ml-auto truncate text-small text-muted tabular-nums"
                ),
                rx.cond(
                    is_busy,
                    icon_button(
                        "Stop",
                        "square",
                        emphasis="secondary",
                        id="stop-answer",
                        on_click=ChatState.stop_answer,
                    ),
                    icon_button(
                        "Send", "arrow-up", emphasis="primary", type="submit", disabled=ChatState.is_reading
                    ),
                ),
                class_name="flex min-w-0 items-center gap-1 py-2 pr-2 pl-2",
            ),
            id="composer",
            on_submit=_ask,
            data_busy=rx.cond(is_busy | ChatState.is_reading, "true", "false"),
            data_accepted=ChatState.accepted,
            data_chat=ChatState.chat_id,
            data_opening=ChatState.opening,
            class_name="rounded-card border border-border-strong bg-bg focus-within:outline-2 "
            "focus-within:outline-accent",
        ),
        rx.el.form(
            *(rx.el.input(type="hidden", name=name) for name in ("document", "opening", "chat")),
            id="chat-uploaded",
            on_submit=_add,
            hidden=True,
        ),
        class_name="mx-auto flex w-full max-w-reading flex-col gap-2 px-4 pb-4",
    )


def _attach() -> rx.Component:
    """The button is what the keyboard reaches; the platform's own field cannot be drawn as one."""
    return rx.fragment(
        rx.el.input(
            type="file",
            id="chat-files",
            multiple=True,
            accept=SUFFIXES,
            aria_label="Files to ask about",
            data_most=f"{ChatState.upload_most}",
            data_refusals=ChatState.upload_refusals,
            class_name="hidden",
        ),
        rx.el.p(larger_plan(), id="chat-larger-plan", data_larger_plan=True, hidden=True),
        icon_button("Upload files", "paperclip", size="small", data_picks="chat-files"),
    )
