"""No cookie, token or password reaches a log."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest

from helpninja_app.kernel.log_redaction import LONGEST, redact, redact_all_logs


@pytest.fixture
def log_lines() -> Iterator[io.StringIO]:
    make = logging.getLogRecordFactory()
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    logger = logging.getLogger("reflex.tested")
    logger.addHandler(handler)
    logger.propagate = False
    redact_all_logs()
    yield written
    logger.removeHandler(handler)
    logging.setLogRecordFactory(make)


@pytest.mark.parametrize(
    "line",
    [
        "Event(router_data={'headers': {'cookie': 'hn_session=SECRET; theme=dark', 'host': 'a'}})",
        """{"headers": {"Cookie": "a=b; hn_session=SECRET", "host": "a"}}""",
        "{'cookie': \"it's SECRET\"}",
        "headers=[(b'cookie', b'hn_session=SECRET'), (b'host', b'a')]",
        "Cookie: hn_session=SECRET; theme=dark",
        "set-cookie: hn_session=SECRET; HttpOnly",
        "'authorization': 'Bearer SECRET'",
        "Authorization: Basic SECRET",
        "'cookies': {'hn_session': 'SECRET', 'other': 'x'}",
        "retrying with bearer SECRET",
        "sb-abc-auth-token.0=base64-SECRET; x=1",
        "key hn_sk_SECRET was used",
        "postgresql://hn_app:SECRET@127.0.0.1:5432/helpninja",
        "token eyJhbGciOiJIUzI1NiJ9.SECRET.SECRET",
    ],
)
def test_secrets_are_hidden_in_every_form_a_log_writes_them(line: str) -> None:
    assert "SECRET" not in redact(line)


@pytest.mark.parametrize(
    "line",
    [
        "GET /api/health/ready 200",
        "{'host': 'example.com', 'accept-language': 'de'}",
        "crawled 12 pages of fernway.example, 3 changed",
        "This site sets no cookies",
        "the cookie banner page has no text",
    ],
)
def test_ordinary_lines_stay_as_they_are(line: str) -> None:
    assert redact(line) == line


def test_what_stands_beside_a_secret_can_still_be_read() -> None:
    line = redact("Event(name='x.y', headers={'cookie': 'hn_session=SECRET', 'host': 'help.example'})")
    assert "'host': 'help.example'" in line
    assert "x.y" in line


def test_arguments_and_exceptions_of_other_libraries_are_redacted(log_lines: io.StringIO) -> None:
    logger = logging.getLogger("reflex.tested")
    logger.warning("unknown event with %s", {"cookie": "hn_session=SECRET"})
    try:
        raise ValueError("bad header 'cookie': 'hn_session=SECRET'")
    except ValueError:
        logger.exception("failed")
    assert "unknown event" in log_lines.getvalue()
    assert "ValueError: bad header" in log_lines.getvalue()
    assert "SECRET" not in log_lines.getvalue()


def test_redacting_twice_wraps_once(log_lines: io.StringIO) -> None:
    before = logging.getLogRecordFactory()
    redact_all_logs()
    assert logging.getLogRecordFactory() is before


def test_what_a_stranger_wrote_is_cut_and_cannot_move_the_cursor() -> None:
    assert len(redact("eyJ-" * 100_000)) < LONGEST + 100
    assert redact("GET /api/x\x1b[31m") == "GET /api/x\\x1b[31m"
    assert redact("two\nlines\tand a tab") == "two\nlines\tand a tab"
