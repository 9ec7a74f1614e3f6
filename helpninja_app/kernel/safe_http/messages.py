"""What ``SafeHttp`` gives back: a response's head, and the whole answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http import HTTPStatus

_CHARSET = re.compile(r"""charset\s*=\s*["']?\s*([a-z0-9._:-]{1,40})""", re.I)


@dataclass(frozen=True, slots=True)
class Head:
    """Status line and headers of a response: names in lower case, repeated ones joined by ``, ``."""

    url: str
    status: int
    headers: Mapping[str, str]

    @property
    def content_type(self) -> str:
        """Media type in lower case without parameters, ``""`` when there is none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def charset(self) -> str | None:
        """The charset that the header names, in lower case, unchecked."""
        found = _CHARSET.search(self.headers.get("content-type", "").partition(";")[2])
        return found[1].lower() if found else None

    @property
    def status_phrase(self) -> str:
        """Such as ``404 Not Found``; only the number when it is not a registered one."""
        try:
            return f"{self.status} {HTTPStatus(self.status).phrase}"
        except ValueError:
            return str(self.status)

    def retry_after(self, now: float) -> float | None:
        """Seconds to wait from ``now`` (Unix time) by Retry-After in either form (RFC 9110, 10.2.3)."""
        value = self.headers.get("retry-after", "").strip()
        if value.isascii() and value.isdigit():
            return float(value[:9])
        try:
            return max(0.0, parsedate_to_datetime(value).timestamp() - now)
        except (ValueError, OverflowError):
            return None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A complete answer. ``url`` is the final one, ``redirects`` the addresses that led to it in order.

    ``is_moved`` when each of them said that it leads there for good.
    """

    requested_url: str
    url: str
    status: int
    headers: Mapping[str, str]
    content_type: str
    charset: str | None
    body: bytes = field(repr=False)
    redirects: tuple[str, ...] = ()
    is_moved: bool = False
