"""Owns the smallest embedder: words hashed into a vector, for tests and machines that cannot run a model."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from helpninja_app.knowledge.embedding.protocol import Vector

_WORD = re.compile(r"\w+")


class HashingEmbedder:
    """Feature hashing (Weinberger et al., 2009): each word adds its sign to its place.

    The same on every machine and in every process; texts that share words are alike, and nothing else is.
    """

    languages: frozenset[str] = frozenset()
    loaded = True

    def __init__(self, dimension: int = 256) -> None:
        self.dimension = dimension
        self.name = f"hashing-{dimension}"

    async def load(self) -> None:
        return None

    async def embed_query(self, text: str) -> Vector:
        return self._embed(text)

    async def embed_passages(self, texts: Sequence[str]) -> Vector:
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        return np.stack([self._embed(text) for text in texts])

    def coverage(self, text: str) -> float:
        return 1.0

    async def aclose(self) -> None:
        return None

    def _embed(self, text: str) -> Vector:
        vector = np.zeros(self.dimension, dtype=np.float32)
        for word, count in Counter(_WORD.findall(text.casefold())).items():
            digest = int.from_bytes(hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=8).digest())
            vector[(digest >> 1) % self.dimension] += (1 if digest & 1 else -1) * (1 + np.log(count))
        length = np.linalg.norm(vector)
        if length == 0:
            # Words can cancel each other out, and a text may have none.
            vector[0] = length = np.float32(1)
        unit: Vector = vector / length
        return unit
