"""Whether an integration works, by what became of the last messages to it."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import case, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.integrations.models import Integration, IntegrationStatus

# So many attempts in a row: one that fails now and then is no reason to worry anybody.
FAILS_AFTER = 3


async def note_success(session: AsyncSession, workspace_id: UUID, integration_id: UUID) -> None:
    status = case(
        (
            col(Integration.status) == IntegrationStatus.FAILING.value,
            IntegrationStatus.ACTIVE.value,
        ),
        else_=col(Integration.status),
    )
    await session.execute(
        update(Integration)
        .where(
            col(Integration.workspace_id) == workspace_id,
            col(Integration.id) == integration_id,
            (col(Integration.failures) > 0) | (col(Integration.status) == IntegrationStatus.FAILING.value),
        )
        .values(failures=0, last_error="", status=status)
        .execution_options(synchronize_session=False)
    )


async def note_failure(
    session: AsyncSession, workspace_id: UUID, integration_id: UUID, sentence: str, *, is_final: bool
) -> None:
    """``failing`` after ``FAILS_AFTER`` failures in a row, or one that is not tried again."""
    fails = (col(Integration.failures) + 1 >= FAILS_AFTER) | is_final
    status = case(
        (
            (col(Integration.status) == IntegrationStatus.ACTIVE.value) & fails,
            IntegrationStatus.FAILING.value,
        ),
        else_=col(Integration.status),
    )
    await session.execute(
        update(Integration)
        .where(col(Integration.workspace_id) == workspace_id, col(Integration.id) == integration_id)
        .values(failures=col(Integration.failures) + 1, last_error=sentence[:500], status=status)
        .execution_options(synchronize_session=False)
    )
