"""The vectors kept at hand give what the database would give, whatever was changed, and are no one else's."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from sqlalchemy import event

from helpninja_app.kernel.scope import Audience, Scope
from helpninja_app.knowledge import vector_search
from helpninja_app.knowledge.indexing import prepare_document, swap_document
from helpninja_app.knowledge.lexical_search import lexical_reading, lexical_statements
from helpninja_app.knowledge.search import SearchIndex
from helpninja_app.knowledge.vector_search import (
    RememberedVectors,
    VectorMemory,
    nearest_of,
    nearest_statement,
)
from helpninja_app.resources import Resources
from tests.factories import Factory, Tenant
from tests.shelf import Shelf

PLENTY = 64_000_000
QUESTIONS = ("How do I return boots?", "Is shipping to the islands dear?", "Werkstatt")


@pytest.fixture(autouse=True)
def few_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_search, "FEWEST_REMEMBERED", 1)


async def remembered(resources: Resources, memory: VectorMemory, scope: Scope) -> RememberedVectors | None:
    counted, found = await resources.database.rows_at_once(scope, *lexical_statements(scope, ()))
    lexical = lexical_reading(counted, found)
    async with resources.database.unit_of_work(scope) as session:
        return await memory.read(
            session,
            scope,
            resources.knowledge.embedders.current.name,
            lexical.edition,
            chunks=lexical.chunk_count,
        )


async def nearest_in_database(resources: Resources, scope: Scope, vector: np.ndarray) -> dict[int, float]:
    model = resources.knowledge.embedders.current.name
    (rows,) = await resources.database.rows_at_once(scope, nearest_statement(scope, model, vector))
    numbers, cosines = nearest_of(rows)
    return dict(zip(numbers.tolist(), cosines.tolist(), strict=True))


async def nearest_in_memory(vectors: RememberedVectors | None, vector: np.ndarray) -> dict[int, float]:
    assert vectors is not None
    numbers, cosines = await vectors.nearest(vector)
    return dict(zip(numbers.tolist(), cosines.tolist(), strict=True))


@contextmanager
def vectors_read(resources: Resources) -> Iterator[list[int]]:
    """How many vectors each statement reads that reads vectors for the memory."""
    counts: list[int] = []

    def before(
        _connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, _many: bool
    ) -> None:
        if "halfvec_send" in statement:
            counts.append(len(values["missing"]))

    engine = resources.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", before)
    try:
        yield counts
    finally:
        event.remove(engine, "before_cursor_execute", before)


@pytest.mark.parametrize("seed", range(3))
async def test_the_memory_answers_like_the_database_after_any_changes(
    resources: Resources, factory: Factory, seed: int
) -> None:
    shelf = Shelf(resources, factory, await factory.tenant(), seed)
    memory = VectorMemory(PLENTY)
    embedder = resources.knowledge.embedders.current
    questions = [await embedder.embed_query(question) for question in QUESTIONS]
    compared = 0
    for _ in range(24):
        await shelf.step()
        for scope in (Scope.visitors(shelf.tenant.id), Scope.members(shelf.tenant.id)):
            vectors = await remembered(resources, memory, scope)
            for question in questions:
                expected = await nearest_in_database(resources, scope, question)
                found = await nearest_in_memory(vectors, question) if expected else {}
                assert found == pytest.approx(expected, abs=1e-5)
                compared += len(found)
    assert compared > 100


async def test_only_what_is_new_is_read_again(resources: Resources, factory: Factory) -> None:
    tenant = await factory.tenant()
    memory = VectorMemory(PLENTY)
    for number in range(5):
        await factory.document(tenant, f"The rule number {number} is about boots.")
    scope = Scope.visitors(tenant.id)
    with vectors_read(resources) as counts:
        first = await remembered(resources, memory, scope)
        assert await remembered(resources, memory, scope) is first
        assert counts == [5]
        await factory.document(tenant, "A rule about tents.")
        second = await remembered(resources, memory, scope)
    assert counts == [5, 1]
    assert second is not None
    assert len(second.numbers) == 6


async def test_many_at_once_read_a_workspace_once(resources: Resources, factory: Factory) -> None:
    tenant = await factory.tenant()
    memory = VectorMemory(PLENTY)
    await factory.document(tenant, "The rule is about boots.")
    with vectors_read(resources) as counts:
        found = await asyncio.gather(
            *(remembered(resources, memory, Scope.visitors(tenant.id)) for _ in range(8))
        )
    assert counts == [1]
    assert all(vectors is found[0] for vectors in found)


async def test_neither_another_workspace_nor_members_documents_are_in_a_copy(
    resources: Resources, factory: Factory
) -> None:
    tenant, other = await factory.tenant(), await factory.tenant()
    memory = VectorMemory(PLENTY)
    await factory.document(tenant, "Boots are returned within sixty days.")
    await factory.document(tenant, "Staff get half off.", audience=Audience.MEMBERS)
    await factory.document(other, "Tents are repaired.")
    held = {}
    for name, scope in {
        "visitors": Scope.visitors(tenant.id),
        "members": Scope.members(tenant.id),
        "others": Scope.visitors(other.id),
    }.items():
        vectors = await remembered(resources, memory, scope)
        assert vectors is not None
        held[name] = set(vectors.numbers.tolist())
    assert len(held["visitors"]) == 1
    assert held["visitors"] < held["members"]
    assert len(held["members"]) == 2
    assert not held["others"] & held["members"]


async def test_the_memory_stays_within_its_budget(resources: Resources, factory: Factory) -> None:
    tenants = [await factory.tenant() for _ in range(3)]
    for tenant in tenants:
        await factory.document(tenant, "Boots are returned within sixty days.")
    one = 4 * resources.knowledge.embedders.current.dimension + 8
    memory = VectorMemory(2 * one)
    scopes = [Scope.visitors(tenant.id) for tenant in tenants]
    for scope in scopes:
        assert await remembered(resources, memory, scope) is not None
    with vectors_read(resources) as counts:
        for scope in (scopes[1], scopes[2], scopes[0]):
            await remembered(resources, memory, scope)
    assert counts == [1], "the two of last use are kept, and the third is read again"
    assert await remembered(resources, VectorMemory(2 * one - 1), scopes[0]) is None
    assert await remembered(resources, VectorMemory(0), scopes[0]) is None


async def test_a_search_beside_swaps_finds_the_old_or_the_new_text(
    resources: Resources, factory: Factory
) -> None:
    tenant: Tenant = await factory.tenant()
    document = await factory.document(tenant, "The quokka rule, number 0.")
    index = SearchIndex(resources.database, vector_memory=PLENTY)
    embedder = resources.knowledge.embedders.current

    async def swap_often() -> None:
        for number in range(1, 25):
            prepared = await prepare_document(
                resources.knowledge,
                embedder,
                tenant.id,
                title="Rule",
                markdown=f"The quokka rule, number {number}.",
            )
            async with resources.database.unit_of_work(tenant.scope) as session:
                await swap_document(session, tenant.id, document, prepared)

    swapping = asyncio.create_task(swap_often())
    seen: list[str] = []
    while not swapping.done() or not seen:
        found = await index.search_question(embedder, Scope.visitors(tenant.id), "Which quokka rule?")
        assert [one.document_id for one in found.documents] == [document]
        assert found.documents[0].best.dense > 0
        assert found.documents[0].best.lexical > 0
        seen.append(found.passages[0].text)
    await swapping
    numbers = [int(text.rstrip(".").rsplit(" ", 1)[1]) for text in seen]
    assert numbers == sorted(numbers)
    assert len(set(numbers)) > 1
