"""What members do about a conversation: take it over, answer, hand it back, resolve it, and tell each other.

Each function locks the conversation. ``NotFound`` when there is none of that id in the caller's workspace,
``Forbidden`` without the permission, ``Conflict`` where its state does not allow it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.callers import MemberCaller, StaffCaller, require
from helpninja_app.accounts.members import MemberView, list_members
from helpninja_app.accounts.permissions import ROLE_PERMISSIONS, Permission
from helpninja_app.conversations.handoff import change_status
from helpninja_app.conversations.mentions import notify_mentioned
from helpninja_app.conversations.models import (
    Conversation,
    ConversationNote,
    ConversationTransition,
    Message,
    Sender,
    Status,
)
from helpninja_app.conversations.notices import Change, announce
from helpninja_app.conversations.snoozes import queue_waking
from helpninja_app.conversations.threads import add_message, lock_conversation
from helpninja_app.conversations.visitor_mails import queue_visitor_mail
from helpninja_app.conversations.waiting import waited_since
from helpninja_app.errors import Conflict, FieldError, Invalid
from helpninja_app.kernel.columns import now
from helpninja_app.kernel.queue import Queue

Sent = TypeVar("Sent", Message, ConversationNote)

NAMELESS = "Support"
"""What visitors read of a member who has given no name: an address is nobody's business."""

TAKE_OVER_FIRST = "Take the conversation over to answer in it."

LONGEST_SNOOZE = timedelta(days=366)
MAX_TAGS = 20


async def take_over(session: AsyncSession, caller: StaffCaller, conversation_id: UUID) -> Conversation:
    """Answer instead of the bot, which is silent from the commit on. Taking over twice changes nothing."""
    conversation = await _lock(session, caller, conversation_id)
    if Status(conversation.status) is Status.HUMAN:
        await refuse_other_holder(session, caller, conversation)
    else:
        await change_status(session, conversation, Status.HUMAN, actor=caller.label, reason="taken over")
    conversation.assignee_id = _person(caller)
    conversation.snoozed_until = None
    await session.flush()
    await announce(session, conversation.workspace_id, conversation.id, Change.DETAILS)
    return conversation


async def reply(
    session: AsyncSession,
    queue: Queue,
    caller: StaffCaller,
    conversation_id: UUID,
    text: str,
    *,
    client_id: UUID,
) -> Message:
    """Answer the visitor, by mail if they have left and gave an address.

    A repeated ``client_id`` returns the message that was stored the first time.
    """
    conversation = await _lock(session, caller, conversation_id)
    stored = await _sent_before(session, Message, conversation, client_id, text)
    if stored is not None:
        return stored
    if Status(conversation.status) is not Status.HUMAN:
        raise Conflict(TAKE_OVER_FIRST)
    await refuse_other_holder(session, caller, conversation)
    author_id, name = await _author(session, caller)
    stored = await add_message(
        session,
        Message(
            workspace_id=caller.workspace.id,
            conversation_id=conversation.id,
            role=Sender.MEMBER.value,
            text=text,
            client_id=client_id,
            author_id=author_id,
            author_name=name or NAMELESS,
        ),
    )
    await queue_visitor_mail(session, queue, conversation)
    return stored


async def hand_back(session: AsyncSession, caller: StaffCaller, conversation_id: UUID) -> Conversation:
    """Let the bot answer again."""
    conversation = await _lock(session, caller, conversation_id)
    if Status(conversation.status) is Status.HUMAN:
        await refuse_other_holder(session, caller, conversation)
    if Status(conversation.status) is not Status.BOT:
        await change_status(session, conversation, Status.BOT, actor=caller.label, reason="handed back")
    return conversation


async def resolve(session: AsyncSession, caller: StaffCaller, conversation_id: UUID) -> Conversation:
    conversation = await _lock(session, caller, conversation_id)
    if Status(conversation.status) is not Status.RESOLVED:
        await change_status(session, conversation, Status.RESOLVED, actor=caller.label, reason="resolved")
    return conversation


async def reopen(session: AsyncSession, caller: StaffCaller, conversation_id: UUID) -> Conversation:
    """Undo ``resolve``: what a person answered is the caller's, the rest is the bot's or waits, as before."""
    conversation = await _lock(session, caller, conversation_id)
    if Status(conversation.status) is not Status.RESOLVED:
        return conversation
    ended = await _last_end(session, conversation)
    after = Status(ended.from_status) if ended else Status.BOT
    await change_status(session, conversation, after, actor=caller.label, reason="reopened")
    if after is Status.WAITING:
        conversation.reason = await _reason_to_wait(session, conversation)
    if after is Status.HUMAN:
        conversation.assignee_id = _person(caller)
    if after in {Status.WAITING, Status.HUMAN}:
        since = await waited_since(session, conversation)
        conversation.waiting_since = since or conversation.waiting_since
    await session.flush()
    return conversation


async def undo_resolve(
    session: AsyncSession, queue: Queue, caller: StaffCaller, conversation_id: UUID
) -> Conversation:
    """``reopen`` for who did not mean it: who had it has it again, and what was put off still is."""
    conversation = await _lock(session, caller, conversation_id)
    ended = await _last_end(session, conversation)
    if Status(conversation.status) is not Status.RESOLVED or ended is None:
        return conversation
    await reopen(session, caller, conversation_id)
    if ended.from_status == Status.HUMAN.value and await _may_have(session, caller, ended.assignee_before):
        conversation.assignee_id = ended.assignee_before
    if ended.snoozed_before is not None and ended.snoozed_before > now():
        await snooze(session, queue, caller, conversation_id, ended.snoozed_before)
    await session.flush()
    await announce(session, conversation.workspace_id, conversation.id, Change.DETAILS)
    return conversation


async def assign(
    session: AsyncSession, caller: StaffCaller, conversation_id: UUID, user_id: UUID | None
) -> Conversation:
    """Have a member who may answer look after it, or nobody in particular. Who answers stays as it is."""
    conversation = await _lock(session, caller, conversation_id)
    if user_id is not None:
        await _answering_member(session, caller, user_id)
    conversation.assignee_id = user_id
    await session.flush()
    await announce(session, conversation.workspace_id, conversation.id, Change.DETAILS)
    return conversation


async def snooze(
    session: AsyncSession, queue: Queue, caller: StaffCaller, conversation_id: UUID, until: datetime | None
) -> Conversation:
    """Keep it out of the lists until then, until the visitor writes or asks for a person, or until it is
    resolved; ``None`` brings it back.
    """
    conversation = await _lock(session, caller, conversation_id)
    if until is not None and until <= now():
        raise Invalid(errors=(FieldError("body.until", "Choose a time that is still to come."),))
    if until is not None and until > now() + LONGEST_SNOOZE:
        raise Invalid(errors=(FieldError("body.until", "Choose a time within a year."),))
    conversation.snoozed_until = until
    await session.flush()
    await queue_waking(session, queue, conversation)
    await announce(session, conversation.workspace_id, conversation.id, Change.DETAILS)
    return conversation


async def set_tags(
    session: AsyncSession, caller: StaffCaller, conversation_id: UUID, tags: Sequence[str]
) -> Conversation:
    """Replace its tags; written alike they are the same one."""
    conversation = await _lock(session, caller, conversation_id)
    conversation.tags = _tidy(tags)
    await session.flush()
    await announce(session, conversation.workspace_id, conversation.id, Change.DETAILS)
    return conversation


async def add_tag(
    session: AsyncSession, caller: StaffCaller, conversation_id: UUID, tag: str
) -> Conversation:
    """One more; of two members who tag at once none loses theirs. ``Invalid`` for an empty one."""
    if not tag:
        raise Invalid("Type a tag first.")
    conversation = await _lock(session, caller, conversation_id)
    tags = _tidy([*conversation.tags, tag])
    if len(tags) > MAX_TAGS:
        raise Conflict(f"A conversation has at most {MAX_TAGS} tags.")
    return await set_tags(session, caller, conversation_id, tags)


async def remove_tag(
    session: AsyncSession, caller: StaffCaller, conversation_id: UUID, tag: str
) -> Conversation:
    conversation = await _lock(session, caller, conversation_id)
    left = [each for each in conversation.tags if each != tag]
    return await set_tags(session, caller, conversation_id, left)


async def add_note(
    session: AsyncSession,
    queue: Queue,
    caller: StaffCaller,
    conversation_id: UUID,
    text: str,
    *,
    client_id: UUID,
    mentions: Sequence[UUID] = (),
) -> ConversationNote:
    """Tell the members what the visitor does not see; a repeated ``client_id`` adds nothing."""
    conversation = await _lock(session, caller, conversation_id)
    stored = await _sent_before(session, ConversationNote, conversation, client_id, text)
    if stored is not None:
        return stored
    members = await list_members(session, caller.workspace.id)
    if not set(mentions) <= {member.user_id for member in members}:
        raise Invalid(errors=(FieldError("body.mentions", "Mention members of this workspace."),))
    author_id, name = await _author(session, caller)
    note = ConversationNote(
        workspace_id=caller.workspace.id,
        client_id=client_id,
        conversation_id=conversation.id,
        author_id=author_id,
        author_name=name or (caller.email if isinstance(caller, MemberCaller) else caller.name),
        text=text,
        mentions=list(dict.fromkeys(mentions)),
    )
    session.add(note)
    await session.flush()
    await notify_mentioned(session, queue, note, members)
    await announce(session, conversation.workspace_id, conversation.id, Change.DETAILS)
    return note


async def show_typing(session: AsyncSession, caller: StaffCaller, conversation_id: UUID) -> None:
    """Have the visitor see that a person writes, while one holds the conversation."""
    conversation = await _lock(session, caller, conversation_id)
    if Status(conversation.status) is Status.HUMAN:
        await refuse_other_holder(session, caller, conversation)
        await announce(session, conversation.workspace_id, conversation.id, Change.MEMBER_TYPES)


def _tidy(tags: Sequence[str]) -> list[str]:
    return list({" ".join(tag.split()).casefold(): None for tag in tags if tag.split()})


async def _lock(session: AsyncSession, caller: StaffCaller, conversation_id: UUID) -> Conversation:
    require(caller, Permission.ANSWER_CONVERSATIONS)
    return await lock_conversation(session, caller.workspace.id, conversation_id)


async def _last_end(session: AsyncSession, conversation: Conversation) -> ConversationTransition | None:
    """How it was resolved last."""
    found = await session.execute(
        select(ConversationTransition)
        .where(
            col(ConversationTransition.workspace_id) == conversation.workspace_id,
            col(ConversationTransition.conversation_id) == conversation.id,
            col(ConversationTransition.to_status) == Status.RESOLVED.value,
        )
        .order_by(col(ConversationTransition.id).desc())
        .limit(1)
    )
    return found.scalar_one_or_none()


async def _reason_to_wait(session: AsyncSession, conversation: Conversation) -> str | None:
    """Why the bot asked for a person last."""
    found = await session.execute(
        select(col(ConversationTransition.reason))
        .where(
            col(ConversationTransition.workspace_id) == conversation.workspace_id,
            col(ConversationTransition.conversation_id) == conversation.id,
            col(ConversationTransition.from_status) == Status.BOT.value,
            col(ConversationTransition.to_status) == Status.WAITING.value,
        )
        .order_by(col(ConversationTransition.id).desc())
        .limit(1)
    )
    return found.scalar_one_or_none()


async def _sent_before(
    session: AsyncSession, table: type[Sent], conversation: Conversation, client_id: UUID, text: str
) -> Sent | None:
    """What the client has sent under this id; ``Conflict`` when it was another text."""
    found = await session.execute(
        select(table).where(
            col(table.workspace_id) == conversation.workspace_id,
            col(table.conversation_id) == conversation.id,
            col(table.client_id) == client_id,
        )
    )
    stored = found.scalar_one_or_none()
    if stored is not None and stored.text != text:
        raise Conflict("Another text was sent under this id.")
    return stored


async def refuse_other_holder(session: AsyncSession, caller: StaffCaller, conversation: Conversation) -> None:
    """Of several people one answers, so that a visitor never hears two at once."""
    holder = conversation.assignee_id
    if holder is None or holder == _person(caller):
        return
    names = {
        each.user_id: each.name or each.email for each in await list_members(session, caller.workspace.id)
    }
    raise Conflict(
        f"{names.get(holder, 'Somebody else')} has this conversation. Assign it to yourself first."
    )


async def _answering_member(session: AsyncSession, caller: StaffCaller, user_id: UUID) -> MemberView:
    for member in await list_members(session, caller.workspace.id):
        if member.user_id == user_id and not member.is_suspended:
            if Permission.ANSWER_CONVERSATIONS in ROLE_PERMISSIONS[member.role]:
                return member
            break
    raise Invalid(errors=(FieldError("body.userId", "Choose a member who may answer visitors."),))


async def _may_have(session: AsyncSession, caller: StaffCaller, user_id: UUID | None) -> bool:
    """Whether they may still answer; nobody in particular always may."""
    try:
        return user_id is None or bool(await _answering_member(session, caller, user_id))
    except Invalid:
        return False


async def _author(session: AsyncSession, caller: StaffCaller) -> tuple[UUID | None, str]:
    """Who writes, and the name they gave themselves; a program has none."""
    if not isinstance(caller, MemberCaller):
        return None, ""
    for member in await list_members(session, caller.workspace.id):
        if member.user_id == caller.user_id:
            return caller.user_id, member.name
    return caller.user_id, ""


def _person(caller: StaffCaller) -> UUID | None:
    return caller.user_id if isinstance(caller, MemberCaller) else None
