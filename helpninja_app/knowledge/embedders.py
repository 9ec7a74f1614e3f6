"""The embedders of this installation: the one for new workspaces, and those of older vectors."""

from __future__ import annotations

from helpninja_app.errors import Unavailable
from helpninja_app.knowledge.embedding.protocol import Embedder


class Embedders:
    """Finds the embedder that a workspace's vectors were made with."""

    def __init__(self, current: Embedder, *others: Embedder) -> None:
        self.current = current
        self._by_name = {embedder.name: embedder for embedder in (current, *others)}

    def of(self, name: str) -> Embedder:
        """The embedder called ``name``; ``Unavailable`` when this installation has it no longer."""
        embedder = self._by_name.get(name)
        if embedder is None:
            raise Unavailable(
                f"The embedding model {name} is not configured, so this workspace cannot be searched."
            )
        return embedder

    def has(self, name: str) -> bool:
        return name in self._by_name

    async def aclose(self) -> None:
        for embedder in self._by_name.values():
            await embedder.aclose()
