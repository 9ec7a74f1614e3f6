"""What the tests of the API run with: plain logs, and a crawler that does not wait before it tries again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog

from helpninja_app.knowledge.crawl import fetcher as crawl_fetcher


@pytest.fixture(scope="session", autouse=True)
def plain_logs() -> Iterator[None]:
    """A traceback with all locals takes seconds to print."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ]
    )
    yield
    structlog.reset_defaults()


@pytest.fixture
def no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crawl_fetcher, "_FIRST_BACKOFF", 0.01)
