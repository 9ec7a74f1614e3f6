"""What safe HTTP makes of the addresses of a name, and that checking and connecting cannot differ."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Sequence

import httpcore2
import pytest

from helpninja_app.errors import AddressRefused, FetchFailed, InputRefused
from helpninja_app.kernel.safe_http import SafeHttp, Timeouts
from tests.loopback_site import LoopbackSite, answer, redirect
from tests.unit.scripted_network import PUBLIC, DialToLoopback, FakeResolver, NoDial


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
