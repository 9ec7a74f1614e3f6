"""What is done about several conversations at once: with each the same as with one alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.conversations import desk
from helpninja_app.conversations.models import Status
from helpninja_app.conversations.threads import lock_conversation
from helpninja_app.errors import Conflict, Invalid, NotFound

MOST_AT_ONCE = 100

Act = Callable[[AsyncSession, MemberCaller, UUID], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """``done`` are the conversations that it was done with; ``refused`` counts the others by why not."""

    done: tuple[UUID, ...]
    refused: Mapping[str, int]


async def do_with_each(
    session: AsyncSession, caller: MemberCaller, conversation_ids: Collection[UUID], act: Act
) -> Outcome:
    """``act`` with each, in one unit of work; what is refused of one, or is none of theirs, changes no other.

    ``Invalid`` for none or more than ``MOST_AT_ONCE``; and what forbids all, such as ``Forbidden``.
    """
    # In one order: two who do this at once wait for each other in turn.
    wanted = sorted(set(conversation_ids))
    if not wanted:
        raise Invalid("Choose a conversation first.")
    if len(wanted) > MOST_AT_ONCE:
        raise Invalid(f"Choose at most {MOST_AT_ONCE} conversations at once.")
    done: list[UUID] = []
    refused: Counter[str] = Counter()
    for conversation_id in wanted:
        try:
            async with session.begin_nested():
                await act(session, caller, conversation_id)
        except (Conflict, NotFound) as error:
            refused[error.detail] += 1
        else:
            done.append(conversation_id)
    return Outcome(tuple(done), refused)


async def resolve_open(session: AsyncSession, caller: MemberCaller, conversation_id: UUID) -> None:
    """Resolve one that is not yet, so that who undoes it opens no other; ``Conflict`` where it is.

    Nor one that somebody else has: of a hundred at once nobody looks whose each is.
    """
    require(caller, Permission.ANSWER_CONVERSATIONS)
    conversation = await lock_conversation(session, caller.workspace.id, conversation_id)
    if Status(conversation.status) is Status.RESOLVED:
        raise Conflict("Resolved already.")
    await desk.refuse_other_holder(session, caller, conversation)
    await desk.resolve(session, caller, conversation_id)
