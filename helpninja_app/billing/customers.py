"""Which customer of Stripe's a workspace is: made once, at its first checkout."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.callers import StaffCaller
from helpninja_app.accounts.members import list_members
from helpninja_app.accounts.models import Role, WorkspaceHandle
from helpninja_app.billing.models import StripeCustomer
from helpninja_app.billing.stripe_gateway import StripeGateway
from helpninja_app.kernel.columns import now
from helpninja_app.kernel.database import Database, new_id
from helpninja_app.kernel.scope import Scope

# Begins what is noted of a plan that is being cancelled: whether it is, only Stripe knows until its answer is
# stored, which it is only where nobody has noted another one since.
BEING_ENDED = "?"


async def find_customer(session: AsyncSession, workspace_id: UUID) -> str | None:
    found = await session.execute(
        select(col(StripeCustomer.id)).where(
            col(StripeCustomer.workspace_id) == workspace_id, col(StripeCustomer.replaced_at).is_(None)
        )
    )
    return found.scalar_one_or_none()


async def workspace_of_customer(session: AsyncSession, customer: str) -> UUID | None:
    """Whose customer it is, or was before it was replaced; ``None`` for one that we did not make."""
    found = await session.execute(
        select(col(StripeCustomer.workspace_id)).where(col(StripeCustomer.id) == customer)
    )
    return found.scalar_one_or_none()


async def look_again(session: AsyncSession, workspace_id: UUID) -> None:
    """Have the plan of a workspace that was deleted be cancelled, though that seemed to be done."""
    closed = select(col(WorkspaceHandle.workspace_id)).where(col(WorkspaceHandle.is_closed).is_(True))
    await session.execute(
        update(StripeCustomer)
        .where(
            col(StripeCustomer.workspace_id) == workspace_id,
            col(StripeCustomer.ended_subscription).is_not(None),
            col(StripeCustomer.workspace_id).in_(closed),
        )
        .values(ended_subscription=f"{BEING_ENDED}{new_id()}")
    )


async def ensure_customer(database: Database, gateway: StripeGateway, caller: StaffCaller) -> str:
    """The id of the workspace's customer; two at once get the same one."""
    workspace = caller.workspace
    async with database.unit_of_work(Scope.members(workspace.id)) as session:
        known = await find_customer(session, workspace.id)
        email = await _email_of_owner(session, workspace.id)
    if known is not None:
        return known
    made = await gateway.create_customer(workspace.id, workspace.name, email)
    async with database.unit_of_work() as session:
        await session.execute(
            insert(StripeCustomer).values(id=made, workspace_id=workspace.id).on_conflict_do_nothing()
        )
        return await find_customer(session, workspace.id) or made


async def replace_customer(
    database: Database, gateway: StripeGateway, caller: StaffCaller, deleted: str
) -> str:
    """The id of a new customer for a workspace whose own was deleted at Stripe; two at once get the same.

    The old one is kept: its payments may still be refunded or disputed.
    """
    workspace = caller.workspace
    async with database.unit_of_work(Scope.members(workspace.id)) as session:
        email = await _email_of_owner(session, workspace.id)
    made = await gateway.create_customer(workspace.id, workspace.name, email, in_place_of=deleted)
    async with database.unit_of_work() as session:
        await session.execute(
            update(StripeCustomer)
            .where(
                col(StripeCustomer.workspace_id) == workspace.id,
                col(StripeCustomer.id) == deleted,
                col(StripeCustomer.replaced_at).is_(None),
            )
            .values(replaced_at=now())
        )
        await session.execute(
            insert(StripeCustomer).values(id=made, workspace_id=workspace.id).on_conflict_do_nothing()
        )
        return await find_customer(session, workspace.id) or made


async def _email_of_owner(session: AsyncSession, workspace_id: UUID) -> str:
    members = await list_members(session, workspace_id)
    return next((each.email for each in members if each.role is Role.OWNER), "")
