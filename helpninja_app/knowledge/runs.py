"""The last runs of a source: when each was, and what became of its pages."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.knowledge.models import IngestJob, IngestPage, JobState, PageState
from helpninja_app.knowledge.sources import RunView, get_source


async def list_runs(
    session: AsyncSession, workspace_id: UUID, source_id: UUID, *, limit: int, offset: int
) -> tuple[tuple[RunView, ...], int]:
    """The latest first, and how many are kept; ``NotFound`` when the source is not this workspace's."""
    await get_source(session, workspace_id, source_id)
    jobs = select(IngestJob).where(
        col(IngestJob.workspace_id) == workspace_id, col(IngestJob.source_id) == source_id
    )
    total = (await session.execute(jobs.with_only_columns(func.count()))).scalar_one()
    found = await session.execute(
        jobs.order_by(col(IngestJob.created_at).desc(), col(IngestJob.id).desc()).limit(limit).offset(offset)
    )
    runs = tuple(found.scalars())
    counted = await session.execute(
        select(col(IngestPage.job_id), col(IngestPage.state), func.count())
        .where(
            col(IngestPage.workspace_id) == workspace_id,
            col(IngestPage.job_id).in_([job.id for job in runs]),
        )
        .group_by(col(IngestPage.job_id), col(IngestPage.state))
    )
    counts = {(job_id, state): number for job_id, state, number in counted.tuples()}
    views = (_view(job, {state: counts.get((job.id, state), 0) for state in PageState}) for job in runs)
    return tuple(views), total


def _view(job: IngestJob, counts: dict[PageState, int]) -> RunView:
    return RunView(
        job_id=job.id,
        state=JobState(job.state),
        reason=job.reason,
        is_scheduled=job.is_scheduled,
        pending=counts[PageState.PENDING],
        changed=counts[PageState.CHANGED],
        unchanged=counts[PageState.UNCHANGED],
        gone=counts[PageState.GONE],
        failed=counts[PageState.FAILED],
        skipped=counts[PageState.SKIPPED],
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
    )
