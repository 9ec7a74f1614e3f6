"""The home page says what did not reach the people who should have been told, and leads to it."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from helpninja_app.accounts.models import Role
from helpninja_app.resources import Resources
from helpninja_app.screens.escalation.deliveries_state import DeliveriesState
from helpninja_app.screens.home.state import HomeState
from tests.deliveries import ask_for_a_person, deliveries_of, integrate
from tests.factories import Factory, Tenant
from tests.screens.events import fire, go, tab_at


async def failed(resources: Resources, tenant: Tenant, *, days_ago: int = 0) -> None:
    """An escalation whose message to its one destination did not arrive."""
    await ask_for_a_person(resources, tenant)
    async with resources.database.unit_of_work(tenant.scope) as session:
        await session.execute(
            text(
                "update deliveries set status = 'failed', created_at = now() - make_interval(days => :days)"
                " where status = 'waiting'"
            ),
            {"days": days_ago},
        )


async def home_of(factory: Factory, tenant: Tenant, role: Role) -> HomeState:
    _, headers = await factory.member(tenant, role)
    tab = await tab_at(HomeState, headers["cookie"])
    await fire(tab, "open_page")
    return tab


@pytest.mark.parametrize("role", [Role.OWNER, Role.VIEWER])
async def test_what_did_not_arrive_in_the_last_days_is_counted(
    resources: Resources, factory: Factory, role: Role
) -> None:
    tenant, other = await factory.tenant(), await factory.tenant()
    for each in (tenant, other):
        await integrate(resources, each)
    await failed(resources, other)
    assert (await home_of(factory, tenant, role)).undelivered == ""
    await failed(resources, tenant, days_ago=8)
    assert (await home_of(factory, tenant, role)).undelivered == ""
    await failed(resources, tenant)
    assert (await home_of(factory, tenant, role)).undelivered == (
        "1 message about a visitor who needs a person did not arrive in the last 7 days."
    )
    await failed(resources, tenant)
    assert (await home_of(factory, tenant, role)).undelivered == (
        "2 messages about visitors who need a person did not arrive in the last 7 days."
    )


@pytest.mark.parametrize(
    ("asked", "shown"), [("failed", ["Failed"]), ("sent", []), ("'; drop table", ["Failed"])]
)
async def test_the_outbox_begins_with_the_status_that_its_address_asks_for(
    resources: Resources, factory: Factory, asked: str, shown: list[str]
) -> None:
    tenant = await factory.tenant()
    await integrate(resources, tenant)
    await failed(resources, tenant)
    box, _ = await outbox(factory, tenant, {"status": asked})
    assert [row.status for row in box.rows] == shown


async def test_the_status_that_was_chosen_since_stays_when_the_connection_is_back(
    resources: Resources, factory: Factory
) -> None:
    tenant = await factory.tenant()
    await integrate(resources, tenant)
    await failed(resources, tenant)
    box, cookie = await outbox(factory, tenant, {"status": "sent"})
    await fire(box, "choose_status", "")
    # The browser has the choice forget what the address asked for.
    go(box._get_root_state(), cookie)
    await fire(box, "open_deliveries")
    assert len(box.rows) == len(await deliveries_of(resources, tenant.id))


async def test_an_address_may_ask_again_for_a_status_that_was_left(
    resources: Resources, factory: Factory
) -> None:
    tenant = await factory.tenant()
    await integrate(resources, tenant)
    await failed(resources, tenant)
    box, _ = await outbox(factory, tenant, {"status": "sent"})
    await fire(box, "choose_status", "")
    await fire(box, "open_deliveries")
    assert box.rows == []


async def outbox(factory: Factory, tenant: Tenant, address: dict[str, str]) -> tuple[DeliveriesState, str]:
    """What it shows to a member, and their cookie."""
    _, headers = await factory.member(tenant)
    tab = await tab_at(DeliveriesState, headers["cookie"], address)
    await fire(tab, "open_deliveries")
    return tab, headers["cookie"]
