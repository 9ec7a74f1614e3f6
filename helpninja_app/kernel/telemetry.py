"""Logs that can be searched, request ids, and the numbers that /metrics shows."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any

import structlog
from prometheus_client import Counter, Gauge, Histogram

from helpninja_app.kernel.log_floods import NoFlood
from helpninja_app.kernel.log_redaction import redact, redact_all_logs

NOISY = ("httpx", "httpx2", "httpcore", "apscheduler", "procrastinate", "alembic", "py3langid", "trafilatura")

request_id: ContextVar[str] = ContextVar("request_id", default="")

REQUESTS = Histogram(
    "helpninja_request_seconds",
    "Time to the end of a response.",
    ("route", "method", "status"),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
ANSWERS = Counter("helpninja_answers_total", "Answers to visitors.", ("kind", "model"))
ANSWER_SECONDS = Histogram(
    "helpninja_answer_seconds",
    "Time to a whole answer.",
    ("kind",),
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
SEARCH_SECONDS = Histogram(
    "helpninja_search_seconds",
    "Time of one search, the query's embedding included.",
    buckets=(0.005, 0.01, 0.02, 0.03, 0.06, 0.1, 0.25, 0.5, 1),
)
PAGES = Counter("helpninja_ingested_pages_total", "Pages that ingest jobs worked on.", ("state",))
JOBS = Counter("helpninja_jobs_total", "Jobs run.", ("task", "outcome"))
STREAMS = Gauge("helpninja_open_streams", "Answers being streamed now.")


def configure_logging(level: str, log_format: str) -> None:
    """Send structlog's and the libraries' logs through one handler to stderr, without secrets."""
    redact_all_logs()
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_request_id,
        _redact_values,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(NoFlood())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _redact_exception,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for noisy in NOISY:
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _add_request_id(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if known := request_id.get():
        event["request_id"] = known
    return event


def _redact_exception(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    # Only here is it a text, whichever library logged it.
    if isinstance(event.get("exception"), str):
        event["exception"] = redact(event["exception"])
    return event


def _redact_values(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = redact(value)
    return event
