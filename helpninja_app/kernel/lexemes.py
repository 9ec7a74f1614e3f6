"""Owns how a word stands in a query of PostgreSQL's text search."""

from __future__ import annotations


def lexeme(word: str) -> str:
    """``word`` as a ``tsquery`` takes it for exactly this, whatever signs are in it (datatype-textsearch)."""
    doubled = word.replace("\\", "\\\\").replace("'", "''")
    return f"'{doubled}'"


def beginning(word: str) -> str:
    """Any word that begins with ``word``."""
    return f"{lexeme(word)}:*"
