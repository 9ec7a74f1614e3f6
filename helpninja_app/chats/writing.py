"""An answer under way: what is written of it so far, who stops it, and what becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from typing import Any, cast
from uuid import UUID

import structlog

from helpninja_app.accounts.callers import StaffCaller
from helpninja_app.answers.answerers import Answerers
from helpninja_app.answers.catalogue import Model
from helpninja_app.answers.citations import CitationStream, cite
from helpninja_app.answers.pipeline import (
    CURATED,
    Pipeline,
    Question,
    Retrieved,
    Token,
    pieces,
    say_curated,
)
from helpninja_app.answers.prompt import Prompt
from helpninja_app.answers.providers.base import (
    Finished,
    FinishReason,
    Provider,
    TextDelta,
    Thinking,
    TokenUsage,
)
from helpninja_app.answers.small_talk import SmallTalkKind, answer_small_talk
from helpninja_app.billing.plans import Plan
from helpninja_app.chats.models import ChatMessage, MessageState
from helpninja_app.chats.storing import MAYBE_STORED, NOT_STORED, close_answer, store_answer
from helpninja_app.chats.turns import Begun, Written, keep_text
from helpninja_app.errors import ProviderFailed, Unavailable
from helpninja_app.kernel.background import Background
from helpninja_app.kernel.database import Database
from helpninja_app.knowledge.curated_matching import CuratedMatch
from helpninja_app.knowledge.tokens import estimate_tokens

log = structlog.get_logger(__name__)

# How often what is written is stored: after a crash that much is lost, other tabs see it that late, and that
# late it ends when it is stopped in another process.
KEEP_SECONDS = 2.0
# It is given up when the database takes longer, and tried again later.
KEEP_PATIENCE = 1.0
NOT_FOUND = (
    "I found nothing in the documents that answers this. The offline model can only quote them: put it in"
    " other words, choose other documents, or take another model."
)


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer as it is stored; ``finish`` is ``None`` where it was interrupted."""

    message_id: UUID
    model: str
    text: str
    state: MessageState
    finish: FinishReason | None
    citations: tuple[dict[str, Any], ...]
    usage: TokenUsage
    credits: int


def answered_as_stored(message: ChatMessage) -> Answered:
    return Answered(
        message.id,
        message.model,
        message.text,
        MessageState(message.state),
        cast("FinishReason", message.finish) if message.finish else None,
        tuple(message.citations),
        TokenUsage(message.input_tokens, message.output_tokens),
        message.credits,
    )


class Stop:
    """Ends an answer for its caller, at its next piece or while that is waited for."""

    def __init__(self) -> None:
        self.is_set = False
        self._waiting: asyncio.Timeout | None = None

    def set(self) -> None:
        self.is_set = True
        if self._waiting is not None:
            self._waiting.reschedule(asyncio.get_running_loop().time())

    async def next_of(self, events: AsyncGenerator[Any, None]) -> Any:
        """The next event; ``None`` when there is none, or no more is wanted."""
        if self.is_set:
            return None
        try:
            async with asyncio.timeout(None) as self._waiting:
                return await anext(events, None)
        except TimeoutError:
            return None
        finally:
            self._waiting = None


@dataclass(frozen=True, slots=True)
class ChatDesk:
    """What answering needs of this process; ``longest`` is how many seconds an answer may take."""

    database: Database
    pipeline: Pipeline
    answerers: Answerers
    background: Background
    plan: Plan
    longest: float
    under_way: dict[UUID, Stop] = field(default_factory=dict)


class AnswerUnderWay:
    """An answer under way: its text so far, and what becomes of it."""

    def __init__(
        self,
        desk: ChatDesk,
        caller: StaffCaller,
        begun: Begun,
        model: Model,
        asked: int,
        retrieved: Retrieved | None,
    ) -> None:
        self._desk, self._caller, self._begun, self._model = desk, caller, begun, model
        self._asked = asked
        self._author = model.id
        self._retrieved = retrieved
        self._stream = CitationStream(retrieved.passages) if retrieved and retrieved.passages else None
        self._written: list[str] = []
        self._thought = 0
        self._cited: tuple[int, ...] = ()
        self._finished: Finished | None = None
        self._stop = desk.under_way[begun.message_id] = Stop()
        self._is_asked = False
        self._kept = ""
        self._timer: asyncio.TimerHandle | None = None
        self._storing: asyncio.Task[Answered] | None = None

    async def generate(self, provider: Provider, prompt: Prompt) -> AsyncGenerator[Token, None]:
        request = prompt.request(self._model, self._affordable())
        self._keep_later()
        try:
            async with aclosing(provider.stream(request)) as events:
                self._is_asked = not self._stop.is_set
                while (event := await self._stop.next_of(events)) is not None:
                    if isinstance(event, TextDelta):
                        if shown := self._feed(event.text):
                            yield Token(shown)
                    elif isinstance(event, Thinking):
                        self._thought = event.tokens
                    else:
                        self._finished = event
        finally:
            self._keep_no_more()
        if not self._stop.is_set and self._finished is None:
            raise ProviderFailed()
        if self._stream is not None and (rest := self._stream.finish()):
            self._written.append(rest)
            yield Token(rest)

    async def quote(self, pipeline: Pipeline, question: Question) -> AsyncGenerator[Token, None]:
        """The offline model: small talk, or sentences of the documents."""
        talk = await asyncio.to_thread(answer_small_talk, question.text)
        # Members' questions are passed on to nobody.
        if talk is not None and talk.kind is not SmallTalkKind.PERSON:
            text = talk.text
        elif self._retrieved is None or not self._retrieved.passages:
            text = NOT_FOUND
        else:
            quoted = await pipeline.quote(question, self._retrieved)
            text = quoted.text if quoted.kind == "answer" else NOT_FOUND
            self._cited = quoted.cited
        for piece in pieces(text):
            self._written.append(piece)
            yield Token(piece)
        self._finished = Finished("stop", TokenUsage(0, 0))

    async def say(self, match: CuratedMatch) -> AsyncGenerator[Token, None]:
        """A curated answer, in the words that somebody wrote for it."""
        self._author = CURATED
        for piece in pieces(say_curated(match).text):
            self._written.append(piece)
            yield Token(piece)
        self._finished = Finished("stop", TokenUsage(0, 0))

    async def store(self, *, reason: str = "") -> Answered:
        """Store what came of it: whole, stopped, or failed for ``reason``. Goes on when who waits leaves."""
        return await asyncio.shield(self._begin_to_store(reason))

    async def store_failed(self, reason: str) -> None:
        """``store`` for when whoever waits is told ``reason``, whatever becomes of it."""
        with suppress(Unavailable):
            await self.store(reason=reason)

    def leave(self) -> None:
        """``store`` for when nobody waits: what is stored must not depend on whoever left."""
        self._begin_to_store("")

    def _begin_to_store(self, reason: str) -> asyncio.Task[Answered]:
        if self._storing is None:
            self._desk.under_way.pop(self._begun.message_id, None)
            self._storing = self._desk.background.start(self._store(reason))
            # What goes wrong is logged where it does, also when nobody waits for it.
            self._storing.add_done_callback(lambda task: task.cancelled() or task.exception())
        return self._storing

    async def _store(self, reason: str) -> Answered:
        finished = self._finished
        state = MessageState.COMPLETE if finished is not None else MessageState.INTERRUPTED
        if reason:
            state = MessageState.FAILED
        text = "".join(self._written).strip()
        usage = finished.usage if finished else self._used_so_far()
        written = Written(
            text,
            state,
            usage,
            finish=finished.reason if finished and not reason else None,
            reason=reason,
            citations=self._citations(),
            is_ended_by_caller=self._is_asked and self._stop.is_set,
        )
        credits = await self._finish(written, self._model.credits(usage.total))
        return Answered(
            self._begun.message_id,
            self._author,
            text,
            state,
            written.finish,
            written.citations,
            usage,
            credits,
        )

    async def _finish(self, written: Written, credits: int) -> int:
        """What was charged. What is not stored is free, as soon as that much can be stored."""
        database, caller, begun = self._desk.database, self._caller, self._begun
        try:
            return await store_answer(database, caller, begun, written, credits)
        except Exception as error:
            is_ours = not isinstance(error, Unavailable)
            log.warning("answer_not_stored", message=str(begun.message_id), exc_info=is_ours)
            reason = written.reason or NOT_STORED
            failed = replace(written, state=MessageState.FAILED, finish=None, reason=reason)
            if is_ours:
                # Something in it cannot be stored.
                failed = replace(failed, text="", citations=())
            self._desk.background.start(close_answer(database, caller, begun, failed))
            raise Unavailable(NOT_STORED if is_ours else MAYBE_STORED) from error

    def _feed(self, text: str) -> str:
        shown = self._stream.feed(text) if self._stream is not None else text
        if shown:
            self._written.append(shown)
        return shown

    def _keep_later(self) -> None:
        """By the clock, so that it is not for the model to say when somebody elsewhere may stop it."""

        def begin() -> None:
            self._desk.background.start(self._keep())

        self._timer = asyncio.get_running_loop().call_later(KEEP_SECONDS, begin)

    def _keep_no_more(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _keep(self) -> None:
        """Store what is written since the last time, and end where no more is wanted."""
        written = "".join(self._written)
        try:
            async with (
                asyncio.timeout(KEEP_PATIENCE),
                self._desk.database.unit_of_work(self._caller.scope) as session,
            ):
                new = written if written != self._kept else None
                is_wanted = await keep_text(session, self._caller, self._begun, new)
            self._kept = written
        except (Unavailable, TimeoutError) as error:
            # The end of the answer stores all of it.
            log.warning("answer_not_kept", message=str(self._begun.message_id), error=type(error).__name__)
            is_wanted = True
        if not is_wanted:
            self._stop.set()
        elif self._timer is not None:
            self._keep_later()

    def _affordable(self) -> int | None:
        """How long an answer the reservation pays for; ``None`` where it is free or not limited."""
        reserved = self._begun.reservation.amount
        if not reserved:
            return None
        return reserved // self._model.credits_per_1000 * 1000 - self._asked

    def _used_so_far(self) -> TokenUsage:
        written = estimate_tokens("".join(self._written))
        return TokenUsage(self._asked, self._thought + written, is_estimate=True)

    def _citations(self) -> tuple[dict[str, Any], ...]:
        if self._retrieved is None:
            return ()
        return _cited(self._retrieved, self._cited or (self._stream.cited if self._stream else ()))


def _cited(retrieved: Retrieved, indexes: Sequence[int]) -> tuple[dict[str, Any], ...]:
    """The passages with these indexes as they are stored under an answer, numbered from 1."""
    found = []
    for n, index in enumerate(indexes, 1):
        passage, place = retrieved.passages[index], retrieved.result.passages[index]
        shown = cite(passage, n)
        found.append(
            {
                "n": n,
                "title": shown.title,
                "url": shown.url,
                "snippet": shown.snippet,
                "document_id": str(place.document_id),
                "heading": passage.heading_path,
                "text": passage.text,
            }
        )
    return tuple(found)
