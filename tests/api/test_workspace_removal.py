"""After a deleted workspace's seven days no table of the database has a row of it, directories included."""

from __future__ import annotations

from uuid import UUID

import httpx
from sqlalchemy import text

from helpninja_app.jobs import remove_expired_workspaces
from helpninja_app.kernel.database import Database
from helpninja_app.kernel.embedded_postgres import Urls
from helpninja_app.resources import Resources
from tests.canaries import plant_canaries
from tests.catalogue import read_catalogue
from tests.factories import Factory
from tests.twins.stripe import StripeTwin


async def rows_of(everything: Database, workspace_id: UUID) -> dict[str, int]:
    """How many rows of a workspace each table has that knows workspaces, directories included."""
    async with everything.unit_of_work() as session:
        of_one = {
            table.name: "id" if table.name == "workspaces" else "workspace_id"
            for table in (await read_catalogue(session)).values()
            if table.name == "workspaces" or "workspace_id" in table.columns
        }
        counted = await session.execute(
            text(
                " union all ".join(
                    f"select '{name}' as name, count(*) as found from {name} where {column} = :id"
                    for name, column in of_one.items()
                )
            ),
            {"id": workspace_id},
        )
    return {row.name: row.found for row in counted.all()}


async def test_nothing_of_a_removed_workspace_is_left_in_any_table(
    client: httpx.AsyncClient,
    factory: Factory,
    resources: Resources,
    database_urls: Urls,
    stripe_twin: StripeTwin,
) -> None:
    theirs, others = await plant_canaries(factory), await plant_canaries(factory)
    slug = {"confirm": theirs.tenant.workspace.slug}
    path = f"/api/workspaces/{theirs.tenant.id}"
    # Their session is where this workspace is.
    assert (await client.post(f"{path}/switch", headers=theirs.owner_headers)).status_code == 200
    # Whom row-level security does not bind: what a policy hides is seen as well.
    everything = Database(database_urls.superuser, pool_size=1)
    try:
        before = await rows_of(everything, theirs.tenant.id)
        assert [name for name, count in before.items() if not count] == []
        kept = await rows_of(everything, others.tenant.id)
        gone = await client.request("DELETE", path, json=slug, headers=theirs.owner_headers)
        assert gone.status_code == 200, gone.text
        await remove_expired_workspaces(resources)
        still = await rows_of(everything, theirs.tenant.id)
        assert [name for name, count in still.items() if not count] == []
        async with resources.database.unit_of_work() as session:
            # Stripe has to know whose plans it is to end.
            await session.execute(
                text("update stripe_customers set id = :customer where workspace_id = :id"),
                {"id": theirs.tenant.id, "customer": stripe_twin.add_customer()["id"]},
            )
            await session.execute(
                text("update workspace_handles set expires_at = now() where workspace_id = :id"),
                {"id": theirs.tenant.id},
            )
        await remove_expired_workspaces(resources)
        left = await rows_of(everything, theirs.tenant.id)
        assert {name: count for name, count in left.items() if count} == {}
        assert await rows_of(everything, others.tenant.id) == kept
    finally:
        await everything.close()
