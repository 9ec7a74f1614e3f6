"""Keeps cookies, tokens and passwords out of every log line, whoever writes it.

Reflex logs an event it does not know with all of the websocket's headers, the session cookie among them.
"""

from __future__ import annotations

import logging
import re
import traceback
from typing import Any

HIDDEN = "[hidden]"
LONGEST = 8_000
# Before each further line of a text: without it a stranger's text could look like a line of ours.
CONTINUED = "    | "
# What could move a terminal's cursor or colour its lines; line ends and tabs stay.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")

# Other characters that some viewers end a line at are among them.
_FURTHER_LINE = re.compile(rf"(?:\n|\x85|\u2028|\u2029)(?!{re.escape(CONTINUED)})")

_HEADER_NAMES = r"(?:set-)?cookie|cookies|(?:proxy-)?authorization|x-api-key|apikey|stripe-signature"
_NAMED = re.compile(
    # 'cookie': 'a=b'    "Authorization": "…"    (b'cookie', b'a=b')    Cookie: a=b (to the end of the line)
    rf"""(?ix)
      (?P<name> (?<![\w-]) b?(?P<quote>['"]?) (?:{_HEADER_NAMES}) (?P=quote) \s*[:,=]\s* )
      (?: b?'(?:\\.|[^'\\])*' | b?"(?:\\.|[^"\\])*" | \{{[^{{}}]*\}} | [^\s'"{{][^\r\n]* )""",
)
_TOKENS = re.compile(
    r"""(?ix)
      (?P<kept> \bhn_(?:session|second_step|flow)= | [?&]code=
        | (?<![\w-])sb-[\w-]+-auth-token(?:\.\d+|-code-verifier)?= | \bbearer\s+ )
      [^\s;,'"@]+
    | (?P<user> ://[^:/@\s]+: ) [^\s/@]+ (?=@)
    | (?:hn_sk|sb_secret)_ [\w-]+ | \b(?:sk|rk)_(?:live|test)_ \w+ | \bwhsec_ [\w+/=-]+
    | (?<![\w-]) eyJ[\w-]{10,} \. [\w-]+ \. [\w-]+""",
)


def redact(text: str) -> str:
    """``text`` with the values of secret headers, session cookies, API keys and passwords hidden."""
    if len(text) > LONGEST:
        # Strangers choose what is logged of them: neither the time nor the room it takes may grow with it.
        text = f"{text[:LONGEST]} … ({len(text) - LONGEST} more characters)"
    text = _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
    text = _NAMED.sub(lambda found: f"{found['name']}{HIDDEN}", text)
    text = _TOKENS.sub(lambda found: f"{found['kept'] or found['user'] or ''}{HIDDEN}", text)
    return _FURTHER_LINE.sub(f"\n{CONTINUED}", text)


def redact_all_logs() -> None:
    """From now on every log record of this process is redacted when it is made; calling it again is harmless.

    A filter on a logger or handler would miss those that other libraries add later.
    """
    make = logging.getLogRecordFactory()
    if getattr(make, "redacts", False):
        return

    def make_redacted(*arguments: Any, **keywords: Any) -> logging.LogRecord:
        record = make(*arguments, **keywords)
        if isinstance(record.msg, dict):
            # One of structlog's own, whose values its processors redact before they are rendered.
            return record
        record.msg, record.args = redact(record.getMessage()), ()
        if record.exc_info and record.exc_info[0] is not None:
            record.exc_text = redact("".join(traceback.format_exception(*record.exc_info)).rstrip())
        return record

    make_redacted.redacts = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(make_redacted)
