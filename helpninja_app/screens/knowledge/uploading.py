"""How files are added: a dialog with a row for each, filled by ``behaviours/knowledge_uploads.js``.

The browser posts them to ``/api/upload``, which decides; nothing of a file passes through the websocket.
"""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.knowledge.extraction.kinds import KIND_OF_SUFFIX
from helpninja_app.screens.knowledge.audiences import VISITORS_AND_MEMBERS
from helpninja_app.screens.knowledge.documents_state import DocumentsState
from helpninja_app.screens.knowledge.sources_state import SourcesState
from helpninja_app.screens.knowledge.state import KnowledgeState
from helpninja_app.screens.shell.frame import larger_plan
from helpninja_app.ui.actions import button
from helpninja_app.ui.dialogs import confirm, dialog, opens
from helpninja_app.ui.forms import select_field
from helpninja_app.ui.icons import icon

_DIALOG, _QUESTION, _AGAIN, _AUDIENCE = "uploads", "uploads-public", "uploads-again", "uploads-audience"
_SUFFIXES = ",".join(KIND_OF_SUFFIX)
_knowledge: Any = KnowledgeState
_documents: Any = DocumentsState
_sources: Any = SourcesState


def upload_button() -> rx.Component:
    return button(icon("upload"), "Upload files", type="button", **opens(_DIALOG))


def uploads() -> rx.Component:
    """The dialog, the question before files become public, and what its script needs to know."""
    return rx.el.div(
        dialog(
            rx.el.label(
                icon("upload", size=20, class_name="text-muted"),
                rx.el.span("Choose files, or drop them anywhere on this page", class_name="font-medium"),
                rx.el.span(
                    "PDF, DOCX, Markdown, text, HTML or CSV, each at most ",
                    rx.el.span((_knowledge.most_bytes // 1_000_000).to_string(), " MB"),
                    class_name="text-small text-muted",
                ),
                rx.el.input(type="file", multiple=True, accept=_SUFFIXES, class_name="sr-only"),
                class_name="flex cursor-pointer flex-col items-center gap-1 rounded-card border "
                "border-dashed border-border-strong px-4 py-6 text-center text-table hover:bg-subtle "
                "has-focus-visible:outline-2 has-focus-visible:outline-accent",
            ),
            rx.cond(
                KnowledgeState.may_write,
                select_field(
                    "Who is answered from these files",
                    name=_AUDIENCE,
                    options=tuple(reversed(VISITORS_AND_MEMBERS)),
                    hint="It can be changed later.",
                ),
                rx.el.p("Members are answered from these files.", class_name="text-table text-muted"),
            ),
            rx.el.p(
                data_uploads_summary=True, role="status", class_name="text-table text-muted empty:hidden"
            ),
            rx.el.ul(data_uploads_rows=True, aria_label="Files", class_name="flex flex-col empty:hidden"),
            id=_DIALOG,
            title="Upload files",
        ),
        confirm(
            id=_QUESTION,
            title="Show these files to visitors?",
            consequence=rx.fragment(
                rx.el.span(data_uploads_names=True, class_name="font-medium break-words text-text"),
                " Everybody who uses the widget on your website can be answered from them.",
            ),
            act="Make them public",
            keep="Do not upload",
            on_confirm=rx.noop(),
        ),
        rx.el.ul(_row(), hidden=True),
        rx.el.button(
            id=_AGAIN,
            type="button",
            hidden=True,
            on_click=[_documents.open_documents, _sources.open_sources, _knowledge.open_knowledge],
        ),
        data_uploads=True,
        data_most=_knowledge.most_bytes.to_string(),
        data_refusals=KnowledgeState.refusals,
        data_suffixes=_SUFFIXES,
    )


def _row() -> rx.Component:
    """What the script copies for each file."""
    return rx.el.li(
        rx.el.div(
            rx.el.span(data_name=True, class_name="min-w-0 flex-1 truncate font-medium"),
            button("Cancel", type="button", size="small", data_cancels=True),
            class_name="flex items-center gap-3",
        ),
        rx.el.progress(data_bar=True, max="100", value="0", class_name="upload-bar h-1.5 w-full"),
        rx.el.p(data_result=True, class_name="text-small text-muted data-failed:text-danger"),
        rx.el.p(larger_plan(), data_larger_plan=True, hidden=True, class_name="text-small font-medium"),
        data_upload_row=True,
        class_name="flex flex-col gap-1 border-b border-border py-2.5 text-table last:border-b-0",
    )
