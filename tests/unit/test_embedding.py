"""The embedders that run on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from helpninja_app.errors import Unavailable
from helpninja_app.knowledge.embedding.hashing import HashingEmbedder
from helpninja_app.knowledge.embedding.minilm import WINDOW, MiniLMEmbedder
from helpninja_app.knowledge.embedding.protocol import Embedder


@pytest_asyncio.fixture(scope="module")
async def minilm() -> AsyncIterator[MiniLMEmbedder]:
    embedder = MiniLMEmbedder()
    await embedder.load()
    yield embedder
    await embedder.aclose()


@pytest.fixture(params=["minilm", "hashing"])
def embedder(request: pytest.FixtureRequest, minilm: MiniLMEmbedder) -> Embedder:
    return minilm if request.param == "minilm" else HashingEmbedder()


async def test_vectors_have_the_promised_shape_and_length(embedder: Embedder) -> None:
    query = await embedder.embed_query("where is my parcel")
    passages = await embedder.embed_passages(["Track your parcel.", "", "日本語"])
    assert query.shape == (embedder.dimension,)
    assert passages.shape == (3, embedder.dimension)
    assert query.dtype == passages.dtype == np.float32
    assert np.allclose(np.linalg.norm(np.vstack([query, passages]), axis=1), 1, atol=1e-5)


async def test_no_passages_are_no_vectors(embedder: Embedder) -> None:
    assert (await embedder.embed_passages([])).shape == (0, embedder.dimension)


async def test_a_text_has_one_vector_whatever_its_company(embedder: Embedder) -> None:
    alone = await embedder.embed_passages(["Refunds take five days."])
    together = await embedder.embed_passages(["Something else entirely.", "Refunds take five days."])
    assert np.array_equal(alone[0], together[1])


async def test_a_question_is_nearest_to_the_passage_that_answers_it(minilm: MiniLMEmbedder) -> None:
    question = await minilm.embed_query("How can I send back shoes that do not fit?")
    passages = await minilm.embed_passages(
        [
            "Our offices are closed on public holidays.",
            "Footwear in the wrong size may be returned within 30 days.",
            "We accept all major credit cards.",
        ]
    )
    assert int(np.argmax(passages @ question)) == 1


async def test_the_end_of_a_long_passage_counts_as_much_as_its_beginning(minilm: MiniLMEmbedder) -> None:
    filler = "The weather report mentions light rain over the northern hills. " * 40
    assert len(filler.split()) > WINDOW
    first, last, without = await minilm.embed_passages(
        [f"Passwords are reset by e-mail. {filler}", f"{filler} Passwords are reset by e-mail.", filler]
    )
    question = await minilm.embed_query("reset password")
    assert first @ question > without @ question
    assert last @ question > without @ question


async def test_questions_are_answered_while_passages_are_embedded(minilm: MiniLMEmbedder) -> None:
    crawl = asyncio.create_task(minilm.embed_passages(["A passage of a large website. " * 20] * 40))
    await asyncio.sleep(0)
    await minilm.embed_query("how long does shipping take")
    assert not crawl.done()
    crawl.cancel()
    with pytest.raises(asyncio.CancelledError):
        await crawl


async def test_a_model_file_that_is_not_ours_is_not_loaded(tmp_path: Path) -> None:
    changed = tmp_path / "model.onnx"
    changed.write_bytes(b"something else")
    for path in (changed, tmp_path / "missing.onnx"):
        embedder = MiniLMEmbedder(path)
        with pytest.raises(Unavailable, match="reinstall the requirements"):
            await embedder.load()
        assert not embedder.loaded
        await embedder.aclose()


async def test_hashed_vectors_are_alike_exactly_when_words_are_shared() -> None:
    embedder = HashingEmbedder(4096)
    same, part, none = await embedder.embed_passages(["Red shoes", "red hats", "blue coats"])
    question = await embedder.embed_query("red SHOES")
    assert question @ same == pytest.approx(1)
    assert 0.3 < question @ part < 0.7
    assert abs(float(question @ none)) < 0.1
