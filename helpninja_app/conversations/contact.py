"""Who a visitor is: asked when a person is asked for, and what the visitor is told meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.business_hours import next_closing, next_opening, opening_at
from helpninja_app.accounts.callers import VisitorCaller, WorkspaceView
from helpninja_app.accounts.users import check_email
from helpninja_app.conversations.dispatch import release_held
from helpninja_app.conversations.models import Contact, Conversation, Status
from helpninja_app.conversations.notices import Change, announce
from helpninja_app.conversations.searching import note_words
from helpninja_app.conversations.threads import latest_conversation, lock_conversation
from helpninja_app.errors import FieldError, Invalid
from helpninja_app.kernel.columns import now

HELD_FOR = timedelta(minutes=2)
"""So long an escalation waits for the visitor to say who they are."""


# Who is there for longer says nothing by it.
_SOON_OVER = timedelta(hours=24)


class Kind(StrEnum):
    """When somebody looks at it: soon, or when business hours begin."""

    SOON = "soon"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class NextStep:
    """What a waiting visitor is told: when business hours begin, or end; in UTC, ``None`` where that is not
    known.
    """

    kind: Kind
    opens_at: datetime | None = None
    closes_at: datetime | None = None


def next_step(workspace: WorkspaceView, status: str, moment: datetime | None = None) -> NextStep | None:
    """What happens next in a conversation that waits for a person; ``None`` in any other."""
    if status != Status.WAITING.value:
        return None
    when = (workspace.business_hours, workspace.time_zone, moment or now(), workspace.holidays)
    opening = opening_at(*when)
    if opening is None or opening.is_open:
        closing = next_closing(*when)
        is_near = closing is not None and closing - when[2] <= _SOON_OVER
        return NextStep(Kind.SOON, closes_at=closing if is_near else None)
    return NextStep(Kind.LATER, next_opening(*when))


def ask_for_contact(conversation: Conversation, workspace: WorkspaceView | None = None) -> datetime | None:
    """Ask a visitor who is not known, once; returns until when an escalation waits for the answer.

    Who declined is asked once more in each time when nobody of ``workspace`` is there, and nothing waits for
    that. Who has no token is not asked: they could not answer.
    """
    if not conversation.is_signed:
        return None
    contact, asked_at = Contact(conversation.contact), conversation.contact_asked_at
    if contact is Contact.DECLINED and workspace and _is_another_closed_time(workspace, asked_at):
        # As if it had been for longer than anything waits for it.
        conversation.contact, conversation.contact_asked_at = Contact.ASKED.value, now() - HELD_FOR
        return None
    if contact is Contact.UNKNOWN:
        conversation.contact, conversation.contact_asked_at = Contact.ASKED.value, now()
    if Contact(conversation.contact) is not Contact.ASKED or conversation.contact_asked_at is None:
        return None
    until = conversation.contact_asked_at + HELD_FOR
    return until if until > now() else None


def _is_another_closed_time(workspace: WorkspaceView, before: datetime | None) -> bool:
    """Whether nobody is there now, and somebody was at the moment ``before`` or after it."""
    step = next_step(workspace, Status.WAITING.value)
    if step is None or step.kind is not Kind.LATER:
        return False
    return before is None or step != next_step(workspace, Status.WAITING.value, before)


async def give_contact(
    session: AsyncSession, caller: VisitorCaller, *, name: str, email: str, is_declined: bool
) -> Contact:
    """Store who the visitor of the latest conversation is, or that they do not say, and let people know.

    What was given stays when it is declined afterwards. ``Invalid`` for an address that is none.
    """
    address = check_email(email) if email else ""
    if not is_declined and not address:
        raise Invalid(errors=(FieldError("body.email", "Please give an e-mail address, or decline."),))
    conversation = await lock_conversation(
        session, caller.workspace.id, await latest_conversation(session, caller)
    )
    if not is_declined:
        conversation.visitor_email = address
        conversation.visitor_name = name or conversation.visitor_name
        conversation.contact = Contact.GIVEN.value
        await note_words(session, conversation.id, f"{name} {address}")
    elif Contact(conversation.contact) is not Contact.GIVEN:
        conversation.contact = Contact.DECLINED.value
        # Not once more in the time in which they said so.
        conversation.contact_asked_at = now()
    await session.flush()
    await release_held(session, caller.workspace.id, conversation.id)
    # The visitor's other tabs close the form; the members see who it is.
    await announce(session, caller.workspace.id, conversation.id, Change.STATUS)
    return Contact(conversation.contact)
