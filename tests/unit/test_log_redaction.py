"""No cookie, token or password reaches a log."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from helpninja_app.kernel import log_floods
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
        "key sb_secret_SECRET was used",
        "headers={'apikey': 'SECRET', 'x-upsert': 'true'}",
        "Stripe refused sk_live_51SECRET",
        "signed with whsec_SECRET",
        "signed with whsec_ab+SECRET/SECRET=",
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
    # Whatever level other tests have left its parent at.
    logger.setLevel(logging.WARNING)
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
    assert redact("two\nlines\tand a tab") == "two\n    | lines\tand a tab"


def test_an_address_with_a_port_is_no_password() -> None:
    link = "http://127.0.0.1:3000/reset?token=abc"
    assert redact(f"link={link} to=ada@example.com") == f"link={link} to=ada@example.com"
    assert redact("smtp://user:s3cret@mail.example:587") == "smtp://user:[hidden]@mail.example:587"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\x85", "\u2028"])
def test_no_text_looks_like_a_line_of_the_log(end: str) -> None:
    forged = f"{end}2026-11-28T08:00:00Z [info     ] request status=200"
    once = redact(f"wrong{forged}{forged}")
    assert not [line for line in once.splitlines()[1:] if not line.startswith("    | ")]
    assert redact(once) == once


def logged(format: str, *log_all: Callable[[logging.Logger], None]) -> str:
    """What a process writes whose logs are configured as ours."""
    script = (
        "import logging, sys; sys.path.insert(0, '.')\n"
        "from helpninja_app.kernel.telemetry import configure_logging\n"
        f"configure_logging('info', {format!r})\n"
        "from tests.unit.test_log_redaction import *\n"
        + "".join(f"{each.__name__}(logging.getLogger('reflex'))\n" for each in log_all)
    )
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stderr


def log_an_exception(logger: logging.Logger) -> None:
    try:
        raise KeyError("event x hn_session=NAMESECRET Bearer OTHERSECRET hn_sk_THIRDSECRET\nforged")
    except KeyError:
        logger.exception("hn_session=FOURTHSECRET")


def log_a_long_exception(logger: logging.Logger) -> None:
    try:
        raise ValueError("x" * 900_000)
    except ValueError:
        logger.exception("long")


def log_a_flood(logger: logging.Logger) -> None:
    for number in range(1_000):
        logger.error("event %d", number)


@pytest.mark.parametrize("format", ["text", "json"])
def test_exceptions_of_libraries_are_redacted_and_cut_too(format: str) -> None:
    written = logged(format, log_an_exception, log_a_long_exception)
    assert "KeyError" in written
    assert "SECRET" not in written
    assert len(written) < 3 * LONGEST
    if format == "text":
        assert not [line for line in written.splitlines() if line.startswith("forged")]


def test_a_library_that_says_the_same_over_and_over_is_cut_short() -> None:
    written = logged("text", log_a_flood)
    assert len(written.splitlines()) == 20


def test_what_was_left_out_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    guard = log_floods.NoFlood()

    def record(name: str = "reflex", line: int = 7) -> logging.LogRecord:
        return logging.LogRecord(name, logging.ERROR, "reflex/app.py", line, "wrong %s", ("event",), None)

    assert [bool(guard.filter(record())) for _ in range(25)] == [True] * 20 + [False] * 5
    assert guard.filter(record(line=8))
    assert all(guard.filter(record("helpninja_app.jobs")) for _ in range(100))
    clock[0] = 61.0
    later = record()
    assert guard.filter(later)
    assert later.getMessage() == "wrong event (5 more like this one were left out)"
    again = record()
    assert guard.filter(again)
    assert again.getMessage() == "wrong event"
