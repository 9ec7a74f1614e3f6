"""What safe HTTP does with servers that redirect, stall, lie about sizes, or answer in nonsense."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from helpninja_app.errors import AddressRefused, FetchFailed, InputRefused
from helpninja_app.kernel.safe_http import Fetched, Head, SafeHttp, Timeouts
from tests.loopback_site import Handler, LoopbackSite, Request, answer, redirect

# One short time each: on a machine that stalls, which of two ran out first is anybody's guess.
IMPATIENT = Timeouts(connect=30, read=0.3, total=30)
HURRIED = Timeouts(connect=30, read=30, total=0.6)


@pytest.fixture
async def site() -> AsyncIterator[LoopbackSite]:
    async with LoopbackSite() as site:
        yield site


@pytest.fixture
async def http(site: LoopbackSite) -> AsyncIterator[SafeHttp]:
    async with SafeHttp(user_agent="test/1", allowed_private_hosts=frozenset({site.host})) as http:
        yield http


@pytest.fixture
async def hurried(site: LoopbackSite) -> AsyncIterator[SafeHttp]:
    allowed = frozenset({site.host})
    async with SafeHttp(user_agent="test/1", allowed_private_hosts=allowed, timeouts=HURRIED) as http:
        yield http


def in_pieces(*pieces: bytes, pause: float = 0.0, hang: bool = False) -> Handler:
    """Write the pieces one after the other, then close, or hang until the client has gone."""

    async def handler(request: Request, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
        if hang:
            await asyncio.sleep(5)

    return handler


async def test_an_answer_carries_its_type_charset_and_headers(site: LoopbackSite, http: SafeHttp) -> None:
    site.routes["/a?b=c"] = answer(
        "é".encode("latin-1"), content_type='Text/HTML; Charset="ISO-8859-1"', x_a="1"
    )
    fetched = await http.fetch(f"{site.url}/a?b=c#d", max_bytes=100, accept="text/html")
    assert (fetched.status, fetched.content_type, fetched.charset) == (200, "text/html", "iso-8859-1")
    assert (fetched.body, fetched.headers["x-a"], fetched.url) == (b"\xe9", "1", f"{site.url}/a?b=c")
    sent = site.requests[0]
    assert sent.headers["user-agent"] == "test/1"
    assert sent.headers["accept"] == "text/html"
    assert sent.headers["host"] == site.host
    assert sent.headers["accept-encoding"] == "gzip, deflate"


async def test_redirects_are_followed_and_listed(site: LoopbackSite, http: SafeHttp) -> None:
    site.routes |= {
        "/a": redirect("/b?x=1"),
        "/b?x=1": redirect(f"http://{site.host}/sub/c", "301 Moved Permanently"),
        "/sub/c": redirect("d", "308 Permanent Redirect"),
        "/sub/d": answer("end"),
    }
    fetched = await http.fetch(f"{site.url}/a", max_bytes=100)
    assert (fetched.body, fetched.url, fetched.requested_url) == (
        b"end",
        f"{site.url}/sub/d",
        f"{site.url}/a",
    )
    assert fetched.redirects == (f"{site.url}/a", f"{site.url}/b?x=1", f"{site.url}/sub/c")
    # Only who is led on for good all the way has moved.
    has_moved = [(await http.fetch(f"{site.url}{path}", max_bytes=100)).is_moved for path in site.routes]
    assert has_moved == [False, True, True, False]


async def test_five_redirects_are_followed_and_a_sixth_is_not(site: LoopbackSite, http: SafeHttp) -> None:
    site.routes |= {f"/{step}": redirect(f"/{step + 1}") for step in range(6)} | {"/6": answer("end")}
    assert (await http.fetch(f"{site.url}/1", max_bytes=100)).body == b"end"
    with pytest.raises(FetchFailed, match="more than 5 times"):
        await http.fetch(f"{site.url}/0", max_bytes=100)


async def test_a_circle_of_redirects_ends_at_once(site: LoopbackSite, http: SafeHttp) -> None:
    site.routes |= {"/a": redirect("/b"), "/b": redirect("/a")}
    with pytest.raises(FetchFailed, match="in a circle"):
        await http.fetch(f"{site.url}/a", max_bytes=100)
    assert site.paths() == ["/a", "/b"]


@pytest.mark.parametrize(
    "location", ["ftp://example.com/", "file:///etc/passwd", "http://[::1", "javascript:x"]
)
async def test_a_redirect_to_something_else_than_the_web_is_not_followed(
    site: LoopbackSite, http: SafeHttp, location: str
) -> None:
    site.routes["/"] = redirect(location)
    with pytest.raises(InputRefused, match="redirects to"):
        await http.fetch(site.url, max_bytes=100)


async def test_whoever_asks_may_stop_a_redirect_or_refuse_a_head(site: LoopbackSite, http: SafeHttp) -> None:
    site.routes |= {"/a": redirect("/b"), "/b": answer("end", content_type="image/png")}
    seen: list[str] = []

    async def stop(url: str) -> None:
        seen.append(url)
        raise InputRefused("stop")

    def no_images(head: Head) -> None:
        raise InputRefused(f"not a page: {head.content_type}")

    with pytest.raises(InputRefused, match="stop"):
        await http.fetch(f"{site.url}/a", max_bytes=100, before_redirect=stop)
    assert (seen, site.paths()) == ([f"{site.url}/b"], ["/a"])
    with pytest.raises(InputRefused, match="not a page: image/png"):
        await http.fetch(f"{site.url}/b", max_bytes=1, check_head=no_images)


@pytest.mark.parametrize(
    ("status", "sentence", "retryable"),
    [
        ("404 Not Found", "answered 404 Not Found.", False),
        ("403 No", "answered 403 Forbidden.", False),
        ("503 Busy", "answered 503 Service Unavailable.", True),
        ("429 Slow", "answered 429 Too Many Requests.", True),
        ("304 Same", "answered 304 Not Modified.", False),
        ("799 What", "answered 799.", False),
    ],
)
async def test_every_status_but_success_is_a_failure_with_its_number(
    site: LoopbackSite, http: SafeHttp, status: str, sentence: str, retryable: bool
) -> None:
    site.routes["/"] = answer(status=status)
    with pytest.raises(FetchFailed) as failed:
        await http.fetch(site.url, max_bytes=100)
    assert failed.value.detail == f"{site.host} {sentence}"
    assert failed.value.remote_status == int(status[:3])
    assert failed.value.retryable is retryable
    assert failed.value.status == 422


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        ("7", 7, 7),
        ((datetime.now(UTC) + timedelta(hours=2)).strftime("%a, %d %b %Y %H:%M:%S GMT"), 3600, 7200),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
    ],
    ids=["seconds", "a date to come", "a date gone by"],
)
async def test_retry_after_is_read_as_seconds_or_as_a_date(
    site: LoopbackSite, http: SafeHttp, value: str, low: float, high: float
) -> None:
    site.routes["/"] = answer(status="503 Busy", retry_after=value)
    with pytest.raises(FetchFailed) as failed:
        await http.fetch(site.url, max_bytes=100)
    assert failed.value.retry_after is not None
    assert low <= failed.value.retry_after <= high


async def test_a_retry_after_that_is_nonsense_is_none(site: LoopbackSite, http: SafeHttp) -> None:
    site.routes["/"] = answer(status="503 Busy", retry_after="soon")
    with pytest.raises(FetchFailed) as failed:
        await http.fetch(site.url, max_bytes=100)
    assert failed.value.retry_after is None


async def test_a_body_over_the_cap_is_refused_by_its_announcement(site: LoopbackSite, http: SafeHttp) -> None:
    site.routes["/"] = in_pieces(
        b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\nx", hang=True
    )
    with pytest.raises(FetchFailed, match="too large: over 10 MB"):
        await http.fetch(site.url, max_bytes=10 << 20)


async def test_a_body_over_the_cap_is_refused_while_it_streams(site: LoopbackSite, http: SafeHttp) -> None:
    chunk = b"400\r\n" + b"x" * 1024 + b"\r\n"
    site.routes["/"] = in_pieces(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", *[chunk] * 50, hang=True
    )
    with pytest.raises(FetchFailed, match="too large: over 40 KB"):
        await http.fetch(site.url, max_bytes=40 << 10)
    assert len((await _exactly_at_the_cap(site, http)).body) == 1000


async def _exactly_at_the_cap(site: LoopbackSite, http: SafeHttp) -> Fetched:
    site.routes["/full"] = answer(b"x" * 1000)
    return await http.fetch(f"{site.url}/full", max_bytes=1000)


def _deflate(content: bytes, window: int) -> bytes:
    packer = zlib.compressobj(9, wbits=window)
    return packer.compress(content) + packer.flush()


TEXT = b"All our shops open at nine. " * 100


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(TEXT)),
        ("x-gzip", gzip.compress(TEXT)),
        ("GZIP", gzip.compress(TEXT[:50]) + gzip.compress(TEXT[50:])),
        ("gzip", gzip.compress(TEXT) + b"\0" * 20),
        ("deflate", _deflate(TEXT, 15)),
        ("deflate", _deflate(TEXT, -15)),
        ("identity", TEXT),
        ("", TEXT),
    ],
)
async def test_a_compressed_body_is_unpacked(
    site: LoopbackSite, http: SafeHttp, encoding: str, packed: bytes
) -> None:
    site.routes["/"] = answer(packed, content_encoding=encoding)
    assert (await http.fetch(site.url, max_bytes=len(TEXT))).body == TEXT


async def test_an_empty_body_that_calls_itself_gzip_is_empty(site: LoopbackSite, http: SafeHttp) -> None:
    site.routes["/"] = answer(b"", content_encoding="gzip")
    assert (await http.fetch(site.url, max_bytes=10)).body == b""


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip, gzip", "deflate, gzip", "nonsense"])
async def test_an_encoding_that_was_not_offered_is_refused(
    site: LoopbackSite, http: SafeHttp, encoding: str
) -> None:
    site.routes["/"] = answer(gzip.compress(gzip.compress(TEXT)), content_encoding=encoding)
    with pytest.raises(FetchFailed, match="encoding that was not asked for"):
        await http.fetch(site.url, max_bytes=10_000)


@pytest.mark.parametrize(
    ("encoding", "bomb"),
    [
        ("gzip", gzip.compress(bytes(50 << 20))),
        ("deflate", _deflate(bytes(50 << 20), 15)),
        ("deflate", _deflate(bytes(50 << 20), -15)),
        ("gzip", gzip.compress(bytes(1 << 20)) * 50),
    ],
)
async def test_a_decompression_bomb_stops_at_the_cap(
    site: LoopbackSite, http: SafeHttp, encoding: str, bomb: bytes
) -> None:
    site.routes["/"] = answer(bomb, content_encoding=encoding)
    with pytest.raises(FetchFailed, match="too large: over 1 MB"):
        await http.fetch(site.url, max_bytes=1 << 20)
    with pytest.raises(FetchFailed, match="unpacks to far more than it should"):
        await http.fetch(site.url, max_bytes=100 << 20)


@pytest.mark.parametrize("packed", [b"this is not gzip", gzip.compress(TEXT)[:-9], gzip.compress(TEXT)[:5]])
async def test_a_damaged_compressed_body_is_a_failure(
    site: LoopbackSite, http: SafeHttp, packed: bytes
) -> None:
    site.routes["/"] = answer(packed, content_encoding="gzip")
    with pytest.raises(FetchFailed, match="damaged compressed answer"):
        await http.fetch(site.url, max_bytes=10_000)


@pytest.mark.parametrize(
    ("pieces", "sentence"),
    [
        ([], "closed the connection without an answer"),
        ([b"HTTP/1.1 200 OK\r\ncontent-le"], "closed the connection without an answer"),
        ([b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort"], "broke off in the middle"),
        ([b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"], "broke off in the middle"),
        ([b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n"], "did not answer in valid HTTP"),
        ([b"220 mail.example.com ESMTP ready\r\n\r\n"], "did not answer in valid HTTP"),
        ([b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n"], "did not answer in valid HTTP"),
        ([b"HTTP/1.1 200 OK\r\na: b\0c\r\n\r\n"], "did not answer in valid HTTP"),
        ([b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n"], "did not answer in valid HTTP"),
        (
            [b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello"],
            "not answer in valid HTTP",
        ),
        ([b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 300 + b"\r\n"], "more than 200 headers"),
        ([b"HTTP/1.1 200 OK\r\n", *[b"a: " + b"b" * 8000 + b"\r\n"] * 20], "did not answer in valid HTTP"),
    ],
)
async def test_a_broken_answer_is_a_failure_with_its_reason(
    site: LoopbackSite, http: SafeHttp, pieces: list[bytes], sentence: str
) -> None:
    site.routes["/"] = in_pieces(*pieces)
    with pytest.raises(FetchFailed, match=sentence):
        await http.fetch(site.url, max_bytes=10_000)


async def test_a_silent_server_is_left_after_the_read_time(site: LoopbackSite) -> None:
    site.routes["/"] = in_pieces(b"HTTP/1.1 200 OK\r\n", hang=True)
    allowed = frozenset({site.host})
    async with SafeHttp(user_agent="test", allowed_private_hosts=allowed, timeouts=IMPATIENT) as http:
        with pytest.raises(FetchFailed, match=r"was silent for 0\.3 seconds") as failed:
            await http.fetch(site.url, max_bytes=100)
    assert failed.value.retryable


async def test_a_server_that_drips_is_left_after_the_total_time(
    site: LoopbackSite, hurried: SafeHttp
) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n"
    site.routes["/"] = in_pieces(head, *[b"x"] * 100, pause=0.1)
    with pytest.raises(FetchFailed, match=r"took longer than 0.6 seconds") as failed:
        await hurried.fetch(site.url, max_bytes=100)
    assert failed.value.retryable


async def test_redirects_share_one_total_time(site: LoopbackSite, hurried: SafeHttp) -> None:
    site.routes |= {f"/{step}": in_pieces(b"", redirect(f"/{step + 1}"), pause=0.2) for step in range(5)}
    with pytest.raises(FetchFailed, match="took longer than"):
        await hurried.fetch(f"{site.url}/0", max_bytes=100)
    assert len(site.requests) < 5


async def test_a_closed_port_is_a_failure_worth_a_retry() -> None:
    async with LoopbackSite() as closed:
        host = closed.host
    async with SafeHttp(user_agent="test", allowed_private_hosts=frozenset({host})) as http:
        with pytest.raises(FetchFailed, match="could not be reached") as failed:
            await http.fetch(f"http://{host}/", max_bytes=100)
    assert failed.value.retryable


async def test_nothing_is_left_open_after_failures(site: LoopbackSite, http: SafeHttp) -> None:
    site.routes["/big"] = in_pieces(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 5000, hang=True)
    for _ in range(120):  # more than the pool has connections: a leaked one would block the next
        with pytest.raises(FetchFailed):
            await http.fetch(f"{site.url}/big", max_bytes=1000)


async def test_a_proxy_in_the_environment_is_not_used(
    site: LoopbackSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    site.routes["/"] = answer("direct")
    async with SafeHttp(user_agent="test", allowed_private_hosts=frozenset({site.host})) as http:
        assert (await http.fetch(site.url, max_bytes=100)).body == b"direct"


async def test_cookies_are_not_kept(site: LoopbackSite, http: SafeHttp) -> None:
    site.routes["/"] = answer("x", set_cookie="session=1; Path=/")
    for _ in range(2):
        await http.fetch(site.url, max_bytes=100)
    assert all("cookie" not in request.headers for request in site.requests)


async def test_a_posted_body_and_headers_arrive_and_any_status_is_returned(
    site: LoopbackSite, http: SafeHttp
) -> None:
    site.routes["/hook"] = answer('{"ok":false}', status="500 Oops", content_type="application/json")
    sent = {"Content-Type": "application/json", "Host": "evil.example.com", "Content-Length": "1"}
    answered = await http.request("post", f"{site.url}/hook", body=b'{"a":1}', headers=sent)
    assert (answered.status, answered.body) == (500, b'{"ok":false}')
    [request] = site.requests
    assert (request.method, request.body, request.headers["host"]) == ("POST", b'{"a":1}', site.host)
    assert request.headers["content-type"] == "application/json"


async def test_a_post_is_not_redirected(site: LoopbackSite, http: SafeHttp) -> None:
    site.routes["/hook"] = redirect("/other")
    assert (await http.request("POST", f"{site.url}/hook", body=b"x")).status == 302
    assert site.paths() == ["/hook"]


@pytest.mark.parametrize("headers", [{"x": "a\r\nHost: evil"}, {"a b": "c"}, {"x": "a\0"}])
async def test_headers_cannot_be_smuggled_in(
    site: LoopbackSite, http: SafeHttp, headers: dict[str, str]
) -> None:
    with pytest.raises(InputRefused, match="headers that HTTP does not allow"):
        await http.request("POST", site.url, body=b"x", headers=headers)
    assert site.requests == []


async def test_a_cancelled_fetch_stays_cancelled(site: LoopbackSite, http: SafeHttp) -> None:
    site.routes["/"] = in_pieces(hang=True)
    task = asyncio.create_task(http.fetch(site.url, max_bytes=100))
    while not site.requests:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_address_that_is_refused_is_told_apart_from_a_failure(http: SafeHttp) -> None:
    with pytest.raises(AddressRefused) as refused:
        await http.fetch("http://10.0.0.1/", max_bytes=100)
    assert refused.value.detail == "10.0.0.1 is not a public address (private), so it is not fetched."
