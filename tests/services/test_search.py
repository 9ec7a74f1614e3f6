"""The one search door: exact vectors, merged neighbours, every language, odd questions."""

from __future__ import annotations

import numpy as np
import pytest
from pgvector import HalfVector
from sqlalchemy import text

from helpninja_app.kernel.database import new_id
from helpninja_app.kernel.scope import Audience, Scope
from helpninja_app.knowledge.search import SearchResult
from helpninja_app.resources import Resources
from tests.factories import Factory, Tenant
from tests.searching import search_by_vector, search_by_words

COUNT, DIMENSION, BEST = 2_000, 48, 50


async def ask(resources: Resources, tenant: Tenant, question: str, *, passages: int = 5) -> SearchResult:
    embedder = resources.knowledge.embedders.current
    scope = Scope.visitors(tenant.id)
    return await resources.knowledge.index.search_question(embedder, scope, question, passages=passages)


async def only_by_words(resources: Resources, tenant: Tenant, question: str) -> list[str]:
    found = await search_by_words(resources.knowledge.index, Scope.visitors(tenant.id), question)
    return [passage.text for passage in found.passages]


async def _store_vectors(resources: Resources, tenant: Tenant, vectors: np.ndarray) -> list[object]:
    """One document with one chunk for each vector; returns the documents' ids in order."""
    ids: list[object] = [new_id() for _ in vectors]
    values = {"workspace": tenant.id, "source": new_id(), "ids": ids}
    async with resources.database.unit_of_work(tenant.scope) as session:
        await session.execute(
            text(
                "insert into sources (workspace_id, id, kind, location, audience)"
                " values (:workspace, :source, 'page', 'x', 'visitors')"
            ),
            values,
        )
        await session.execute(
            text(
                "insert into documents (workspace_id, id, source_id, audience, status)"
                " select :workspace, id, :source, 'visitors', 'completed'"
                " from unnest(cast(:ids as uuid[])) as id"
            ),
            values,
        )
        await session.execute(
            text(
                "insert into chunks (workspace_id, document_id, audience, position, heading_path, text,"
                " tokens, content_hash, config, lexemes, length)"
                " select :workspace, id, 'visitors', 0, '{}', 'x', 1, '', 'simple', '', 0"
                " from unnest(cast(:ids as uuid[])) as id"
            ),
            values,
        )
        await session.execute(
            text(
                "insert into embeddings (workspace_id, model, chunk_id, audience, vector)"
                " select :workspace, 'random', chunks.id, 'visitors', cast(given.vector as halfvec)"
                " from unnest(cast(:ids as uuid[]), cast(:vectors as text[])) as given (id, vector)"
                " join chunks on chunks.workspace_id = :workspace and chunks.document_id = given.id"
            ),
            values | {"vectors": [HalfVector(vector).to_text() for vector in vectors]},
        )
    return ids


async def test_the_vector_leg_finds_exactly_the_nearest(resources: Resources, factory: Factory) -> None:
    tenant, other = await factory.tenant(), await factory.tenant()
    generator = np.random.default_rng(7)
    vectors = generator.standard_normal((COUNT, DIMENSION)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ids = await _store_vectors(resources, tenant, vectors)
    await _store_vectors(resources, other, vectors[:300])
    stored = vectors.astype(np.float16).astype(np.float64)
    stored /= np.linalg.norm(stored, axis=1, keepdims=True)
    for question in generator.standard_normal((20, DIMENSION)).astype(np.float32):
        unit = question / np.linalg.norm(question)
        found = await search_by_vector(
            resources.knowledge.index, Scope.visitors(tenant.id), unit, "random", count=BEST
        )
        asked = unit.astype(np.float16).astype(np.float64)
        cosines = stored @ (asked / np.linalg.norm(asked))
        nearest = np.argsort(-cosines)[:BEST]
        assert {document.document_id for document in found.documents} == {ids[at] for at in nearest}
        assert [document.best.dense for document in found.documents] == pytest.approx(
            cosines[nearest].tolist(), abs=1e-5
        )


async def test_vectors_of_another_model_are_never_compared(resources: Resources, factory: Factory) -> None:
    tenant = await factory.tenant()
    await _store_vectors(resources, tenant, np.eye(4, DIMENSION, dtype=np.float32))
    vector = np.eye(1, 256, dtype=np.float32)[0]
    found = await search_by_vector(resources.knowledge.index, Scope.visitors(tenant.id), vector, "another")
    assert found == SearchResult((), ())


async def test_neighbouring_chunks_come_as_one_passage_in_reading_order(
    resources: Resources, factory: Factory
) -> None:
    tenant = await factory.tenant()
    filling = "It is written here at some length so that it fills a passage of its own, " * 12
    sections = [f"## Part {number}\n\nThe quokka rule number {number}. {filling}." for number in range(3)]
    await factory.document(tenant, "\n\n".join(sections), title="Rules", url="https://shop.example/rules")
    await factory.document(tenant, "Something about wombats.", title="Wombats")
    async with resources.database.unit_of_work(tenant.scope) as session:
        stored = (await session.execute(text("select count(*) from chunks"))).scalar_one()
    assert stored >= 4
    first = (await ask(resources, tenant, "quokka rule number")).passages[0]
    assert (first.title, first.url) == ("Rules", "https://shop.example/rules")
    places = [first.text.index(f"The quokka rule number {number}") for number in range(3)]
    assert places == sorted(places)


async def test_another_workspace_is_never_searched(resources: Resources, factory: Factory) -> None:
    mine, theirs = await factory.tenant(), await factory.tenant()
    await factory.document(mine, "The quokka tent is green.")
    await factory.document(theirs, "The quokka tent is red.")
    for audience in Audience:
        scope = Scope(workspace_id=mine.id, audience=audience)
        embedder = resources.knowledge.embedders.current
        found = await resources.knowledge.index.search_question(embedder, scope, "quokka tent is red")
        assert [passage.text for passage in found.passages] == ["The quokka tent is green."]
    nobody = await resources.knowledge.index.search_question(embedder, Scope(), "quokka tent")
    assert nobody == SearchResult((), ())


@pytest.mark.parametrize(
    ("document", "question"),
    [
        ("商品の返品は三十日以内に可能です。送料は無料です。", "返品できますか"),
        ("您可以在三十天内退货。运费由我们承担。", "退货"),
        ("상품은 삼십일 이내에 반품할 수 있습니다.", "반품"),
        ("สินค้าสามารถคืนได้ภายในสามสิบวัน", "คืนสินค้า"),
        (
            "Die Rücksendungen der Stiefel sind innerhalb von dreißig Tagen kostenlos möglich.",
            "Rücksendung Stiefel",
        ),
        ("Los zapatos se devuelven dentro de los treinta días siguientes a la compra.", "devolver zapato"),
        ("يمكنك إرجاع الأحذية خلال ثلاثين يوما من تاريخ الشراء", "إرجاع الحذاء الأحذية"),
        ("Customers returned the jackets because the zips were broken.", "returning a jacket"),
    ],
)
async def test_words_are_found_in_the_forms_of_their_language(
    resources: Resources, factory: Factory, document: str, question: str
) -> None:
    tenant = await factory.tenant()
    await factory.document(tenant, document)
    await factory.document(tenant, "We repair tents and stoves in our own workshop near the harbour.")
    assert await only_by_words(resources, tenant, question) == [document]


async def test_languages_stand_side_by_side_in_one_workspace(resources: Resources, factory: Factory) -> None:
    tenant = await factory.tenant()
    german = "Die Rücksendungen der Stiefel sind innerhalb von dreißig Tagen kostenlos möglich."
    english = "The boots can be returned free of charge by all customers within thirty days."
    await factory.document(tenant, german)
    await factory.document(tenant, english)
    assert await only_by_words(resources, tenant, "Rücksendung") == [german]
    assert await only_by_words(resources, tenant, "returning") == [english]


ODD = [
    "",
    " \n\t ",
    "the of and to",
    "🎉🎉🎉",
    "?!…",
    "\x00",
    "quokka\x00tent",
    "' & | ! : * ( ) <-> \\",
    "%s :words {0} $1",
    "a" * 4_000,
    "quokka " * 570,
    "返" * 4_000,
    "ß" * 4_000,
    "\ufeff\u200b\u202e",
    "́" * 1_000,
]


@pytest.mark.parametrize("question", ODD)
async def test_an_odd_question_gets_an_answer_and_no_error(
    resources: Resources, factory: Factory, question: str
) -> None:
    empty, tenant = await factory.tenant(), await factory.tenant()
    document = "The quokka tent is green and it keeps the rain out when you are sleeping in it at night."
    await factory.document(tenant, document)
    assert await ask(resources, empty, question) == SearchResult((), ())
    found = await ask(resources, tenant, question)
    assert len(found.passages) <= 1
    words = await only_by_words(resources, tenant, question)
    assert words == ([document] if "quokka " in question else [])
