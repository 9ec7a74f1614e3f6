"""An outside scheduler has months begin; called again, nothing happens again."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from sqlalchemy import text

from helpninja_app.billing.ledger import open_account
from helpninja_app.billing.models import Unit
from helpninja_app.billing.plans import PRO
from helpninja_app.resources import Resources
from tests.conftest import OpenResources
from tests.factories import Factory, Tenant
from tests.stripe_shop import CRON_SECRET

PATH = "/api/cron/reset-credits"
RIGHT = {"authorization": f"Bearer {CRON_SECRET}"}


async def with_a_month_that_is_over(factory: Factory, resources: Resources) -> Tenant:
    tenant = await factory.tenant(plan="pro")
    async with resources.database.unit_of_work(tenant.scope) as session:
        await open_account(session, tenant.id, Unit.CREDIT, PRO)
        await session.execute(
            text(
                "update ledger_accounts set period_start = period_start - interval '1 month',"
                " period_end = now() - interval '1 second'"
            )
        )
        # This table is every workspace's, and months that other tests left behind are not begun here.
        await session.execute(
            text(
                "update billing_deadlines set due_at = now() - interval '1 second' where workspace_id = :id"
            ),
            {"id": tenant.id},
        )
    return tenant


async def test_a_month_begins_once_however_many_call(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    async with with_resources(unlimited=False) as limited:
        await client.get(PATH, headers=RIGHT)
        tenants = [await with_a_month_that_is_over(factory, limited) for _ in range(3)]
        answers = await asyncio.gather(*(client.get(PATH, headers=RIGHT) for _ in range(4)))
        again = await client.get(PATH, headers=RIGHT)
        # Not as many as these where a month begins for other workspaces meanwhile.
        assert sum(answer.json()["resetCount"] for answer in answers) >= 3
        assert again.json() == {"message": "Credit reset completed", "resetCount": 0}
        for tenant in tenants:
            async with limited.database.unit_of_work(tenant.scope) as session:
                resets = await session.execute(
                    text("select count(*) from ledger_entries where kind = 'reset' and unit = 'credit'")
                )
                assert resets.scalar_one() == 1


@pytest.mark.parametrize(
    "headers",
    [{}, {"authorization": "Bearer wrong"}, {"authorization": "Bearer "}, {"authorization": CRON_SECRET}],
)
async def test_the_secret_has_to_be_right(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    assert (await client.get(PATH, headers=headers)).status_code == 401


async def test_a_secret_of_other_letters_is_wrong(client: httpx.AsyncClient) -> None:
    answer = await client.get(PATH, headers=[(b"authorization", "Bearer gehäim".encode())])
    assert answer.status_code == 401


async def test_without_a_secret_nobody_is_let_in(
    client: httpx.AsyncClient, with_resources: OpenResources
) -> None:
    async with with_resources(cron_secret=None):
        answer = await client.get(PATH, headers={"authorization": "Bearer "})
    assert answer.status_code == 503
    assert "CRON_SECRET" in answer.json()["detail"]
