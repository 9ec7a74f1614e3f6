"""A visitor asks: stores the question, has it answered, stores the answer and decides about a person."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import asdict, dataclass
from functools import partial
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.callers import VisitorCaller
from helpninja_app.answers.citations import Citation
from helpninja_app.answers.pipeline import Answer, Pipeline, Question, Token
from helpninja_app.answers.prompt import Voice
from helpninja_app.answers.standalone import Turn
from helpninja_app.billing.models import Unit
from helpninja_app.billing.plans import Plan
from helpninja_app.billing.reservations import Reservation, find_refusal, release, reserve, settle
from helpninja_app.conversations.contact import NextStep, next_step
from helpninja_app.conversations.handoff import escalate, wake_up, was_with_a_person
from helpninja_app.conversations.models import Conversation, Message, Reason, Sender, Status
from helpninja_app.conversations.rules.applying import judge_turn, tell_of
from helpninja_app.conversations.threads import (
    add_message,
    is_contact_requested,
    is_with_a_person,
    lock_conversation,
    open_conversation,
    recent_turns,
)
from helpninja_app.conversations.whereabouts import NOT_KNOWN, Whereabouts
from helpninja_app.errors import LimitUsedUp, MessagesUsedUp
from helpninja_app.kernel.database import Database, new_id
from helpninja_app.kernel.telemetry import ANSWER_SECONDS, ANSWERS

# Of a crowd that comes when nothing is left most are only sent away: none of it may take the database's
# connections from those who are answered.
_PASSING_ON = asyncio.Semaphore(2)
# What was said then answers no question, and does not count as a message of the plan.
_WITHOUT_ANSWER = frozenset({"declined", "person_asked"})


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of a visitor's message; ``handled_by`` is ``bot`` or ``human``.

    ``reason`` is why a person was asked, ``None`` where none was; ``model`` is the id of what answered.
    ``next`` is what happens next where it waits for a person.
    """

    answer: str
    refs: tuple[str, ...]
    confidence: float
    conversation_id: UUID
    message_id: UUID
    handled_by: str
    escalated: bool
    contact_requested: bool
    citations: tuple[Citation, ...]
    status: Status = Status.BOT
    next: NextStep | None = None
    reason: Reason | None = None
    model: str = ""


@dataclass(frozen=True, slots=True)
class _Turn:
    """A stored question that waits for its answer; with ``silence``, for that of a person."""

    conversation_id: UUID
    message_id: UUID
    question: str
    silence: Reply | None
    history: tuple[Turn, ...]
    reservation: Reservation | None
    plan: Plan


async def answer_visitor(
    database: Database,
    pipeline: Pipeline,
    caller: VisitorCaller,
    message: str,
    plan: Plan,
    *,
    voice: Voice,
    whereabouts: Whereabouts = NOT_KNOWN,
) -> AsyncGenerator[Token | Reply, None]:
    """Yield ``Token`` as the answer is written, then exactly one ``Reply``.

    The question is stored before it is answered and stays whatever happens to the answer. When the plan's
    messages are used a person is asked instead, and ``MessagesUsedUp`` says so; a message that gets no answer
    is not counted.
    """
    started = time.perf_counter()
    try:
        turn = await _store_question(database, caller, message, plan, whereabouts)
    except LimitUsedUp as refusal:
        if _PASSING_ON.locked():
            raise
        async with _PASSING_ON:
            passed_on = await _pass_on(database, caller, message, plan, whereabouts, refusal)
        raise passed_on from None
    if turn.silence is not None:
        yield turn.silence
        return
    answer: Answer | None = None
    try:
        question = Question(
            text=message,
            history=turn.history,
            voice=voice,
            workspace_name=caller.workspace.name,
            languages=caller.workspace.languages,
        )
        async with aclosing(pipeline.answer(caller.scope, question)) as events:
            async for event in events:
                if isinstance(event, Token):
                    yield event
                else:
                    answer = event
        if answer is None:
            raise RuntimeError("The pipeline ended without an answer.")
        reply = await _store_answer(database, caller, turn, answer)
    except BaseException:
        await _release(database, caller, turn)
        raise
    ANSWERS.labels(answer.kind, answer.model).inc()
    ANSWER_SECONDS.labels(answer.kind).observe(time.perf_counter() - started)
    yield reply


async def _store_question(
    database: Database, caller: VisitorCaller, message: str, plan: Plan, whereabouts: Whereabouts
) -> _Turn:
    async with database.unit_of_work(caller.scope) as session:
        # A crowd that comes when nothing is left is sent away before it queues for the locks of what follows.
        refusal = await find_refusal(session, caller.workspace.id, plan, Unit.MESSAGE)
        if refusal is not None and not await is_with_a_person(session, caller):
            raise refusal
        conversation = await open_conversation(session, caller, whereabouts=whereabouts)
        await wake_up(session, conversation)
        is_human = Status(conversation.status) is Status.HUMAN
        history = await recent_turns(session, caller.workspace.id, conversation.id)
        # What a person answers is not the bot's to count.
        reservation = None if is_human else await reserve(session, caller.workspace.id, plan, Unit.MESSAGE, 1)
        stored = await add_message(
            session,
            Message(
                workspace_id=caller.workspace.id,
                id=new_id(),
                conversation_id=conversation.id,
                role=Sender.VISITOR.value,
                text=message,
            ),
        )
        silence = _silence(caller, conversation, stored.id) if is_human else None
        return _Turn(conversation.id, stored.id, message, silence, history, reservation, plan)


async def _pass_on(
    database: Database,
    caller: VisitorCaller,
    message: str,
    plan: Plan,
    whereabouts: Whereabouts,
    refusal: LimitUsedUp,
) -> MessagesUsedUp:
    """Keep for people what the bot may not answer any more this month, and ask them once."""
    async with database.unit_of_work(caller.scope) as session:
        conversation = await open_conversation(session, caller, whereabouts=whereabouts)
        await wake_up(session, conversation)
        stored = await add_message(
            session,
            Message(
                workspace_id=caller.workspace.id,
                id=new_id(),
                conversation_id=conversation.id,
                role=Sender.VISITOR.value,
                text=message,
            ),
        )
        decision = await judge_turn(session, caller.workspace, conversation, plan, stored)
        await escalate(
            session,
            conversation,
            Reason.USAGE_LIMIT,
            topic=message,
            workspace=caller.workspace,
            destinations=decision.destinations,
        )
        for rule in decision.notices:
            await tell_of(session, conversation, rule, message)
        step = next_step(caller.workspace, conversation.status)
        return MessagesUsedUp(
            refusal.detail,
            limit=refusal.limit,
            used=refusal.used,
            conversation_id=conversation.id,
            message_id=stored.id,
            status=conversation.status,
            is_contact_requested=is_contact_requested(conversation),
            next_kind=step.kind.value if step else None,
            opens_at=step.opens_at if step else None,
            closes_at=step.closes_at if step else None,
        )


async def _store_answer(database: Database, caller: VisitorCaller, turn: _Turn, answer: Answer) -> Reply:
    async with database.unit_of_work(caller.scope) as session:
        conversation = await lock_conversation(session, caller.workspace.id, turn.conversation_id)
        if Status(conversation.status) is Status.HUMAN or (
            await was_with_a_person(session, conversation, since=turn.message_id)
        ):
            # A person took over while this was written: the bot does not speak any more, and does not come
            # late either when they have handed back since.
            if turn.reservation is not None:
                await release(session, caller.workspace.id, turn.reservation)
            return _silence(caller, conversation, turn.message_id)
        stored = await add_message(
            session,
            Message(
                workspace_id=caller.workspace.id,
                id=new_id(),
                conversation_id=conversation.id,
                role=Sender.BOT.value,
                text=answer.text,
                kind=answer.kind,
                confidence=answer.confidence,
                citations=[asdict(citation) for citation in answer.citations],
                model=answer.model,
                input_tokens=answer.usage.input,
                output_tokens=answer.usage.output,
            ),
        )
        reason = await _ask_for_a_person(session, caller, turn, conversation, answer)
        # Not where people handed just this back to the bot.
        is_escalated = reason is not None and Status(conversation.status) is Status.WAITING
        # What was written before a model took it back was read by then.
        is_free = answer.kind in _WITHOUT_ANSWER and not answer.is_taken_back
        if turn.reservation is not None and is_free:
            await release(session, caller.workspace.id, turn.reservation)
        elif turn.reservation is not None:
            await settle(session, caller.workspace.id, turn.reservation, 1, description="A visitor's message")
        return Reply(
            answer=answer.text,
            refs=answer.refs,
            confidence=round(answer.confidence, 3),
            conversation_id=conversation.id,
            message_id=stored.id,
            handled_by="bot",
            escalated=is_escalated,
            contact_requested=is_contact_requested(conversation),
            citations=answer.citations,
            status=Status(conversation.status),
            next=next_step(caller.workspace, conversation.status),
            reason=reason if is_escalated else None,
            model=answer.model,
        )


async def _ask_for_a_person(
    session: AsyncSession, caller: VisitorCaller, turn: _Turn, conversation: Conversation, answer: Answer
) -> Reason | None:
    """Ask for one where the answer or else a rule says so, and tell of it; returns why."""
    if answer.kind == "small_talk":
        return None
    question = await session.get_one(Message, (caller.workspace.id, turn.message_id))
    decision = await judge_turn(session, caller.workspace, conversation, turn.plan, question)
    asking = partial(
        escalate,
        session,
        conversation,
        topic=turn.question,
        workspace=caller.workspace,
        destinations=decision.destinations,
    )
    reason = reason_to_escalate(answer, caller.workspace.confidence_threshold)
    is_asked = reason is not None and await asking(reason)
    if decision.escalation is not None and not is_asked:
        await asking(Reason.RULE, rule_name=decision.escalation.name)
        reason = reason or Reason.RULE
    for rule in decision.notices:
        await tell_of(session, conversation, rule, turn.question)
    return reason


def reason_to_escalate(answer: Answer, threshold: float) -> Reason | None:
    """Why a person should look at this answer, if one should. Small talk and people's own words do not."""
    if answer.kind in {"small_talk", "curated"}:
        return None
    if answer.kind == "person_asked":
        return Reason.VISITOR_REQUEST
    if answer.provider_failed:
        return Reason.PROVIDER_ERROR
    if answer.kind == "declined":
        return Reason.NO_ANSWER
    if answer.confidence < threshold:
        return Reason.LOW_CONFIDENCE
    return None


async def _release(database: Database, caller: VisitorCaller, turn: _Turn) -> None:
    if turn.reservation is not None:
        async with database.unit_of_work(caller.scope) as session:
            await release(session, caller.workspace.id, turn.reservation)


def _silence(caller: VisitorCaller, conversation: Conversation, question_id: UUID) -> Reply:
    """What a person answers, or would have: it may have been handed back meanwhile."""
    return Reply(
        answer="",
        refs=(),
        confidence=0.0,
        conversation_id=conversation.id,
        message_id=question_id,
        handled_by="human",
        escalated=False,
        contact_requested=is_contact_requested(conversation),
        citations=(),
        status=Status(conversation.status),
        next=next_step(caller.workspace, conversation.status),
    )
