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
    status, host = answer.status, _host(answer)
    if 200 <= status < 300:
        return
    if status in _TRIED_AGAIN:
        sentence = "asks to send less" if status == 429 else "did not take it in time"
        raise DeliveryFailed(f"{host} {sentence} ({status}).", retry_after=_retry_after(answer))
    if status >= 500:
        raise DeliveryFailed(
            f"{host} answered {status}, an error of its own.", retry_after=_retry_after(answer)
        )
    is_final = status in final if final is not None else 400 <= status < 500
    if status in GONE:
        raise DeliveryFailed(
            f"{host} does not know this address any more ({status}).",
            is_final=is_final,
            remote_status=status,
        )
    if 300 <= status < 400:
        raise DeliveryFailed(f"{host} leads elsewhere ({status}), which is not followed.", is_final=is_final)
    raise DeliveryFailed(f"{host} refused the message ({status}).", is_final=is_final)


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
