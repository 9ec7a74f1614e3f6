"""Deleting rules, and bringing one back within the hour (all else is in ``service``)."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.audit import Actor, record
from helpninja_app.accounts.callers import StaffCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.conversations.rules.models import StoredRule
from helpninja_app.conversations.rules.service import RuleView, find_rule, make_room, view_of
from helpninja_app.errors import NotFound
from helpninja_app.kernel.columns import now
from helpninja_app.kernel.queue import Queue
from helpninja_app.kernel.undo import gone_since, purge_later

PURGE_TASK = "purge_rule"


async def delete_rule(session: AsyncSession, queue: Queue, caller: StaffCaller, rule_id: UUID) -> str:
    """Its name; it counts no more from the next message on."""
    require(caller, Permission.MANAGE_RULES)
    found = await find_rule(session, caller, rule_id)
    found.deleted_at = now()
    await session.flush()
    await purge_later(session, queue, PURGE_TASK, workspace_id=found.workspace_id, rule_id=found.id)
    view = view_of(found)
    await record(session, Actor.of(caller), "rule.deleted", str(rule_id), name=view.name, rule=view.sentence)
    return view.name


async def restore_rule(session: AsyncSession, caller: StaffCaller, rule_id: UUID) -> RuleView:
    """As it was, at its place. ``NotFound`` once it is gone, ``Conflict`` when there are too many by now."""
    require(caller, Permission.MANAGE_RULES)
    found = await session.get(StoredRule, (caller.workspace.id, rule_id), with_for_update=True)
    if found is None or (found.deleted_at is not None and found.deleted_at <= gone_since()):
        raise NotFound("This rule is gone for good.")
    view = view_of(found)
    if found.deleted_at is None:
        # Another tab was quicker.
        return view
    await make_room(session, caller, view.condition)
    found.deleted_at = None
    await session.flush()
    await record(session, Actor.of(caller), "rule.restored", str(rule_id), name=view.name, rule=view.sentence)
    return view


async def purge_rule(session: AsyncSession, workspace_id: UUID, rule_id: UUID) -> None:
    """Remove one that was not brought back in time."""
    await session.execute(
        delete(StoredRule).where(
            col(StoredRule.workspace_id) == workspace_id,
            col(StoredRule.id) == rule_id,
            col(StoredRule.deleted_at) <= gone_since(),
        )
    )
