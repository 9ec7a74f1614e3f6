"""Canned replies of a workspace: what its members answer with again and again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import case, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.audit import Actor, changes, record
from helpninja_app.accounts.callers import MemberCaller, StaffCaller, require
from helpninja_app.accounts.members import list_members
from helpninja_app.accounts.permissions import Permission
from helpninja_app.conversations.canned_text import FilledText, check_variables, fill_variables
from helpninja_app.conversations.models import CannedReply, Conversation
from helpninja_app.errors import Conflict, NotFound
from helpninja_app.kernel.columns import now

MOST_REPLIES = 500
MAX_NAME = 60
MAX_TEXT = 5_000

_UNKNOWN = "There is no such canned reply."
# Of two that add the last one, or give one name twice, the second waits and sees what the first did.
_LOCK = text("select pg_advisory_xact_lock(hashtextextended('canned:' || cast(:workspace as text), 0))")


@dataclass(frozen=True, slots=True)
class CannedView:
    id: UUID
    name: str
    text: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class CannedPage:
    replies: tuple[CannedView, ...]
    total: int


async def list_canned(
    session: AsyncSession, caller: StaffCaller, *, contains: str = "", limit: int = 50, offset: int = 0
) -> CannedPage:
    """Those with ``contains`` in their name or text, by name; first those whose name begins with it."""
    require(caller, Permission.READ_CONVERSATIONS)
    clauses = [col(CannedReply.workspace_id) == caller.workspace.id]
    wanted = " ".join(contains.split())
    if wanted:
        clauses.append(
            or_(
                col(CannedReply.name).icontains(wanted, autoescape=True),
                col(CannedReply.text).icontains(wanted, autoescape=True),
            )
        )
    total = await session.execute(select(func.count()).select_from(CannedReply).where(*clauses))
    begins = case((col(CannedReply.name).istartswith(wanted, autoescape=True), 0), else_=1)
    found = await session.execute(
        select(CannedReply)
        .where(*clauses)
        .order_by(begins, func.lower(col(CannedReply.name)), col(CannedReply.id))
        .limit(limit)
        .offset(offset)
    )
    return CannedPage(tuple(_view(row) for row in found.scalars()), total.scalar_one())


async def get_canned(session: AsyncSession, caller: StaffCaller, reply_id: UUID) -> CannedView:
    require(caller, Permission.READ_CONVERSATIONS)
    return _view(await _find(session, caller, reply_id))


async def create_canned(session: AsyncSession, caller: StaffCaller, name: str, text: str) -> CannedView:
    """``Conflict`` for a name that another one has, or when there are 500 already."""
    require(caller, Permission.ANSWER_CONVERSATIONS)
    check_variables(text)
    await session.execute(_LOCK, {"workspace": str(caller.workspace.id)})
    await _refuse_taken(session, caller, name)
    counted = await session.execute(
        select(func.count())
        .select_from(CannedReply)
        .where(col(CannedReply.workspace_id) == caller.workspace.id)
    )
    if counted.scalar_one() >= MOST_REPLIES:
        raise Conflict(f"A workspace has at most {MOST_REPLIES} canned replies. Delete one first.")
    made = CannedReply(workspace_id=caller.workspace.id, name=name, text=text)
    session.add(made)
    await session.flush()
    await record(session, Actor.of(caller), "canned_reply.created", name, id=str(made.id))
    return _view(made)


async def change_canned(
    session: AsyncSession,
    caller: StaffCaller,
    reply_id: UUID,
    *,
    name: str | None = None,
    text: str | None = None,
) -> CannedView:
    """Change what is not ``None``."""
    require(caller, Permission.ANSWER_CONVERSATIONS)
    await session.execute(_LOCK, {"workspace": str(caller.workspace.id)})
    reply = await _find(session, caller, reply_id)
    before = {"name": reply.name, "text": reply.text}
    if name is not None:
        await _refuse_taken(session, caller, name, but=reply_id)
        reply.name = name
    if text is not None:
        check_variables(text)
        reply.text = text
    changed = changes(before, {"name": reply.name, "text": reply.text})
    if changed:
        reply.updated_at = now()
        await session.flush()
        await record(session, Actor.of(caller), "canned_reply.changed", reply.name, **changed)
    return _view(reply)


async def delete_canned(session: AsyncSession, caller: StaffCaller, reply_id: UUID) -> None:
    require(caller, Permission.ANSWER_CONVERSATIONS)
    reply = await _find(session, caller, reply_id)
    await session.delete(reply)
    await session.flush()
    await record(session, Actor.of(caller), "canned_reply.deleted", reply.name, id=str(reply_id))


async def render_canned(
    session: AsyncSession, caller: StaffCaller, reply_id: UUID, conversation_id: UUID
) -> FilledText:
    """A canned reply as the caller would say it in a conversation."""
    require(caller, Permission.ANSWER_CONVERSATIONS)
    reply = await _find(session, caller, reply_id)
    return fill_variables(reply.text, await canned_values(session, caller, conversation_id))


async def canned_values(
    session: AsyncSession, caller: StaffCaller, conversation_id: UUID
) -> Mapping[str, str]:
    """What each variable stands for in a conversation; ``""`` for what is not known."""
    require(caller, Permission.READ_CONVERSATIONS)
    conversation = await session.get(Conversation, (caller.workspace.id, conversation_id))
    if conversation is None:
        raise NotFound("There is no such conversation.")
    return {
        "visitor.name": conversation.visitor_name,
        "member.name": await _name_of(session, caller),
        "workspace.name": caller.workspace.name,
        "conversation.page": conversation.page_url,
    }


async def _name_of(session: AsyncSession, caller: StaffCaller) -> str:
    # An address is nobody's business, and a program has no name that a visitor should read.
    if not isinstance(caller, MemberCaller):
        return ""
    members = await list_members(session, caller.workspace.id)
    return next((member.name for member in members if member.user_id == caller.user_id), "")


async def _find(session: AsyncSession, caller: StaffCaller, reply_id: UUID) -> CannedReply:
    found = await session.get(CannedReply, (caller.workspace.id, reply_id))
    if found is None:
        raise NotFound(_UNKNOWN)
    return found


async def _refuse_taken(
    session: AsyncSession, caller: StaffCaller, name: str, *, but: UUID | None = None
) -> None:
    found = await session.execute(
        select(col(CannedReply.id)).where(
            col(CannedReply.workspace_id) == caller.workspace.id,
            func.lower(col(CannedReply.name)) == func.lower(name),
        )
    )
    if set(found.scalars()) - {but}:
        raise Conflict("Another canned reply has this name.")


def _view(row: CannedReply) -> CannedView:
    return CannedView(row.id, row.name, row.text, row.created_at, row.updated_at)
