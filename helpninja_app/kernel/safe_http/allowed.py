"""Which private hosts may be contacted all the same, and below which path of theirs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote

from helpninja_app.errors import AddressRefused, InputRefused
from helpninja_app.kernel.safe_http.targets import Target, normalised_host_and_port

ROBOTS = "/robots.txt"
_ENTRY = re.compile(r"(?P<host>[^/]+)(?P<path>/.*)?", re.S)


class AllowedHosts:
    """Entries are ``host:port``, or ``host:port/path/`` where only what lies below that path may be read.

    A host's robots.txt goes with it: whoever may read a page has to be able to ask whether they should.
    """

    def __init__(self, entries: Iterable[str] = ()) -> None:
        """Raises ``InputRefused`` for an entry that is not written that way."""
        self._paths: dict[str, set[str]] = {}
        for entry in entries:
            match = _ENTRY.fullmatch(entry.strip())
            if match is None:
                raise InputRefused(f"{entry!r} is not a host; write it as host:port or host:port/path/.")
            path = match["path"] or "/"
            if not path.endswith("/") or _has_second_meaning(path):
                raise InputRefused(f"{entry!r} needs a plain path that ends with a slash.")
            self._paths.setdefault(normalised_host_and_port(match["host"]), set()).add(path)

    def __contains__(self, host_and_port: object) -> bool:
        return host_and_port in self._paths

    def admits(self, target: Target) -> bool:
        """Whether the target is on the list; raises ``AddressRefused`` for a wrong path of a listed host."""
        paths = self._paths.get(target.host_and_port)
        if paths is None:
            return False
        if "/" in paths or target.request_target == ROBOTS:
            return True
        if any(target.path.startswith(path) for path in paths) and not _has_second_meaning(target.path):
            return True
        raise AddressRefused(
            f"Only a part of {target.authority} may be read, and this address is outside it."
        )


def _has_second_meaning(path: str) -> bool:
    """Whether a server could read the path as one outside of where it seems to lie."""
    read = unquote(path)
    return "%" in read or "\\" in read or read.count("/") != path.count("/") or ".." in read.split("/")
