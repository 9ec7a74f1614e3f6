"""The audit log: who changed what, kept as long as the workspace and changed by nobody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.callers import MemberCaller, StaffCaller
from helpninja_app.accounts.models import AuditEvent
from helpninja_app.kernel.database import new_id

LONGEST_TEXT = 200
LONGEST_LIST = 20


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it: ``label`` is ``member:…``, ``key:…`` or ``system``, ``name`` as people know them."""

    workspace_id: UUID
    label: str
    name: str

    @classmethod
    def of(cls, caller: StaffCaller) -> Actor:
        name = caller.email if isinstance(caller, MemberCaller) else caller.name
        return cls(caller.workspace.id, caller.label, name)

    @classmethod
    def member(cls, workspace_id: UUID, user_id: UUID, email: str) -> Actor:
        return cls(workspace_id, f"member:{user_id}", email)

    @classmethod
    def system(cls, workspace_id: UUID, name: str) -> Actor:
        """What happens by itself; ``name`` says which part of the product does it."""
        return cls(workspace_id, "system", name)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    id: UUID
    created_at: datetime
    actor: str
    actor_name: str
    action: str
    subject: str
    detail: dict[str, Any]


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What is another now, as ``{"voice": {"before": "friendly", "after": "formal"}}``; long values are cut.

    Nothing secret belongs here: who may read the log sees both values as long as the workspace exists.
    """
    return {
        name: {"before": _cut(before.get(name)), "after": _cut(value)}
        for name, value in after.items()
        if before.get(name) != value
    }


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= LONGEST_TEXT else f"{value[:LONGEST_TEXT]}…"
    if isinstance(value, list):
        left_out = len(value) - LONGEST_LIST
        return [_cut(item) for item in value[:LONGEST_LIST]] + ([f"{left_out} more"] if left_out > 0 else [])
    return value


async def record(
    session: AsyncSession,
    actor: Actor,
    action: str,
    subject: str = "",
    **detail: str | int | float | bool | list[str] | dict[str, Any] | None,
) -> None:
    """Note an ``action`` such as ``member.invited``, in the transaction that does it.

    ``detail`` are values, or what ``changes`` gives.
    """
    session.add(
        AuditEvent(
            workspace_id=actor.workspace_id,
            id=new_id(),
            actor=actor.label,
            actor_name=actor.name[:320],
            action=action,
            subject=subject[:500],
            detail=detail,
        )
    )
    await session.flush()


async def list_audit(
    session: AsyncSession,
    workspace_id: UUID,
    *,
    action: str | None = None,
    actor: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int,
    offset: int,
) -> tuple[list[AuditEntry], int]:
    """Entries, the latest first, and how many there are in all.

    ``action`` is one, or a kind of them such as ``member``; ``actor`` is part of a name; ``since`` counts,
    ``until`` does not.
    """
    chosen = [col(AuditEvent.workspace_id) == workspace_id]
    if action:
        chosen.append(
            (col(AuditEvent.action) == action)
            | col(AuditEvent.action).startswith(f"{action}.", autoescape=True)
        )
    if actor:
        chosen.append(col(AuditEvent.actor_name).icontains(actor, autoescape=True))
    if since:
        chosen.append(col(AuditEvent.created_at) >= since)
    if until:
        chosen.append(col(AuditEvent.created_at) < until)
    total = (await session.execute(select(func.count()).select_from(AuditEvent).where(*chosen))).scalar_one()
    found = await session.execute(
        select(AuditEvent)
        .where(*chosen)
        .order_by(col(AuditEvent.created_at).desc(), col(AuditEvent.id).desc())
        .limit(limit)
        .offset(offset)
    )
    return [
        AuditEntry(
            item.id, item.created_at, item.actor, item.actor_name, item.action, item.subject, item.detail
        )
        for item in found.scalars()
    ], total
