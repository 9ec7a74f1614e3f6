"""Finds the pages that people's own questions name among the documents of a workspace."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from helpninja_app.answers.evaluation.dataset import LabelledQuestion
from helpninja_app.errors import InputRefused
from helpninja_app.knowledge.crawl.urls import canonical_url


def with_pages_of(
    questions: Sequence[LabelledQuestion], urls: Iterable[str]
) -> tuple[tuple[LabelledQuestion, ...], tuple[str, ...]]:
    """``questions`` with their pages spelled as ``urls`` are, and the pages that are not among them.

    A page is named by its address in any spelling, or by its path alone (``/help/returns``), which means
    every page with that path. What is not found stays as it was written: it counts as not retrieved.
    """
    spellings: defaultdict[str, set[str]] = defaultdict(set)
    for url in urls:
        spellings[_canonical(url)].add(url)
        spellings[_path(url)].add(url)
    missing: dict[str, None] = {}
    resolved = []
    for question in questions:
        relevant: set[str] = set()
        for name in sorted(question.relevant):
            found = spellings.get(name if name.startswith("/") else _canonical(name))
            if found is None:
                missing[name] = None
            relevant |= found or {name}
        resolved.append(replace(question, relevant=frozenset(relevant)))
    return tuple(resolved), tuple(missing)


def _canonical(url: str) -> str:
    try:
        return canonical_url(url)
    except InputRefused:
        return url


def _path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
