"""The polite page fetcher: robots.txt, pace, retries, and a reason for every page that is not taken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from selectolax.lexbor import LexborHTMLParser

from helpninja_app.errors import AddressRefused, FetchFailed, InputRefused
from helpninja_app.kernel.safe_http import SafeHttp
from helpninja_app.knowledge.crawl import pages
from helpninja_app.knowledge.crawl.agent import USER_AGENT
from helpninja_app.knowledge.crawl.fetcher import PageFetcher
from helpninja_app.knowledge.crawl.pace import HostPace
from helpninja_app.knowledge.crawl.robots import RobotsCache
from helpninja_app.version import VERSION
from tests.loopback_site import LoopbackSite, Request, answer, redirect

HTML = "<!doctype html><title>x</title><p>Returns are free for 30 days."


@dataclass
class FakeTime:
    """A clock that only moves when somebody sleeps."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


@pytest.fixture
async def site() -> AsyncIterator[LoopbackSite]:
    async with LoopbackSite({"/a": answer(HTML)}) as site:
        yield site


@pytest.fixture
async def http(site: LoopbackSite) -> AsyncIterator[SafeHttp]:
    async with SafeHttp(user_agent=USER_AGENT, allowed_private_hosts=frozenset({site.host})) as http:
        yield http


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def fetcher(http: SafeHttp, time: FakeTime) -> PageFetcher:
    return PageFetcher(
        http,
        robots=RobotsCache(http, clock=time),
        pace=HostPace(sleep=time.sleep, clock=time),
        sleep=time.sleep,
    )


def robots(text: str) -> bytes:
    return answer(text, content_type="text/plain")


async def test_a_page_comes_with_its_type_and_its_final_address(
    site: LoopbackSite, fetcher: PageFetcher
) -> None:
    site.routes |= {
        "/old": redirect("/new/../a?utm_source=mail#top"),
        "/a?utm_source=mail": answer(HTML, content_type="Text/HTML; charset=UTF-8"),
    }
    page = await fetcher.page(f"{site.url}/old?utm_campaign=x")
    assert (page.canonical_url, page.content_type, page.charset) == (f"{site.url}/a", "text/html", "utf-8")
    assert page.body == HTML.encode()
    assert page.fetched_at.tzinfo is not None
    assert {request.headers["user-agent"] for request in site.requests} == {USER_AGENT}
    assert f"HelpNinjaBot/{VERSION} (+https://" in USER_AGENT


@pytest.mark.parametrize(
    ("rules", "is_allowed"),
    [
        ("User-agent: *\nDisallow: /", False),
        ("User-agent: *\nDisallow: /a", False),
        ("User-agent: *\nDisallow: /b", True),
        ("User-agent: *\nDisallow:", True),
        ("User-agent: *\nDisallow: /\nAllow: /a", True),
        ("User-agent: *\nDisallow: /*\nAllow: /a$", True),
        ("User-agent: HelpNinjaBot\nDisallow: /\n\nUser-agent: *\nDisallow:", False),
        ("User-agent: helpninjabot\nAllow: /\n\nUser-agent: *\nDisallow: /", True),
        ("User-agent: OtherBot\nDisallow: /", True),
        ("\ufeffUser-agent: *\r\nDisallow: /a\r\n", False),
        ("<html>not found</html>", True),
        ("\0\1\2", True),
        ("", True),
    ],
)
async def test_robots_txt_is_obeyed(
    site: LoopbackSite, fetcher: PageFetcher, rules: str, is_allowed: bool
) -> None:
    site.routes["/robots.txt"] = robots(rules)
    if is_allowed:
        assert (await fetcher.page(f"{site.url}/a")).body == HTML.encode()
    else:
        with pytest.raises(InputRefused, match="does not allow this page"):
            await fetcher.page(f"{site.url}/a")
        assert site.paths() == ["/robots.txt"]


@pytest.mark.parametrize("status", ["400 Bad", "401 No", "403 No", "404 None", "410 Gone"])
async def test_without_a_robots_txt_everything_may_be_read(
    site: LoopbackSite, fetcher: PageFetcher, status: str
) -> None:
    site.routes["/robots.txt"] = answer(status=status)
    assert (await fetcher.page(f"{site.url}/a")).body == HTML.encode()


@pytest.mark.parametrize("status", ["500 Oops", "503 Busy", "429 Slow"])
async def test_while_robots_txt_fails_nothing_is_read_and_the_failure_is_kept_a_minute(
    site: LoopbackSite, fetcher: PageFetcher, time: FakeTime, status: str
) -> None:
    site.routes["/robots.txt"] = [answer(status=status), robots("")]
    for _ in range(3):
        with pytest.raises(FetchFailed, match=f"cannot be read now.*{status[:3]}") as failed:
            await fetcher.page(f"{site.url}/a")
        assert failed.value.retryable
    assert site.paths() == ["/robots.txt"]
    time.now += 61
    assert (await fetcher.page(f"{site.url}/a")).body == HTML.encode()


async def test_robots_txt_is_read_once_however_many_ask_and_again_after_an_hour(
    site: LoopbackSite, fetcher: PageFetcher, time: FakeTime
) -> None:
    site.routes["/robots.txt"] = robots("")
    await asyncio.gather(*(fetcher.page(f"{site.url}/a") for _ in range(5)))
    assert site.paths().count("/robots.txt") == 1
    time.now += 3601
    await fetcher.page(f"{site.url}/a")
    assert site.paths().count("/robots.txt") == 2


async def test_who_gives_up_waiting_for_robots_txt_does_not_take_it_from_others(
    site: LoopbackSite, http: SafeHttp
) -> None:
    gate = asyncio.Event()

    async def slow(request: Request, writer: asyncio.StreamWriter) -> None:
        await gate.wait()
        writer.write(robots("User-agent: *\nDisallow: /"))

    site.routes["/robots.txt"] = slow
    cache = RobotsCache(http)
    first = asyncio.create_task(cache.rules(f"{site.url}/a"))
    second = asyncio.create_task(cache.rules(f"{site.url}/b"))
    while not site.requests:
        await asyncio.sleep(0.01)
    first.cancel()
    gate.set()
    assert not (await second).allows(f"{site.url}/b")
    assert len(site.requests) == 1


async def test_a_crawl_delay_spaces_requests_and_is_capped(
    site: LoopbackSite, fetcher: PageFetcher, time: FakeTime
) -> None:
    site.routes["/robots.txt"] = robots("User-agent: *\nCrawl-delay: 3600")
    for _ in range(3):
        await fetcher.page(f"{site.url}/a")
    assert time.slept == [10.0, 10.0]


async def test_a_site_gets_two_requests_at_once_whoever_asks(site: LoopbackSite, http: SafeHttp) -> None:
    async def slow(request: Request, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.02)
        writer.write(answer(HTML))

    site.routes |= {f"/{number}": slow for number in range(8)} | {"/robots.txt": robots("")}
    fetcher = PageFetcher(http)
    await asyncio.gather(*(fetcher.page(f"{site.url}/{number}") for number in range(8)))
    assert site.most_open == 2


@pytest.mark.parametrize("status", ["429 Slow", "500 Oops", "502 Bad", "503 Busy", "504 Late"])
async def test_a_passing_failure_is_tried_again_with_growing_pauses(
    site: LoopbackSite, fetcher: PageFetcher, time: FakeTime, status: str
) -> None:
    site.routes["/a"] = [answer(status=status), answer(status=status), answer(HTML)]
    assert (await fetcher.page(f"{site.url}/a")).body == HTML.encode()
    first, second = time.slept
    assert 0.5 <= first <= 1.5
    assert 1.0 <= second <= 3.0


async def test_after_three_tries_the_failure_is_told(site: LoopbackSite, fetcher: PageFetcher) -> None:
    site.routes["/a"] = answer(status="503 Busy")
    with pytest.raises(FetchFailed, match="answered 503 Service Unavailable"):
        await fetcher.page(f"{site.url}/a")
    assert site.paths().count("/a") == 3


async def test_what_will_not_pass_is_not_tried_again(site: LoopbackSite, fetcher: PageFetcher) -> None:
    with pytest.raises(FetchFailed, match="answered 404 Not Found"):
        await fetcher.page(f"{site.url}/gone")
    assert site.paths().count("/gone") == 1


async def test_a_broken_connection_is_tried_again(site: LoopbackSite, fetcher: PageFetcher) -> None:
    tries = 0

    async def breaks_once(request: Request, writer: asyncio.StreamWriter) -> None:
        nonlocal tries
        tries += 1
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nx" if tries == 1 else answer(HTML))

    site.routes["/a"] = breaks_once
    assert (await fetcher.page(f"{site.url}/a")).body == HTML.encode()


@pytest.mark.parametrize(("asked", "waited"), [("7", 7.0), ("86400", 30.0)])
async def test_retry_after_pauses_the_whole_site_up_to_a_cap(
    site: LoopbackSite, fetcher: PageFetcher, time: FakeTime, asked: str, waited: float
) -> None:
    site.routes["/a"] = [answer(status="503 Busy", retry_after=asked), answer(HTML)]
    before = time.now
    await fetcher.page(f"{site.url}/a")
    assert time.now - before == pytest.approx(waited)


@pytest.mark.parametrize(
    ("path", "sent", "body", "known"),
    [
        ("/a", "text/html", HTML, "text/html"),
        ("/a", "application/xhtml+xml", "<?xml version='1.0'?><html/>", "text/html"),
        ("/a", "application/xml", "<?xml version='1.0'?><!-- x --><html/>", "text/html"),
        ("/a", "text/plain", "Hello", "text/plain"),
        ("/a.md", "text/plain", "# Hello", "text/markdown"),
        ("/a.csv", "text/plain", "a,b", "text/csv"),
        ("/a", "text/markdown", "# Hello", "text/markdown"),
        ("/a", "text/csv", "a,b", "text/csv"),
        ("/a", "application/pdf", "%PDF-1.7", "application/pdf"),
        ("/a", "application/octet-stream", "%PDF-1.7", "application/pdf"),
        ("/a.md", "application/octet-stream", "# Hello", "text/markdown"),
        ("/a", None, HTML, "text/html"),
        (
            "/a.docx",
            "application/octet-stream",
            "PK\3\4",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
    ],
)
async def test_the_type_of_a_page_is_settled_by_header_or_content(
    site: LoopbackSite, fetcher: PageFetcher, path: str, sent: str | None, body: str, known: str
) -> None:
    site.routes[path] = answer(body, content_type=sent)
    assert (await fetcher.page(f"{site.url}{path}")).content_type == known


@pytest.mark.parametrize(
    ("path", "sent", "body", "reason"),
    [
        ("/a.png", "image/png", "\x89PNG", "This is not a page: image/png."),
        ("/a", "video/mp4", "", "This is not a page: video/mp4."),
        ("/a", "application/json", "{}", "This is not a page: application/json."),
        ("/a", "application/xml", "<rss/>", "This is not a page: application/xml."),
        ("/a", "application/zip", "PK\3\4", "This is not a page: application/zip."),
        ("/a.html", "application/octet-stream", "\0\0", "This is not a page: application/octet-stream."),
        ("/a.pdf", None, "not really", "This is not a page: unknown type."),
        ("/a", "application/xml", "<!---->" * 300 + "<rss/>", "This is not a page: application/xml."),
    ],
)
async def test_what_is_no_page_says_what_it_is(
    site: LoopbackSite, fetcher: PageFetcher, path: str, sent: str | None, body: str, reason: str
) -> None:
    site.routes[path] = answer(body, content_type=sent)
    with pytest.raises(InputRefused) as refused:
        await fetcher.page(f"{site.url}{path}")
    assert refused.value.detail == reason


@pytest.mark.parametrize(
    ("head", "header", "may_index"),
    [
        ('<meta name="robots" content="noindex">', "", False),
        ("<META NAME=ROBOTS CONTENT='NOFOLLOW, NOINDEX'>", "", False),
        ('<meta content="none" name="robots">', "", False),
        ('<meta name="HelpNinjaBot" content="noindex">', "", False),
        ('<meta name="googlebot" content="noindex">', "", True),
        ('<meta name="robots" content="index, nofollow">', "", True),
        ("<p>use robots noindex", "", True),
        ("", "noindex", False),
        ("", "otherbot: noindex, nofollow", True),
        ("", "helpninjabot: noindex", False),
        ("", "max-snippet: 5, nofollow", True),
    ],
)
async def test_a_page_may_ask_not_to_be_indexed(
    site: LoopbackSite, fetcher: PageFetcher, head: str, header: str, may_index: bool
) -> None:
    site.routes["/a"] = answer(head + HTML, x_robots_tag=header)
    if may_index:
        assert (await fetcher.page(f"{site.url}/a")).url == f"{site.url}/a"
    else:
        with pytest.raises(InputRefused, match="noindex"):
            await fetcher.page(f"{site.url}/a")


def test_of_a_long_page_only_the_beginning_is_looked_at_for_its_robots_marks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lengths: list[int] = []

    def parse(body: bytes) -> LexborHTMLParser:
        lengths.append(len(body))
        return LexborHTMLParser(body)

    monkeypatch.setattr(pages, "LexborHTMLParser", parse)
    mark, filling = b'<meta name="robots" content="noindex">', b"<b>" * (pages.MARKS_WITHIN // 3)
    assert not pages.may_index(mark + filling, "")
    assert pages.may_index(filling + filling + mark, "")
    assert max(lengths) <= pages.MARKS_WITHIN


async def test_a_redirect_to_what_robots_txt_forbids_is_not_followed(
    site: LoopbackSite, fetcher: PageFetcher
) -> None:
    site.routes |= {"/robots.txt": robots("User-agent: *\nDisallow: /private"), "/b": redirect("/private/x")}
    with pytest.raises(InputRefused, match="does not allow this page"):
        await fetcher.page(f"{site.url}/b")
    assert "/private/x" not in site.paths()


async def test_a_redirect_off_the_site_is_refused_where_asked() -> None:
    async with (
        LoopbackSite({"/a": answer(HTML)}) as other,
        LoopbackSite({"/a": redirect(f"{other.url}/a")}) as site,
    ):
        allowed = frozenset({site.host, other.host})
        async with SafeHttp(user_agent=USER_AGENT, allowed_private_hosts=allowed) as http:
            fetcher = PageFetcher(http)
            with pytest.raises(InputRefused, match="redirects to another site"):
                await fetcher.page(f"{site.url}/a", stay_on=site.url)
            assert other.requests == []
            assert (await fetcher.page(f"{site.url}/a")).canonical_url == f"{other.url}/a"


async def test_a_private_page_is_refused_before_its_robots_txt_is_asked(fetcher: PageFetcher) -> None:
    with pytest.raises(AddressRefused):
        await fetcher.page("http://10.0.0.1/a")
