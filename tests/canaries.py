"""A workspace with a row in every table, each text of it a canary: a word to look for where it must not be.

    theirs = await plant_canaries(factory)      # or the fixture ``canaries``, one for the whole session
    before = await theirs.digests()
    ...                                         # somebody else calls something, with ``theirs.id_in(...)``
    assert theirs.seen_in(answer.text) == set()
    assert await theirs.digests() == before

Tables and columns are read from the database's catalogue, so a new one is filled as well. One that cannot be
filled, or that holds no canary without standing in ``NO_CANARY``, raises ``AssertionError``.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.sessions import SESSION_COOKIE
from helpninja_app.accounts.users import find_user_id
from helpninja_app.accounts.workspaces import load_workspace
from helpninja_app.kernel.database import Database
from helpninja_app.kernel.scope import Scope
from tests.catalogue import Table, read_catalogue
from tests.factories import Factory, Tenant

_CONFIG = "names a text search configuration, which PostgreSQL has to know"
_MODEL = "names an embedding model, which the process has to have"
_AUDIENCE = "one of two words, which the policies compare with"
# Columns with a text that no canary can be in. Those bound by a list of values or by a foreign key are found
# in the catalogue.
NO_CANARY: dict[str, str] = {
    "workspaces.embedding_model": _MODEL,
    "embeddings.model": _MODEL,
    "workspaces.time_zone": "has to be known to zoneinfo",
    "workspaces.business_hours": "has spans of time for days of the week, and room for nothing else",
    "workspaces.holidays": "has days such as 2026-12-25, and room for nothing else",
    "users.password_hash": "the owner signs in with the factory's password; the hash itself is looked for",
    "chunks.config": _CONFIG,
    "deleted_chunks.config": _CONFIG,
    "curated_phrasings.config": _CONFIG,
    "lexical_segments.config": _CONFIG,
    "lexical_tombstones.config": _CONFIG,
    "lexical_tombstones.audience": _AUDIENCE,
    "webhook_endpoints.events": "names of events, which the API gives a closed set of",
    "conversation_transitions.from_status": "a status of a conversation, without a check of its own",
    "conversation_transitions.to_status": "a status of a conversation, without a check of its own",
}
_GIVEN = {
    "deleted_chunks.config": "simple",
    "curated_phrasings.config": "simple",
    "lexical_tombstones.config": "simple",
    "lexical_tombstones.audience": "members",
    "webhook_endpoints.events": "{message.created}",
    "conversation_transitions.from_status": "bot",
    "conversation_transitions.to_status": "waiting",
    # As far as the planted entry: else the next one takes its place, and the month never begins.
    "ledger_accounts.position": 1,
}
# States in which nothing more happens by itself, where a column may have one.
_AT_REST = ("completed", "unchanged", "resolved")
_ADDRESSES = {"email": "{}@example.com", "url": "https://help.example/{}", "page_url": "https://a.example/{}"}
# Where a canary has to be a part of something that the product can read.
_WITHIN = {
    "rules.condition": (
        '{{"match": "all", "conditions": [{{"fact": "keyword", "operator": "any", "values": ["{}"]}}]}}'
    ),
}
# No stemmer cuts these, no tokeniser parts them, and nothing else spells them.
_LETTERS = "bcdfghjkmpqvwxz"

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Canaries:
    """The filled workspace; ``rows`` has one row of each table, with the texts that PostgreSQL gives for it.

    ``mark`` is in every canary of this workspace and nowhere else. ``secrets`` are looked for as well: the
    hash of the owner's password, the token of their session, and the tenant's key.
    """

    tenant: Tenant
    owner_id: UUID
    owner_email: str
    owner_headers: dict[str, str]
    mark: str
    secrets: tuple[str, ...]
    rows: dict[str, Row]
    database: Database

    @property
    def roots(self) -> dict[str, UUID]:
        return {"workspaces": self.tenant.id, "users": self.owner_id}

    @property
    def scope(self) -> Scope:
        """As the owner, who sees everything."""
        return Scope.members(self.tenant.id, self.owner_id)

    def id_in(self, table: str, column: str = "id") -> str:
        """A real id: the one that a row of this workspace in ``table`` is found by."""
        return str(self.rows[table][column])

    def seen_in(self, answer: object) -> set[str]:
        """The canaries in an answer, whatever it is; empty when nothing of this workspace is in it."""
        said = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else str(answer)
        found = set(re.findall(rf"canary-{self.mark}[a-z0-9-]*|[a-z0-9-]*{self.mark}", said.casefold()))
        return found | {secret for secret in self.secrets if secret in said}

    async def digests(self) -> dict[str, str]:
        """For each table, a digest of all the rows of this workspace and of its owner."""
        async with self.database.unit_of_work(self.scope) as session:
            tables = await read_catalogue(session)
            statement = " union all ".join(
                f"select '{table.name}' as name, md5(string_agg(row, '|' order by row)) as digest"
                f" from (select t::text as row from {table.name} t"
                f" where {_of_ours(tables, table.name, self.roots)}) found"
                for table in tables.values()
            )
            found = await session.execute(text(statement))
        return {row.name: row.digest for row in found}


async def plant_canaries(factory: Factory) -> Canaries:
    """A workspace of the agency plan with an owner, a searchable document, and canaries everywhere."""
    mark = "".join(secrets.choice(_LETTERS) for _ in range(16))
    tenant = await factory.tenant()
    _, headers = await factory.member(tenant)
    await factory.document(
        tenant,
        f"# Canary {mark}\n\nUnworn boots of the {mark} can be returned within sixty days.",
        title=f"canary-{mark}-boots",
    )
    database = factory.resources.database
    async with database.unit_of_work(tenant.scope) as session:
        found = await session.execute(text("select user_id from members where role = 'owner'"))
        owner_id = found.scalar_one()
    roots = {"workspaces": tenant.id, "users": owner_id}
    async with (
        _owner_of_the_tables(factory) as owner,
        owner.unit_of_work(Scope.members(tenant.id, owner_id)) as session,
    ):
        planter = _Planter(mark, roots, await read_catalogue(session))
        for table in planter.tables.values():
            await planter.plant(session, table)
        missing = await find_gaps(session, mark, roots)
        assert not missing, f"Without a canary, or a reason in NO_CANARY: {missing}"
        workspace = await load_workspace(session, tenant.id)
    email = planter.rows["users"]["email"]
    async with database.unit_of_work() as session:
        assert await find_user_id(session, email) == owner_id
    return Canaries(
        tenant=replace(tenant, workspace=workspace),
        owner_id=owner_id,
        owner_email=email,
        owner_headers=headers,
        mark=mark,
        secrets=(
            planter.rows["users"]["password_hash"],
            tenant.key,
            headers["cookie"].removeprefix(f"{SESSION_COOKIE}="),
        ),
        rows=planter.rows,
        database=database,
    )


async def find_gaps(session: AsyncSession, mark: str, roots: dict[str, UUID]) -> list[str]:
    """Tables without a row of ours, and columns of texts that neither hold a canary nor are excepted."""
    gaps = []
    tables = await read_catalogue(session)
    for table in tables.values():
        wanted = [name for name in table.free_texts if f"{table.name}.{name}" not in NO_CANARY]
        counts = ", ".join(f"count(*) filter (where t.{name}::text like :mark)" for name in wanted)
        statement = f"select count(*){', ' if wanted else ''}{counts} from {table.name} t"
        found = await session.execute(
            text(f"{statement} where {_of_ours(tables, table.name, roots)}"),
            {"mark": f"%{mark}%"} if wanted else {},
        )
        total, *held = found.one()
        gaps += [table.name] if not total else []
        gaps += [f"{table.name}.{name}" for name, count in zip(wanted, held, strict=True) if not count]
    return gaps


@asynccontextmanager
async def _owner_of_the_tables(factory: Factory) -> AsyncIterator[Database]:
    """Whom no revoked right keeps from changing the audit log; row-level security binds them too."""
    database = Database(factory.resources.settings.database_owner_url or "", pool_size=1)
    try:
        yield database
    finally:
        await database.close()


class _Planter:
    """Goes through the tables, those that others refer to first."""

    def __init__(self, mark: str, roots: dict[str, UUID], tables: dict[str, Table]) -> None:
        self.mark, self.roots, self.tables = mark, roots, tables
        self.rows: dict[str, Row] = {}
        # A text that stands in two tables, such as an address and its directory, does so afterwards too.
        self._replaced: dict[str, str] = {}

    async def plant(self, session: AsyncSession, table: Table) -> None:
        """Put canaries into the rows that are there, or insert one."""
        ours = _of_ours(self.tables, table.name, self.roots)
        columns = ", ".join(f"t.{name}::text as {name}" for name in table.columns)
        statement = text(f"select {columns}, t.ctid::text as place from {table.name} t where {ours}")
        found = [dict(row) for row in (await session.execute(statement)).mappings()]
        held = {name for name in table.free_texts for row in found if self.mark in (row[name] or "")}
        for row in found:
            held |= await self._change(session, table, row.pop("place"), row, held)
        if not found:
            await self._insert(session, table)
        kept = (await session.execute(statement)).mappings().first()
        assert kept is not None, f"{table.name} has no row of this workspace."
        self.rows[table.name] = {name: value for name, value in kept.items() if name != "place"}

    async def _change(
        self, session: AsyncSession, table: Table, place: str, row: Row, held: set[str]
    ) -> set[str]:
        """Put canaries into a row, one for each column and for what it repeats; returns the columns."""
        changed = {
            name: self._canary(table, name, row[name])
            for name in table.free_texts
            if f"{table.name}.{name}" not in NO_CANARY and (name not in held or row[name] in self._replaced)
        }
        if changed:
            assigned = ", ".join(f"{name} = {_cast(table, name)}" for name in changed)
            await session.execute(
                text(f"update {table.name} set {assigned} where ctid = cast(:place as tid)"),
                changed | {"place": place},
            )
        return set(changed)

    async def _insert(self, session: AsyncSession, table: Table) -> None:
        values: Row = {}
        for key in table.keys:
            parent = self.rows.get(key.table, {})
            is_optional = any(table.columns[name].is_optional for name in key.columns)
            if not is_optional or key.table in self.roots:
                values |= {name: parent[other] for name, other in zip(key.columns, key.referred, strict=True)}
        for name, column in table.columns.items():
            if name in values or column.is_generated:
                continue
            if name == "due_at":
                # Else a worker of another test would send what is planted, and note that down.
                value: object = "2100-01-01"
            elif f"{table.name}.{name}" in _GIVEN.keys() | NO_CANARY.keys():
                value = _GIVEN.get(f"{table.name}.{name}")
            elif name in table.free_texts:
                value = self._canary(table, name, None)
            elif column.allowed:
                value = next((word for word in _AT_REST if word in column.allowed), column.allowed[0])
            elif column.is_optional or column.has_default:
                continue
            else:
                value = _plain(table, name)
            if value is not None:
                values[name] = value
        names, casts = ", ".join(values), ", ".join(_cast(table, name) for name in values)
        await session.execute(text(f"insert into {table.name} ({names}) values ({casts})"), values)

    def _canary(self, table: Table, name: str, before: str | None) -> str:
        """A canary as the type of the column spells it; ``before`` is the text it takes the place of."""
        if before and before in self._replaced:
            return self._replaced[before]
        word = f"canary-{self.mark}-{table.name}-{name}".replace("_", "-")
        word = _ADDRESSES.get(name, "{}").format(word)
        column = table.columns[name]
        if within := _WITHIN.get(f"{table.name}.{name}"):
            return within.format(word)
        if column.is_array:
            kept = (before or "{}").strip("{}")
            word = f"{{{kept}{',' if kept else ''}{word}}}"
        elif column.type in {"json", "jsonb"}:
            word = f'["{word}"]' if column.is_list else f'{{"canary": "{word}"}}'
        elif before:
            self._replaced[before] = word
        return word


def _of_ours(tables: dict[str, Table], name: str, roots: dict[str, UUID], row: str = "t") -> str:
    """The condition that ``row`` of a table belongs to the workspace or its owner, in SQL."""
    if name in roots:
        return f"{row}.id = '{roots[name]}'"
    table = tables[name]
    conditions = [
        f"{row}.{column} = '{roots[root]}'"
        for column, root in (("workspace_id", "workspaces"), ("user_id", "users"))
        if column in table.columns
    ]
    if not conditions:
        # A directory that knows its row alone: ours are those whose row is.
        for key in table.keys:
            pairs = zip(key.columns, key.referred, strict=True)
            same = " and ".join(f"{row}.{column} = {row}r.{other}" for column, other in pairs)
            ours = _of_ours(tables, key.table, roots, f"{row}r")
            conditions.append(f"exists (select 1 from {key.table} {row}r where {same} and ({ours}))")
    assert conditions, f"{name} refers neither to a workspace nor to a user."
    return " or ".join(conditions)


def _cast(table: Table, name: str) -> str:
    column = table.columns[name]
    if column.type == "tsvector":
        return f"to_tsvector('simple', cast(:{name} as text))"
    return f"cast(:{name} as {column.type})"


def _plain(table: Table, name: str) -> str:
    """A value of a column without a text that has to have one."""
    kind = table.columns[name].type.partition("(")[0]
    values = {
        "uuid": str(UUID(bytes=secrets.token_bytes(16), version=4)),
        "bytea": f"\\x{secrets.token_hex(32)}",
        "timestamp with time zone": "2100-01-01T00:00:00Z",
        "date": "2100-01-01",
        "boolean": "false",
        "halfvec": "[1]",
        "vector": "[1]",
    } | dict.fromkeys(("smallint", "integer", "bigint", "real", "double precision", "numeric"), "1")
    assert kind in values, f"{table.name}.{name} is of a type that the canaries know nothing of: {kind}"
    return values[kind]
