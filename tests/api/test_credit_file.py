"""The file of a workspace's credits: all of it, and nothing in it that a spreadsheet would run."""

from __future__ import annotations

import csv
import io

import httpx
import pytest

from api_routes import credit_file
from api_routes.credit_file import harmless
from helpninja_app.accounts.models import Role
from helpninja_app.billing.ledger import Reason, open_account, post
from helpninja_app.billing.models import EntryKind, Unit
from helpninja_app.billing.plans import PLANS
from helpninja_app.resources import Resources
from tests.factories import Factory, Tenant

PATH = "/api/billing/credit-history.csv"


async def write(resources: Resources, tenant: Tenant, *descriptions: str) -> None:
    async with resources.database.unit_of_work(tenant.scope) as session:
        account = await open_account(session, tenant.id, Unit.CREDIT, PLANS["agency"])
        for at, description in enumerate(descriptions):
            await post(session, account, Reason(EntryKind.USAGE, f"usage:{at}", description), spent=at + 1)


async def rows_of(client: httpx.AsyncClient, headers: dict[str, str], query: str = "") -> list[list[str]]:
    answer = await client.get(f"{PATH}{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    return list(csv.reader(io.StringIO(answer.text)))


async def test_the_file_has_every_entry_whatever_the_batch(
    client: httpx.AsyncClient, resources: Resources, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credit_file, "BATCH", 2)
    tenant = await factory.tenant()
    await write(resources, tenant, "one", "two", "three", 'a, "quoted"\nline')
    _, headers = await factory.member(tenant)
    heading, *rows = await rows_of(client, headers)
    assert heading == ["date", "type", "credits", "left", "description"]
    assert [row[4] for row in rows[:4]] == ['a, "quoted"\nline', "three", "two", "one"]
    assert [row[2] for row in rows] == ["-4", "-3", "-2", "-1", "10000"]


async def test_the_file_can_be_of_one_type(
    client: httpx.AsyncClient, resources: Resources, factory: Factory
) -> None:
    tenant = await factory.tenant()
    await write(resources, tenant, "one")
    _, headers = await factory.member(tenant)
    assert [row[1] for row in await rows_of(client, headers, "?type=grant")] == ["type", "grant"]
    assert (await client.get(f"{PATH}?type=other", headers=headers)).status_code == 422


async def test_it_is_a_download_that_nobody_keeps(client: httpx.AsyncClient, factory: Factory) -> None:
    tenant = await factory.tenant()
    _, headers = await factory.member(tenant)
    answer = await client.get(PATH, headers=headers)
    name = f'attachment; filename="credits-{tenant.workspace.slug}.csv"'
    assert answer.headers["content-disposition"] == name
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["cache-control"] == "private, no-store"


async def test_only_owners_get_it(client: httpx.AsyncClient, factory: Factory) -> None:
    tenant = await factory.tenant()
    _, headers = await factory.member(tenant, Role.ADMIN)
    assert (await client.get(PATH, headers=headers)).status_code == 403


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", '=HYPERLINK("x")'])
async def test_no_cell_is_a_formula(
    client: httpx.AsyncClient, resources: Resources, factory: Factory, text: str
) -> None:
    tenant = await factory.tenant()
    await write(resources, tenant, text)
    _, headers = await factory.member(tenant)
    assert (await rows_of(client, headers))[1][4].startswith("'")


def test_what_is_harmless_stays_as_it_is() -> None:
    assert harmless("gpt-4o-mini (in the month before)") == "gpt-4o-mini (in the month before)"
