"""What PostgreSQL's catalogue says about our tables: their columns, and which of them hold any text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

_COLUMNS = text(
    """
    select c.relname as table, a.attname as name, format_type(a.atttypid, a.atttypmod) as type,
           not a.attnotnull as is_optional, a.atthasdef as has_default,
           a.attgenerated <> '' or a.attidentity <> '' as is_generated, t.typcategory = 'A' as is_array,
           coalesce(pg_get_expr(d.adbin, d.adrelid), '') like '''[%' as is_list,
           coalesce(e.typcategory, t.typcategory) = 'S' or t.typname in ('json', 'jsonb', 'xml', 'tsvector')
             as is_text
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    join pg_type t on t.oid = a.atttypid
    left join pg_type e on e.oid = t.typelem and t.typcategory = 'A'
    left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
      and c.relname not like 'procrastinate%' and c.relname <> 'alembic_version'
    order by c.relname, a.attnum
    """
)
_CONSTRAINTS = text(
    """
    select conrelid::regclass::text as table, contype::text as kind, confrelid::regclass::text as other,
           pg_get_constraintdef(oid) as definition,
           (select array_agg(a.attname::text order by place) from unnest(conkey) with ordinality k(n, place)
             join pg_attribute a on a.attrelid = conrelid and a.attnum = k.n) as columns,
           (select array_agg(a.attname::text order by place) from unnest(confkey) with ordinality k(n, place)
             join pg_attribute a on a.attrelid = confrelid and a.attnum = k.n) as referred
    from pg_constraint where connamespace = 'public'::regnamespace and contype in ('f', 'c')
    order by conrelid::regclass::text, conname
    """
)
_LIST = re.compile(r"= ANY \(ARRAY\[(.*)\]\)|= ('[^']*')::text")


@dataclass(slots=True)
class Column:
    """``allowed`` are the values that a check lists, if one does; ``is_list``: of JSON, a list."""

    type: str
    is_optional: bool
    has_default: bool
    is_generated: bool
    is_array: bool
    is_list: bool
    is_text: bool
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ForeignKey:
    columns: tuple[str, ...]
    table: str
    referred: tuple[str, ...]


@dataclass(slots=True)
class Table:
    name: str
    columns: dict[str, Column] = field(default_factory=dict)
    keys: list[ForeignKey] = field(default_factory=list)

    @property
    def free_texts(self) -> list[str]:
        """Columns whose text neither a list of values nor another table decides about."""
        bound = {name for key in self.keys for name in key.columns}
        return [
            name
            for name, column in self.columns.items()
            if column.is_text and not column.allowed and not column.is_generated and name not in bound
        ]


async def read_catalogue(session: AsyncSession) -> dict[str, Table]:
    """All tables but those of the queue and the migrations; what others refer to comes before them."""
    tables: dict[str, Table] = {}
    for row in await session.execute(_COLUMNS):
        values: dict[str, Any] = dict(row._mapping)
        table, name = values.pop("table"), values.pop("name")
        tables.setdefault(table, Table(table)).columns[name] = Column(**values)
    for row in await session.execute(_CONSTRAINTS):
        if row.table in tables:
            _constrain(tables[row.table], row)
    return {table.name: table for table in _ordered(tables)}


def _constrain(table: Table, row: Row[Any]) -> None:
    if row.kind == "f":
        table.keys.append(ForeignKey(tuple(row.columns), row.other, tuple(row.referred)))
    elif len(row.columns) == 1 and (listed := _LIST.search(row.definition)):
        table.columns[row.columns[0]].allowed = tuple(re.findall(r"'([^']*)'", listed[0]))


def _ordered(tables: dict[str, Table]) -> Iterator[Table]:
    waiting = dict(tables)
    while waiting:
        ready = [
            table
            for table in waiting.values()
            if not any(key.table in waiting and key.table != table.name for key in table.keys)
        ]
        assert ready, f"These tables refer to each other in a circle: {sorted(waiting)}"
        for table in ready:
            del waiting[table.name]
        yield from ready
