"""What a visitor hears while the panel is open: messages, who answers, and that somebody writes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from uuid import UUID

from helpninja_app.accounts.callers import VisitorCaller
from helpninja_app.conversations.contact import NextStep, next_step
from helpninja_app.conversations.models import Sender
from helpninja_app.conversations.notices import Change, conversation_topic
from helpninja_app.conversations.threads import (
    SHOWN_MESSAGES,
    MessageView,
    latest_conversation,
    note_seen,
    read_since,
)
from helpninja_app.errors import RateLimited
from helpninja_app.kernel.database import Database
from helpninja_app.kernel.live import EVERYTHING, Live

MAX_LISTENERS = 10
"""How many panels may listen to one conversation: tabs of one browser."""

SEEN_AFTER_SECONDS = 20
"""A panel in sight that still listens so long after a member's words were sent to it has shown them; one that
is gone would have been noticed by then, as heartbeats fail."""


@dataclass(frozen=True, slots=True)
class StatusNow:
    """``next`` is what happens next while it waits for a person."""

    status: str
    contact_requested: bool
    csat_requested: bool
    next: NextStep | None


@dataclass(frozen=True, slots=True)
class MemberTypes:
    """Somebody writes; not said again, it is over after some seconds."""


VisitorEvent = StatusNow | MemberTypes | MessageView


async def watch(
    database: Database,
    live: Live,
    caller: VisitorCaller,
    *,
    after: UUID | None = None,
    is_away: bool = False,
) -> AsyncGenerator[VisitorEvent, None]:
    """The status at once, then all that happens in the visitor's latest conversation, until it is closed.

    Messages are those after ``after``, or after now. Every message comes, the visitor's own as well: another
    tab may have sent it. What is sent to a panel that nobody looks at, ``is_away``, is not seen. Raises
    ``NotFound`` before the first conversation.
    """
    async with database.unit_of_work(caller.scope) as session:
        conversation_id = await latest_conversation(session, caller)
    topic = conversation_topic(conversation_id)
    if live.count(topic) >= MAX_LISTENERS:
        raise RateLimited(limit=MAX_LISTENERS, retry_after=30)
    status: StatusNow | None = None
    is_new = after is not None
    # What was shown and when, of members' messages, the first one first: it does not wait for those after it.
    shown: deque[tuple[UUID, float]] = deque()
    with live.listening(topic) as listener:
        told: tuple[str, ...] = (EVERYTHING,)
        while True:
            is_full = False
            if set(told) & {EVERYTHING, Change.MESSAGE, Change.STATUS}:
                async with database.unit_of_work(caller.scope) as session:
                    thread = await read_since(session, caller, conversation_id, after)
                step = next_step(caller.workspace, thread.status)
                if status is None and after is not None and not is_away and thread.may_hold_replies:
                    # It stands in the panel that listens again, and may be a member's.
                    shown.append((after, time.monotonic()))
                found = StatusNow(thread.status, thread.contact_requested, thread.csat_requested, step)
                if found != status:
                    status = found
                    yield found
                for message in thread.messages:
                    after = message.id
                    if not is_new:
                        continue
                    yield message
                    if message.role == Sender.MEMBER.value and not is_away:
                        shown.append((message.id, time.monotonic()))
                is_full, is_new = len(thread.messages) == SHOWN_MESSAGES, True
            if Change.MEMBER_TYPES in told:
                yield MemberTypes()
            if is_full:
                told = (EVERYTHING,)
                continue
            first = shown[0][1] + SEEN_AFTER_SECONDS - time.monotonic() if shown else None
            told = await listener.hear(first)
            seen: UUID | None = None
            while shown and time.monotonic() - shown[0][1] >= SEEN_AFTER_SECONDS:
                seen, _ = shown.popleft()
            if seen is not None:
                async with database.unit_of_work(caller.scope) as session:
                    await note_seen(session, caller.workspace.id, conversation_id, seen)
