"""A citation under a member's answer, as it goes out: in the stream and with the saved chat."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


class CitedPassage(BaseModel):
    n: int
    title: str
    url: str | None
    snippet: str
    documentId: str


def cited_passage(stored: dict[str, Any]) -> dict[str, Any]:
    """``stored`` as a message keeps it."""
    return {
        "n": stored["n"],
        "title": stored["title"],
        "url": stored["url"],
        "snippet": stored["snippet"],
        "documentId": stored["document_id"],
    }
