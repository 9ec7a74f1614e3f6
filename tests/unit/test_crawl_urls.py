"""The normal form of page addresses and what counts as one site."""

from __future__ import annotations

import pytest

from helpninja_app.errors import AddressRefused, InputRefused
from helpninja_app.knowledge.crawl.urls import canonical_url, is_same_site, origin, resolve_link, site_host


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("HTTPS://Shop.Example.COM", "https://shop.example.com/"),
        ("https://shop.example.com:443/a", "https://shop.example.com/a"),
        ("http://shop.example.com:443/a", "http://shop.example.com:443/a"),
        ("https://shop.example.com/a#returns", "https://shop.example.com/a"),
        ("https://shop.example.com/a/./b/../c", "https://shop.example.com/a/c"),
        ("https://shop.example.com/../../a", "https://shop.example.com/a"),
        ("https://shop.example.com/a/..", "https://shop.example.com/"),
        ("https://shop.example.com/a/b/.", "https://shop.example.com/a/b/"),
        ("https://shop.example.com/a//b/", "https://shop.example.com/a//b/"),
        ("https://shop.example.com/%2E%2e/a", "https://shop.example.com/a"),
        ("https://shop.example.com/%7euser/%41%2f%c3%a4", "https://shop.example.com/~user/A%2F%C3%A4"),
        ("https://shop.example.com/ä b", "https://shop.example.com/%C3%A4%20b"),
        ("https://shop.example.com/100%", "https://shop.example.com/100%25"),
        ("https://shop.example.com/index.html", "https://shop.example.com/index.html"),
        ("https://shop.example.com/Case?B=2&a=1", "https://shop.example.com/Case?B=2&a=1"),
        ("https://shop.example.com/?", "https://shop.example.com/"),
        ("https://shop.example.com/?a&b=&&c=%3d", "https://shop.example.com/?a&b=&&c=%3D"),
        ("https://shop.example.com/?utm_source=x&id=7&UTM_Medium=y", "https://shop.example.com/?id=7"),
        (
            "https://shop.example.com/?gclid=1&fbclid=2&msclkid=3&mc_eid=4&_hsenc=5",
            "https://shop.example.com/",
        ),
        ("https://shop.example.com/?%75tm_source=x", "https://shop.example.com/"),
        (
            "https://shop.example.com/?utmost=1&gclid_info=2",
            "https://shop.example.com/?utmost=1&gclid_info=2",
        ),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
    ],
)
def test_an_address_has_one_spelling(url: str, normal: str) -> None:
    assert canonical_url(url) == normal
    assert canonical_url(normal) == normal


@pytest.mark.parametrize("url", ["ftp://example.com/", "example.com", "http://", "http://user@example.com/"])
def test_what_is_no_page_address_is_refused(url: str) -> None:
    with pytest.raises(InputRefused):
        canonical_url(url)


def test_a_disguised_address_is_told_apart() -> None:
    with pytest.raises(AddressRefused):
        canonical_url("http://0x7f000001/")


@pytest.mark.parametrize(
    ("href", "address"),
    [
        ("b", "https://example.com/help/b"),
        ("/b?utm_source=x", "https://example.com/b"),
        ("../b", "https://example.com/b"),
        ("//other.example.com/b", "https://other.example.com/b"),
        ("?page=2", "https://example.com/help/a?page=2"),
        (" b\n c ", "https://example.com/help/b%20c"),
        ("HTTP://Example.com/b#top", "http://example.com/b"),
        ("#top", None),
        ("", None),
        ("mailto:help@example.com", None),
        ("tel:+49", None),
        ("JavaScript:alert(1)", None),
        ("java\nscript:alert(1)", None),
        ("data:text/html,x", None),
        ("http://[::1", None),
        ("http://0x7f.1/", None),
    ],
)
def test_a_link_is_resolved_against_its_page(href: str, address: str | None) -> None:
    assert resolve_link("https://example.com/help/a", href) == address


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://www.example.com/a", "example.com"),
        ("http://EXAMPLE.com:80/", "example.com"),
        ("https://help.example.com/", "help.example.com"),
        ("https://example.com:8443/", "example.com:8443"),
        ("https://www.com/", "www.com"),
        ("http://[2606:4700::1111]:8080/", "[2606:4700::1111]:8080"),
    ],
)
def test_the_site_of_an_address_is_its_host_without_www(url: str, host: str) -> None:
    assert site_host(url) == host


def test_same_site_means_same_host_whatever_the_scheme() -> None:
    assert is_same_site("http://example.com/a", "https://www.example.com/b")
    assert not is_same_site("https://example.com/", "https://example.com.evil.test/")
    assert not is_same_site("https://example.com/", "https://help.example.com/")
    assert origin("https://www.Example.com/a?b") == "https://www.example.com"
