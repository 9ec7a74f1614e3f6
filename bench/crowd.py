"""Fills a table of 200,000 embeddings: one workspace with texts and vectors of its own among many others."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
import numpy.typing as npt
import psycopg
from pgvector import HalfVector

from bench.report import say
from bench.scratch import Scratch, make_workspace
from bench.texts import passage
from helpninja_app.kernel.scope import Scope
from helpninja_app.knowledge.lexical_index import index_documents, rebuild_index
from helpninja_app.resources import Resources

CHUNKS = 10_000
WORKSPACES = 20
CHUNKS_OF_A_DOCUMENT = 5
DOCUMENTS = CHUNKS // CHUNKS_OF_A_DOCUMENT
SEGMENTS = 20
"""How many segments the lexical index has: near the most that the product leaves standing."""

# Crawls at the same time write in turns: each workspace's rows lie in blocks between those of the others.
BLOCK = 50
POOL = 500
WORDS = 90
_DIMENSION = 384

_PREPARE = """
create temp table places (slot int primary key, workspace_id uuid not null);
create temp table papers (slot int, number int, id uuid, primary key (slot, number));
create temp table own_texts (number int primary key, body text not null, lexemes tsvector);
create temp table own_vectors (number int primary key, vector halfvec not null);
create temp table pool_texts (number int primary key, body text not null, lexemes tsvector);
create temp table pool_vectors (number int primary key, vector halfvec not null);
"""
_FILL = """
update own_texts set lexemes = to_tsvector('english', body);
update pool_texts set lexemes = to_tsvector('english', body);
insert into papers select slot, number, gen_random_uuid()
  from places, generate_series(0, %(documents)s - 1) as number;
insert into sources (workspace_id, id, kind, location, audience)
  select workspace_id, workspace_id, 'file', 'bench', 'visitors' from places;
insert into documents (workspace_id, id, source_id, filename, title, audience, status, chunk_count,
                       embedded_count)
  select workspace_id, id, workspace_id, 'paper-' || number, 'Paper ' || number, 'visitors', 'completed',
         %(of_document)s, %(of_document)s
  from papers join places using (slot);
create temp table rows_to_come as
  select line, (line / %(block)s) %% %(workspaces)s as slot,
         line / (%(block)s * %(workspaces)s) * %(block)s + line %% %(block)s as number
  from generate_series(0, %(chunks)s * %(workspaces)s - 1) as line;
create temp table chosen as
  select line, slot, rows_to_come.number, coalesce(own.body, pool.body) as body,
         coalesce(own.lexemes, pool.lexemes) as lexemes
  from rows_to_come
  left join own_texts own on rows_to_come.slot = %(own_slot)s and own.number = rows_to_come.number
  join pool_texts pool on pool.number = rows_to_come.line %% %(pool)s;
insert into chunks (workspace_id, id, document_id, audience, position, heading_path, text, tokens,
                    content_hash, config, lexemes, length)
  select places.workspace_id, line + 1, papers.id, 'visitors', chosen.number %% %(of_document)s, '{}', body,
         length(body) / 4, sha256(convert_to(line::text, 'UTF8')), 'english', lexemes,
         (select sum(cardinality(term.positions)) from unnest(lexemes) as term)
  from chosen join places using (slot)
  join papers on papers.slot = chosen.slot and papers.number = chosen.number / %(of_document)s
  order by line;
insert into embeddings (workspace_id, model, chunk_id, audience, vector)
  select places.workspace_id, %(model)s, line + 1, 'visitors', coalesce(own.vector, pool.vector)
  from rows_to_come join places using (slot)
  left join own_vectors own on rows_to_come.slot = %(own_slot)s and own.number = rows_to_come.number
  join pool_vectors pool on pool.number = (line * 7919) %% %(pool)s
  order by line;
select setval('chunk_ids', %(chunks)s * %(workspaces)s);
"""


@dataclass(frozen=True, slots=True)
class Crowd:
    """The workspace that is searched: its chunk numbers and, row by row, their unit vectors as stored."""

    scope: Scope
    numbers: npt.NDArray[np.int64]
    vectors: npt.NDArray[np.float32]


async def fill(resources: Resources, scratch: Scratch) -> Crowd:
    """Write everything and index it by the product's own index, in ``SEGMENTS`` batches."""
    own_slot = WORKSPACES // 2
    workspaces = [(await make_workspace(resources, f"Tenant {slot}")).id for slot in range(WORKSPACES)]
    vectors = _unit_vectors(CHUNKS, seed=1)
    say(f"writing {CHUNKS * WORKSPACES:,} chunks and embeddings")
    with psycopg.connect(scratch.urls.superuser) as connection:
        # The rows fit together by construction; 600,000 checks of that are not what is measured.
        connection.execute("set session_replication_role = replica")
        connection.execute("set work_mem = '256MB'")
        connection.execute(_PREPARE)
        _copy(connection, "places (slot, workspace_id)", enumerate(workspaces))
        _copy(connection, "own_texts (number, body)", enumerate(_texts(CHUNKS, seed=2)))
        _copy(connection, "pool_texts (number, body)", enumerate(_texts(POOL, seed=3)))
        _copy(connection, "own_vectors (number, vector)", enumerate(_as_text(vectors)))
        pool = _unit_vectors(POOL, seed=4)
        _copy(connection, "pool_vectors (number, vector)", enumerate(_as_text(pool)))
        values = {
            "documents": DOCUMENTS,
            "of_document": CHUNKS_OF_A_DOCUMENT,
            "block": BLOCK,
            "workspaces": WORKSPACES,
            "chunks": CHUNKS,
            "own_slot": own_slot,
            "pool": POOL,
            "model": resources.knowledge.embedders.current.name,
        }
        with psycopg.ClientCursor(connection) as cursor:
            cursor.execute(_FILL, values)
    own = workspaces[own_slot]
    await _index(resources, own, [one for one in workspaces if one != own])
    with psycopg.connect(scratch.urls.superuser, autocommit=True) as connection:
        connection.execute("vacuum analyze")
        found = connection.execute("select id from chunks where workspace_id = %s order by id", [own])
        numbers = np.array([row[0] for row in found], dtype=np.int64)
    return Crowd(Scope.visitors(own), numbers, vectors)


async def _index(resources: Resources, own: UUID, others: Sequence[UUID]) -> None:
    say("indexing their words")
    for workspace in others:
        async with resources.database.unit_of_work(Scope.members(workspace)) as session:
            await rebuild_index(session, workspace)
    async with resources.database.unit_of_work(Scope.members(own)) as session:
        connection = await session.connection()
        found = await connection.exec_driver_sql("select id from documents order by title")
        documents = [row[0] for row in found]
    size = len(documents) // SEGMENTS
    for start in range(0, len(documents), size):
        async with resources.database.unit_of_work(Scope.members(own)) as session:
            await index_documents(session, own, documents[start : start + size])


def _texts(count: int, *, seed: int) -> Iterator[str]:
    chance = random.Random(seed)
    return (passage(chance, WORDS) for _ in range(count))


def _unit_vectors(count: int, *, seed: int) -> npt.NDArray[np.float32]:
    """Random directions, rounded as they are stored: 16 bits a number."""
    drawn = np.random.default_rng(seed).standard_normal((count, _DIMENSION))
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    return drawn.astype(np.float16).astype(np.float32)


def _as_text(vectors: npt.NDArray[np.float32]) -> Iterator[str]:
    return (str(HalfVector(vector).to_text()) for vector in vectors)


def _copy(connection: psycopg.Connection, target: str, rows: Iterator[tuple[int, object]]) -> None:
    with connection.cursor() as cursor, cursor.copy(f"copy {target} from stdin".encode()) as copy:
        for row in rows:
            copy.write_row(row)
