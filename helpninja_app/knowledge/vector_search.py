"""Finds the chunks nearest to a question, exactly: in the database, or in this process's copy of its vectors.

See docs/adr/0009-exact-vectors.md.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.kernel.database import Statement
from helpninja_app.kernel.scope import Audience, Scope
from helpninja_app.knowledge.lexical_search import audiences_of

Numbers = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.float32]
Nearest = tuple[Numbers, npt.NDArray[np.float64]]
"""Chunk numbers and their cosines, in no order."""

# How many nearest chunks the vector leg hands over: enough that the fused best are among them.
NEAREST = 200
# Below this the database answers as fast as the copy would.
FEWEST_REMEMBERED = 1_000
# Above this a scan is long enough to be kept off the event loop.
_LONG_SCAN = 20_000

# The cosine is made of the few that are left: in one select the distance would be computed twice a row.
_NEAREST = """
select chunk_id, 1 - distance as cosine from (
  select chunk_id, vector <=> cast(%(vector)s as halfvec) as distance from embeddings
  where workspace_id = %(workspace)s and model = %(model)s and audience = any(%(audiences)s)
    and (cast(%(chunks)s as bigint[]) is null or chunk_id = any(cast(%(chunks)s as bigint[])))
  order by distance limit %(most)s
) as nearest
"""
_NUMBERS = text(
    """
    select coalesce(string_agg(int8send(chunk_id), ''::bytea order by chunk_id), ''::bytea) as numbers
    from embeddings where workspace_id = :workspace and model = :model and audience = any(:audiences)
    """
)
_DIMENSION = text(
    "select vector_dims(vector) from embeddings where workspace_id = :workspace and model = :model limit 1"
)
# halfvec's binary form: two 16-bit numbers, then IEEE halves, all big-endian.
_HALVES = text(
    """
    select coalesce(string_agg(substring(halfvec_send(vector) from 5), ''::bytea order by chunk_id),
                    ''::bytea) as halves
    from embeddings where workspace_id = :workspace and model = :model and audience = any(:audiences)
      and chunk_id = any(:missing)
    """
)


@dataclass(frozen=True, slots=True)
class RememberedVectors:
    """A workspace's vectors as one edition of it has them: unit rows of shape ``(chunks, dimension)``."""

    edition: str
    numbers: Numbers
    units: Vectors

    @property
    def size(self) -> int:
        """Bytes."""
        return int(self.numbers.nbytes + self.units.nbytes)

    async def nearest(self, vector: Vectors) -> Nearest:
        if len(self.numbers) > _LONG_SCAN:
            return await asyncio.to_thread(self._scan, vector)
        return self._scan(vector)

    def _scan(self, vector: Vectors) -> Nearest:
        # Rounded as the database rounds it, so that both ways give the same cosines.
        cosines = self.units @ _as_units(vector[None, :].astype(np.float16).astype(np.float32))[0]
        if len(cosines) > NEAREST:
            best = np.argpartition(cosines, len(cosines) - NEAREST)[len(cosines) - NEAREST :]
            return self.numbers[best], cosines[best].astype(np.float64)
        return self.numbers, cosines.astype(np.float64)


class VectorMemory:
    """Copies of the vectors of workspaces that are asked often, up to ``budget`` bytes in all.

    Only a shortcut: a copy is made through row-level security for one workspace and audience, holds numbers
    of chunks and no text, and is used for the edition of the knowledge that it was made for and no other.
    """

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._kept: OrderedDict[tuple[UUID, Audience, str], RememberedVectors] = OrderedDict()
        self._under_way: WeakValueDictionary[tuple[UUID, Audience, str], asyncio.Lock] = WeakValueDictionary()

    def is_worth_it(self, chunks: int) -> bool:
        """Whether the copy of so many vectors is asked sooner than the database."""
        return chunks >= FEWEST_REMEMBERED

    async def read(
        self, session: AsyncSession, scope: Scope, model: str, edition: str, *, chunks: int
    ) -> RememberedVectors | None:
        """The vectors of this edition; ``None`` where the database is to be asked instead.

        That is where there are few ``chunks``, where one copy would take half of the budget, and where some
        have no vector yet. What is missing in the last copy is read in ``session``.
        """
        workspace = scope.workspace_id
        if workspace is None or not self.is_worth_it(chunks):
            return None
        if (kept := self.at_hand(scope, model, edition)) is not None:
            return kept
        key = (workspace, scope.audience, model)
        # One reads, the others of this process wait for it instead of reading the same.
        async with self._under_way.setdefault(key, asyncio.Lock()):
            kept = self.at_hand(scope, model, edition)
            if kept is None:
                dimension = (await session.execute(_DIMENSION, _values(scope, model))).scalar()
                if dimension is None or 2 * chunks * (4 * dimension + 8) > self._budget:
                    return None
                kept = await _read(session, scope, model, edition, self._kept.get(key), dimension)
                if len(kept.numbers) != chunks:
                    # Chunks without a vector are being embedded, which makes no new edition.
                    return None
                self._keep(key, kept)
        return kept

    def at_hand(self, scope: Scope, model: str, edition: str) -> RememberedVectors | None:
        """The copy of this edition, if there is one."""
        if scope.workspace_id is None:
            return None
        key = (scope.workspace_id, scope.audience, model)
        kept = self._kept.get(key)
        if kept is None or kept.edition != edition:
            return None
        self._kept.move_to_end(key)
        return kept

    def _keep(self, key: tuple[UUID, Audience, str], vectors: RememberedVectors) -> None:
        self._kept[key] = vectors
        self._kept.move_to_end(key)
        while len(self._kept) > 1 and sum(each.size for each in self._kept.values()) > self._budget:
            self._kept.popitem(last=False)


def remembered_from(edition: str, halves: Mapping[int, bytes]) -> RememberedVectors:
    """At least one vector by the number of its chunk, in ``halfvec``'s binary form without its head."""
    read = np.frombuffer(b"".join(halves.values()), dtype=">f2").astype(np.float32)
    numbers = np.array(list(halves), dtype=np.int64)
    return RememberedVectors(edition, numbers, _as_units(read.reshape(len(numbers), -1)))


def nearest_statement(scope: Scope, model: str, vector: Vectors, *, only: Numbers | None = None) -> Statement:
    """The ``NEAREST`` nearest chunks of a workspace, or of ``only`` these of its chunks.

    An exact scan of its vectors in PostgreSQL.
    """
    values = {
        "vector": f"[{','.join(map(str, vector.tolist()))}]",
        "most": NEAREST,
        "chunks": None if only is None else only.tolist(),
    }
    return Statement(_NEAREST, _values(scope, model) | values)


def nearest_of(rows: Sequence[Any]) -> Nearest:
    """What the rows of ``nearest_statement`` say."""
    return (
        np.array([row.chunk_id for row in rows], dtype=np.int64),
        np.array([row.cosine for row in rows], dtype=np.float64),
    )


async def _read(
    session: AsyncSession,
    scope: Scope,
    model: str,
    edition: str,
    before: RememberedVectors | None,
    dimension: int,
) -> RememberedVectors:
    values = _values(scope, model)
    packed = (await session.execute(_NUMBERS, values)).scalar_one()
    numbers = np.frombuffer(packed, dtype=">i8").astype(np.int64)
    old = before.numbers if before is not None else np.zeros(0, dtype=np.int64)
    # A chunk's vector never changes under its number.
    missing = np.setdiff1d(numbers, old, assume_unique=True)
    halves = b""
    if len(missing):
        halves = (await session.execute(_HALVES, values | {"missing": missing.tolist()})).scalar_one()
    return await asyncio.to_thread(_joined, edition, numbers, missing, halves, before, dimension)


def _joined(
    edition: str,
    numbers: Numbers,
    missing: Numbers,
    halves: bytes,
    before: RememberedVectors | None,
    dimension: int,
) -> RememberedVectors:
    read = np.frombuffer(halves, dtype=">f2").astype(np.float32).reshape(-1, dimension)
    if len(read) != len(missing):
        # A chunk went between the two statements: the edition is over, and whoever reads it sees that.
        return RememberedVectors(edition, numbers[:0], read[:0])
    units = np.empty((len(numbers), dimension), dtype=np.float32)
    units[np.searchsorted(numbers, missing)] = _as_units(read)
    if before is not None:
        stay = np.isin(before.numbers, numbers, assume_unique=True)
        units[np.searchsorted(numbers, before.numbers[stay])] = before.units[stay]
    return RememberedVectors(edition, numbers, units)


def _as_units(vectors: Vectors) -> Vectors:
    """Rows of length 1: halves are rounded, and pgvector divides by the lengths, too."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units: Vectors = (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32, copy=False)
    return units


def _values(scope: Scope, model: str) -> dict[str, object]:
    return {"workspace": scope.workspace_id, "model": model, "audiences": audiences_of(scope)}
