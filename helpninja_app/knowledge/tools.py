"""What reading and storing knowledge needs; made once per process and passed in."""

from __future__ import annotations

from dataclasses import dataclass

from helpninja_app.kernel.database import Database
from helpninja_app.kernel.files import Files
from helpninja_app.kernel.queue import Queue
from helpninja_app.knowledge.crawl.fetcher import PageFetcher
from helpninja_app.knowledge.embedders import Embedders
from helpninja_app.knowledge.extraction.extractor import Extractor
from helpninja_app.knowledge.search import SearchIndex


@dataclass(frozen=True, slots=True)
class KnowledgeTools:
    """``cutter`` reads no files: what one may do to a child of ``extractor`` touches nobody's text."""

    database: Database
    index: SearchIndex
    queue: Queue
    files: Files
    embedders: Embedders
    extractor: Extractor
    cutter: Extractor
    fetcher: PageFetcher
