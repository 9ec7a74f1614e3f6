"""What is found behind an address: one page, or a sitemap's pages."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator

import pytest

from helpninja_app.errors import AddressRefused, FetchFailed, InputRefused
from helpninja_app.kernel.safe_http import SafeHttp
from helpninja_app.knowledge.crawl.agent import USER_AGENT
from helpninja_app.knowledge.crawl.discovery import Skipped, discover
from helpninja_app.knowledge.crawl.fetcher import PageFetcher
from tests.loopback_site import LoopbackSite, answer, redirect


@pytest.fixture
async def site() -> AsyncIterator[LoopbackSite]:
    async with LoopbackSite() as site:
        yield site


@pytest.fixture
async def fetcher(site: LoopbackSite) -> AsyncIterator[PageFetcher]:
    async def no_wait(seconds: float) -> None:
        pass

    async with SafeHttp(user_agent=USER_AGENT, allowed_private_hosts=frozenset({site.host})) as http:
        yield PageFetcher(http, sleep=no_wait)


def urlset(*locs: str) -> bytes:
    return f"<urlset>{''.join(f'<url><loc>{loc}</loc></url>' for loc in locs)}</urlset>".encode()


def index(*locs: str) -> bytes:
    items = "".join(f"<sitemap><loc>{loc}</loc></sitemap>" for loc in locs)
    return f"<sitemapindex>{items}</sitemapindex>".encode()


def page(*hrefs: str) -> bytes:
    return answer("<!doctype html>" + "".join(f'<a href="{href}">x</a>' for href in hrefs))


async def test_a_page_is_one_page_at_its_final_address(site: LoopbackSite, fetcher: PageFetcher) -> None:
    site.routes |= {"/": redirect("/help/#top"), "/help/": page("/other")}
    found = await discover(fetcher, site.url, max_pages=10)
    assert (found.kind, found.pages, found.skipped) == ("page", [f"{site.url}/help/"], [])
    assert found.host == site.host


async def test_a_sitemap_lists_pages_once_and_says_what_it_leaves_out(
    site: LoopbackSite, fetcher: PageFetcher
) -> None:
    site.routes["/map"] = answer(
        urlset(
            f"{site.url}/a",
            f"{site.url}/a#again",
            f"{site.url}/a?utm_source=x",
            "https://other.example.com/a",
            "ftp://example.com/a",
            "http://0x7f.1/",
            f"{site.url}/b",
            f"{site.url}/c",
        ),
        content_type="text/html",
    )
    found = await discover(fetcher, f"{site.url}/map", max_pages=2)
    assert (found.kind, found.pages) == ("sitemap", [f"{site.url}/a", f"{site.url}/b"])
    assert found.skipped == [
        Skipped("https://other.example.com/a", "other host"),
        Skipped("ftp://example.com/a", "The address must start with https:// or http://."),
        Skipped(
            "http://0x7f.1/", "An IP address must be written as four decimal numbers, such as 192.0.2.1."
        ),
        Skipped(f"{site.url}/c", "over the plan's limit of 2 pages"),
    ]
    assert found.skipped_total == 4


@pytest.mark.parametrize("content_type", ["application/gzip", "application/xml", "text/html", None])
async def test_a_packed_sitemap_is_known_by_its_content(
    site: LoopbackSite, fetcher: PageFetcher, content_type: str | None
) -> None:
    packed = gzip.compress(urlset(f"{site.url}/a"))
    site.routes["/map"] = answer(packed, content_type=content_type)
    site.routes["/twice"] = answer(gzip.compress(packed), content_type=content_type, content_encoding="gzip")
    for path in ("/map", "/twice"):
        assert (await discover(fetcher, f"{site.url}{path}", max_pages=5)).pages == [f"{site.url}/a"]


async def test_a_list_of_addresses_is_a_sitemap(site: LoopbackSite, fetcher: PageFetcher) -> None:
    site.routes["/urls.txt"] = answer(f"{site.url}/a\n{site.url}/b\n", content_type="text/plain")
    found = await discover(fetcher, f"{site.url}/urls.txt", max_pages=5)
    assert (found.kind, found.pages) == ("sitemap", [f"{site.url}/a", f"{site.url}/b"])


async def test_an_index_is_read_with_its_sitemaps_and_a_broken_one_says_why(
    site: LoopbackSite, fetcher: PageFetcher
) -> None:
    site.routes |= {
        "/index.xml": answer(
            index(*(f"{site.url}/{name}" for name in ("1.xml", "2.xml.gz", "gone.xml", "page", "busy.xml")))
        ),
        "/1.xml": answer(urlset(f"{site.url}/a", f"{site.url}/b")),
        "/2.xml.gz": answer(gzip.compress(urlset(f"{site.url}/b", f"{site.url}/c"))),
        "/page": page(),
        "/busy.xml": answer(status="503 Busy"),
    }
    found = await discover(fetcher, f"{site.url}/index.xml", max_pages=10)
    assert found.pages == [f"{site.url}/{name}" for name in "abc"]
    assert found.skipped == [
        Skipped(f"{site.url}/gone.xml", f"{site.host} answered 404 Not Found."),
        Skipped(f"{site.url}/page", "This is not a sitemap."),
        Skipped(f"{site.url}/busy.xml", f"{site.host} answered 503 Service Unavailable."),
    ]


async def test_an_index_that_names_itself_or_another_in_a_circle_ends(
    site: LoopbackSite, fetcher: PageFetcher
) -> None:
    site.routes |= {
        "/1.xml": answer(index(f"{site.url}/1.xml", f"{site.url}/2.xml", f"{site.url}/pages.xml")),
        "/2.xml": answer(index(f"{site.url}/1.xml", f"{site.url}/2.xml")),
        "/pages.xml": answer(urlset(f"{site.url}/a")),
    }
    found = await discover(fetcher, f"{site.url}/1.xml", max_pages=10)
    assert found.pages == [f"{site.url}/a"]
    assert [skip.reason for skip in found.skipped] == ["this sitemap is named twice, or names itself"] * 3
    assert site.paths().count("/1.xml") == 1


async def test_an_endless_chain_of_indexes_ends_at_depth_three(
    site: LoopbackSite, fetcher: PageFetcher
) -> None:
    site.routes |= {
        f"/{depth}.xml": answer(index(f"{site.url}/{depth + 1}.xml", f"{site.url}/pages{depth}.xml"))
        for depth in range(6)
    } | {f"/pages{depth}.xml": answer(urlset(f"{site.url}/{depth}")) for depth in range(6)}
    found = await discover(fetcher, f"{site.url}/0.xml", max_pages=10)
    assert found.pages == [f"{site.url}/{depth}" for depth in range(3)]
    assert "/4.xml" not in site.paths()
    assert Skipped(f"{site.url}/4.xml", "sitemaps more than 3 levels deep are not read") in found.skipped


async def test_only_five_hundred_sitemaps_are_read(site: LoopbackSite, fetcher: PageFetcher) -> None:
    names = [f"/s{number}.xml" for number in range(600)]
    site.routes |= {"/index.xml": answer(index(*(f"{site.url}{name}" for name in names)))}
    site.routes |= {name: answer(urlset(f"{site.url}{name}.html")) for name in names}
    found = await discover(fetcher, f"{site.url}/index.xml", max_pages=1000)
    assert len(found.pages) == 500
    assert found.skipped_total == 100
    assert found.skipped[0].reason == "only the first 500 sitemaps are read"


async def test_when_the_limit_is_reached_no_further_sitemap_is_fetched(
    site: LoopbackSite, fetcher: PageFetcher
) -> None:
    site.routes |= {
        "/index.xml": answer(index(f"{site.url}/1.xml", f"{site.url}/2.xml")),
        "/1.xml": answer(urlset(f"{site.url}/a", f"{site.url}/b")),
    }
    found = await discover(fetcher, f"{site.url}/index.xml", max_pages=1)
    assert found.pages == [f"{site.url}/a"]
    assert [skip.url for skip in found.skipped] == [f"{site.url}/b", f"{site.url}/2.xml"]
    assert "/2.xml" not in site.paths()


async def test_what_is_left_out_is_counted_and_listed_up_to_a_thousand(
    site: LoopbackSite, fetcher: PageFetcher
) -> None:
    site.routes["/map.xml"] = answer(urlset(*(f"{site.url}/{number}" for number in range(3000))))
    found = await discover(fetcher, f"{site.url}/map.xml", max_pages=10)
    assert (len(found.pages), len(found.skipped), found.skipped_total) == (10, 1000, 2990)


async def test_a_sitemap_may_be_read_although_robots_txt_keeps_robots_from_it(
    site: LoopbackSite, fetcher: PageFetcher
) -> None:
    rules = f"User-agent: *\nDisallow: /\nSitemap: {site.url}/listed"
    site.routes |= {
        "/robots.txt": answer(rules, content_type="text/plain"),
        "/map.xml": answer(urlset(f"{site.url}/a")),
        "/listed": answer(urlset(f"{site.url}/a")),
        "/page": page(),
    }
    for path in ("/map.xml", "/listed"):
        assert (await discover(fetcher, f"{site.url}{path}", max_pages=5)).pages == [f"{site.url}/a"]
    with pytest.raises(InputRefused, match="does not allow this page"):
        await discover(fetcher, f"{site.url}/page", max_pages=5)
    assert "/page" not in site.paths()


@pytest.mark.parametrize(
    ("body", "content_type", "reason"),
    [
        (b"\x89PNG", "image/png", "This is not a page: image/png."),
        (gzip.compress(b"a tar, say"), "application/gzip", "This compressed file is not a sitemap."),
        (
            urlset(),
            "application/xml",
            "No page of this sitemap can be read. The first reason: It lists no pages.",
        ),
        (
            urlset("https://other.example.com/"),
            "application/xml",
            "No page of this sitemap can be read. The first reason: other host",
        ),
        (b"<urlset><url>", "application/xml", "not well-formed"),
        (
            b'<meta name="robots" content="noindex">',
            "text/html",
            "The page asks not to be indexed (noindex).",
        ),
    ],
)
async def test_an_input_that_gives_nothing_is_refused_with_the_reason(
    site: LoopbackSite, fetcher: PageFetcher, body: bytes, content_type: str, reason: str
) -> None:
    site.routes["/x"] = answer(body, content_type=content_type)
    with pytest.raises(InputRefused) as refused:
        await discover(fetcher, f"{site.url}/x", max_pages=5)
    assert reason in refused.value.detail


async def test_a_missing_or_private_input_is_refused(site: LoopbackSite, fetcher: PageFetcher) -> None:
    with pytest.raises(FetchFailed, match="404 Not Found"):
        await discover(fetcher, f"{site.url}/gone", max_pages=5)
    for url in ("http://10.0.0.1/sitemap.xml", "http://127.0.0.1:1/"):
        with pytest.raises(AddressRefused):
            await discover(fetcher, url, max_pages=5)


async def test_a_sitemap_that_leads_to_a_private_address_does_not_reach_it(
    site: LoopbackSite, fetcher: PageFetcher
) -> None:
    site.routes |= {
        "/index.xml": answer(index(f"{site.url}/inner.xml", f"{site.url}/pages.xml")),
        "/inner.xml": redirect("http://169.254.169.254/latest/meta-data/"),
        "/pages.xml": answer(urlset(f"{site.url}/a")),
    }
    found = await discover(fetcher, f"{site.url}/index.xml", max_pages=5)
    assert found.pages == [f"{site.url}/a"]
    assert "redirects to a forbidden address" in found.skipped[0].reason
