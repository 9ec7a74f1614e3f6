"""A private host that is allowed below a path only gives nothing else away."""

from __future__ import annotations

import pytest

from helpninja_app.errors import AddressRefused, InputRefused
from helpninja_app.kernel.safe_http import SafeHttp, parse_target
from helpninja_app.kernel.safe_http.allowed import AllowedHosts
from helpninja_app.settings import Settings
from tests.loopback_site import LoopbackSite, answer, redirect

INSIDE = ("/demo/help/", "/demo/help/a.html", "/demo/help/a.html?page=2", "/demo/help/a%20b", "/robots.txt")
OUTSIDE = (
    "/",
    "/metrics",
    "/demo/help",
    "/demo/helpers/",
    "/DEMO/HELP/",
    "//demo/help/",
    "/robots.txt?x=1",
    "/robots.txt/",
    "/demo/help/../../metrics",
    "/demo/help/%2e%2e/%2e%2e/metrics",
    "/demo/help/.%2E/.%2E/metrics",
    "/demo/help/..%2f..%2fmetrics",
    "/demo/help/..%5c..%5cmetrics",
    "/demo/help/%252e%252e/metrics",
    "/demo/help/..",
    "/metrics?/demo/help/",
    "/metrics#/demo/help/",
)


@pytest.mark.parametrize("path", INSIDE)
async def test_what_lies_below_the_path_is_fetched(path: str) -> None:
    async with (
        LoopbackSite({path: answer("help")}) as site,
        SafeHttp(user_agent="test", allowed_private_hosts=frozenset({f"{site.host}/demo/help/"})) as http,
    ):
        assert (await http.fetch(site.url + path, max_bytes=100)).body == b"help"


@pytest.mark.parametrize("path", OUTSIDE)
async def test_what_lies_elsewhere_is_never_asked_for(path: str) -> None:
    async with (
        LoopbackSite({"/demo/help/leave": redirect(path)}) as site,
        SafeHttp(user_agent="test", allowed_private_hosts=frozenset({f"{site.host}/demo/help/"})) as http,
    ):
        with pytest.raises(AddressRefused):
            await http.fetch(site.url + path, max_bytes=100)
        with pytest.raises(AddressRefused):
            await http.check(site.url + path)
        with pytest.raises(AddressRefused):
            await http.request("POST", site.url + path, body=b"x")
        assert site.requests == []


async def test_a_redirect_out_of_the_path_is_refused_before_it_is_followed() -> None:
    async with (
        LoopbackSite(
            {
                "/demo/help/a": redirect("/metrics"),
                "/demo/help/b": redirect("/demo/help/c"),
                "/demo/help/c": redirect("//127.0.0.1:{port}/metrics"),
                "/robots.txt": redirect("/metrics"),
                "/metrics": answer("secret"),
            }
        ) as site,
        SafeHttp(user_agent="test", allowed_private_hosts=frozenset({f"{site.host}/demo/help/"})) as http,
    ):
        site.routes["/demo/help/c"] = redirect(f"//{site.host}/metrics")
        for path in ("/demo/help/a", "/demo/help/b", "/robots.txt"):
            with pytest.raises(AddressRefused):
                await http.fetch(site.url + path, max_bytes=100)
        assert "/metrics" not in site.paths()


def test_a_public_looking_name_is_held_to_its_path_too() -> None:
    allowed = AllowedHosts(["wiki.example.com:80/docs/"])
    assert allowed.admits(parse_target("http://wiki.example.com/docs/a"))
    with pytest.raises(AddressRefused):
        allowed.admits(parse_target("http://wiki.example.com/admin"))


def test_a_host_may_have_several_paths_or_all_of_them() -> None:
    allowed = AllowedHosts(
        ["wiki.intranet:80/a/", "Wiki.Intranet:80/b/", "all.intranet:80/a/", "all.intranet:80"]
    )
    for url in ("http://wiki.intranet/a/", "http://wiki.intranet/b/x", "http://all.intranet/anything"):
        assert allowed.admits(parse_target(url)), url
    assert not allowed.admits(parse_target("http://other.intranet/a/"))


@pytest.mark.parametrize(
    "entry", ["wiki:80/docs", "wiki:80/a/../b/", "wiki:80/%2e%2e/", "/docs/", "wiki/docs/"]
)
def test_an_entry_with_an_unclear_path_is_refused_at_start(entry: str) -> None:
    with pytest.raises(InputRefused):
        AllowedHosts([entry])


def test_in_development_only_the_demo_of_our_own_server_may_be_fetched() -> None:
    values = Settings.model_construct().model_dump() | {"port": 4321}
    development = Settings.model_construct(**values | {"env": "development"})
    production = Settings.model_construct(**values | {"env": "production"})
    assert development.fetchable_private_hosts == {"127.0.0.1:4321/demo/help/"}
    assert production.fetchable_private_hosts == frozenset()
