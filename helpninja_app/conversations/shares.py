"""Links that show a conversation to whoever has them, until they expire or are revoked.

What is shown is what the visitor sees: it is read in the visitor's own scope, where the database itself gives
neither notes nor anything else of the members.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.audit import Actor, record
from helpninja_app.accounts.callers import StaffCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.accounts.tokens import new_token, token_hash
from helpninja_app.accounts.workspaces import load_workspace
from helpninja_app.conversations.models import Conversation, ConversationShare, ConversationShareHash
from helpninja_app.conversations.threads import lock_conversation
from helpninja_app.conversations.transcript import Transcript, said_in
from helpninja_app.errors import Conflict, NotFound
from helpninja_app.kernel.columns import now
from helpninja_app.kernel.database import enter_scope
from helpninja_app.kernel.scope import Scope

SHARED_PATH = "/api/shared-conversation"
MOST_LINKS = 20
MOST_DAYS = 90
GONE = "This link is not valid any more."


@dataclass(frozen=True, slots=True)
class ShareView:
    """``created_by`` is ``member:<id>`` or ``key:<id>``."""

    id: UUID
    created_by: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    views: int
    last_viewed_at: datetime | None


async def create_share(
    session: AsyncSession, caller: StaffCaller, conversation_id: UUID, *, days: int
) -> tuple[ShareView, str]:
    """A link and its token, which nobody can read again; ``Conflict`` when 20 are open already."""
    require(caller, Permission.ANSWER_CONVERSATIONS)
    conversation = await lock_conversation(session, caller.workspace.id, conversation_id)
    counted = await session.execute(
        select(func.count())
        .select_from(ConversationShare)
        .where(
            *_of(caller, conversation_id),
            col(ConversationShare.revoked_at).is_(None),
            col(ConversationShare.expires_at) > now(),
        )
    )
    if counted.scalar_one() >= MOST_LINKS:
        raise Conflict(f"A conversation has at most {MOST_LINKS} open links. Revoke one first.")
    share = ConversationShare(
        workspace_id=caller.workspace.id,
        conversation_id=conversation.id,
        created_by=caller.label,
        expires_at=now() + timedelta(days=days),
    )
    session.add(share)
    await session.flush()
    token = new_token()
    session.add(
        ConversationShareHash(
            token_hash=token_hash(token), workspace_id=share.workspace_id, share_id=share.id
        )
    )
    await session.flush()
    await record(
        session,
        Actor.of(caller),
        "conversation.shared",
        str(conversation_id),
        share=str(share.id),
        expires=share.expires_at.isoformat(),
    )
    return _view(share), token


async def list_shares(
    session: AsyncSession, caller: StaffCaller, conversation_id: UUID
) -> tuple[ShareView, ...]:
    """The last 200 links of a conversation, also those that are over, the latest first."""
    require(caller, Permission.READ_CONVERSATIONS)
    if await session.get(Conversation, (caller.workspace.id, conversation_id)) is None:
        raise NotFound("There is no such conversation.")
    found = await session.execute(
        select(ConversationShare)
        .where(*_of(caller, conversation_id))
        .order_by(col(ConversationShare.id).desc())
        .limit(200)
    )
    return tuple(_view(row) for row in found.scalars())


async def revoke_share(
    session: AsyncSession, caller: StaffCaller, conversation_id: UUID, share_id: UUID
) -> None:
    """End a link at once; doing it twice changes nothing."""
    require(caller, Permission.ANSWER_CONVERSATIONS)
    found = await session.execute(
        select(ConversationShare)
        .where(*_of(caller, conversation_id), col(ConversationShare.id) == share_id)
        .with_for_update()
    )
    share = found.scalar_one_or_none()
    if share is None:
        raise NotFound("There is no such link.")
    if share.revoked_at is not None:
        return
    share.revoked_at = now()
    await session.flush()
    await record(
        session, Actor.of(caller), "conversation.share_revoked", str(conversation_id), share=str(share_id)
    )


async def open_share(session: AsyncSession, token: str) -> Transcript:
    """What a link shows, counted as a view; ``NotFound`` for one that does not count any more.

    Continues in the scope of the conversation's visitor.
    """
    known = await session.get(ConversationShareHash, token_hash(token))
    if known is None:
        raise NotFound(GONE)
    await enter_scope(session, Scope.members(known.workspace_id))
    try:
        workspace = await load_workspace(session, known.workspace_id)
    except NotFound:
        raise NotFound(GONE) from None
    viewed = await session.execute(
        update(ConversationShare)
        .where(
            col(ConversationShare.workspace_id) == known.workspace_id,
            col(ConversationShare.id) == known.share_id,
            col(ConversationShare.revoked_at).is_(None),
            col(ConversationShare.expires_at) > now(),
        )
        .values(views=col(ConversationShare.views) + 1, last_viewed_at=now())
        .returning(col(ConversationShare.conversation_id))
    )
    conversation_id = viewed.scalar_one_or_none()
    if conversation_id is None:
        raise NotFound(GONE)
    conversation = await session.get_one(Conversation, (known.workspace_id, conversation_id))
    await enter_scope(
        session, Scope.visitors(known.workspace_id, conversation.session_id, is_proven=conversation.is_signed)
    )
    return await said_in(session, conversation, workspace.name)


def _of(caller: StaffCaller, conversation_id: UUID) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return (
        col(ConversationShare.workspace_id) == caller.workspace.id,
        col(ConversationShare.conversation_id) == conversation_id,
    )


def _view(row: ConversationShare) -> ShareView:
    return ShareView(
        row.id,
        row.created_by,
        row.created_at,
        row.expires_at,
        row.revoked_at,
        row.views,
        row.last_viewed_at,
    )
