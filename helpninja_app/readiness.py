"""What has to be there before this process should be sent requests."""

from __future__ import annotations

from sqlalchemy import text

from helpninja_app.demo.workspace import is_demo_searchable
from helpninja_app.errors import HelpNinjaError
from helpninja_app.kernel.migrations import newest_revision
from helpninja_app.resources import Resources


async def missing_for_readiness(resources: Resources) -> list[str]:
    """What is not there yet, as phrases; empty when this process is ready."""
    missing: list[str] = []
    try:
        async with resources.database.unit_of_work() as session:
            revision = (await session.execute(text("select version_num from alembic_version"))).scalar()
        if revision != newest_revision():
            missing.append("the database is not migrated")
        elif resources.settings.is_development and not await is_demo_searchable(resources):
            missing.append("the demo is not searchable")
    except HelpNinjaError:
        missing.append("the database is away")
    if not resources.knowledge.embedders.current.loaded:
        missing.append("the embedder is not loaded")
    return missing
