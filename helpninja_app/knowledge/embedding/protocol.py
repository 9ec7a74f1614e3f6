"""Owns what the rest of the product may expect of an embedding model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector

Vector = NDArray[np.float32]


def as_halfvec(vector: Vector) -> str:
    """A vector in the text form of PostgreSQL's ``halfvec``."""
    return str(HalfVector(vector).to_text())


class Embedder(Protocol):
    """Turns text into unit vectors whose inner product is the likeness of the texts.

    ``name`` is kept with each stored vector: vectors of different names are never compared.
    ``languages`` holds ISO 639-1 codes; empty means that no language is preferred.
    """

    @property
    def name(self) -> str: ...

    @property
    def dimension(self) -> int: ...

    @property
    def languages(self) -> frozenset[str]: ...

    @property
    def loaded(self) -> bool:
        """Whether the next call is answered without loading anything first."""
        ...

    async def load(self) -> None:
        """Get ready once; further calls do nothing. Raises ``Unavailable`` when that is impossible."""
        ...

    async def embed_query(self, text: str) -> Vector:
        """The vector of a question: float32, shape ``(dimension,)``, of length 1."""
        ...

    async def embed_passages(self, texts: Sequence[str]) -> Vector:
        """The vectors of passages in their order: float32, shape ``(len(texts), dimension)``, of length 1."""
        ...

    def coverage(self, text: str) -> float:
        """From 0 to 1, how much of ``text`` the model was made for: what its likeness is worth there."""
        ...

    async def aclose(self) -> None:
        """Release threads and connections; the embedder is not used afterwards."""
        ...
