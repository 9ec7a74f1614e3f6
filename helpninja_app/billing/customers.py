"""Which customer of Stripe's a workspace is: made once, at its first checkout."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.callers import StaffCaller
from helpninja_app.accounts.members import list_members
from helpninja_app.accounts.models import Role
from helpninja_app.billing.models import StripeCustomer
from helpninja_app.billing.stripe_gateway import StripeGateway
from helpninja_app.kernel.database import Database
from helpninja_app.kernel.scope import Scope


async def find_customer(session: AsyncSession, workspace_id: UUID) -> str | None:
    found = await session.execute(
        select(col(StripeCustomer.id)).where(col(StripeCustomer.workspace_id) == workspace_id)
    )
    return found.scalar_one_or_none()


async def workspace_of_customer(session: AsyncSession, customer: str) -> UUID | None:
    """Whose customer it is; ``None`` for one that we did not make."""
    found = await session.execute(
        select(col(StripeCustomer.workspace_id)).where(col(StripeCustomer.id) == customer)
    )
    return found.scalar_one_or_none()


async def ensure_customer(database: Database, gateway: StripeGateway, caller: StaffCaller) -> str:
    """The id of the workspace's customer; two at once get the same one."""
    workspace = caller.workspace
    async with database.unit_of_work(Scope.members(workspace.id)) as session:
        known = await find_customer(session, workspace.id)
        owners = [each for each in await list_members(session, workspace.id) if each.role is Role.OWNER]
    if known is not None:
        return known
    made = await gateway.create_customer(workspace.id, workspace.name, owners[0].email if owners else "")
    async with database.unit_of_work() as session:
        await session.execute(
            insert(StripeCustomer).values(id=made, workspace_id=workspace.id).on_conflict_do_nothing()
        )
        return await find_customer(session, workspace.id) or made
