"""A search of chosen documents finds the same whether they are read whole at once or passage by passage."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import text

from helpninja_app.kernel.database import Statement
from helpninja_app.kernel.scope import Audience, Scope
from helpninja_app.knowledge import search
from helpninja_app.knowledge.search import SearchQuery, SearchResult
from helpninja_app.resources import Resources
from tests.factories import Factory, Tenant

QUESTION = "Within how many days can boots be returned?"
BOOTS = "# Returns\n\nBoots can be returned within sixty days.\n\n# Care\n\nBoots want grease twice a year."
TENTS = "# Tents\n\nA tent is returned dry, within thirty days of its delivery."
MANY = "\n\n".join(f"# Part {n}\n\nBoots of kind {n} are returned within {n} days." for n in range(60))


async def find(
    resources: Resources, tenant: Tenant, only: Collection[UUID], *, scope: Scope | None = None
) -> SearchResult:
    embedder = resources.knowledge.embedders.current

    async def understand() -> SearchQuery:
        return SearchQuery(await embedder.embed_query(QUESTION), (1.0,), embedder.coverage(QUESTION))

    return await resources.knowledge.index.search(
        scope or tenant.scope, (QUESTION,), understand(), embedder.name, only=only
    )


async def find_both_ways(
    resources: Resources, tenant: Tenant, only: Collection[UUID]
) -> tuple[SearchResult, SearchResult]:
    at_once = await find(resources, tenant, only)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "_READ_WHOLE", 0)
        return at_once, await find(resources, tenant, only)


def scores(found: SearchResult) -> list[tuple[float, ...]]:
    return [(each.score, each.dense, each.lexical, each.coverage) for each in found.passages]


@pytest.mark.parametrize("texts", [(BOOTS,), (BOOTS, TENTS), (MANY,), (TENTS, MANY)])
async def test_it_finds_the_same_at_once_and_step_by_step(
    resources: Resources, factory: Factory, texts: tuple[str, ...]
) -> None:
    tenant = await factory.tenant()
    chosen = [await factory.document(tenant, text, title=f"Page {n}") for n, text in enumerate(texts)]
    await factory.document(tenant, "Boots can be returned for ever.", title="Another page")
    one, other = await find_both_ways(resources, tenant, chosen)
    assert one.passages
    assert [each.text for each in one.passages] == [each.text for each in other.passages]
    assert np.allclose(scores(one), scores(other), atol=1e-5)
    assert {each.document_id for each in one.documents} <= set(chosen)


async def test_a_chunk_without_a_vector_is_found_by_its_words(resources: Resources, factory: Factory) -> None:
    tenant = await factory.tenant()
    chosen = [await factory.document(tenant, BOOTS)]
    for most in ("limit 1", ""):
        async with resources.database.unit_of_work(tenant.scope) as session:
            await session.execute(
                text(f"delete from embeddings where chunk_id in (select chunk_id from embeddings {most})")
            )
        one, other = await find_both_ways(resources, tenant, chosen)
        assert any("sixty days" in each.text for each in one.passages)
        assert np.allclose(scores(one), scores(other), atol=1e-5)


@pytest.mark.parametrize(("document", "trips"), [(BOOTS, 1), (MANY, 3)])
async def test_short_documents_take_one_round_trip(
    resources: Resources, factory: Factory, monkeypatch: pytest.MonkeyPatch, document: str, trips: int
) -> None:
    tenant = await factory.tenant()
    chosen = [await factory.document(tenant, document)]
    rows_at_once, made = resources.database.rows_at_once, []

    async def count(scope: Scope | None, *statements: Statement) -> list[Any]:
        made.append(statements)
        return await rows_at_once(scope, *statements)

    monkeypatch.setattr(resources.database, "rows_at_once", count)
    await find(resources, tenant, chosen)
    assert len(made) == trips


async def test_nothing_is_found_in_what_the_scope_may_not_see(resources: Resources, factory: Factory) -> None:
    tenant, other = await factory.tenant(), await factory.tenant()
    secret = await factory.document(tenant, BOOTS, audience=Audience.MEMBERS)
    assert not (await find(resources, tenant, [secret], scope=Scope.visitors(tenant.id))).passages
    assert not (await find(resources, other, [secret])).passages
    assert (await find(resources, tenant, [secret])).passages
