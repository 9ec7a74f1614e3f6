"""One chat as it is stored: its messages, the models to ask, and what is left to ask them with."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import UUID

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.answers.pipeline import CURATED
from helpninja_app.answers.rendering import render_markdown
from helpninja_app.billing.models import Unit
from helpninja_app.billing.usage import Usage, usage_of
from helpninja_app.chats.library import ChatThread, read_thread
from helpninja_app.chats.models import MessageState
from helpninja_app.chats.news import concerns_chat
from helpninja_app.chats.turns import dead_before
from helpninja_app.errors import NotFound
from helpninja_app.kernel.database import new_id
from helpninja_app.knowledge.documents import DocumentView, find_documents, list_documents
from helpninja_app.knowledge.models import DocumentStatus
from helpninja_app.resources import current_resources
from helpninja_app.screens.billing.words import refusals_of_files
from helpninja_app.screens.chat.choosing_state import ChoosingState
from helpninja_app.screens.chat.following import FollowedState
from helpninja_app.screens.chat.managing_state import NEW
from helpninja_app.screens.chat.rows import (
    SUGGESTIONS,
    MessageRow,
    ModelRow,
    chosen_rows,
    message_rows,
    model_row,
    suggestions_for,
)
from helpninja_app.screens.session import id_from

MESSAGES = 40
NOTES = "/app/knowledge"
# In the address from which a question was sent, until it names the chat that was begun (chat.js).
SENT = "sent"
_NOTHING_ASKED: dict[str, Any] = {"_stream": "", "is_asking": False}


@dataclass(frozen=True, slots=True)
class Found:
    """What was read; ``thread`` is ``None`` for a chat that is not begun.

    ``wanted`` are the documents it is about, ``chosen`` those of them that are there, and ``cited`` is that
    of the passage that is looked at, if it is there.
    """

    thread: ChatThread | None
    usage: Usage
    wanted: Sequence[UUID]
    chosen: Sequence[DocumentView]
    suggested: Sequence[DocumentView]
    rows: list[MessageRow]
    cited: DocumentView | None = None


class ThreadState(ChoosingState, FollowedState, mixin=True):
    """``chat_id`` is empty until the chat is stored. ``source_*`` is the passage that is looked at,
    ``source_audience`` that of its document as it is now.

    ``earlier`` is how many messages there are before those that are shown. ``editing`` is a question that is
    written anew, ``rewritten`` what was written where that was not taken; ``again`` is one that may be asked
    again.
    """

    is_thread_shown: bool = False
    is_writing_elsewhere: bool = False
    messages: rx.Field[list[MessageRow]] = rx.field(default_factory=list)
    earlier: int = 0
    models: rx.Field[list[ModelRow]] = rx.field(default_factory=list)
    model_id: str = ""
    model_label: str = ""
    model_price: str = ""
    suggestions: rx.Field[list[str]] = rx.field(default_factory=list)
    upload_most: int = 0
    upload_refusals: str = ""
    is_asking: bool = False
    editing: str = ""
    rewritten: str = ""
    again: str = ""
    credits: str = ""
    source_title: str = ""
    source_audience: str = ""
    source_place: str = ""
    source_html: str = ""
    source_url: str = ""

    # The answer that this tab shows as it comes, and when it was asked for, in Unix time.
    _stream: str = ""
    _asked_at: float = 0.0
    # The chat was begun here; the address of the page may not name it yet.
    _began_here: bool = False
    _edited: str = ""
    _unwanted: str = ""
    _most: int = MESSAGES
    _source: tuple[str, str] | None = None

    @rx.event(background=True)
    async def open_chat(self) -> Any:
        """Run when the page loads, whose address names the chat, at each new connection, and to try again.

        What is chosen, edited and asked in a chat stays while that chat is shown. An address that says that a
        question was sent from it means the chat that was begun by it, if there is one by now.
        """
        address = self.router.url.query_parameters
        named = address.get("chat", "")
        wanted = "" if named == NEW else named
        if not wanted and self._began_here and SENT in address:
            wanted = self._wanted
        anew: dict[str, Any] = {} if self.opening else {"opening": new_id().hex}
        if wanted != self._wanted:
            anew = self._nothing()
        elif self._has_died():
            anew |= _NOTHING_ASKED
        return await self._answer(
            _wanted=wanted, is_thread_shown=bool(named or wanted), source_title="", **anew
        )

    def _nothing(self) -> dict[str, Any]:
        return (
            super()._nothing()
            | _NOTHING_ASKED
            | {
                "messages": [],
                "editing": "",
                "rewritten": "",
                "again": "",
                "uses_all": True,
                "_chosen": [],
                "_most": MESSAGES,
                "_began_here": False,
            }
        )

    @rx.event(background=True)
    async def show_earlier(self) -> Any:
        return await self._answer(_most=self._most + MESSAGES)

    @rx.event(background=True)
    async def stop_answer(self) -> Any:
        """End the answer where it is; what is written is kept."""
        async with self:
            # What is not stored yet is stopped as soon as it is, by who reads it.
            chat_id, self._unwanted = self.chat_id, self._stream
        return await self._answer(partial(self._stop, chat_id))

    @rx.event(background=True)
    async def choose_model(self, model_id: str) -> None:
        """The model that is asked from now on; nothing for one that is locked."""
        async with self:
            self._take_model(model_id if isinstance(model_id, str) else "")

    @rx.event(background=True)
    async def open_source(self, message_id: str, number: str) -> Any:
        """Show a passage that an answer rests on."""
        return await self._answer(_source=(str(message_id), str(number)))

    @rx.event
    def close_source(self) -> None:
        self.source_title = ""

    @rx.event
    def edit(self, question_id: str) -> None:
        """Write a question anew; an empty id leaves it as it is."""
        self.editing = question_id if isinstance(question_id, str) else ""
        self.rewritten = ""

    @rx.event
    def consider_again(self, question_id: str) -> None:
        """Ask before what followed a question is replaced; an empty id leaves it as it is."""
        self.again = question_id if isinstance(question_id, str) else ""

    async def _stop(self, chat_id: str, session: AsyncSession, caller: MemberCaller) -> None:
        raise NotImplementedError

    async def _read(self, session: AsyncSession, caller: MemberCaller) -> Found:
        require(caller, Permission.USE_CHAT)
        workspace_id = caller.workspace.id
        plan = current_resources().plan_of(caller.workspace)
        thread = await self._thread(session, caller)
        wanted: Sequence[UUID] = [UUID(each) for each in self._chosen]
        suggested: Sequence[DocumentView] = ()
        if thread is not None and self.chat_id != str(thread.chat.id):
            wanted = thread.document_ids
        if thread is None:
            completed = DocumentStatus.COMPLETED.value
            page = await list_documents(
                session, workspace_id, limit=SUGGESTIONS * 3, offset=0, status=completed
            )
            suggested = page.documents
        chosen = await find_documents(session, workspace_id, wanted) if wanted else ()
        citation = self._cited_in(thread)
        cited = (
            await find_documents(session, workspace_id, [UUID(citation["document_id"])]) if citation else ()
        )
        usage = await usage_of(session, workspace_id, Unit.CREDIT, plan)
        return Found(thread, usage, wanted, chosen, suggested, [], cited[0] if cited else None)

    async def _find(self, caller: MemberCaller) -> Found:
        found: Found = await super()._find(caller)
        if found.thread is None:
            return found
        known = {row.id: row for row in self.messages}
        labels = {model.id: model.label for model in current_resources().catalogue.models}
        labels[CURATED] = "Curated answer"
        rows = await asyncio.to_thread(message_rows, found.thread.messages, known, labels)
        return replace(found, rows=rows)

    def _show(self, found: Found, caller: MemberCaller) -> None:
        resources = current_resources()
        plan = resources.plan_of(caller.workspace)
        models = [
            model_row(choice) for choice in resources.catalogue.choices(plan, resources.answerers.configured)
        ]
        if models != self.models:
            self.models = models
        left = found.usage.left
        self.credits = "Credits are not limited" if left is None else f"{left:,} credits left"
        self.upload_most, self.upload_refusals = plan.upload_bytes, refusals_of_files(plan)
        thread = found.thread
        if thread is not None and self.chat_id != str(thread.chat.id):
            self.uses_all = thread.uses_all_knowledge
            is_taken = self._take_model(thread.chat.model)
        else:
            is_taken = any(row.id == self.model_id and not row.reason for row in self.models)
        if not is_taken:
            # Not that of the chat before, which may be a dear one.
            self._take_model(resources.default_model().id)
        self._show_chosen(chosen_rows(found.wanted, found.chosen, self.chosen))
        self.suggestions = suggestions_for(found.suggested)
        self._show_thread(thread, found.rows)
        self._show_source(thread, found.cited, caller)

    def _show_thread(self, thread: ChatThread | None, rows: list[MessageRow]) -> None:
        self.chat_id = str(thread.chat.id) if thread else ""
        self.title = thread.chat.title if thread else ""
        self.earlier = thread.earlier if thread else 0
        is_writing = bool(rows) and rows[-1].state == MessageState.WRITING.value
        under_way = self.messages[-1].id if self._stream and self.messages else ""
        if self._stream and rows and (is_writing or rows[-1].asked == under_way != ""):
            # This tab shows it as it comes, until it shows it as it is stored.
            rows = rows[:-1]
        self.is_writing_elsewhere = is_writing and not self._stream
        if rows != self.messages:
            self.messages = rows

    async def _thread(self, session: AsyncSession, caller: MemberCaller) -> ChatThread | None:
        if not self._wanted:
            return None
        longest = current_resources().settings.total_timeout
        return await read_thread(
            session, caller, id_from(self._wanted), dead_before=dead_before(longest), last=self._most
        )

    def _has_died(self) -> bool:
        """Whether no process can be answering any more: where states outlive one, it may have died."""
        longest = current_resources().settings.total_timeout
        return bool(self._stream) and self._asked_at < dead_before(longest).timestamp()

    async def _heed(self, told: tuple[str, ...]) -> None:
        # Nobody tells of that. The page has itself followed anew now and then, which begins with a look here.
        if self._has_died():
            async with self:
                for name, value in _NOTHING_ASKED.items():
                    setattr(self, name, value)

    def _concerns(self, notice: str) -> bool:
        # What this tab writes itself it shows as it comes.
        return not self._stream and concerns_chat(notice, self._wanted)

    def _take_model(self, model_id: str) -> bool:
        """Whether it can be asked."""
        for row in self.models:
            if row.id == model_id and not row.reason:
                self.model_id, self.model_label, self.model_price = row.id, row.label, row.price
                return True
        return False

    def _cited_in(self, thread: ChatThread | None) -> dict[str, Any] | None:
        """The passage that is looked at."""
        for message in thread.messages if thread else ():
            for each in message.citations:
                if (str(message.id), str(each["n"])) == self._source:
                    return each
        return None

    def _show_source(
        self, thread: ChatThread | None, document: DocumentView | None, caller: MemberCaller
    ) -> None:
        if self._source is None:
            return
        citation = self._cited_in(thread)
        self._source = None
        if citation is None:
            self._refuse(NotFound("There is no such passage."))
            return
        heading, url = citation["heading"], citation["url"] or ""
        self.source_title = citation["title"] or "A passage"
        self.source_audience = document.audience if document else ""
        self.source_place = heading if isinstance(heading, str) else " › ".join(heading)
        self.source_html = render_markdown(citation["text"])
        is_page = url.startswith(("http://", "https://"))
        self.source_url = url if is_page else _place_of(document, caller)


def _place_of(document: DocumentView | None, caller: MemberCaller) -> str:
    """Where a document that is no page can be looked at; empty where it is not there any more."""
    if document is None:
        return ""
    if document.filename is None:
        return NOTES
    return f"/api/documents/{document.id}/file?tenantId={caller.workspace.id}"
