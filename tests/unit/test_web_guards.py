"""What stands around every request: whose websocket is let in, headers, prefixes."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest

from helpninja_app.kernel.proxies import own_origin
from helpninja_app.kernel.web import (
    ByPrefix,
    Message,
    Receive,
    Scope,
    SecurityHeaders,
    Send,
    inline_script_hashes,
)
from helpninja_app.kernel.websockets import EVENTS_AT_ONCE, MOST_BYTES, OPEN_PER_ADDRESS, GuardedEvents
from helpninja_app.settings import Settings


def settings(**values: Any) -> Settings:
    return Settings(_env_file=None, **values)


def scope(
    path: str = "/", *, kind: str = "http", client: str = "203.0.113.9", **headers: str
) -> dict[str, Any]:
    return {
        "type": kind,
        "scheme": "ws" if kind == "websocket" else "http",
        "path": path,
        "client": (client, 40000),
        "headers": [
            (name.replace("_", "-").encode(), value.encode())
            for name, value in ({"host": "help.example:3000"} | headers).items()
        ],
    }


class Page:
    """An app that answers with the given headers and remembers that it was asked."""

    def __init__(self, status: int = 200, **headers: str) -> None:
        self.status = status
        self.headers = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        self.was_asked = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.was_asked = True
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
            return
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": b""})


async def call(app: Any, request: dict[str, Any]) -> list[Message]:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": f"{request['type']}.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(request, receive, send)
    return sent


def headers_of(sent: list[Message]) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in sent[0]["headers"]}


@pytest.mark.parametrize(
    ("origin", "is_let_in"),
    [
        ("http://help.example:3000", True),
        ("HTTP://Help.Example:3000", True),
        ("https://help.example:3000", False),
        ("http://help.example", False),
        ("http://help.example:3000.evil.example", False),
        ("http://evil.example", False),
        ("null", False),
        ("", False),
        (None, False),
    ],
)
async def test_only_our_own_pages_open_the_websocket(origin: str | None, is_let_in: bool) -> None:
    inner = Page()
    headers = {} if origin is None else {"origin": origin}
    sent = await call(GuardedEvents(inner, settings()), scope("/_event/", kind="websocket", **headers))
    assert inner.was_asked is is_let_in
    assert sent[0]["type"] == ("websocket.accept" if is_let_in else "websocket.close")


async def test_the_websockets_path_refuses_foreign_http_too() -> None:
    sent = await call(GuardedEvents(Page(), settings()), scope("/_event", origin="http://evil.example"))
    assert sent[0]["status"] == 403


async def test_other_paths_are_not_the_websockets_business() -> None:
    sent = await call(GuardedEvents(Page(), settings()), scope("/_events", origin="http://evil.example"))
    assert sent[0]["status"] == 200


async def test_a_public_url_decides_whatever_the_host_header_says() -> None:
    configured = settings(public_url="https://help.example.com")
    ours = scope("/_event", kind="websocket", host="other", origin="https://help.example.com")
    forged = scope("/_event", kind="websocket", host="evil.example", origin="http://evil.example")
    assert (await call(GuardedEvents(Page(), configured), ours))[0]["type"] == "websocket.accept"
    assert (await call(GuardedEvents(Page(), configured), forged))[0]["type"] == "websocket.close"


class Script:
    """A websocket that sends what it is given, and an app that reads until it is over."""

    def __init__(self, *texts: str) -> None:
        self.waiting = [{"type": "websocket.receive", "text": text} for text in texts]
        self.read: list[str] = []
        self.sent: list[Message] = []

    async def receive(self) -> Message:
        return self.waiting.pop(0) if self.waiting else {"type": "websocket.disconnect", "code": 1000}

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    async def app(self, _scope: Scope, receive: Receive, _send: Send) -> None:
        while (message := await receive())["type"] != "websocket.disconnect":
            self.read.append(message["text"])

    async def run(self) -> list[int]:
        """The codes that the connection was closed with."""
        origin = "http://help.example:3000"
        guard = GuardedEvents(self.app, settings())
        await guard(scope("/_event", kind="websocket", origin=origin), self.receive, self.send)
        return [message["code"] for message in self.sent if message["type"] == "websocket.close"]


async def test_an_event_larger_than_a_page_s_ends_the_connection() -> None:
    script = Script("x" * MOST_BYTES, "x" * (MOST_BYTES + 1), "never read")
    assert await script.run() == [1009]
    assert script.read == ["x" * MOST_BYTES]


async def test_a_flood_of_events_ends_the_connection() -> None:
    script = Script(*(["event"] * 1_000))
    assert await script.run() == [1008]
    assert EVENTS_AT_ONCE <= len(script.read) < EVENTS_AT_ONCE + 20


async def test_what_a_person_does_is_let_through() -> None:
    script = Script(*(["event"] * EVENTS_AT_ONCE))
    assert await script.run() == []
    assert len(script.read) == EVENTS_AT_ONCE


async def test_one_address_holds_a_bounded_number_of_connections() -> None:
    may_end = asyncio.Event()

    async def stay(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})
        await may_end.wait()

    guard = GuardedEvents(stay, settings())

    async def connect(client: str) -> Message:
        connection = scope("/_event", kind="websocket", client=client, origin="http://help.example:3000")
        return (await call(guard, connection))[0]

    async with asyncio.TaskGroup() as group:
        staying = [group.create_task(connect("203.0.113.9")) for _ in range(OPEN_PER_ADDRESS)]
        await asyncio.sleep(0.05)
        assert (await connect("203.0.113.9"))["type"] == "websocket.close"
        elsewhere = group.create_task(connect("203.0.113.10"))
        await asyncio.sleep(0)
        may_end.set()
    assert {task.result()["type"] for task in [*staying, elsewhere]} == {"websocket.accept"}
    assert (await connect("203.0.113.9"))["type"] == "websocket.accept"


@pytest.mark.parametrize(
    ("trusted", "expected"),
    [
        (frozenset({"10.0.0.0/8"}), "https://help.example.com"),
        (frozenset({"192.168.0.1"}), "http://help.example:3000"),
        (frozenset(), "http://help.example:3000"),
        (frozenset({"not an address"}), "http://help.example:3000"),
    ],
)
def test_forwarded_headers_count_from_trusted_proxies_only(trusted: frozenset[str], expected: str) -> None:
    request = scope(
        client="10.1.2.3",
        x_forwarded_proto="http, https",
        x_forwarded_host="evil.example, help.example.com:443",
    )
    assert own_origin(request, settings(trusted_proxies=trusted)) == expected


async def test_a_page_gets_a_policy_that_names_its_inline_scripts() -> None:
    app = SecurityHeaders(
        Page(content_type="text/html; charset=utf-8"), settings(), script_hashes=["sha256-abc"]
    )
    headers = headers_of(await call(app, scope()))
    assert "script-src 'self' 'sha256-abc';" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe-eval" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "strict-origin-when-cross-origin"


async def test_a_response_with_its_own_policy_keeps_it_and_may_be_framed() -> None:
    page = Page(content_type="text/html", content_security_policy="frame-ancestors https://shop.example")
    sent = await call(SecurityHeaders(page, settings()), scope("/widget/panel"))
    names = [name for name, _ in sent[0]["headers"]]
    assert headers_of(sent)["content-security-policy"] == "frame-ancestors https://shop.example"
    assert names.count(b"content-security-policy") == 1
    assert b"x-frame-options" not in names


async def test_transport_security_is_asked_for_on_https_only() -> None:
    plain = await call(SecurityHeaders(Page(), settings()), scope())
    secure = await call(SecurityHeaders(Page(), settings(public_url="https://help.example")), scope())
    assert "strict-transport-security" not in headers_of(plain)
    assert "strict-transport-security" in headers_of(secure)


@pytest.mark.parametrize(
    ("path", "status", "is_kept"),
    [
        ("/assets/root-Ale075no.js", 200, True),
        ("/assets/root-Ale075no.js", 404, False),
        ("/styles/tokens.css", 200, False),
    ],
)
async def test_only_files_with_a_hash_in_their_name_are_kept_for_ever(
    path: str, status: int, is_kept: bool
) -> None:
    headers = headers_of(await call(SecurityHeaders(Page(status), settings()), scope(path)))
    assert ("cache-control" in headers) is is_kept


@pytest.mark.parametrize(
    ("path", "is_api"),
    [("/api", True), ("/api/chat", True), ("/apis", False), ("/", False), ("/app/api", False)],
)
async def test_a_prefix_ends_at_a_slash(path: str, is_api: bool) -> None:
    api, pages = Page(), Page()
    await call(ByPrefix(("/api",), api, pages), scope(path))
    assert (api.was_asked, pages.was_asked) == (is_api, not is_api)


def test_every_inline_script_of_the_build_is_found_and_no_linked_one(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "page.html").write_text(
        '<script>one()</script><script type="module" async="">two()\n</script><script src="/x.js"></script>'
    )
    digests = {
        "sha256-" + base64.b64encode(hashlib.sha256(text).digest()).decode()
        for text in (b"one()", b"two()\n")
    }
    assert inline_script_hashes(tmp_path) == digests
