"""The BM25 index against BM25 counted anew from the stored chunks, whatever happened to them before."""

from __future__ import annotations

import asyncio
import math
from collections import Counter, defaultdict
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import text

from helpninja_app.kernel.scope import Scope
from helpninja_app.knowledge import lexical_index
from helpninja_app.knowledge.documents import forget_document
from helpninja_app.knowledge.languages import search_text
from helpninja_app.knowledge.lexical_index import index_shape
from helpninja_app.knowledge.ranking import K1, POSTING, B
from helpninja_app.resources import Resources
from tests.factories import Factory, Tenant
from tests.searching import search_by_words
from tests.shelf import SENTENCES, Shelf

QUESTIONS = (
    "return boots",
    "repairing a zip",
    "Stiefel Rücksendungen kostenlos",
    "tiendas en las islas",
    "返品",
    "the and of",
    "jackets boots tents repairs shipping Werkstatt",
    "help@example.com",
    "nothing like it",
)
SMALL = 5


@pytest.fixture(autouse=True)
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lexical_index, "MAX_SEGMENTS", SMALL)


async def counted_anew(resources: Resources, scope: Scope, question: str) -> dict[UUID, float]:
    """BM25 of the best chunk of each document, from nothing but the chunks that the scope may see."""
    async with resources.database.unit_of_work(scope) as session:
        chunks = (
            await session.execute(
                text(
                    "select id, document_id, config, length,"
                    " array(select lexeme from unnest(lexemes)) as words,"
                    " array(select cardinality(positions) from unnest(lexemes)) as counts from chunks"
                )
            )
        ).all()
        by_config = defaultdict(list)
        for chunk in chunks:
            by_config[chunk.config].append(chunk)
        best: dict[UUID, float] = {}
        for config, members in by_config.items():
            terms = (
                await session.execute(
                    text("select lexeme from unnest(to_tsvector(cast(:config as regconfig), :words))"),
                    {"config": config, "words": search_text(question)},
                )
            ).scalars()
            frequencies = Counter(word for chunk in members for word in chunk.words)
            mean = sum(chunk.length for chunk in members) / len(members)
            wanted = set(terms)
            for chunk in members:
                held = dict(zip(chunk.words, chunk.counts, strict=True))
                score = sum(
                    math.log(1 + (len(members) - frequencies[word] + 0.5) / (frequencies[word] + 0.5))
                    * held[word]
                    * (K1 + 1)
                    / (held[word] + K1 * (1 - B + B * chunk.length / max(mean, 1)))
                    for word in wanted & set(held)
                )
                if score > 0:
                    best[chunk.document_id] = max(best.get(chunk.document_id, 0.0), score)
    return best


async def by_the_index(resources: Resources, scope: Scope, question: str) -> dict[UUID, float]:
    result = await search_by_words(resources.knowledge.index, scope, question, documents=50)
    return {document.document_id: document.best.lexical for document in result.documents}


async def check(resources: Resources, tenant: Tenant) -> None:
    for scope in (Scope.visitors(tenant.id), Scope.members(tenant.id)):
        for question in QUESTIONS:
            expected = await counted_anew(resources, scope, question)
            assert await by_the_index(resources, scope, question) == pytest.approx(expected), question
    await check_postings(resources, tenant)


async def check_postings(resources: Resources, tenant: Tenant) -> None:
    """Each living chunk's words stand in one segment; all other postings have a tombstone."""
    async with resources.database.unit_of_work(tenant.scope) as session:
        living = {
            (row.id, row.audience, row.config)
            for row in await session.execute(text("select id, audience, config from chunks"))
        }
        dead = set((await session.execute(text("select chunk_id from lexical_tombstones"))).scalars())
        postings = (
            await session.execute(text("select audience, config, lexeme, postings from lexical_postings"))
        ).all()
        shape = await index_shape(session, tenant.id)
    seen: Counter[tuple[str, int]] = Counter()
    for row in postings:
        for number in np.frombuffer(row.postings, dtype=POSTING)["chunk"].tolist():
            seen[row.lexeme, number] += 1
            assert ((number, row.audience, row.config) in living) != (number in dead)
    assert set(seen.values()) <= {1}
    assert shape.chunks == len(living)
    assert shape.dead == len(dead)
    assert shape.segments <= SMALL


@pytest.mark.parametrize("seed", range(4))
async def test_scores_are_those_of_bm25_after_any_changes(
    resources: Resources, factory: Factory, seed: int
) -> None:
    shelf = Shelf(resources, factory, await factory.tenant(), seed)
    for number in range(36):
        await shelf.step()
        if number % 9 == 8:
            await check(resources, shelf.tenant)


async def test_one_more_segment_than_allowed_merges_the_small_ones(
    resources: Resources, factory: Factory
) -> None:
    tenant = await factory.tenant()
    large = "\n\n".join(f"## Part {number}\n\n{' '.join(SENTENCES[:4] * 6)}" for number in range(6))
    await factory.document(tenant, large)

    async def sizes() -> list[int]:
        async with resources.database.unit_of_work(tenant.scope) as session:
            found = await session.execute(
                text("select sum(chunk_count)::int from lexical_segments group by id order by 1 desc")
            )
            return list(found.scalars())

    (largest,) = await sizes()
    for number in range(SMALL - 1):
        await factory.document(tenant, f"Boots number {number}.")
    assert await sizes() == [largest, *[1] * (SMALL - 1)]
    await factory.document(tenant, "One more pair of boots.")
    assert await sizes() == [largest, SMALL - 1, 1]
    for number in range(SMALL * 4):
        await factory.document(tenant, f"Jackets number {number}.")
        assert len(await sizes()) <= SMALL
    await check(resources, tenant)


async def test_many_large_segments_are_merged_too(resources: Resources, factory: Factory) -> None:
    tenant = await factory.tenant()
    for number in range(SMALL * 3):
        await factory.document(tenant, f"## One\n\n{' '.join(SENTENCES[:4] * 9)} {number}")
        async with resources.database.unit_of_work(tenant.scope) as session:
            assert (await index_shape(session, tenant.id)).segments <= SMALL
    await check(resources, tenant)


async def test_tombstones_go_when_a_fifth_is_dead(resources: Resources, factory: Factory) -> None:
    tenant = await factory.tenant()
    ids = [await factory.document(tenant, f"Boots number {number}.") for number in range(12)]
    for gone in ids[: SMALL + 1]:
        async with resources.database.unit_of_work(tenant.scope) as session:
            await forget_document(session, tenant.id, gone)
    async with resources.database.unit_of_work(tenant.scope) as session:
        assert (await index_shape(session, tenant.id)).dead == SMALL + 1
    await factory.document(tenant, "One more pair of boots.")
    async with resources.database.unit_of_work(tenant.scope) as session:
        assert (await index_shape(session, tenant.id)).dead == 0
    await check(resources, tenant)


async def test_writers_at_the_same_time_lose_nothing(resources: Resources, factory: Factory) -> None:
    tenant = await factory.tenant()
    shelves = [Shelf(resources, factory, tenant, seed) for seed in range(4)]

    async def write(shelf: Shelf) -> None:
        for _ in range(10):
            await shelf.step()

    await asyncio.gather(*(write(shelf) for shelf in shelves))
    async with resources.database.unit_of_work(tenant.scope) as session:
        stored = set((await session.execute(text("select id from documents"))).scalars())
    assert stored == {document_id for shelf in shelves for document_id in shelf.ids}
    await check(resources, tenant)


async def test_writers_of_one_document_never_wait_for_each_other_for_ever(
    resources: Resources, factory: Factory
) -> None:
    tenant = await factory.tenant()
    shelf = Shelf(resources, factory, tenant, 1)
    await shelf.add()
    await asyncio.gather(*(change() for change in [shelf.swap, shelf.move] * 6))
    await check(resources, tenant)
