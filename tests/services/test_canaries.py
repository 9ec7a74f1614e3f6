"""The workspace full of canaries: nothing that is in the database may be missing in it."""

from __future__ import annotations

import json

import httpx
import pytest
from sqlalchemy import text

from helpninja_app.kernel.database import Database
from helpninja_app.resources import Resources
from tests.api.accounts import cookie_of, me, sign_in
from tests.canaries import NO_CANARY, Canaries, find_gaps
from tests.catalogue import read_catalogue
from tests.factories import PASSWORD


async def test_every_table_has_a_row_and_every_free_text_a_canary(
    resources: Resources, canaries: Canaries
) -> None:
    async with resources.database.unit_of_work(canaries.scope) as session:
        assert await find_gaps(session, canaries.mark, canaries.roots) == []
        assert set(canaries.rows) == set(await read_catalogue(session))


async def test_what_is_excepted_is_a_text_that_would_otherwise_need_a_canary(resources: Resources) -> None:
    async with resources.database.unit_of_work() as session:
        tables = await read_catalogue(session)
    free = {f"{table.name}.{name}" for table in tables.values() for name in table.free_texts}
    assert set(NO_CANARY) <= free


@pytest.mark.parametrize(
    ("ddl", "gap"),
    [
        ("create table forgotten (workspace_id uuid, note int)", "forgotten"),
        ("alter table sessions add column note text", "sessions.note"),
        ("alter table members add column notes varchar(20)[]", "members.notes"),
        ("alter table users add column note jsonb default '{}'", "users.note"),
    ],
)
async def test_a_new_table_or_text_is_not_forgotten(
    resources: Resources, canaries: Canaries, ddl: str, gap: str
) -> None:
    owner = Database(resources.settings.database_owner_url or "", pool_size=1)
    try:
        async with owner.unit_of_work(canaries.scope) as session:
            await session.execute(text(ddl))
            assert await find_gaps(session, canaries.mark, canaries.roots) == [gap]
            await session.rollback()
    finally:
        await owner.close()


async def test_a_canary_is_seen_however_it_is_told(canaries: Canaries) -> None:
    word = canaries.rows["workspaces"]["greeting"]
    assert canaries.seen_in(json.dumps({"greeting": word}).encode()) == {word}
    assert canaries.seen_in(word.upper()) == {word}
    assert canaries.seen_in(f"...{word[:30]}…")
    assert canaries.seen_in(canaries.rows["users"]["password_hash"])
    assert not canaries.seen_in("nothing of theirs")


async def test_a_change_of_any_row_changes_the_digest_of_its_table(
    resources: Resources, canaries: Canaries
) -> None:
    before = await canaries.digests()
    assert set(before) == set(canaries.rows)
    async with resources.database.unit_of_work(canaries.scope) as session:
        await session.execute(text("update sources set last_synced_at = now()"))
    after = await canaries.digests()
    assert {name for name in before if before[name] != after[name]} == {"sources"}


async def test_its_owner_signs_in_and_is_the_owner(canaries: Canaries, client: httpx.AsyncClient) -> None:
    signed_in = await sign_in(client, canaries.owner_email, PASSWORD)
    assert signed_in.status_code == 200, signed_in.text
    for headers in (cookie_of(signed_in), canaries.owner_headers):
        [workspace] = (await me(client, headers))["workspaces"]
        assert (workspace["id"], workspace["role"]) == (str(canaries.tenant.id), "owner")


async def test_its_key_opens_it(canaries: Canaries, client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/documents", headers=canaries.tenant.headers)
    assert canaries.seen_in(answer.text)
