"""Limits that are agreed with one workspace, by the command of whoever runs the installation."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import text

from helpninja_app import billing_commands
from helpninja_app.accounts.audit import list_audit
from helpninja_app.accounts.workspaces import load_workspace
from helpninja_app.billing.custom_limits import MOST, set_custom_limits
from helpninja_app.billing.ledger import database_time, lock_account, set_due
from helpninja_app.billing.models import Unit
from helpninja_app.billing.plans import AGENCY, PRO, Plan, without_larger
from helpninja_app.billing.usage import usage_of
from helpninja_app.billing.verification import verify_ledger
from helpninja_app.errors import Invalid, NotFound, NotInPlan
from helpninja_app.knowledge.embedders import Embedders
from helpninja_app.knowledge.embedding.hashing import HashingEmbedder
from helpninja_app.knowledge.limits import KnowledgeLimits
from helpninja_app.resources import Resources, knowledge_limits
from tests.factories import Factory, Tenant
from tests.ledgers import Books

AGREED = {"messages": 200_000, "credits": 40_000, "documents": 500_000, "pages_per_crawl": 60_000}


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "helpninja_app.resources.make_embedders", lambda _settings: Embedders(HashingEmbedder())
    )


async def agree(later: Resources, tenant: Tenant, limits: dict[str, int], *, anew: bool = False) -> None:
    async with later.database.unit_of_work(tenant.scope) as session:
        await set_custom_limits(session, tenant.id, limits, later.plan_of, anew=anew)


async def counting(later: Resources, tenant: Tenant) -> Plan:
    async with later.database.unit_of_work(tenant.scope) as session:
        return later.plan_of(await load_workspace(session, tenant.id))


async def left(later: Resources, tenant: Tenant, unit: Unit) -> int | None:
    plan = await counting(later, tenant)
    async with later.database.unit_of_work(tenant.scope) as session:
        return (await usage_of(session, tenant.id, unit, plan)).left


async def move_to(later: Resources, tenant: Tenant, plan: str) -> None:
    async with later.database.unit_of_work(tenant.scope) as session:
        await session.execute(text("update workspaces set plan = :plan"), {"plan": plan})


async def test_the_month_under_way_has_them_at_once_and_what_was_used_stays_used(later: Resources) -> None:
    tenant = await Factory(later).tenant(plan="agency")
    books = Books(later.database, tenant.id, plan=AGENCY)
    await books.settle(await books.reserve(30), 30)
    await agree(later, tenant, AGREED)
    assert await left(later, tenant, Unit.CREDIT) == 40_000 - 30
    assert await left(later, tenant, Unit.MESSAGE) == 200_000
    assert await books.balance() == 40_000 - 30
    async with later.database.unit_of_work(tenant.scope, consistent=True) as session:
        assert await verify_ledger(session, tenant.id) == []


async def test_the_knowledge_has_them(later: Resources) -> None:
    tenant = await Factory(later).tenant(plan="agency")
    await agree(later, tenant, {"documents": 7, "pages_per_crawl": 3})
    async with later.database.unit_of_work(tenant.scope) as session:
        workspace = await load_workspace(session, tenant.id)
    limits = knowledge_limits(later.settings, workspace)
    assert limits == KnowledgeLimits("agency", None, 7, 3, AGENCY.upload_bytes, without_larger("agency"))


async def test_of_another_workspace_nothing_changes(later: Resources) -> None:
    tenant, other = [await Factory(later).tenant(plan="agency") for _ in range(2)]
    await agree(later, tenant, AGREED)
    assert await counting(later, other) == AGENCY


async def test_they_wait_while_the_plan_has_none(later: Resources) -> None:
    tenant = await Factory(later).tenant(plan="agency")
    await agree(later, tenant, AGREED)
    await move_to(later, tenant, "pro")
    assert await counting(later, tenant) == PRO
    await move_to(later, tenant, "agency")
    assert (await counting(later, tenant)).messages == 200_000


async def test_a_plan_without_custom_limits_takes_none(later: Resources) -> None:
    tenant = await Factory(later).tenant(plan="pro")
    with pytest.raises(NotInPlan, match="agency"):
        await agree(later, tenant, {"credits": 5_000})
    assert await counting(later, tenant) == PRO


@pytest.mark.parametrize("limits", [{"members": 5}, {"credits": 0}, {"credits": -1}, {"credits": MOST + 1}])
async def test_what_is_no_limit_is_refused_and_nothing_changed(
    later: Resources, limits: dict[str, int]
) -> None:
    tenant = await Factory(later).tenant(plan="agency")
    with pytest.raises(Invalid):
        await agree(later, tenant, {"messages": 10, **limits})
    assert await counting(later, tenant) == AGENCY


async def test_the_audit_log_says_what_was_agreed_once(later: Resources) -> None:
    tenant = await Factory(later).tenant(plan="agency")
    await agree(later, tenant, {"credits": 40_000})
    await agree(later, tenant, {"credits": 40_000})
    await agree(later, tenant, {}, anew=True)
    async with later.database.unit_of_work(tenant.scope) as session:
        entries, _ = await list_audit(session, tenant.id, action="limits.changed", limit=10, offset=0)
    told = [(each.subject, each.detail) for each in entries]
    assert told == [
        ("agency", {"credits": {"before": 40_000, "after": None}}),
        ("agency", {"credits": {"before": None, "after": 40_000}}),
    ]


async def told(later: Resources, tenant: Tenant) -> list[int]:
    """The thresholds that owners are told of now, as if by mail."""
    async with later.database.unit_of_work(tenant.scope) as session:
        found = await session.execute(
            text("update usage_alerts set mailed_at = now() where mailed_at is null returning threshold")
        )
        return sorted(found.scalars())


async def test_owners_are_told_again_of_a_larger_limit(later: Resources) -> None:
    tenant = await Factory(later).tenant(plan="agency")
    await agree(later, tenant, {"credits": 100})
    books = Books(later.database, tenant.id, plan=await counting(later, tenant))
    await books.settle(await books.reserve(80), 80)
    assert await told(later, tenant) == [75]
    await agree(later, tenant, {"credits": 1_000})
    assert await told(later, tenant) == []
    books = books.on(await counting(later, tenant))
    await books.settle(await books.reserve(700), 700)
    assert await told(later, tenant) == [75]


async def test_a_limit_that_is_lowered_below_what_is_used_is_told_at_once(later: Resources) -> None:
    tenant = await Factory(later).tenant(plan="agency")
    books = Books(later.database, tenant.id, plan=AGENCY)
    await books.settle(await books.reserve(300), 300)
    await agree(later, tenant, {"credits": 310})
    assert await told(later, tenant) == [75, 90]
    await agree(later, tenant, {"credits": 200})
    assert await told(later, tenant) == [100]


async def test_a_limit_that_is_told_of_waits_for_no_turn_that_waits_for_it(later: Resources) -> None:
    tenant = await Factory(later).tenant(plan="agency")
    books = Books(later.database, tenant.id, plan=AGENCY)
    await books.settle(await books.reserve(300), 300)
    await replace(books, unit=Unit.MESSAGE).open()
    async with later.database.unit_of_work(tenant.scope) as session:
        # As a turn does that takes a message: the account, then the deadline.
        await lock_account(session, tenant.id, Unit.MESSAGE)
        agreeing = asyncio.create_task(agree(later, tenant, {"credits": 200}))
        await asyncio.sleep(0.5)
        await set_due(session, tenant.id, await database_time(session))
    await agreeing
    assert await told(later, tenant) == [75, 90, 100]


async def test_the_command_adds_says_and_takes_back(later: Resources) -> None:
    tenant = await Factory(later).tenant(plan="agency")
    said: list[str] = []

    async def run(*, as_planned: bool = False, **agreed: int) -> str:
        said.clear()
        await billing_commands.agree_limits(
            later.settings, tenant.workspace.slug, agreed, said.append, as_planned=as_planned
        )
        return "\n".join(said)

    await run(credits=40_000)
    shown = await run(messages=200_000)
    assert "credits                 40,000  (the plan's: 10,000)" in shown
    assert "messages               200,000  (the plan's: 50,000)" in shown
    assert await run() == shown
    await run(as_planned=True)
    assert await counting(later, tenant) == AGENCY


async def test_the_command_says_what_waits(later: Resources) -> None:
    tenant = await Factory(later).tenant(plan="agency")
    await agree(later, tenant, {"credits": 40_000})
    await move_to(later, tenant, "pro")
    said: list[str] = []
    await billing_commands.agree_limits(
        later.settings, tenant.workspace.slug, {}, said.append, as_planned=False
    )
    assert said[-1].startswith("What was agreed waits")


async def test_the_command_says_where_nothing_is_limited(later: Resources) -> None:
    tenant = await Factory(later).tenant(plan="agency")
    settings, said = later.settings.model_copy(update={"unlimited": True}), list[str]()
    await billing_commands.agree_limits(settings, tenant.workspace.slug, {}, said.append, as_planned=False)
    assert said[1:] == ["Nothing is limited on this installation, whatever is agreed."]


async def test_the_command_knows_no_such_workspace(later: Resources) -> None:
    with pytest.raises(NotFound):
        await billing_commands.agree_limits(later.settings, "nobody", {}, print, as_planned=False)
