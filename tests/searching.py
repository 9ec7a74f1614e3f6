"""Searches for tests that know what their question means."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from helpninja_app.kernel.scope import Scope
from helpninja_app.knowledge.search import SearchIndex, SearchQuery, SearchResult


async def understood(query: SearchQuery) -> SearchQuery:
    return query


async def search_by_words(
    index: SearchIndex, scope: Scope, *texts: str, weights: Sequence[float] = (), documents: int = 10
) -> SearchResult:
    """What BM25 alone finds."""
    query = SearchQuery(np.zeros(1, dtype=np.float32), tuple(weights) or (1.0,) * len(texts), 1.0)
    return await index.search(scope, texts, understood(query), "none", documents=documents)


async def search_by_vector(
    index: SearchIndex, scope: Scope, vector: np.ndarray, model: str, *, count: int = 10
) -> SearchResult:
    """What the exact vector search alone finds."""
    query = SearchQuery(vector, (), 1.0)
    return await index.search(scope, (), understood(query), model, documents=count, passages=count)
