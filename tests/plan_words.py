"""What whoever is kept back by a plan is told."""

from __future__ import annotations

from typing import Any


def assert_shows_the_way(problem: dict[str, Any]) -> None:
    """The sentence says who changes the plan, and where; a program can lead there."""
    assert "wner" in problem["detail"]
    assert problem["detail"].endswith("under Billing.")
    assert problem["billing"] == "/app/billing#plans"
