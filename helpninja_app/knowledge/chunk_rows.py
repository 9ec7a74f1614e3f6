"""Reads chunks with what is shown of them: those that were found, or all of a few chosen documents.

What a search of a few short documents needs comes in one round trip, with the vectors, while the question is
still being embedded.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np

from helpninja_app.kernel.database import Statement
from helpninja_app.kernel.scope import Audience, Scope
from helpninja_app.knowledge.lexical_search import EDITION, audiences_of
from helpninja_app.knowledge.vector_search import Numbers, RememberedVectors, remembered_from

_COLUMNS = "c.id, c.document_id, c.position, c.text, c.heading_path, c.audience, d.title, d.url, d.filename"
_FOUND = f"""
select state.edition, {_COLUMNS}
from (select {EDITION} as edition) as state
left join (chunks c join documents d on d.workspace_id = c.workspace_id and d.id = c.document_id)
  on c.workspace_id = %(workspace)s and c.id = any(%(ids)s::bigint[]) and c.audience = any(%(audiences)s)
"""  # noqa: S608 - made of constants
_NUMBERS = """
select id from chunks where workspace_id = %(workspace)s and document_id = any(%(documents)s::uuid[])
  and audience = any(%(audiences)s)
"""
_STATES = """
select coalesce(json_object_agg(id, status), '{}') as states from documents
where workspace_id = %(workspace)s and id = any(%(documents)s::uuid[])
"""
# Nothing is read of more than that: counting stops there.
_ALL = f"""
select state.edition, {_COLUMNS}, substring(halfvec_send(e.vector) from 5) as halves
from (
  select {EDITION} as edition, (select count(*) from ({_NUMBERS} limit %(most)s + 1) as counted) as chunks
) as state
left join (
  chunks c join documents d on d.workspace_id = c.workspace_id and d.id = c.document_id
  left join embeddings e on e.workspace_id = c.workspace_id and e.chunk_id = c.id and e.model = %(model)s
) on state.chunks <= %(most)s and c.workspace_id = %(workspace)s
  and c.document_id = any(%(documents)s::uuid[]) and c.audience = any(%(audiences)s)
where state.chunks <= %(most)s
"""  # noqa: S608 - made of constants


@dataclass(frozen=True, slots=True)
class ChunkRow:
    document_id: UUID
    position: int
    text: str
    heading_path: tuple[str, ...]
    title: str
    url: str | None
    audience: Audience


@dataclass(frozen=True, slots=True)
class ChunkRows:
    """Chunks by their numbers, and the edition of the knowledge that they were read from."""

    rows: Mapping[int, ChunkRow]
    edition: str


def found_statement(scope: Scope, numbers: Sequence[int]) -> Statement:
    """Gives ``rows_of`` these chunks, as far as ``scope`` may see them."""
    values = {"workspace": scope.workspace_id, "audiences": audiences_of(scope)}
    return Statement(_FOUND, values | {"ids": list(numbers)})


def numbers_statement(scope: Scope, documents: Collection[UUID]) -> Statement:
    """Gives ``numbers_of`` all chunks of ``documents`` that ``scope`` may see."""
    values = {"workspace": scope.workspace_id, "audiences": audiences_of(scope)}
    return Statement(_NUMBERS, values | {"documents": list(documents)})


def all_statement(scope: Scope, documents: Collection[UUID], model: str, *, most: int) -> Statement:
    """Gives ``all_of`` the chunks of ``documents``, or no row where there are more than ``most``."""
    chosen = numbers_statement(scope, documents)
    return Statement(_ALL, {**chosen.values, "model": model, "most": most})


def states_statement(scope: Scope, documents: Collection[UUID]) -> Statement:
    """Gives ``states``: of those documents that there are, by their ids."""
    return Statement(_STATES, {"workspace": scope.workspace_id, "documents": list(documents)})


def rows_of(found: Sequence[Any]) -> ChunkRows:
    rows = {
        row.id: ChunkRow(
            document_id=row.document_id,
            position=row.position,
            text=row.text,
            heading_path=tuple(row.heading_path),
            title=row.title or row.filename or row.url or "",
            url=row.url,
            audience=Audience(row.audience),
        )
        for row in found
        if row.id is not None
    }
    return ChunkRows(rows, found[0].edition)


def numbers_of(found: Sequence[Any]) -> Numbers:
    return np.array([row.id for row in found], dtype=np.int64)


def all_of(found: Sequence[Any]) -> tuple[ChunkRows | None, RememberedVectors | None]:
    """The chunks, unless there were too many, and the vectors of those that have one, unless none has."""
    if not found:
        return None, None
    rows = rows_of(found)
    halves = {row.id: row.halves for row in found if row.halves is not None}
    return rows, remembered_from(rows.edition, halves) if halves else None
