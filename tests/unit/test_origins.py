"""Which origins belong to an allowed domain, and whose address a request counts for."""

from __future__ import annotations

import pytest
from starlette.requests import HTTPConnection

from api_routes.origins import is_same_site, matches_domain
from helpninja_app.kernel.proxies import client_address, limited_address
from helpninja_app.settings import Settings

SETTINGS = Settings(
    _env_file=None, public_url="https://help.example", trusted_proxies=frozenset({"10.0.0.0/8", "::1"})
)


def connection(client: str = "203.0.113.9", method: str = "POST", **headers: str) -> HTTPConnection:
    return HTTPConnection(
        {
            "type": "http",
            "method": method,
            "scheme": "https",
            "path": "/",
            "client": (client, 4000),
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        }
    )


@pytest.mark.parametrize(
    ("origin", "domain", "belongs"),
    [
        ("https://shop.example", "shop.example", True),
        ("http://shop.example", "shop.example", True),
        ("https://shop.example:8443", "shop.example", True),
        ("https://WWW.Shop.Example", "shop.EXAMPLE", True),
        ("https://sub.shop.example", "shop.example", False),
        ("https://shop.example.evil.example", "shop.example", False),
        ("https://evilshop.example", "shop.example", False),
        ("https://shop.example@evil.example", "shop.example", False),
        ("https://a.shop.example", "*.shop.example", True),
        ("https://a.b.shop.example", "*.shop.example", True),
        ("https://shop.example", "*.shop.example", False),
        ("https://evilshop.example", "*.shop.example", False),
        ("http://localhost:8080", "localhost:8080", True),
        ("http://localhost:8081", "localhost:8080", False),
        ("https://shop.example", "shop.example:443", True),
        ("http://shop.example", "shop.example:443", False),
        ("null", "null", False),
        ("", "", False),
        ("file://shop.example", "shop.example", False),
        ("https://[", "shop.example", False),
        ("https://shop.example:99999", "shop.example", False),
    ],
)
def test_an_origin_belongs_to_a_domain_or_not(origin: str, domain: str, belongs: bool) -> None:
    assert matches_domain(origin, domain) is belongs


@pytest.mark.parametrize(
    ("client", "forwarded", "address"),
    [
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, 10.2.3.4", "198.51.100.1"),
        ("10.0.0.1", "10.2.3.4, 10.5.6.7", "10.2.3.4"),
        ("10.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("10.0.0.1", "[2001:db8::1]:4711, ::ffff:10.1.1.1", "2001:db8::1"),
        ("10.0.0.1", "198.51.100.1, unknown", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, 10.2.3.4, _hidden, 10.2.3.5", "10.2.3.5"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("::1", "198.51.100.1,,", "198.51.100.1"),
        ("testclient", "198.51.100.1", "testclient"),
    ],
)
def test_only_trusted_proxies_speak_for_somebody_else(client: str, forwarded: str, address: str) -> None:
    assert client_address(connection(client, x_forwarded_for=forwarded).scope, SETTINGS) == address


def test_a_line_of_a_client_counts_less_than_the_proxy_s_own() -> None:
    scope = connection("10.0.0.1").scope
    scope["headers"] = [(b"x-forwarded-for", b"6.6.6.6"), (b"x-forwarded-for", b"198.51.100.1")]
    assert client_address(scope, SETTINGS) == "198.51.100.1"


@pytest.mark.parametrize(
    ("client", "counted"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
    ],
)
def test_one_subscriber_counts_as_one_address(client: str, counted: str) -> None:
    assert limited_address(connection(client).scope, SETTINGS) == counted


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, True),
        ({"origin": "https://help.example"}, True),
        ({"origin": "https://HELP.example:443"}, True),
        ({"sec_fetch_site": "same-origin"}, True),
        ({"sec_fetch_site": "none"}, True),
        ({"sec_fetch_site": "same-site"}, False),
        ({"sec_fetch_site": "cross-site"}, False),
        ({"origin": "http://help.example"}, False),
        ({"origin": "null"}, False),
        ({"origin": ""}, False),
        ({"origin": "https://evil.example", "sec_fetch_site": "same-origin"}, False),
    ],
)
def test_a_request_is_of_our_own_pages_or_not(headers: dict[str, str], expected: bool) -> None:
    assert is_same_site(connection(**headers), SETTINGS) is expected
