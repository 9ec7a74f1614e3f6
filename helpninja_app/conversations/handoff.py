"""The one table of changes between bot, waiting, human and resolved; nothing else changes a status.

See docs/adr/0020-hand-off.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.callers import WorkspaceView
from helpninja_app.answers.standalone import SHORT
from helpninja_app.answers.words import content_words, same_word, words_of
from helpninja_app.conversations.contact import ask_for_contact
from helpninja_app.conversations.dispatch import queue_deliveries
from helpninja_app.conversations.models import (
    ASKED_ONCE,
    Conversation,
    ConversationTransition,
    Escalation,
    Reason,
    Status,
)
from helpninja_app.conversations.notices import Change, announce
from helpninja_app.conversations.outgoing_events import tell_ended, tell_escalated
from helpninja_app.conversations.waiting import note_status
from helpninja_app.errors import Conflict
from helpninja_app.kernel.columns import now
from helpninja_app.kernel.database import new_id

TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.BOT: frozenset({Status.WAITING, Status.HUMAN, Status.RESOLVED}),
    Status.WAITING: frozenset({Status.BOT, Status.HUMAN, Status.RESOLVED}),
    Status.HUMAN: frozenset({Status.BOT, Status.RESOLVED}),
    # Waiting only for who undoes it: a visitor who writes again has the bot first.
    Status.RESOLVED: frozenset({Status.BOT, Status.WAITING, Status.HUMAN}),
}


async def change_status(
    session: AsyncSession, conversation: Conversation, status: Status, *, actor: str, reason: str
) -> None:
    """Move a locked conversation to ``status`` and record who did it and why; ``Conflict`` if not allowed."""
    current = Status(conversation.status)
    if status not in TRANSITIONS[current]:
        raise Conflict(f"A conversation that is {current.value} cannot become {status.value}.")
    made = ConversationTransition(
        workspace_id=conversation.workspace_id,
        conversation_id=conversation.id,
        from_status=current.value,
        to_status=status.value,
        actor=actor,
        reason=reason,
        assignee_before=conversation.assignee_id,
        snoozed_before=conversation.snoozed_until,
    )
    conversation.status = status.value
    if status is Status.RESOLVED:
        conversation.snoozed_until = None
    conversation.reason = reason if status is Status.WAITING else None
    if status is not Status.HUMAN:
        # Nobody holds what the bot answers; who has to look at it is assigned anew.
        conversation.assignee_id = None if current is Status.HUMAN else conversation.assignee_id
    if status is Status.BOT:
        conversation.hand_backs += 1
    session.add(made)
    note_status(conversation, status, made.created_at)
    await session.flush()
    await announce(session, conversation.workspace_id, conversation.id, Change.STATUS)
    if status is Status.RESOLVED:
        await tell_ended(session, conversation, actor=actor, reason=reason)


async def escalate(
    session: AsyncSession,
    conversation: Conversation,
    reason: Reason,
    *,
    topic: str = "",
    workspace: WorkspaceView | None = None,
    destinations: Sequence[UUID] = (),
    is_by_visitor: bool = True,
    given: Mapping[str, Any] | None = None,
    rule_name: str = "",
) -> bool:
    """Ask for a person; True when one had not been asked for this reason before.

    The conversation has to be locked. While a person handles it, or when it is resolved, nothing changes.
    After it was handed back it asks for the same reason only about another ``topic``, a question in one of
    the languages of ``workspace``; a visitor who asks for a person gets one whenever they do. It is told to
    ``destinations`` as ``dispatch.queue_deliveries`` says, unless a member asks once the visitor said who
    they are or did not within two minutes; whether they are asked is up to ``contact.ask_for_contact``, also
    where a person was asked for before. ``given`` holds texts for what the conversation itself does not.
    """
    if Status(conversation.status) not in {Status.BOT, Status.WAITING}:
        return False
    if reason is not Reason.VISITOR_REQUEST and await _was_about(
        session, conversation, reason, topic, workspace.languages if workspace else ()
    ):
        return False
    made = await session.execute(
        insert(Escalation)
        .values(
            workspace_id=conversation.workspace_id,
            id=new_id(),
            conversation_id=conversation.id,
            reason=reason.value,
            episode=conversation.episode,
            hand_backs=conversation.hand_backs,
            topic=topic,
            given=dict(given or {}),
            rule_name=rule_name,
        )
        .on_conflict_do_nothing(constraint=ASKED_ONCE)
        .returning(col(Escalation.id))
    )
    escalation_id = made.scalar_one_or_none()
    not_before = ask_for_contact(conversation, workspace) if is_by_visitor else None
    if escalation_id is None:
        return False
    conversation.snoozed_until = None
    if is_by_visitor:
        # Also where nothing is written, as with a button or a thumb: an old conversation goes on.
        conversation.last_message_at = now()
    if Status(conversation.status) is Status.BOT:
        await change_status(session, conversation, Status.WAITING, actor="bot", reason=reason.value)
    await queue_deliveries(
        session, conversation, escalation_id, destinations=destinations, not_before=not_before
    )
    await tell_escalated(session, conversation, escalation_id, reason=reason.value, question=topic)
    return True


async def was_with_a_person(session: AsyncSession, conversation: Conversation, *, since: UUID) -> bool:
    """Whether somebody who had the conversation gave it back after the message ``since``."""
    found = await session.execute(
        select(
            exists().where(
                col(ConversationTransition.workspace_id) == conversation.workspace_id,
                col(ConversationTransition.conversation_id) == conversation.id,
                col(ConversationTransition.from_status) == Status.HUMAN.value,
                col(ConversationTransition.id) > since,
            )
        )
    )
    return bool(found.scalar_one())


async def wake_up(session: AsyncSession, conversation: Conversation) -> None:
    """A visitor who writes into a resolved conversation opens it again for the bot, as a new episode.

    It is rated anew; the change keeps how the one before was.
    """
    if Status(conversation.status) is Status.RESOLVED:
        conversation.episode += 1
        conversation.hand_backs = 0
        reason = f"new message{_rating_before(conversation)}"
        conversation.csat, conversation.csat_comment = None, ""
        await change_status(session, conversation, Status.BOT, actor="visitor", reason=reason)


def _rating_before(conversation: Conversation) -> str:
    if conversation.csat is None:
        return ""
    comment = f": “{conversation.csat_comment}”" if conversation.csat_comment else "."
    return f"; the rating before was {conversation.csat} of 5{comment}"


async def _was_about(
    session: AsyncSession, conversation: Conversation, reason: Reason, topic: str, languages: Sequence[str]
) -> bool:
    """Whether people who handed the conversation back had been asked for this reason about the same."""
    found = await session.execute(
        select(col(Escalation.topic)).where(
            col(Escalation.workspace_id) == conversation.workspace_id,
            col(Escalation.conversation_id) == conversation.id,
            col(Escalation.episode) == conversation.episode,
            col(Escalation.hand_backs) < conversation.hand_backs,
            col(Escalation.reason) == reason.value,
            col(Escalation.notice_of).is_(None),
        )
    )
    return any(is_same_topic(topic, earlier, languages) for earlier in found.scalars())


def is_same_topic(question: str, earlier: str, languages: Sequence[str]) -> bool:
    """Whether two questions share a word that carries meaning in all of ``languages``.

    A short question ("and in Austria?") does not show its topic, and is taken to go on, as in retrieval.
    """
    words, others = (_meaning(text, languages) for text in (question, earlier))
    if len(words_of(question)) <= SHORT or not words or not others:
        return True
    return any(same_word(word, other) for word in words for other in others)


def _meaning(text: str, languages: Sequence[str]) -> set[str]:
    return set.intersection(*(set(content_words(text, language)) for language in languages or ("en",)))
