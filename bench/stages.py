"""Measures where an ingest's time goes: the product's own parts, each timed from the outside."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.kernel.database import Database
from helpninja_app.kernel.safe_http import SafeHttp
from helpninja_app.kernel.scope import Scope
from helpninja_app.knowledge.crawl.fetcher import PageFetcher
from helpninja_app.knowledge.crawl.pages import Page
from helpninja_app.knowledge.embedding.minilm import MiniLMEmbedder
from helpninja_app.knowledge.embedding.protocol import Vector
from helpninja_app.knowledge.extraction.extracted import Extracted, Limits
from helpninja_app.knowledge.extraction.extractor import Extractor


class StageClock:
    """For each stage the seconds in which at least one page was in it; stages overlap."""

    def __init__(self) -> None:
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._inside: Counter[str] = Counter()
        self._since: dict[str, float] = {}
        self.texts = 0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        if not self._inside[name]:
            self._since[name] = time.perf_counter()
        self._inside[name] += 1
        try:
            yield
        finally:
            self._inside[name] -= 1
            if not self._inside[name]:
                self._seconds[name] += time.perf_counter() - self._since[name]

    def take(self) -> dict[str, float]:
        """Seconds by stage since the last call."""
        taken = dict(self._seconds)
        self._seconds.clear()
        return taken


class TimedFetcher(PageFetcher):
    def __init__(self, http: SafeHttp, clock: StageClock) -> None:
        super().__init__(http)
        self._clock = clock

    async def page(self, url: str, *, stay_on: str | None = None) -> Page:
        with self._clock.stage("fetch"):
            return await super().page(url, stay_on=stay_on)


class TimedExtractor(Extractor):
    def __init__(self, clock: StageClock) -> None:
        super().__init__()
        self._clock = clock

    async def extract(
        self,
        body: bytes | Path,
        *,
        filename: str | None = None,
        content_type: str | None = None,
        limits: Limits | None = None,
    ) -> Extracted:
        with self._clock.stage("extract"):
            return await super().extract(body, filename=filename, content_type=content_type, limits=limits)


class TimedEmbedder(MiniLMEmbedder):
    def __init__(self, clock: StageClock) -> None:
        super().__init__()
        self._clock = clock

    async def embed_passages(self, texts: Sequence[str]) -> Vector:
        self._clock.texts += len(texts)
        with self._clock.stage("embed"):
            return await super().embed_passages(texts)


class TimedDatabase(Database):
    def __init__(self, url: str, clock: StageClock) -> None:
        super().__init__(url)
        self._clock = clock

    @asynccontextmanager
    async def unit_of_work(
        self, scope: Scope | None = None, *, consistent: bool = False
    ) -> AsyncIterator[AsyncSession]:
        with self._clock.stage("store"):
            async with super().unit_of_work(scope, consistent=consistent) as session:
                yield session
