"""Which addresses safe HTTP refuses, however written, and that checking and connecting cannot differ."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Sequence

import httpcore2
import pytest

from helpninja_app.errors import AddressRefused, FetchFailed, InputRefused
from helpninja_app.kernel.safe_http import SafeHttp, Timeouts, parse_target
from tests.loopback_site import LoopbackSite, answer, redirect

PUBLIC = "93.184.215.14"


class FakeResolver:
    """Answers one list of addresses after the other, the last for ever, and remembers the questions."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


class DialToLoopback(httpcore2.AsyncNetworkBackend):
    """Connects to a loopback port whatever address is dialled, and remembers the address."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._network = httpcore2.AnyIOBackend()
        self.dialled: list[str] = []

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        self.dialled.append(host)
        return await self._network.connect_tcp("127.0.0.1", self._port, timeout=timeout)


class NoDial(httpcore2.AsyncNetworkBackend):
    """Fails the test when anything is dialled."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        pytest.fail(f"{host} was dialled")


REFUSED_FORMS = [
    # loopback, plainly and in the spellings that resolvers and browsers understand
    "http://127.0.0.1/",
    "http://127.0.0.1:8080/",
    "https://127.0.0.1/",
    "http://127.255.255.254/",
    "http://127.1/",
    "http://127.0.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.0x0.0x0.0x1/",
    "http://0x7f.1/",
    "http://017700000001/",
    "http://0177.0.0.1/",
    "http://0177.0000.0000.0001/",
    "http://127.0.0.01/",
    "http://127.000.000.001/",
    "http://127.0.0.1./",
    "http://127.0.0.1.:80/",
    "http://00000000000000000000177.1/",
    "http://0x/",
    "http://256.256.256.256/",
    "http://127.0.0.1.1/",
    "http://127.0.0.256/",
    "http://1.2.3/",
    "http://４.4.4.4.4/",
    "http://１２７.０.０.１/",
    "http://①②⑦.⓪.⓪.①/",
    "http://127。0。0。1/",
    "http://127．0．0．1/",
    "http://0/",
    "http://0.0.0.0/",
    "http://0.1.2.3/",
    "http://localhost/",
    "http://LOCALHOST/",
    "http://LocalHost.:80/",
    "http://ｌｏｃａｌｈｏｓｔ/",
    "http://foo.localhost/",
    "http://localhost.localdomain/",
    "http://printer.local/",
    "http://metadata.google.internal/computeMetadata/v1/",
    "http://router.lan/",
    "http://nas.home.arpa/",
    "http://postgres:5432/",
    "http://metadata/",
    # private and special IPv4
    "http://10.0.0.1/",
    "http://10.255.255.255/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.0.1/",
    "http://192.168.255.255/",
    "http://100.64.0.1/",
    "http://100.100.100.200/latest/meta-data/",
    "http://169.254.169.254/latest/meta-data/",
    "http://169.254.170.2/v2/credentials",
    "http://168.63.129.16/metadata",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://0251.0376.0251.0376/",
    "http://169.254.43518/",
    "http://192.0.0.192/",
    "http://192.0.2.1/",
    "http://192.88.99.1/",
    "http://198.18.0.1/",
    "http://198.19.255.255/",
    "http://198.51.100.1/",
    "http://203.0.113.1/",
    "http://224.0.0.1/",
    "http://239.255.255.250:1900/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    # IPv6
    "http://[::1]/",
    "http://[::1]:6379/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[0000:0000:0000:0000:0000:0000:0000:0001]/",
    "http://[::]/",
    "http://[::127.0.0.1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::FFFF:169.254.169.254]/",
    "http://[::ffff:8.8.8.8]/",
    "http://[::ffff:0:127.0.0.1]/",
    "http://[64:ff9b::127.0.0.1]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[64:ff9b:1::10.0.0.1]/",
    "http://[2002:7f00:1::]/",
    "http://[2002:a9fe:a9fe::1]/",
    "http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
    "http://[2001:2::1]/",
    "http://[2001:10::1]/",
    "http://[2001:db8::1]/",
    "http://[3fff::1]/",
    "http://[100::1]/",
    "http://[fc00::1]/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://[fe80::1]/",
    "http://[fe80::1%eth0]/",
    "http://[fe80::1%25eth0]/",
    "http://[::1%25lo]/",
    "http://[fec0::1]/",
    "http://[ff02::1]/",
    "http://[5f00::1]/",
    "http://[2606:4700::5efe:10.0.0.1]/",
    "http://[2606:4700:0:0:200:5efe:7f00:1]/",
    "http://[::1/",
    "http://::1/",
    "http://[127.0.0.1]/",
    "http://[::1]x/",
    # tricks with the authority
    "http://example.com@127.0.0.1/",
    "http://127.0.0.1@example.com/",
    "http://user:secret@example.com/",
    "http://example.com:80@127.0.0.1/",
    "http://example.com%40127.0.0.1/",
    "http://127.0.0.1%2f@example.com/",
    "http://127.0.0.1%00.example.com/",
    "http://%31%32%37.0.0.1/",
    "http://example.com\\@127.0.0.1/",
    "http://127.0.0.1\\.example.com/",
    "http:\\\\127.0.0.1\\",
    "http://127.0.0.1\t/",
    "http://127.0.0.1\n/",
    "http://exa\r\nmple.com/",
    "http://\x00127.0.0.1/",
    "ht\ntp://127.0.0.1/",
    "http://127.0.0.1#@example.com/",
    "http://127.0.0.1?@example.com/",
]

UNREADABLE_FORMS = [
    "",
    "   ",
    "example.com",
    "//example.com/",
    "/help/",
    "http:example.com",
    "http:/example.com",
    "http://",
    "http:///etc/passwd",
    "http://:80/",
    "http://?x=http://example.com",
    "http://.example.com/",
    "http://example..com/",
    "http://example.com../",
    "http://-example.com/",
    "http://example.com:0/",
    "http://example.com:65536/",
    "http://example.com:８０/",
    "http://example.com:+80/",
    "http://example.com:80a/",
    "http://exa mple.com/",
    "http://exam<ple.com/",
    f"http://{'a' * 64}.com/",
    f"http://{'a.' * 130}com/",
    f"https://example.com/{'a' * 2048}",
    "http://ex\u0000ample.com/",
    "http://\ud800.com/",
    "http://xn--\u0430.com/",
    "file:///etc/passwd",
    "ftp://example.com/",
    "gopher://127.0.0.1:6379/_INFO",
    "dict://127.0.0.1:11211/stats",
    "data:text/html,hello",
    "javascript:alert(1)",
    "jar:http://127.0.0.1!/",
    "ldap://127.0.0.1/",
    "unix:///var/run/docker.sock",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/info",
]


@pytest.mark.parametrize("url", REFUSED_FORMS)
async def test_a_private_or_disguised_address_is_refused_before_anything_is_asked_or_dialled(
    url: str,
) -> None:
    resolver = FakeResolver([PUBLIC])
    async with SafeHttp(user_agent="test", resolver=resolver, dial=NoDial()) as http:
        with pytest.raises(AddressRefused):
            await http.fetch(url, max_bytes=1000)
        with pytest.raises(AddressRefused):
            await http.request("POST", url, body=b"x")
        with pytest.raises(AddressRefused):
            await http.check(url)
    assert resolver.asked == []


@pytest.mark.parametrize("url", UNREADABLE_FORMS)
async def test_what_is_no_web_address_is_refused_with_a_sentence(url: str) -> None:
    async with SafeHttp(user_agent="test", resolver=FakeResolver([PUBLIC]), dial=NoDial()) as http:
        with pytest.raises(InputRefused) as refused:
            await http.fetch(url, max_bytes=1000)
    assert refused.value.detail.endswith(".")


@pytest.mark.parametrize(
    "resolved",
    [
        ["127.0.0.1"],
        ["10.1.2.3"],
        ["169.254.169.254"],
        ["100.64.1.1"],
        ["0.0.0.0"],
        ["224.0.0.251"],
        ["255.255.255.255"],
        ["::1"],
        ["::ffff:10.0.0.1"],
        ["64:ff9b::a00:1"],
        ["2002:a00:1::"],
        ["2001:0:1::1"],
        ["fe80::1%eth0"],
        ["fd12:3456::1"],
        ["ff0e::1"],
        [PUBLIC, "127.0.0.1"],
        ["10.0.0.1", PUBLIC],
        ["2606:4700::1111", "::1"],
    ],
)
async def test_a_name_is_refused_when_any_of_its_addresses_is(resolved: list[str]) -> None:
    async with SafeHttp(user_agent="test", resolver=FakeResolver(resolved), dial=NoDial()) as http:
        with pytest.raises(AddressRefused) as refused:
            await http.fetch("http://innocent.example.com/", max_bytes=1000)
    assert "innocent.example.com" in refused.value.detail
    assert not any(address in refused.value.detail for address in resolved)


async def test_a_name_that_changes_after_the_check_is_not_asked_again() -> None:
    resolver = FakeResolver([PUBLIC], ["127.0.0.1"])
    async with LoopbackSite({"/": answer("hello")}) as site:
        dial = DialToLoopback(site.port)
        async with SafeHttp(user_agent="test", resolver=resolver, dial=dial) as http:
            fetched = await http.fetch("http://rebind.example.com/", max_bytes=1000)
            assert fetched.body == b"hello"
            assert dial.dialled == [PUBLIC]
            assert len(resolver.asked) == 1
            assert site.requests[0].headers["host"] == "rebind.example.com"
            with pytest.raises(AddressRefused):
                await http.fetch("http://rebind.example.com:8080/", max_bytes=1000)
            assert dial.dialled == [PUBLIC]


@pytest.mark.parametrize(
    "location", ["http://127.0.0.1/", "http://169.254.169.254/x", "//[::1]/", "http://0x7f.1/"]
)
async def test_a_redirect_to_a_private_address_is_refused(location: str) -> None:
    async with LoopbackSite({"/": redirect(location)}) as site:
        dial = DialToLoopback(site.port)
        async with SafeHttp(user_agent="test", resolver=FakeResolver([PUBLIC]), dial=dial) as http:
            with pytest.raises(AddressRefused, match="redirects to a forbidden address"):
                await http.fetch("http://example.com/", max_bytes=1000)
    assert dial.dialled == [PUBLIC]


async def test_a_redirect_to_a_name_with_a_private_address_is_refused() -> None:
    async with LoopbackSite({"/": redirect("http://inner.example.com/")}) as site:
        dial = DialToLoopback(site.port)
        async with SafeHttp(
            user_agent="test", resolver=FakeResolver([PUBLIC], ["10.0.0.1"]), dial=dial
        ) as http:
            with pytest.raises(AddressRefused):
                await http.fetch("http://example.com/", max_bytes=1000)
    assert dial.dialled == [PUBLIC]


async def test_only_the_very_host_and_port_that_is_allowed_may_be_private() -> None:
    async with (
        LoopbackSite({"/": answer("inside")}) as site,
        LoopbackSite({"/": answer("other")}) as other,
        SafeHttp(user_agent="test", allowed_private_hosts=frozenset({site.host})) as http,
    ):
        assert (await http.fetch(site.url, max_bytes=1000)).body == b"inside"
        with pytest.raises(AddressRefused):
            await http.fetch(other.url, max_bytes=1000)
        with pytest.raises(AddressRefused):
            await http.fetch(f"http://localhost:{site.port}/", max_bytes=1000)
    assert other.requests == []


async def test_an_allowed_name_is_compared_in_its_normal_form() -> None:
    async with LoopbackSite({"/": answer("wiki")}) as site:
        allowed = frozenset({"Wiki.Intranet.:80", "[0:0::1]:8080"})
        resolver, dial = FakeResolver(["10.0.0.7"]), DialToLoopback(site.port)
        async with SafeHttp(
            user_agent="test", allowed_private_hosts=allowed, resolver=resolver, dial=dial
        ) as http:
            assert (await http.fetch("http://WIKI.intranet/", max_bytes=100)).body == b"wiki"
            assert await http.check("http://[::1]:8080") == "http://[::1]:8080/"
    assert dial.dialled == ["10.0.0.7"]


@pytest.mark.parametrize("entry", ["wiki.intranet", "http://wiki.intranet:80", "wiki.intranet:99999", ":80"])
async def test_an_allowed_host_that_is_not_host_and_port_is_refused_at_start(entry: str) -> None:
    with pytest.raises(InputRefused):
        SafeHttp(user_agent="test", allowed_private_hosts=frozenset({entry}), resolver=FakeResolver([PUBLIC]))


async def test_every_checked_address_is_tried_in_turn() -> None:
    class FirstIsDown(DialToLoopback):
        async def connect_tcp(
            self,
            host: str,
            port: int,
            timeout: float | None = None,
            local_address: str | None = None,
            socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
        ) -> httpcore2.AsyncNetworkStream:
            if not self.dialled:
                self.dialled.append(host)
                raise httpcore2.ConnectError("down")
            return await super().connect_tcp(host, port, timeout)

    async with LoopbackSite({"/": answer("up")}) as site:
        dial = FirstIsDown(site.port)
        resolver = FakeResolver(["2606:4700::1111", PUBLIC])
        async with SafeHttp(user_agent="test", resolver=resolver, dial=dial) as http:
            assert (await http.fetch("http://example.com/", max_bytes=100)).body == b"up"
    assert dial.dialled == ["2606:4700::1111", PUBLIC]


@pytest.mark.parametrize(("number", "retryable"), [(socket.EAI_NONAME, False), (socket.EAI_AGAIN, True)])
async def test_an_unknown_name_is_told_and_only_a_passing_failure_is_worth_a_retry(
    number: int, retryable: bool
) -> None:
    async def failing(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(number, "no")

    async with SafeHttp(user_agent="test", resolver=failing, dial=NoDial()) as http:
        with pytest.raises(FetchFailed, match="no website at nowhere") as failed:
            await http.fetch("http://nowhere.example.com/", max_bytes=100)
    assert failed.value.retryable is retryable


async def test_a_name_server_that_never_answers_does_not_hold_us_up() -> None:
    async def silent(host: str, port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    timeouts = Timeouts(resolve=0.05)
    async with SafeHttp(user_agent="test", resolver=silent, dial=NoDial(), timeouts=timeouts) as http:
        with pytest.raises(FetchFailed, match="could not be looked up in time"):
            await http.fetch("http://slow.example.com/", max_bytes=100)


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("HTTPS://Example.COM", "https://example.com/"),
        (" https://example.com:443/a#b ", "https://example.com/a"),
        ("http://example.com:80?q=1", "http://example.com/?q=1"),
        ("http://example.com.:8080/", "http://example.com:8080/"),
        ("https://Bücher.example/ä ö", "https://xn--bcher-kva.example/%C3%A4%20%C3%B6"),
        ("https://ＥＸＡＭＰＬＥ.com/", "https://example.com/"),
        ("https://faß.de/", "https://xn--fa-hia.de/"),
        ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example/"),
        ("http://8.8.8.8/", "http://8.8.8.8/"),
        ("http://[2606:4700:0:0::1111]:8080/", "http://[2606:4700::1111]:8080/"),
        ("http://a_b.example.com/%41?x=%zz", "http://a_b.example.com/%41?x=%zz"),
    ],
)
def test_a_public_address_is_brought_into_one_form(url: str, normal: str) -> None:
    assert parse_target(url).url == normal
    assert parse_target(normal).url == normal
