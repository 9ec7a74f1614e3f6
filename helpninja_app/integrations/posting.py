"""Posts JSON to a webhook, and says what its answer means: taken, to be tried again, or never."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from helpninja_app.errors import DeliveryFailed, FetchFailed, InputRefused
from helpninja_app.kernel.safe_http import Fetched, Head, SafeHttp
from helpninja_app.version import VERSION

USER_AGENT = f"HelpNinja-Webhooks/{VERSION}"
LONGEST_WAIT = 24 * 3600.0
KEPT_OF_ANSWER = 500
# What a later try may find changed (RFC 9110, RFC 6585).
_TRIED_AGAIN = frozenset({408, 425, 429})
GONE = frozenset({404, 410})
_STATUS = re.compile(rb"HTTP error (?P<status>[45]\d\d)")


async def post_json(
    http: SafeHttp,
    url: str,
    body: bytes,
    *,
    headers: Mapping[str, str] | None = None,
    final: frozenset[int] | None = None,
) -> Fetched:
    """The answer, when it was 2xx. Raises ``DeliveryFailed``.

    ``final`` are the statuses after which it is not tried again; by default every 4xx that says nothing else.
    """
    sent = {"content-type": "application/json; charset=utf-8", "user-agent": USER_AGENT, **(headers or {})}
    try:
        answer = await http.post(url, body, headers=sent)
    except FetchFailed as error:
        raise DeliveryFailed(error.detail) from error
    except InputRefused as error:
        raise DeliveryFailed(error.detail, is_final=True) from error
    check_status(answer, final=final)
    return answer


def check_status(answer: Fetched, *, final: frozenset[int] | None = None) -> None:
    status = answer.status
    if 200 <= status < 300:
        return
    may_be_later = status in _TRIED_AGAIN or status >= 500
    is_final = status in final if final is not None else 400 <= status < 500
    raise DeliveryFailed(
        f"{_host(answer)} {_why(status)}",
        retry_after=_retry_after(answer) if may_be_later else None,
        is_final=is_final and not may_be_later,
        remote_status=status,
        remote_answer=beginning(answer),
    )


def _why(status: int) -> str:
    if status == 429:
        return "asks to send less (429)."
    if status in _TRIED_AGAIN:
        return f"did not take it in time ({status})."
    if status >= 500:
        return f"answered {status}, an error of its own."
    if status in GONE:
        return f"does not know this address any more ({status})."
    if 300 <= status < 400:
        return f"leads elsewhere ({status}), which is not followed."
    return f"refused the message ({status})."


def beginning(answer: Fetched) -> str:
    """The first 500 characters of what was answered, for people to read: whatever it is, as text."""
    # A character is four bytes at most.
    text = answer.body[: 4 * KEPT_OF_ANSWER].decode("utf-8", "replace")
    return "".join(each for each in text if each in "\n\t" or each.isprintable())[:KEPT_OF_ANSWER].strip()


def check_words(answer: Fetched) -> None:
    """For Teams, whose older webhooks answer 200 whatever happened."""
    if b"webhook message delivery failed" not in answer.body[:2000].lower():
        return
    found = _STATUS.search(answer.body[:2000])
    status = int(found["status"]) if found else 500
    is_final = 400 <= status < 500 and status not in _TRIED_AGAIN
    raise DeliveryFailed(f"{_host(answer)} did not pass the message on ({status}).", is_final=is_final)


def _host(answer: Fetched) -> str:
    # Never the path: in it is what a webhook's address keeps secret.
    return urlsplit(answer.url).netloc


def _retry_after(answer: Fetched) -> float | None:
    wait = Head(answer.url, answer.status, answer.headers).retry_after(time.time())
    return None if wait is None else min(wait, LONGEST_WAIT)
