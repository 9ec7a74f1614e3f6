"""The embedder that remembers gives the same vectors, and asks only once for them."""

from __future__ import annotations

import numpy as np

from helpninja_app.knowledge.embedding.hashing import HashingEmbedder
from helpninja_app.knowledge.embedding.protocol import Vector
from helpninja_app.knowledge.embedding.remembering import RememberingEmbedder


class Counting(HashingEmbedder):
    asked = 0

    async def embed_query(self, text: str) -> Vector:
        self.asked += 1
        return await super().embed_query(text)


async def test_a_text_is_embedded_once_and_has_the_same_vector_again() -> None:
    counting = Counting()
    remembering = RememberingEmbedder(counting)
    first, again = await remembering.embed_query("boots"), await remembering.embed_query("boots")
    assert np.array_equal(first, again)
    assert np.array_equal(first, await HashingEmbedder().embed_query("boots"))
    assert counting.asked == 1


async def test_what_was_not_asked_for_longest_is_forgotten_first() -> None:
    counting = Counting()
    remembering = RememberingEmbedder(counting, remembered=2)
    for text in ("a", "b", "a", "c", "a"):
        await remembering.embed_query(text)
    assert counting.asked == 3
    await remembering.embed_query("b")
    assert counting.asked == 4


async def test_it_is_the_embedder_that_it_stands_for() -> None:
    inner = HashingEmbedder()
    remembering = RememberingEmbedder(inner)
    assert (remembering.name, remembering.dimension, remembering.languages) == (
        inner.name,
        inner.dimension,
        inner.languages,
    )
    assert remembering.coverage("boots") == inner.coverage("boots")
    passages = ["boots and tents", "stoves"]
    assert np.array_equal(await remembering.embed_passages(passages), await inner.embed_passages(passages))
