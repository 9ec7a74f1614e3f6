"""What a workspace's plan allows its knowledge to hold; the edges fill it in from the plan."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KnowledgeLimits:
    """``None`` means no limit. ``plan`` is only for the sentences, as is ``without_larger``: what there is in
    the place of a larger plan, empty where there is one."""

    plan: str
    sites: int | None
    documents: int | None
    pages_per_crawl: int
    upload_bytes: int
    without_larger: str = ""
