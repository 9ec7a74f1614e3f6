"""A member asks: the answer is shown as it is written, and as it is stored when it is over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.answers.catalogue import require_model
from helpninja_app.answers.pipeline import Token
from helpninja_app.chats.answering import ChatEvent, Started, answer_member
from helpninja_app.chats.models import MessageState
from helpninja_app.chats.turns import Ask, stop_writing
from helpninja_app.chats.writing import Answered
from helpninja_app.errors import Conflict, Invalid, LimitUsedUp, NotSignedIn
from helpninja_app.kernel.database import new_id
from helpninja_app.resources import current_resources
from helpninja_app.screens.chat.markup import GrowingAnswer
from helpninja_app.screens.chat.rows import MessageRow
from helpninja_app.screens.chat.thread_state import ThreadState
from helpninja_app.screens.session import (
    SignedInState,
    fingerprint,
    id_from,
    page_of,
    sentence_for,
    signed_in,
    text_in,
    to_sign_in,
)

# The websocket takes no more (kernel/websockets.py); chat.js says so before it is sent.
MAX_QUESTION = 32_000
NOTHING_WRITTEN = "Nothing was written. What was there before is shown again."
UPDATE_SECONDS = 0.1
# The longer drawing takes, the rarer it is: it never has more than this share of the time.
_SHARE = 0.1
_LONG = 2_000


class ChatState(ThreadState, SignedInState):
    """``finished`` and ``writing`` are the answer under way.

    ``accepted`` is the client's id of the question that was stored last of those that were typed: the browser
    clears its field by that.
    """

    finished: rx.Field[list[str]] = rx.field(default_factory=list)
    writing: str = ""
    accepted: str = ""
    announced: str = ""

    @rx.event(background=True)
    async def ask(self, form: dict[str, Any]) -> Any:
        """Ask what was typed; it stays in its field unless it was stored.

        The form says the id that its text has until it is stored: a second click says the same once more.
        """
        sent = text_in(form, "client_id", 40)
        if sent and sent == self.accepted:
            return None
        return await self._ask(text_in(form, "question", MAX_QUESTION), sent=sent)

    @rx.event(background=True)
    async def ask_again(self, question_id: str) -> Any:
        """Have a question answered anew; it, and all that followed it, counts no more."""
        text = next((row.text for row in self.messages if row.is_question and row.id == question_id), "")
        return await self._ask(text, replaces=question_id)

    @rx.event(background=True)
    async def ask_edited(self, form: dict[str, Any]) -> Any:
        """Ask the question that is being edited as it reads now, in place of what it was; once."""
        text = text_in(form, "edited", MAX_QUESTION)
        async with self:
            is_second_click = not self.editing and text == self._edited
            self._edited = text
        return None if is_second_click else await self._ask(text, replaces=self.editing)

    async def _ask(self, text: str, *, replaces: str = "", sent: str = "") -> Any:
        async with self:
            if self.is_asking:
                return None
            self.is_asking, self.problem, self.is_at_limit = True, "", False
            # What another answer left behind, in this chat or another one, is none of this one's.
            self.finished, self.writing = [], ""
            self._stream, self._asked_at = (mine := new_id().hex), time.time()
        reading = _Reading(self, mine, sent)
        refused: Exception | None = None
        try:
            caller = await signed_in(self)
            require(caller, Permission.USE_CHAT)
            if self._workspace_shown not in {"", str(caller.workspace.id)}:
                raise Conflict("Another tab went to another workspace meanwhile. Nothing was asked.")
            if not text:
                raise Invalid("Type a question first.")
            if not self.is_loaded or self.chat_id != self._wanted:
                await self._come_to_it(mine, caller)
            resources = current_resources()
            model = resources.catalogue.find(self.model_id or resources.default_model().id)
            plan = resources.plan_of(caller.workspace)
            require_model(plan, model)
            documents = self._documents_to_ask()
            ask = Ask(
                text,
                chat_id=id_from(self._wanted) if self._wanted else None,
                document_ids=documents,
                uses_all_knowledge=self.uses_all,
                replaces=id_from(replaces) if replaces else None,
            )
            answer = GrowingAnswer(has_markers=bool(documents) or self.uses_all or model.is_offline)
            desk = resources.chat_desk(caller.workspace)
            await reading.show(answer_member(desk, caller, ask, model), answer, text, replaces)
        except NotSignedIn:
            return to_sign_in(page_of(self))
        except Exception as error:
            refused = error
        return await self._settle(mine, refused, reading, text, replaces)

    async def _come_to_it(self, mine: str, caller: MemberCaller) -> None:
        """Show the chat that is asked in, where it is not read yet: it says who is asked, and about what."""
        read_for = fingerprint(self)
        found = await self._find(caller)
        async with self:
            if self._stream == mine and self._show_to_this_session(read_for):
                self._latest += 1
                self._workspace_shown = str(caller.workspace.id)
                self.failure, self.is_loaded = "", True
                self._show(found, caller)

    async def _settle(
        self, mine: str, refused: Exception | None, reading: _Reading, text: str, replaces: str
    ) -> Any:
        """Show what is stored in place of what was written so far."""
        sentence = sentence_for(refused) if refused else ""
        async with self:
            if self._stream != mine:
                return None
            if not reading.question_id:
                self._stream, self.is_asking = "", False
                if refused:
                    self._refuse(refused)
        if not reading.question_id:
            if isinstance(refused, LimitUsedUp):
                return await self._look_at_credits(refused)
            return await self._look_at_documents() if _is_about_documents(refused) else None
        read_for = fingerprint(self)
        try:
            caller = await signed_in(self)
            found = await self._find(caller)
        except NotSignedIn:
            return to_sign_in(page_of(self))
        except Exception as error:
            sentence = sentence_for(error)
            async with self:
                if self._stream == mine:
                    # It is stored: what could not be read can be tried again.
                    self._stream, self.is_asking, self.failure = "", False, sentence
            return None
        async with self:
            if self._stream != mine:
                return None
            # Not before: with it goes what was written so far.
            self._stream, self.is_asking = "", False
            self.finished, self.writing = [], ""
            if self._show_to_this_session(read_for):
                self._latest += 1
                self.announced = sentence or "The answer is complete."
                self._show(found, caller)
                if replaces and all(row.id != reading.question_id for row in found.rows):
                    self._tell_set_back(refused, reading, text, replaces)
        return None

    async def _look_at_documents(self) -> Any:
        """Say in plain words what became of the documents that were asked about, and mark them."""
        step = await self._answer()
        async with self:
            try:
                self._documents_to_ask()
            except Conflict as error:
                self._refuse(error)
            else:
                self._refuse(Conflict("The documents changed just now. Look at them, and ask again."))
        return step

    async def _look_at_credits(self, refused: LimitUsedUp) -> Any:
        """Show what is left by now beside what was refused: a colleague or a key may have used it."""
        step = await self._answer()
        async with self:
            self._refuse(refused)
        return step

    def _tell_set_back(self, refused: Exception | None, reading: _Reading, text: str, replaces: str) -> None:
        """Nothing came in the place of what is shown again, and so nothing there says why."""
        if refused is not None:
            self._refuse(refused)
        else:
            self.announced = NOTHING_WRITTEN
            self.problem = "" if reading.was_stopped else NOTHING_WRITTEN
        if all(row.text != text for row in self.messages if row.id == replaces):
            self.editing, self.rewritten = replaces, text

    async def _stop(self, chat_id: str, session: AsyncSession, caller: MemberCaller) -> None:
        require(caller, Permission.USE_CHAT)
        if chat_id and (message_id := await stop_writing(session, caller, id_from(chat_id))):
            current_resources().stop_answer(message_id)


class _Reading:
    """Takes an answer as it comes, and shows it at most ten times a second.

    ``question_id`` is empty until the question is stored, and ``sent`` what its form calls it.
    """

    def __init__(self, state: ChatState, mine: str, sent: str) -> None:
        self.question_id = ""
        self.was_stopped = False
        self._state, self._mine, self._sent = state, mine, sent
        self._read_for = fingerprint(state)
        self._waiting = ""

    async def show(
        self, events: AsyncGenerator[ChatEvent, None], answer: GrowingAnswer, text: str, replaces: str
    ) -> None:
        taking = asyncio.create_task(self._take(events, text, replaces))
        pause = UPDATE_SECONDS
        try:
            while not taking.done():
                await asyncio.wait({taking}, timeout=pause)
                if self._waiting and not taking.done():
                    pause = max(UPDATE_SECONDS, await self._draw(answer) / _SHARE)
            await taking
        finally:
            taking.cancel()

    async def _take(self, events: AsyncGenerator[ChatEvent, None], text: str, replaces: str) -> None:
        async with aclosing(events):
            async for event in events:
                if isinstance(event, Started):
                    self.question_id = str(event.question_id)
                    await self._show_question(event, text, replaces)
                elif isinstance(event, Answered):
                    self.was_stopped = event.state is MessageState.INTERRUPTED
                elif isinstance(event, Token):
                    self._waiting += event.text

    async def _show_question(self, started: Started, text: str, replaces: str) -> None:
        state = self._state
        question = MessageRow(str(started.question_id), True, text, "", "complete", "", "", [])
        async with state:
            if state._unwanted == self._mine:
                current_resources().stop_answer(started.message_id)
            if not self._is_shown():
                return
            rows = [*state.messages]
            # It may have been read already.
            places = [place for place, row in enumerate(rows) if row.id in (replaces, question.id)]
            state.messages = [*(rows[: places[0]] if places else rows), question]
            state._began_here = state._began_here or not state._wanted
            state._wanted = state.chat_id = str(started.chat_id)
            state.title = started.title
            state.is_thread_shown = True
            state.accepted = self._sent or state.accepted
            state.editing, state.rewritten = "", ""
            state._latest += 1
            state.finished, state.writing = [], ""
            state.announced = "The answer is being written."

    async def _draw(self, answer: GrowingAnswer) -> float:
        """How long it took, in seconds."""
        came, self._waiting = self._waiting, ""
        began = time.perf_counter()
        if answer.size > _LONG:
            await asyncio.to_thread(answer.feed, came)
        else:
            answer.feed(came)
        took = time.perf_counter() - began
        async with self._state as state:
            if self._is_shown():
                if len(state.finished) != len(answer.finished):
                    state.finished = answer.finished
                state.writing = answer.open
        return took

    def _is_shown(self) -> bool:
        return self._state._stream == self._mine and self._state._show_to_this_session(self._read_for)


def _is_about_documents(refused: Exception | None) -> bool:
    errors = refused.errors if isinstance(refused, Invalid) else ()
    return any(error.field == "body.documentIds" for error in errors)
