"""The BM25 index against BM25 counted anew from the stored chunks, whatever happened to them before."""

from __future__ import annotations

import asyncio
import math
import random
from collections import Counter, defaultdict
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import text

from helpninja_app.kernel.scope import Audience, Scope
from helpninja_app.knowledge import lexical_index
from helpninja_app.knowledge.documents import change_document, forget_document
from helpninja_app.knowledge.indexing import prepare_document, swap_document
from helpninja_app.knowledge.languages import search_text
from helpninja_app.knowledge.lexical_index import index_shape, rebuild_index
from helpninja_app.knowledge.ranking import K1, POSTING, B
from helpninja_app.knowledge.search import SearchQuery, search
from helpninja_app.resources import Resources
from tests.factories import Factory, Tenant

SENTENCES = (
    "Boots can be returned within sixty days when the boots were worn indoors only.",
    "The shipping of heavy tents to the islands takes three working days and costs more.",
    "Customers who return a jacket get their money back after the jacket was inspected.",
    "We repair zips, soles and poles in our own workshop, and repairs are free for a year.",
    "Die Rücksendung von Stiefeln ist innerhalb von sechzig Tagen kostenlos möglich.",
    "Unsere Werkstatt repariert Reißverschlüsse und Sohlen, und das kostet Sie ein Jahr lang nichts.",
    "Los pedidos de tiendas de campaña llegan a las islas en tres días laborables.",
    "返品は六十日以内に可能です。送料は無料です。",
    "E-mail help@example.com or visit https://example.com/repairs?item=zip%20pull today.",
)
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


class Shelf:
    """A workspace's documents, with the changes that a test makes to them at random."""

    def __init__(self, resources: Resources, factory: Factory, tenant: Tenant, seed: int) -> None:
        self.resources, self.factory, self.tenant = resources, factory, tenant
        self.random = random.Random(seed)
        self.ids: list[UUID] = []

    def text(self) -> str:
        parts = []
        for number in range(self.random.randint(1, 4)):
            sentences = self.random.choices(SENTENCES, k=self.random.randint(1, 6))
            parts.append(f"## Part {number}\n\n" + " ".join(sentences * self.random.choice((1, 1, 6))))
        return "\n\n".join(parts)

    async def add(self) -> None:
        audience = self.random.choice(list(Audience))
        self.ids.append(await self.factory.document(self.tenant, self.text(), audience=audience))

    async def swap(self) -> None:
        resources, workspace_id = self.resources, self.tenant.id
        prepared = await prepare_document(
            resources.database,
            resources.knowledge.embedders.current,
            workspace_id,
            title="Swapped",
            markdown=self.text(),
        )
        async with resources.database.unit_of_work(self.tenant.scope) as session:
            await swap_document(session, workspace_id, self.random.choice(self.ids), prepared)

    async def delete(self) -> None:
        gone = self.ids.pop(self.random.randrange(len(self.ids)))
        async with self.resources.database.unit_of_work(self.tenant.scope) as session:
            await forget_document(session, self.tenant.id, gone)

    async def move(self) -> None:
        chosen, audience = self.random.choice(self.ids), self.random.choice(list(Audience))
        async with self.resources.database.unit_of_work(self.tenant.scope) as session:
            await change_document(session, self.tenant.id, chosen, audience=audience)

    async def rebuild(self) -> None:
        async with self.resources.database.unit_of_work(self.tenant.scope) as session:
            await rebuild_index(session, self.tenant.id)

    async def step(self) -> None:
        kinds = [self.add, self.swap, self.delete, self.move, self.rebuild]
        await self.random.choices(kinds if self.ids else [self.add], (8, 4, 3, 5, 1)[: 5 if self.ids else 1])[
            0
        ]()


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
    model = resources.knowledge.embedders.current.name
    nothing = SearchQuery(np.zeros(256, dtype=np.float32), ((question, 1.0),), 1.0)
    result = await search(resources.database, scope, nothing, model, documents=50)
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
