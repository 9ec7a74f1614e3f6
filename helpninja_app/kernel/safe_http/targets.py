"""The one strict reading of a URL that somebody named: what passes here has exactly one meaning."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Literal
from urllib.parse import quote

import idna

from helpninja_app.errors import AddressRefused, InputRefused
from helpninja_app.kernel.safe_http.addresses import Address, refusal

MAX_URL_LENGTH = 2048
DEFAULT_PORTS = {"http": 80, "https": 443}

Scheme = Literal["http", "https"]

_URL = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?", re.I)
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\\]")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")
_DOTTED_QUAD = re.compile(r"(?:0|[1-9][0-9]{0,2})(?:\.(?:0|[1-9][0-9]{0,2})){3}")
# Names that only mean something inside a network (RFC 6761, RFC 6762, RFC 8375, and ICANN's .internal).
_LOCAL_SUFFIXES = (".localhost", ".local", ".localdomain", ".internal", ".intranet", ".lan", ".home.arpa")
# RFC 3986 pchar plus "/" and "%"; "%" keeps what is already encoded.
_PATH_SAFE = "/%:@!$&'()*+,;=-._~"
_QUERY_SAFE = _PATH_SAFE + "?[]"


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart; ``host`` is lower-case ASCII without brackets, ``address`` set when it is an IP."""

    scheme: Scheme
    host: str
    port: int
    path: str
    query: str | None
    address: Address | None

    @property
    def authority(self) -> str:
        """``host`` or ``host:port``, as the Host header has it: IPv6 in brackets, no default port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def host_and_port(self) -> str:
        """``host:port`` with the port always there: the key of the list of allowed private hosts."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def request_target(self) -> str:
        return self.path if self.query is None else f"{self.path}?{self.query}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.request_target}"


def parse_target(url: str) -> Target:
    """Read an absolute http(s) URL; anything with a second possible reading is refused.

    The fragment is dropped, scheme and host are lower-cased, an international name becomes punycode (UTS 46).
    Raises ``AddressRefused`` for addresses written in a disguise and ``InputRefused`` for the rest.
    """
    url = url.strip(" ")
    if not url:
        raise InputRefused("The address is empty.")
    if len(url) > MAX_URL_LENGTH:
        raise InputRefused(f"The address is longer than {MAX_URL_LENGTH:,} characters.")
    if _FORBIDDEN.search(url):
        raise AddressRefused("The address contains characters that addresses do not have.")
    match = _URL.match(url)
    if match is None:
        raise InputRefused("The address must start with https:// or http://.")
    scheme: Scheme = "https" if match["scheme"].lower() == "https" else "http"
    authority = match["authority"]
    if "@" in authority:
        raise AddressRefused("The address must not contain a user name or password.")
    host, port = _split_port(authority, DEFAULT_PORTS[scheme])
    host, address = _read_host(host)
    query = match["query"]
    return Target(
        scheme=scheme,
        host=host,
        port=port,
        path=quote(match["path"] or "/", safe=_PATH_SAFE),
        query=None if query is None else quote(query, safe=_QUERY_SAFE),
        address=address,
    )


def normalised_host_and_port(entry: str) -> str:
    """``host:port`` as ``Target.host_and_port`` writes it; raises ``InputRefused`` when it is none."""
    host, port = _split_port(entry.strip(), 0)
    host, _ = _read_host(host)
    if not port:
        raise InputRefused(f"{entry!r} names no port; write it as host:port.")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def check_name(target: Target) -> None:
    """Raise ``AddressRefused`` where the name alone shows that the target is not public."""
    if target.address is not None:
        kind = refusal(target.address)
        if kind is not None:
            raise AddressRefused(f"{target.host} is not a public address ({kind}), so it is not fetched.")
    elif "." not in target.host or f".{target.host}".endswith(_LOCAL_SUFFIXES):
        raise AddressRefused(f"{target.host} is a name inside a private network, so it is not fetched.")


def _split_port(authority: str, default: int) -> tuple[str, int]:
    host, port = authority, ""
    if authority.startswith("["):
        host, bracket, rest = authority[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise AddressRefused("The address has a malformed IPv6 host.")
        if not _is_ipv6(host):
            raise AddressRefused("The address has a malformed IPv6 host.")
        port = rest[1:]
    elif ":" in authority:
        host, _, port = authority.rpartition(":")
        if ":" in host:
            raise AddressRefused("An IPv6 host must stand in square brackets.")
    if not port:
        return host, default
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 65536):
        raise InputRefused("The port in the address is not a number between 1 and 65535.")
    return host, int(port)


def _is_ipv6(host: str) -> bool:
    try:
        IPv6Address(host)
    except AddressValueError:
        return False
    return "%" not in host


def _read_host(host: str) -> tuple[str, Address | None]:
    if ":" in host:
        address = IPv6Address(host)
        return address.compressed, address
    if not host:
        raise InputRefused("The address names no host.")
    if "%" in host:
        raise AddressRefused("The host in the address must not be percent-encoded.")
    if not host.isascii():
        try:
            # Maps full-width digits, ideographic full stops and upper case as browsers do (UTS 46).
            host = idna.encode(host, uts46=True, std3_rules=True).decode("ascii")
        except (idna.IDNAError, UnicodeError) as error:
            raise InputRefused("The host in the address is not a valid name.") from error
    host = host.lower().removesuffix(".")
    labels = host.split(".")
    if _NUMERIC_LABEL.fullmatch(labels[-1]):
        # A browser would read 127.1, 0x7f000001 or 2130706433 as an address; there is no honest use for that.
        if not _DOTTED_QUAD.fullmatch(host):
            raise AddressRefused("An IP address must be written as four decimal numbers, such as 192.0.2.1.")
        try:
            address_v4 = IPv4Address(host)
        except AddressValueError as error:
            raise AddressRefused("The IP address has a part over 255.") from error
        return str(address_v4), address_v4
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise InputRefused("The host in the address is not a valid name.")
    return host, None
