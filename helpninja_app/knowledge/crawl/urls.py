"""The one spelling of a page's address, and which addresses belong to one site."""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit

from helpninja_app.errors import InputRefused
from helpninja_app.kernel.safe_http import Target, parse_target

# Marks that advertising and mailing tools add to a link; they never choose the page.
_TRACKING = re.compile(
    r"utm_[a-z_]+|gclid|gclsrc|dclid|gbraid|wbraid|fbclid|msclkid|yclid|twclid|ttclid|li_fat_id|igshid|mc_[ce]id"
    r"|_hs(?:enc|mi)|__hs(?:tc|sc|fp)|hsctatracking|mkt_tok|_ga|_gl|oly_(?:anon|enc)_id|vero_id|wickedid|s_cid",
    re.I,
)
_ESCAPE = re.compile(r"%([0-9a-fA-F]{2})")
_STRAY_PERCENT = re.compile(r"%(?![0-9a-fA-F]{2})")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.I)


def canonical_url(url: str) -> str:
    """``url`` in the normal form of RFC 3986, 6.2.2-6.2.3, without fragment and tracking parameters.

    The order of the other parameters is kept, and so is ``index.html``: a server may tell them apart.
    Raises ``InputRefused`` (``AddressRefused`` among them) for what is no plain http(s) address.
    """
    target = parse_target(url)
    query = _kept_parameters(_normal_escapes(target.query)) if target.query else ""
    path = _without_dot_segments(_normal_escapes(target.path))
    return f"{target.scheme}://{target.authority}{path}" + (f"?{query}" if query else "")


def resolve_link(base: str, href: str) -> str | None:
    """Where a link on the page ``base`` leads, in normal form; None for no web page (mailto:, #top)."""
    # Browsers drop these from an href, so a page wrapped at column 80 still has working links.
    href = re.sub(r"[\t\r\n]", "", href).strip()
    scheme = _SCHEME.match(href)
    if not href or href.startswith("#") or (scheme and scheme[1].lower() not in ("http", "https")):
        return None
    try:
        return canonical_url(urljoin(base, href))
    except (InputRefused, ValueError):
        return None


def site_host(url: str) -> str:
    """The site an address belongs to: its host without ``www.``, and the port unless it is the default.

    ``http``, ``https`` and ``www.`` are one site to the people who run it, and to the plan that counts sites.
    """
    target = parse_target(url)
    return target.authority.removeprefix("www.") if _is_under_a_domain(target) else target.authority


def is_same_site(one: str, other: str) -> bool:
    """Whether both addresses belong to one site."""
    return site_host(one) == site_host(other)


def origin(url: str) -> str:
    """``scheme://host[:port]``, the scope of one robots.txt."""
    target = parse_target(url)
    return f"{target.scheme}://{target.authority}"


def _is_under_a_domain(target: Target) -> bool:
    return target.address is None and target.host.count(".") >= 2


def _normal_escapes(part: str) -> str:
    def normal(match: re.Match[str]) -> str:
        byte = int(match[1], 16)
        return chr(byte) if byte in _UNRESERVED else f"%{byte:02X}"

    return _ESCAPE.sub(normal, _STRAY_PERCENT.sub("%25", part))


def _without_dot_segments(path: str) -> str:
    """RFC 3986, 5.2.4, for a path that starts with a slash."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for position, segment in enumerate(segments):
        is_last = position == len(segments) - 1
        if segment == "..":
            kept = kept[:-1]
        if segment not in (".", ".."):
            kept.append(segment)
        elif is_last:
            kept.append("")
    return "/" + "/".join(kept)


def _kept_parameters(query: str) -> str:
    return "&".join(
        parameter for parameter in query.split("&") if not _TRACKING.fullmatch(parameter.partition("=")[0])
    )


def is_same_path(url: str, other: str) -> bool:
    """Whether two addresses differ in nothing but host, query and how their path is spelled.

    A page that names another path as its own is not believed: a template may name the front page on all.
    """
    return _plain_path(url) == _plain_path(other)


def _plain_path(url: str) -> str:
    return urlsplit(url).path.lower().removesuffix("index.html").rstrip("/")
