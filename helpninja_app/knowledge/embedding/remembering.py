"""An embedder that remembers: earlier turns and often quoted sentences are asked for again and again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from helpninja_app.knowledge.embedding.protocol import Embedder, Vector

REMEMBERED = 5_000


class RememberingEmbedder:
    """Another embedder with the vectors of its last ``REMEMBERED`` single texts at hand (some 8 to 30 MB).

    Only a shortcut: a process without it, or another process, gives the same vectors. Passages are not kept;
    each is embedded once in its life.
    """

    def __init__(self, embedder: Embedder, *, remembered: int = REMEMBERED) -> None:
        self._embedder = embedder
        self._remembered = remembered
        self._vectors: OrderedDict[str, Vector] = OrderedDict()

    @property
    def name(self) -> str:
        return self._embedder.name

    @property
    def dimension(self) -> int:
        return self._embedder.dimension

    @property
    def languages(self) -> frozenset[str]:
        return self._embedder.languages

    @property
    def loaded(self) -> bool:
        return self._embedder.loaded

    async def load(self) -> None:
        await self._embedder.load()

    async def embed_query(self, text: str) -> Vector:
        known = self._vectors.get(text)
        if known is not None:
            self._vectors.move_to_end(text)
            return known
        vector = await self._embedder.embed_query(text)
        vector.flags.writeable = False
        self._vectors[text] = vector
        while len(self._vectors) > self._remembered:
            self._vectors.popitem(last=False)
        return vector

    async def embed_passages(self, texts: Sequence[str]) -> Vector:
        return await self._embedder.embed_passages(texts)

    def coverage(self, text: str) -> float:
        return self._embedder.coverage(text)

    async def aclose(self) -> None:
        await self._embedder.aclose()
