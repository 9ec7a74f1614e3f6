"""What a page leads to: its links, its base, its own address, and what its marks forbid."""

from __future__ import annotations

import pytest

from helpninja_app.kernel.safe_http import Fetched
from helpninja_app.knowledge.crawl import links as crawl_links
from helpninja_app.knowledge.crawl.links import PageLinks, page_links
from helpninja_app.knowledge.crawl.pages import MARKS_WITHIN

HERE = "https://example.com/help/start"


def read(body: str, **headers: str) -> PageLinks:
    return page_links(
        Fetched(
            requested_url=HERE,
            url=HERE,
            status=200,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
            content_type="text/html",
            charset=None,
            body=body.encode(),
        )
    )


def link(href: str, rel: str = "") -> str:
    return f'<a href="{href}" rel="{rel}">x</a>'


def test_links_are_resolved_and_each_is_taken_once() -> None:
    found = read(
        link("a")
        + link("/b#part")
        + link("/b?utm_source=mail")
        + link("?page=2")
        + '<area href="//example.com/c">'
        + link(HERE + "#top")
    )
    assert found.urls == (
        "https://example.com/help/a",
        "https://example.com/b",
        "https://example.com/help/start?page=2",
        "https://example.com/c",
    )


@pytest.mark.parametrize(
    "href", ["", "#top", "mailto:a@example.com", "javascript:void(0)", "tel:1", "ftp://a.example/", "data:,x"]
)
def test_what_is_no_web_address_is_no_link(href: str) -> None:
    assert read(link(href)).urls == ()


def test_a_base_is_where_links_start_from() -> None:
    assert read('<base href="/docs/">' + link("a")).urls == ("https://example.com/docs/a",)


def test_a_base_that_is_no_web_address_is_ignored() -> None:
    assert read('<base href="javascript:1">' + link("a")).urls == ("https://example.com/help/a",)


def test_a_link_with_nofollow_is_not_followed() -> None:
    assert read(link("/a", "noopener NOFOLLOW") + link("/b", "noopener")).urls == ("https://example.com/b",)


@pytest.mark.parametrize("content", ["nofollow", "noindex, nofollow", "none"])
def test_a_page_with_nofollow_leads_nowhere(content: str) -> None:
    assert read(f'<meta name="robots" content="{content}">' + link("/a")).urls == ()
    assert read(link("/a"), x_robots_tag=content).urls == ()


def test_a_page_that_is_only_not_to_be_indexed_leads_on() -> None:
    assert read('<meta name="robots" content="noindex">' + link("/a")).urls == ("https://example.com/a",)


def test_a_page_names_its_own_address() -> None:
    assert read('<link rel="canonical" href="/real?utm_source=x">').own == "https://example.com/real"


def test_of_a_page_that_is_too_long_only_the_beginning_is_read() -> None:
    found = read(link("/a") + " " * MARKS_WITHIN + link("/b"))
    assert found == PageLinks(("https://example.com/a",))


def test_a_page_with_too_many_links_says_that_there_are_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crawl_links, "MAX_LINKS", 3)
    found = read("".join(link(f"/{number}") for number in range(5)))
    assert len(found.urls) == 3
