"""Who asks, and by which name of ours: from the socket, or from the headers of proxies that are trusted."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from helpninja_app.settings import Settings

Scope = Mapping[str, Any]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_WITH_PORT = re.compile(r"\[(?P<six>[^\]]+)\](?::\d+)?|(?P<four>[0-9.]+):\d+")


def header(scope: Scope, name: bytes) -> str | None:
    """The first value of a request header, ``name`` in lower case."""
    return next(_values(scope, name), None)


def client_address(scope: Scope, settings: Settings) -> str:
    """The client's address: the socket's, or the last forwarded one that is not a trusted proxy itself.

    Where a proxy forwards what is no address, everything behind it counts as the proxy.
    """
    client = scope.get("client")
    socket = client[0] if client else ""
    address = _parse(socket)
    if address is None:
        return str(socket)
    hops = [hop for hop in ",".join(_values(scope, b"x-forwarded-for")).split(",") if hop.strip()]
    for hop in reversed(hops):
        if not _is_trusted(address, settings):
            break
        forwarded = _parse(hop)
        if forwarded is None:
            break
        address = forwarded
    return str(address)


def limited_address(scope: Scope, settings: Settings) -> str:
    """What limits per address count: the address, or the /64 that one IPv6 subscriber usually has."""
    address = client_address(scope, settings)
    parsed = _parse(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(parsed), 64), strict=False))
    return address


def own_origin(scope: Scope, settings: Settings) -> str:
    """The origin this request was sent to, such as ``https://help.example.com``, without a trailing slash.

    HELPNINJA_PUBLIC_URL when set; else scheme and Host of the request, as forwarded by a trusted proxy.
    """
    if settings.public_url:
        return _origin_of(settings.public_url)
    scheme = {"ws": "http", "wss": "https"}.get(scope["scheme"], scope["scheme"])
    host = header(scope, b"host") or ""
    client = scope.get("client")
    address = _parse(client[0]) if client else None
    if address is not None and _is_trusted(address, settings):
        scheme = _last(scope, b"x-forwarded-proto") or scheme
        host = _last(scope, b"x-forwarded-host") or host
    return _origin_of(f"{scheme}://{host}")


def is_own_origin(scope: Scope, settings: Settings) -> bool:
    """Whether the request's Origin header is present and is our own."""
    origin = header(scope, b"origin")
    return origin is not None and _origin_of(origin) == own_origin(scope, settings)


def _values(scope: Scope, name: bytes) -> Iterator[str]:
    return (value.decode("latin-1") for key, value in scope["headers"] if key == name)


def _last(scope: Scope, name: bytes) -> str | None:
    """The value the nearest proxy added; what stands before it, in whatever line, may be the client's."""
    return ",".join(_values(scope, name)).rsplit(",", 1)[-1].strip() or None


def _origin_of(url: str) -> str:
    scheme, _, rest = url.strip().lower().partition("://")
    host = rest.split("/", 1)[0]
    default = {"http": ":80", "https": ":443"}.get(scheme)
    return f"{scheme}://{host.removesuffix(default) if default else host}"


def _parse(text: str) -> Address | None:
    text = text.strip()
    if found := _WITH_PORT.fullmatch(text):
        text = found["six"] or found["four"]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _is_trusted(address: Address, settings: Settings) -> bool:
    return any(address in _network(proxy) for proxy in settings.trusted_proxies)


@lru_cache
def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    # What is no network is told at the start (Settings.refuse_unsafe), and trusts nobody until then.
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return ipaddress.ip_network("255.255.255.255/32")
