"""Owns embeddings by OpenAI's API, or by any server that speaks it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from openai import APIConnectionError, APIStatusError, APITimeoutError, AsyncOpenAI, OpenAIError

from helpninja_app.errors import ProviderFailed, ProviderTimedOut, ProviderUnavailable
from helpninja_app.knowledge.embedding.protocol import Vector

BATCH = 128
# The API takes 8,191 tokens for each text; a token has at least one character.
_MOST_CHARACTERS = 8_000


class OpenAIEmbedder:
    """``text-embedding-3-small`` and its kin.

    ``timeout`` is in seconds for one request; ``max_retries`` counts the further tries on 429, 5xx and lost
    connections. Raises ``ProviderFailed``, ``ProviderUnavailable`` or ``ProviderTimedOut``.
    """

    languages: frozenset[str] = frozenset()

    def __init__(
        self,
        *,
        api_key: str,
        base_url: str | None = None,
        model: str = "text-embedding-3-small",
        dimension: int = 1536,
        timeout: float = 20.0,
        max_retries: int = 2,
    ) -> None:
        self.dimension = dimension
        self.name = f"{model}@{dimension}"
        self._model = model
        self._client = AsyncOpenAI(
            api_key=api_key, base_url=base_url, timeout=timeout, max_retries=max_retries
        )

    @property
    def loaded(self) -> bool:
        return True

    async def load(self) -> None:
        return None

    async def embed_query(self, text: str) -> Vector:
        vector: Vector = (await self._embed([text]))[0]
        return vector

    async def embed_passages(self, texts: Sequence[str]) -> Vector:
        batches = [await self._embed(texts[at : at + BATCH]) for at in range(0, len(texts), BATCH)]
        return np.concatenate(batches) if batches else np.empty((0, self.dimension), dtype=np.float32)

    def coverage(self, text: str) -> float:
        return 1.0

    async def aclose(self) -> None:
        await self._client.close()

    async def _embed(self, texts: Sequence[str]) -> Vector:
        # The API refuses an empty text, and with it the whole batch.
        inputs = [text[:_MOST_CHARACTERS].strip() or "-" for text in texts]
        try:
            answer = await self._client.embeddings.create(
                model=self._model, input=inputs, dimensions=self.dimension, encoding_format="float"
            )
        except APITimeoutError as error:
            raise ProviderTimedOut("The embedding provider took too long.") from error
        except APIConnectionError as error:
            raise ProviderUnavailable("The embedding provider cannot be reached.") from error
        except APIStatusError as error:
            if error.status_code in (429, 503):
                raise ProviderUnavailable(
                    "The embedding provider is busy. Please try again later."
                ) from error
            raise ProviderFailed(
                f"The embedding provider answered with status {error.status_code}."
            ) from error
        except (OpenAIError, ValueError) as error:
            raise ProviderFailed("The embedding provider gave no usable answer.") from error
        # The SDK checks no answer: what is not JSON comes back as text, and any field can be missing.
        try:
            rows = sorted((row.index, tuple(row.embedding)) for row in answer.data)
            vectors = np.array([vector for _, vector in rows], dtype=np.float32)
        except (AttributeError, TypeError, ValueError) as error:
            raise ProviderFailed("The embedding provider gave no usable answer.") from error
        if [index for index, _ in rows] != list(range(len(inputs))):
            raise ProviderFailed("The embedding provider left out some of the texts.")
        if vectors.shape != (len(inputs), self.dimension):
            raise ProviderFailed(f"The embedding provider's vectors do not have {self.dimension} dimensions.")
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(lengths).all() or (lengths == 0).any():
            raise ProviderFailed("The embedding provider gave a vector that is no direction.")
        unit: Vector = vectors / lengths
        return unit
