"""What is said where a plan has no room for more documents."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import text

from helpninja_app.billing.plans import Terms
from helpninja_app.errors import LimitUsedUp
from helpninja_app.knowledge.limits import KnowledgeLimits
from helpninja_app.knowledge.room import check_room
from helpninja_app.resources import Resources
from helpninja_app.resources import knowledge_limits as limits_of_plan
from tests.factories import Factory

THOUSAND = text(
    "with s as (insert into sources (workspace_id, id, kind, location, audience) values"
    " (:id, gen_random_uuid(), 'sitemap', 'x', 'members') returning id) insert into documents"
    " (workspace_id, id, source_id, audience, status)"
    " select :id, gen_random_uuid(), s.id, 'members', 'completed' from s, generate_series(1, 1000)"
)


@pytest.mark.parametrize(
    ("documents", "said"),
    [
        (1_200, "The pro plan has room for 1,200 documents, and 1,000 are there already. Delete some,"),
        (1_000, "All 1,000 documents of the pro plan are used. Delete one,"),
    ],
)
async def test_large_numbers_are_written_as_everywhere_else(
    resources: Resources, factory: Factory, documents: int, said: str
) -> None:
    tenant = await factory.tenant()
    limits = KnowledgeLimits("pro", sites=3, documents=documents, pages_per_crawl=1, upload_bytes=1)
    async with resources.database.unit_of_work(tenant.scope) as session:
        await session.execute(THOUSAND, {"id": tenant.id})
        with pytest.raises(LimitUsedUp) as refused:
            await check_room(session, tenant.id, limits, more=500)
        await session.rollback()
    assert refused.value.detail == f"{said} or have an owner change the plan under Billing."


async def test_without_a_larger_plan_it_says_who_can_agree_more(later: Resources) -> None:
    resources, factory = later, Factory(later)
    tenant = await factory.tenant(plan="agency")
    limits = replace(limits_of_plan(resources.settings, Terms("agency")), documents=1_000)
    async with resources.database.unit_of_work(tenant.scope) as session:
        await session.execute(THOUSAND, {"id": tenant.id})
        with pytest.raises(LimitUsedUp) as refused:
            await check_room(session, tenant.id, limits)
        await session.rollback()
    assert refused.value.detail == (
        "All 1,000 documents of the agency plan are used. Delete one. There is no larger plan: whoever runs"
        " this installation can agree more with this workspace."
    )
    assert not refused.value.is_by_plan
