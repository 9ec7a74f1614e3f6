"""A member asks: reserves what the answer may take, has it written, stores and charges what came of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from uuid import UUID

from helpninja_app.accounts.callers import StaffCaller
from helpninja_app.answers.catalogue import Model
from helpninja_app.answers.passages import Passage
from helpninja_app.answers.pipeline import CURATED, MEMBERS_PASSAGES, Question, Retrieved, Token
from helpninja_app.answers.prompt import Prompt
from helpninja_app.answers.providers.base import Provider
from helpninja_app.chats.at_once import begin_at_once
from helpninja_app.chats.prompts import (
    SHORT_ANSWER_TOKENS,
    build_chat_prompt,
    fitting_passages,
    tokens_of,
)
from helpninja_app.chats.repeats import UNDER_WAY, Asked, asked_once, find_asked
from helpninja_app.chats.turns import (
    Ask,
    Begun,
    Context,
    Price,
    begin_turn,
    dead_before,
    read_context,
    refuse_unready,
)
from helpninja_app.chats.writing import Answered, AnswerUnderWay, ChatDesk, answered_as_stored
from helpninja_app.errors import Conflict, HelpNinjaError
from helpninja_app.kernel.telemetry import ANSWER_SECONDS, ANSWERS


@dataclass(frozen=True, slots=True)
class Started:
    """The question is stored and an answer is being written; ``is_told_again`` for one of another request."""

    chat_id: UUID
    title: str
    question_id: UUID
    message_id: UUID
    model: str
    is_new: bool
    is_told_again: bool = False


ChatEvent = Started | Token | Answered


async def answer_member(
    desk: ChatDesk, caller: StaffCaller, ask: Ask, model: Model
) -> AsyncGenerator[ChatEvent, None]:
    """Yield ``Started``, then ``Token`` as the answer is written, then exactly one ``Answered``.

    Raises, storing nothing: ``NotFound`` and ``Invalid`` as ``read_context`` does, ``Invalid`` for what is
    too long for the model, then ``ModelUnavailable`` where its provider has no key, and ``LimitUsedUp`` when
    not even a short answer can be paid. A provider that fails raises ``ProviderFailed``: what it wrote is
    stored as failed and costs nothing. Whoever closes the generator ends the answer: what was written is
    kept, as interrupted, and charged. Without a word it is charged only to a caller who ended it themselves,
    as the answer's ``Stop`` says.

    Where all documents are asked a curated answer that matches wins: no model is asked, and it is free.

    A question that was sent before under its key is not asked again: its answer comes as it is stored, or
    ``Conflict`` while it is written. One whose answer failed or broke off is asked anew in its place.
    """
    began = time.perf_counter()
    if ask.key and (sent := await _find_asked(desk, caller, ask)) is not None:
        if sent.is_answered or sent.is_under_way(dead_before(desk.longest)):
            async for event in _tell_again(sent):
                yield event
            return
        ask = replace(ask, chat_id=sent.chat.id, earlier=(), replaces=sent.question.id)
    context = await _context(desk, caller, ask, model)
    provider = _provider(desk, caller, ask, context, model)
    retrieved = await _retrieve(desk, caller, ask, context, model)
    curated = retrieved.curated if retrieved is not None else None
    # The offline model quotes its passages, and is not told of them.
    passages = retrieved.passages if retrieved and provider is not None else ()
    prompt = _prompt(caller, ask, context, model, passages)
    asked = tokens_of(prompt)
    price = Price(
        model.credits(asked + model.output_budget(prompt.tokens)),
        model.credits(asked + model.output_budget(SHORT_ANSWER_TOKENS)),
    )
    author = model.id
    if curated is not None:
        price, author = Price(0, 0), CURATED
    beginning = desk.background.start(_begin(desk, caller, ask, context, model, price, author))
    try:
        # What is stored is known at its end only.
        begun = await asyncio.shield(beginning)
    except asyncio.CancelledError:
        desk.background.start(_leave_when_begun(desk, caller, beginning, model))
        raise
    answer = AnswerUnderWay(desk, caller, begun, model, asked, retrieved)
    try:
        yield Started(begun.chat_id, begun.title, begun.question_id, begun.message_id, author, begun.is_new)
        if curated is not None:
            source = answer.say(curated)
        elif provider is not None:
            source = answer.generate(provider, prompt)
        else:
            source = answer.quote(desk.pipeline, _question(caller, ask, context))
        async with aclosing(source) as tokens:
            async for token in tokens:
                yield token
    except HelpNinjaError as error:
        await answer.store_failed(error.detail)
        raise
    except Exception:
        await answer.store_failed(HelpNinjaError().detail)
        raise
    except BaseException:
        # Nobody listens any more, or this process ends.
        answer.leave()
        raise
    answered = await answer.store()
    ANSWERS.labels("chat", author).inc()
    ANSWER_SECONDS.labels("chat").observe(time.perf_counter() - began)
    yield answered


async def _context(desk: ChatDesk, caller: StaffCaller, ask: Ask, model: Model) -> Context:
    if ask.chat_id is None and desk.answerers.can_ask(model):
        # The documents are looked at with what is found in them.
        return Context(ask.earlier, ask.preference or "", bool(ask.uses_all_knowledge))
    async with desk.database.unit_of_work(caller.scope) as session:
        return await read_context(session, caller, ask, room=model.context)


def _provider(
    desk: ChatDesk, caller: StaffCaller, ask: Ask, context: Context, model: Model
) -> Provider | None:
    """``None`` for the offline model. A question that is wrong is told before that nobody can be asked."""
    if model.is_offline:
        return None
    if not desk.answerers.can_ask(model):
        _prompt(caller, ask, context, model, ())
    return desk.answerers.provider_of(model)


def _prompt(
    caller: StaffCaller, ask: Ask, context: Context, model: Model, passages: tuple[Passage, ...]
) -> Prompt:
    return build_chat_prompt(
        ask.text,
        context.history,
        passages,
        preference=context.preference,
        workspace_name=caller.workspace.name,
        model=model,
    )


async def _find_asked(desk: ChatDesk, caller: StaffCaller, ask: Ask) -> Asked | None:
    async with desk.database.unit_of_work(caller.scope) as session:
        return await find_asked(session, caller, ask)


async def _tell_again(asked: Asked) -> AsyncGenerator[ChatEvent, None]:
    """An answer as it is stored; ``Conflict`` where it is still being written."""
    chat, question, answer = asked.chat, asked.question, asked.answer
    yield Started(chat.id, chat.title, question.id, answer.id, answer.model, is_new=False, is_told_again=True)
    if not asked.is_answered:
        raise Conflict(UNDER_WAY)
    yield Token(answer.text)
    yield answered_as_stored(answer)


async def _begin(
    desk: ChatDesk, caller: StaffCaller, ask: Ask, context: Context, model: Model, price: Price, author: str
) -> Begun:
    with asked_once():
        begun = await begin_at_once(desk.database, caller, desk.plan, ask, context, model.id, price, author)
        if begun is not None:
            return begun
        before = dead_before(desk.longest)
        async with desk.database.unit_of_work(caller.scope) as session:
            return await begin_turn(
                session, caller, desk.plan, ask, context, model.id, price, author, dead_before=before
            )


async def _leave_when_begun(
    desk: ChatDesk, caller: StaffCaller, beginning: asyncio.Task[Begun], model: Model
) -> None:
    """Nobody waits for the answer any more: nothing is asked, and what is reserved given back."""
    with suppress(HelpNinjaError):
        AnswerUnderWay(desk, caller, await beginning, model, asked=0, retrieved=None).leave()


async def _retrieve(
    desk: ChatDesk, caller: StaffCaller, ask: Ask, context: Context, model: Model
) -> Retrieved | None:
    """What was found for the question; ``None`` when the model is to answer by itself. Raises ``Invalid`` for
    documents that are not there or not ready.

    The offline model has nothing of its own to say, so it always looks into the documents.
    """
    if not (ask.document_ids or context.uses_all_knowledge or model.is_offline):
        return None
    found = await desk.pipeline.retrieve(
        caller.scope,
        _question(caller, ask, context),
        passages=MEMBERS_PASSAGES,
        only=ask.document_ids or None,
        with_curated=not ask.document_ids,
    )
    refuse_unready(ask.document_ids, found.result.states)
    return found if model.is_offline else replace(found, passages=fitting_passages(found.passages, model))


def _question(caller: StaffCaller, ask: Ask, context: Context) -> Question:
    return Question(ask.text, context.history, languages=caller.workspace.languages)
