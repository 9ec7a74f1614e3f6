"""``helpninja ledger verify`` names the entry that is wrong, and ends with 1 then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from helpninja_app import billing_commands
from helpninja_app.billing.at_once import reservation_at_once, settlement_at_once
from helpninja_app.cli import cli
from helpninja_app.kernel.database import Database, new_id
from helpninja_app.knowledge.embedders import Embedders
from helpninja_app.knowledge.embedding.hashing import HashingEmbedder
from helpninja_app.resources import Resources
from tests.factories import Factory
from tests.ledgers import Books


@dataclass(frozen=True, slots=True)
class Verdict:
    status: int
    lines: list[str]


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch, later: Resources) -> None:
    monkeypatch.setattr(
        "helpninja_app.resources.make_embedders", lambda _settings: Embedders(HashingEmbedder())
    )
    monkeypatch.setattr(billing_commands, "get_settings", lambda: later.settings)


@pytest.fixture
async def books(later: Resources) -> Books:
    """One of some history: granted 100, reserved 10, given back, 4 used, topped up 50, reserved 20."""
    tenant = await Factory(later).tenant(plan="free")
    books = Books(later.database, tenant.id)
    await books.settle(await books.reserve(10), 4)
    await books.top_up(50)
    await books.reserve(20)
    return books


@pytest.fixture(scope="module")
async def owner(later: Resources) -> AsyncIterator[Database]:
    """Whoever owns the tables: no revoked right keeps them from changing what is written."""
    database = Database(later.settings.database_owner_url or "", pool_size=1)
    yield database
    await database.close()


async def tamper(owner: Database, books: Books, *changes: str, **values: object) -> None:
    async with owner.unit_of_work(books.scope) as session:
        for change in changes:
            changed: Any = await session.execute(text(change), values)
            assert changed.rowcount == 1


async def verify(*arguments: str) -> Verdict:
    result = await asyncio.to_thread(CliRunner().invoke, cli, ["ledger", "verify", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return Verdict(result.exit_code, result.output.splitlines())


async def wrong(books: Books) -> list[str]:
    """What is said of a workspace whose ledger is wrong."""
    verdict = await verify("--workspace", str(books.workspace_id))
    assert (verdict.status, verdict.lines[-1]) == (1, "1 of 1 ledgers are wrong.")
    start = f"{books.workspace_id} credit: "
    assert all(line.startswith(start) for line in verdict.lines[:-1])
    return [line.removeprefix(start) for line in verdict.lines[:-1]]


async def entry_id(books: Books, position: int) -> UUID:
    return (await books.entries())[position - 1].id


async def test_a_right_ledger_is_right(books: Books) -> None:
    assert await verify("--workspace", str(books.workspace_id)) == Verdict(0, ["All 1 ledgers are right."])


async def test_a_workspace_without_a_ledger_is_right(later: Resources) -> None:
    tenant = await Factory(later).tenant()
    assert (await verify("-w", tenant.workspace.slug)).status == 0


async def test_a_changed_balance_is_named_and_none_of_those_after_it(books: Books, owner: Database) -> None:
    named = await entry_id(books, 3)
    await tamper(owner, books, "update ledger_entries set balance_after = 1 where position = 3")
    said = f"Entry 3 (release, {named}) says that 1 are left; by the entries up to it 100 are."
    assert await wrong(books) == [said]


async def test_a_changed_amount_is_named(books: Books, owner: Database) -> None:
    named = await entry_id(books, 5)
    await tamper(owner, books, "update ledger_entries set topped_up = 500 where position = 5")
    assert await wrong(books) == [
        f"Entry 5 (topup, {named}) says that 146 are left; by the entries up to it 596 are.",
        "The account says that 126 are left; its entries amount to 576.",
        "The account has 50 topped up; its entries amount to 500.",
    ]


async def test_a_removed_entry_is_noticed_at_the_next(books: Books, owner: Database) -> None:
    named = await entry_id(books, 5)
    await tamper(owner, books, "delete from ledger_entries where position = 4")
    assert await wrong(books) == [
        f"Entry 5 (topup, {named}) follows entry 3: those between are missing.",
        f"Entry 5 (topup, {named}) says that 146 are left; by the entries up to it 150 are.",
        "The account says that 126 are left; its entries amount to 130.",
    ]


async def test_the_last_entry_removed_is_noticed_by_the_account(books: Books, owner: Database) -> None:
    held = (await books.held())[0]
    await tamper(owner, books, "delete from ledger_entries where position = 6")
    assert await wrong(books) == [
        "The account is at entry 6, its last one is 5.",
        "The account says that 126 are left; its entries amount to 146.",
        f"Reservation {held.id} has no entry.",
    ]


async def test_a_changed_account_is_noticed(books: Books, owner: Database) -> None:
    await tamper(
        owner, books, "update ledger_accounts set topped_up = topped_up + 1000 where unit = 'credit'"
    )
    assert await wrong(books) == [
        "The account says that 1126 are left; its entries amount to 126.",
        "The account has 1050 topped up; its entries amount to 50.",
    ]


async def test_a_reservation_given_back_twice_is_named(books: Books, owner: Database) -> None:
    await tamper(
        owner,
        books,
        "insert into ledger_entries (workspace_id, id, unit, position, kind, granted, topped_up,"
        " balance_after, idempotency_key, reservation_id)"
        " select workspace_id, gen_random_uuid(), unit, 7, kind, granted, topped_up, 136, 'again',"
        " reservation_id from ledger_entries where position = 3",
        "update ledger_accounts set position = 7, spent = spent - 10",
    )
    named = await entry_id(books, 7)
    assert await wrong(books) == [f"Entry 7 (release, {named}) gives a reservation back that was not open."]


async def test_a_reservation_that_vanished_is_named(books: Books, owner: Database) -> None:
    held = (await books.held())[0]
    await tamper(owner, books, "delete from ledger_reservations")
    assert await wrong(books) == [f"Reservation {held.id} is open by its entry alone."]


async def test_a_reservation_of_another_amount_is_named(books: Books, owner: Database) -> None:
    held = (await books.held())[0]
    await tamper(owner, books, "update ledger_reservations set topped_up = topped_up + 100")
    assert await wrong(books) == [f"Reservation {held.id} holds another amount than its entry says."]


async def test_a_charge_beside_an_open_reservation_is_named(books: Books, owner: Database) -> None:
    held = (await books.held())[0]
    await tamper(
        owner,
        books,
        "insert into ledger_entries (workspace_id, id, unit, position, kind, granted, topped_up,"
        " balance_after, idempotency_key, reservation_id) select workspace_id, gen_random_uuid(), unit, 7,"
        " 'usage', -6, 0, 120, 'charge', cast(:held as uuid) from ledger_accounts",
        "update ledger_accounts set position = 7, spent = spent + 6",
        held=str(held.id),
    )
    named = await entry_id(books, 7)
    assert await wrong(books) == [f"Entry 7 (usage, {named}) charges a reservation that was not given back."]


async def test_among_all_workspaces_the_wrong_one_is_named(
    later: Resources, books: Books, owner: Database
) -> None:
    right = Books(later.database, (await Factory(later).tenant(plan="free")).id)
    await right.use(10)
    await tamper(owner, books, "update ledger_entries set balance_after = 1 where position = 3")
    verdict = await verify()
    named = {line.partition(" ")[0] for line in verdict.lines[:-1]}
    assert verdict.status == 1
    assert str(books.workspace_id) in named
    assert str(right.workspace_id) not in named


async def take_at_once(books: Books) -> None:
    """A turn by the functions of the database alone: 5 reserved, given back, 3 used."""
    reservation_id = new_id()
    reserving = reservation_at_once(
        books.workspace_id, reservation_id, books.unit, 100, wanted=5, at_least=5, description=""
    )
    settling = settlement_at_once(books.workspace_id, reservation_id, books.unit, 3, description="")
    rows = await books.database.at_once(books.scope, reserving, settling)
    assert [row.taken for row in rows] == [5, 3]


async def test_what_the_functions_of_the_database_wrote_is_right(books: Books) -> None:
    await take_at_once(books)
    assert (await verify("--workspace", str(books.workspace_id))).status == 0


@pytest.mark.parametrize(
    ("position", "kind", "left"), [(7, "reservation", 121), (8, "release", 126), (9, "usage", 123)]
)
async def test_a_change_of_what_the_functions_of_the_database_wrote_is_named(
    books: Books, owner: Database, position: int, kind: str, left: int
) -> None:
    await take_at_once(books)
    named = await entry_id(books, position)
    await tamper(
        owner,
        books,
        "update ledger_entries set balance_after = balance_after + 1 where position = cast(:position as int)",
        position=position,
    )
    said = f"Entry {position} ({kind}, {named}) says that {left + 1} are left"
    assert await wrong(books) == [f"{said}; by the entries up to it {left} are."]


async def test_a_charge_that_the_functions_of_the_database_wrote_and_that_vanished_is_noticed(
    books: Books, owner: Database
) -> None:
    await take_at_once(books)
    await tamper(owner, books, "delete from ledger_entries where position = 9")
    assert await wrong(books) == [
        "The account is at entry 9, its last one is 8.",
        "The account says that 123 are left; its entries amount to 126.",
    ]
