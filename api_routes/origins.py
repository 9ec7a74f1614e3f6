"""Which website a request comes from, and whether that website may ask."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from helpninja_app.accounts.callers import WorkspaceView
from helpninja_app.errors import Forbidden, OriginRefused
from helpninja_app.kernel.proxies import is_own_origin
from helpninja_app.settings import Settings

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def is_same_site(connection: HTTPConnection, settings: Settings) -> bool:
    """True for our own pages, and for programs, which send neither Origin nor Sec-Fetch-Site."""
    if "origin" in connection.headers:
        return is_own_origin(connection.scope, settings)
    return connection.headers.get("sec-fetch-site", "none") in {"same-origin", "none"}


def refuse_foreign_origin(connection: HTTPConnection, settings: Settings) -> None:
    """Against cross-site request forgery: an unsafe request with a cookie has to come from our own pages."""
    method = str(connection.scope.get("method", "GET"))
    if method not in SAFE_METHODS and not is_same_site(connection, settings):
        raise Forbidden("This request came from another website.")


def refuse_unlisted_origin(connection: HTTPConnection, settings: Settings, workspace: WorkspaceView) -> None:
    """Raise ``OriginRefused`` for a website that is not on the workspace's list; an empty list means any.

    A foreign website that may ask is noted for ``middleware.Cors``, so that it can read errors as well.
    """
    origin = connection.headers.get("origin")
    if origin is None or is_own_origin(connection.scope, settings):
        return
    if not workspace.allowed_domains or any(
        matches_domain(origin, domain) for domain in workspace.allowed_domains
    ):
        connection.state.allowed_origin = origin
        return
    raise OriginRefused(f"{origin[:200]} is not on this workspace's list of allowed domains.")


def matches_domain(origin: str, domain: str) -> bool:
    """Whether an origin is of ``example.com`` (``www.`` included), ``*.example.com`` or ``host:port``."""
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return False
    host = (parts.hostname or "").lower()
    if parts.scheme not in {"http", "https"} or not host:
        return False
    wanted, _, wanted_port = domain.lower().partition(":")
    if wanted_port and str(port or {"http": 80, "https": 443}[parts.scheme]) != wanted_port:
        return False
    if wanted.startswith("*."):
        return host.endswith(wanted[1:])
    return host in {wanted, f"www.{wanted}"}
