"""Curated answers are matched by meaning and words, by words alone, and after a change of the embedder."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from helpninja_app.accounts.audit import Actor
from helpninja_app.answers.answerers import Answerers
from helpninja_app.answers.pipeline import Answer, Pipeline, Question, Token
from helpninja_app.answers.standalone import Turn
from helpninja_app.errors import Unavailable
from helpninja_app.kernel.database import Statement
from helpninja_app.kernel.scope import Audience, Scope
from helpninja_app.knowledge.curated import CuratedDraft, create_curated, prepare_phrasings
from helpninja_app.knowledge.curated_matching import THRESHOLD, CuratedMatch, curated_statement
from helpninja_app.knowledge.embedding.hashing import HashingEmbedder
from helpninja_app.knowledge.embedding.protocol import Embedder
from helpninja_app.knowledge.re_embedding import _embed_phrasings
from helpninja_app.resources import Resources
from tests.factories import Factory, Tenant
from tests.services.test_pipeline import AwayEmbedder

DRAFT = CuratedDraft("Do you deliver to the Shetland islands?", "Yes, **always**.", ("Parcels to Lerwick?",))


async def written(
    resources: Resources, tenant: Tenant, draft: CuratedDraft = DRAFT, embedder: Embedder | None = None
) -> None:
    prepared = await prepare_phrasings(embedder or resources.knowledge.embedders.current, draft)
    async with resources.database.unit_of_work(tenant.scope) as session:
        await create_curated(session, Actor.system(tenant.id, "tests"), draft, prepared)


async def matched(
    resources: Resources, scope: Scope, question: str, *, embedder: Embedder | None = None
) -> CuratedMatch | None:
    index, current = resources.knowledge.index, embedder or resources.knowledge.embedders.current
    vector = await current.embed_query(question)
    return await index.match_curated(scope, question, vector, current.name)


async def test_what_is_nearly_the_same_is_matched_and_what_shares_a_word_is_not(
    resources: Resources, factory: Factory
) -> None:
    tenant = await factory.tenant()
    await written(resources, tenant)
    scope = Scope.visitors(tenant.id)
    found = await matched(resources, scope, "Do you deliver to Shetland islands")
    assert found is not None
    assert (found.phrasing, found.score >= THRESHOLD, found.lexical) == (DRAFT.question, True, 1.0)
    second = await matched(resources, scope, "parcels to lerwick")
    assert second is not None
    assert second.phrasing == DRAFT.phrasings[0]
    assert await matched(resources, scope, "Which islands have boots?") is None


async def test_what_words_are_common_counts_also_in_a_long_question(
    resources: Resources, factory: Factory
) -> None:
    tenant = await factory.tenant()
    await written(resources, tenant)
    question = "Do you deliver parcels to the Shetland islands? " * 500
    found = await matched(resources, Scope.visitors(tenant.id), question)
    assert found is not None
    assert found.phrasing == DRAFT.question
    assert found.lexical == pytest.approx(2 * 3 / 7)


async def test_the_words_of_a_question_are_told_once_and_not_for_each_phrasing(
    resources: Resources, factory: Factory
) -> None:
    tenant = await factory.tenant()
    await written(resources, tenant)
    asking = curated_statement(tenant.scope, "word " * 40_000, None, "")
    explained = Statement(f"explain (analyze, verbose) {asking.sql}", asking.values)
    (rows,) = await resources.database.rows_at_once(tenant.scope, explained)
    steps = [next(iter(row)) for row in rows]
    at = next(place for place, step in enumerate(steps) if "to_tsvector(" in step)
    assert "CTE asked" in "".join(steps[:at])


async def test_without_a_vector_only_the_same_words_will_do(resources: Resources, factory: Factory) -> None:
    tenant = await factory.tenant()
    await written(resources, tenant)
    pipeline = Pipeline(resources.knowledge.index, AwayEmbedder(), Answerers())
    scope = Scope.visitors(tenant.id)
    events = [event async for event in pipeline.answer(scope, Question("do you deliver to shetland islands"))]
    answer = events[-1]
    assert isinstance(answer, Answer)
    assert (answer.kind, answer.text, answer.provider_failed) == ("curated", DRAFT.answer, False)
    assert "".join(event.text for event in events if isinstance(event, Token)) == DRAFT.answer
    others = [event async for event in pipeline.answer(scope, Question("do you deliver to islands"))]
    assert isinstance(others[-1], Answer)
    assert others[-1].kind == "declined"


async def test_an_earlier_turn_of_the_conversation_is_not_what_is_answered(
    resources: Resources, factory: Factory
) -> None:
    tenant = await factory.tenant()
    await written(resources, tenant)
    pipeline = Pipeline(resources.knowledge.index, resources.knowledge.embedders.current, Answerers())
    question = Question("And the tents in the rain?", history=(Turn("user", DRAFT.question),))
    retrieved = await pipeline.retrieve(Scope.visitors(tenant.id), question)
    assert retrieved.curated is None


async def test_members_are_matched_with_what_visitors_are_not(resources: Resources, factory: Factory) -> None:
    tenant = await factory.tenant()
    draft = CuratedDraft(DRAFT.question, DRAFT.answer, audience=Audience.MEMBERS)
    await written(resources, tenant, draft)
    assert await matched(resources, Scope.visitors(tenant.id), DRAFT.question) is None
    assert await matched(resources, tenant.scope, DRAFT.question) is not None
    # The policies say the same of a query without any filter.
    async with resources.database.unit_of_work(Scope.visitors(tenant.id)) as session:
        for table in ("curated_answers", "curated_phrasings"):
            assert (await session.execute(text(f"select count(*) from {table}"))).scalar_one() == 0


async def test_vectors_of_another_model_are_not_compared_and_are_made_anew(
    resources: Resources, factory: Factory
) -> None:
    tenant = await factory.tenant()
    await written(resources, tenant)
    new, scope = HashingEmbedder(64), Scope.visitors(tenant.id)
    assert await matched(resources, scope, "Do you deliver to the islands?", embedder=new) is None
    assert await matched(resources, scope, DRAFT.question, embedder=new) is not None
    await _embed_phrasings(resources.database, new, tenant.id)
    found = await matched(resources, scope, DRAFT.question, embedder=new)
    assert found is not None
    assert found.dense == pytest.approx(1, abs=0.01)


async def test_what_was_embedded_by_a_model_that_was_left_meanwhile_is_not_stored(
    resources: Resources, factory: Factory
) -> None:
    tenant = await factory.tenant()
    with pytest.raises(Unavailable):
        await written(resources, tenant, embedder=HashingEmbedder(64))


async def test_what_is_stored_for_the_embedder_is_each_phrasing_once(
    resources: Resources, factory: Factory
) -> None:
    tenant = await factory.tenant()
    await written(resources, tenant, CuratedDraft("Boots?", "Yes.", ("Boots? ", "Shoes?", "Shoes?")))
    async with resources.database.unit_of_work(tenant.scope) as session:
        found = await session.execute(text("select text from curated_phrasings order by position"))
        assert list(found.scalars()) == ["Boots?", "Shoes?"]
