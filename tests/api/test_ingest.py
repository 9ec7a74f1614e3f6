"""``/api/ingest``: pages and sitemaps of a scripted site, read by the real crawler and a real worker."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Sequence

import httpx
import pytest
from sqlalchemy import text

from helpninja_app.kernel.scope import Scope
from helpninja_app.knowledge.crawl.pages import MARKS_WITHIN
from helpninja_app.knowledge.embedding.protocol import Vector
from helpninja_app.resources import Resources
from tests.api.ingesting import documents, found, html, ingest, page, sitemap, sitemap_index, xml
from tests.api.uploading import finished
from tests.conftest import OpenSite
from tests.factories import Factory
from tests.loopback_site import answer, redirect

pytestmark = pytest.mark.usefixtures("worker", "no_backoff")


# What is on the pages that are looked at for it; a worker may be at what another test left as well.
WORDS = ("axes", "bags", "hammers")


@pytest.fixture
def embedded(resources: Resources, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The passages that were embedded while the test ran, of the pages of these tests alone."""
    embedder = resources.knowledge.embedders.current
    original, seen = embedder.embed_passages, list[str]()

    async def counted(texts: Sequence[str]) -> Vector:
        seen.extend(each for each in texts if any(word in each for word in WORDS))
        return await original(texts)

    monkeypatch.setattr(embedder, "embed_passages", counted)
    return seen


async def test_a_page_is_searchable_when_the_answer_comes(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, open_site: OpenSite
) -> None:
    site, tenant = await open_site({"/help": html("tents")}), await factory.tenant()
    result = await ingest(client, tenant, f"{site.url}/help")
    job_id = result.pop("jobId")
    assert result == {
        "ok": True,
        "docs": 1,
        "changed": 1,
        "unchanged": 0,
        "gone": 0,
        "failed": [],
        "skipped": [],
        "failedCount": 0,
        "skippedCount": 0,
    }
    assert await found(resources, tenant, "what about tents?") == [f"{site.url}/help"]
    document = (await documents(client, tenant))[f"{site.url}/help"]
    assert (document["title"], document["audience"], document["status"]) == (
        "About tents",
        "visitors",
        "completed",
    )
    progress = (await client.get(f"/api/ingest/{job_id}", headers=tenant.headers)).json()
    assert (progress["state"], progress["found"], progress["pending"]) == ("completed", 1, 0)
    assert progress["input"] == f"{site.url}/help"


async def test_the_crawler_says_who_it_is_and_asks_robots_first(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site = await open_site({"/help": html("boots")})
    await ingest(client, await factory.tenant(), f"{site.url}/help")
    assert site.paths()[0] == "/robots.txt"
    assert all("HelpNinja" in request.headers["user-agent"] for request in site.requests)


async def test_every_page_of_a_sitemap_is_read_once(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    names = ("stoves", "ropes", "lamps")
    for name in names:
        site.routes[f"/{name}"] = html(name)
    urls = [f"{site.url}/{name}" for name in names]
    site.routes["/sitemap.xml"] = xml(sitemap(*urls, urls[0], f"{urls[1]}#top", f"{urls[2]}?utm_source=mail"))
    result = await ingest(client, tenant, f"{site.url}/sitemap.xml")
    assert (result["docs"], result["changed"]) == (3, 3)
    assert set(await documents(client, tenant)) == set(urls)
    assert (await found(resources, tenant, "stoves"))[0] == urls[0]
    assert site.most_open <= 2


async def test_an_index_of_sitemaps_and_compressed_ones_are_followed(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    site.routes |= {
        "/index.xml": xml(
            sitemap_index(f"{site.url}/one.xml", f"{site.url}/two.xml.gz", f"{site.url}/gone.xml")
        ),
        "/one.xml": xml(sitemap(f"{site.url}/a")),
        "/two.xml.gz": xml(gzip.compress(sitemap(f"{site.url}/b").encode()), "application/gzip"),
        "/a": html("axes"),
        "/b": html("bags"),
    }
    result = await ingest(client, tenant, f"{site.url}/index.xml")
    assert result["docs"] == 2
    assert [skipped["url"] for skipped in result["skipped"]] == [f"{site.url}/gone.xml"]
    assert "404" in result["skipped"][0]["reason"]


async def test_a_second_ingest_of_the_same_pages_embeds_nothing(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite, embedded: list[str]
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    site.routes |= {"/a": html("axes"), "/b": html("bags")}
    site.routes["/sitemap.xml"] = xml(sitemap(f"{site.url}/a", f"{site.url}/b"))
    await ingest(client, tenant, f"{site.url}/sitemap.xml")
    assert embedded
    before = await documents(client, tenant)
    embedded.clear()
    result = await ingest(client, tenant, f"{site.url}/sitemap.xml")
    assert (result["docs"], result["changed"], result["unchanged"]) == (2, 0, 2)
    assert embedded == []
    assert await documents(client, tenant) == before


async def test_a_changed_page_is_swapped_and_the_other_left_alone(
    client: httpx.AsyncClient,
    factory: Factory,
    resources: Resources,
    open_site: OpenSite,
    embedded: list[str],
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    site.routes |= {"/a": html("axes"), "/b": html("bags")}
    site.routes["/sitemap.xml"] = xml(sitemap(f"{site.url}/a", f"{site.url}/b"))
    await ingest(client, tenant, f"{site.url}/sitemap.xml")
    ids = {url: document["id"] for url, document in (await documents(client, tenant)).items()}
    embedded.clear()
    site.routes["/a"] = html("hammers")
    result = await ingest(client, tenant, f"{site.url}/sitemap.xml")
    assert (result["docs"], result["changed"], result["unchanged"]) == (2, 1, 1)
    assert embedded
    assert all("hammers" in passage for passage in embedded)
    assert {url: document["id"] for url, document in (await documents(client, tenant)).items()} == ids
    assert (await found(resources, tenant, "hammers"))[0] == f"{site.url}/a"
    async with resources.database.unit_of_work(tenant.scope) as session:
        stored = (await session.execute(text("select text from chunks"))).scalars().all()
    assert not any("axes" in chunk for chunk in stored)


async def test_whoever_searches_during_a_swap_finds_the_old_or_the_new_page(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, open_site: OpenSite
) -> None:
    site, tenant = await open_site({"/a": html("axes zero")}), await factory.tenant()
    await ingest(client, tenant, f"{site.url}/a")
    is_over, texts = asyncio.Event(), list[tuple[str, ...]]()

    async def keep_searching() -> None:
        embedder = resources.knowledge.embedders.current
        while not is_over.is_set():
            result = await resources.knowledge.index.search_question(
                embedder, Scope.visitors(tenant.id), "What about axes?"
            )
            texts.append(tuple(passage.text for passage in result.passages))

    searching = [asyncio.create_task(keep_searching()) for _ in range(2)]
    for number in ("one", "two", "three", "four", "five"):
        site.routes["/a"] = html(f"axes {number}")
        assert (await ingest(client, tenant, f"{site.url}/a"))["changed"] == 1
    is_over.set()
    await asyncio.gather(*searching)
    assert len(texts) > 10
    assert {len(passages) for passages in texts} == {1}
    for (passage,) in texts:
        assert (
            len({number for number in ("zero", "one", "two", "three", "four", "five") if number in passage})
            == 1
        )


@pytest.mark.parametrize("status", ["404 Not Found", "410 Gone"])
async def test_a_page_of_a_sitemap_that_is_gone_is_forgotten(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, open_site: OpenSite, status: str
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    site.routes |= {"/a": html("axes"), "/b": html("bags")}
    site.routes["/sitemap.xml"] = xml(sitemap(f"{site.url}/a", f"{site.url}/b"))
    await ingest(client, tenant, f"{site.url}/sitemap.xml")
    site.routes["/a"] = answer("gone", status=status)
    result = await ingest(client, tenant, f"{site.url}/sitemap.xml")
    assert result["docs"] == 1
    assert (result["gone"], result["failed"]) == (1, [])
    assert set(await documents(client, tenant)) == {f"{site.url}/b"}
    assert await found(resources, tenant, "axes") == [f"{site.url}/b"]


async def test_a_single_page_that_is_gone_is_forgotten_too(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site({"/a": html("axes")}), await factory.tenant()
    await ingest(client, tenant, f"{site.url}/a")
    site.routes["/a"] = answer("gone", status="410 Gone")
    response = await client.post("/api/ingest", json={"input": f"{site.url}/a"}, headers=tenant.headers)
    assert response.status_code == 422
    assert "410" in response.json()["error"]
    assert await documents(client, tenant) == {}


async def test_a_page_that_fails_for_a_while_stays_searchable(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, open_site: OpenSite
) -> None:
    site, tenant = await open_site({"/a": html("axes")}), await factory.tenant()
    await ingest(client, tenant, f"{site.url}/a")
    site.routes["/a"] = answer("oops", status="500 Internal Server Error")
    response = await client.post("/api/ingest", json={"input": f"{site.url}/a"}, headers=tenant.headers)
    assert response.status_code == 422
    assert await found(resources, tenant, "axes") == [f"{site.url}/a"]


async def test_each_page_that_fails_has_its_reason_and_the_others_succeed(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    outside = "http://10.0.0.1/inside"
    site.routes |= {
        "/robots.txt": answer("User-agent: *\nDisallow: /private/\n", content_type="text/plain"),
        "/good": html("axes"),
        "/missing": answer("", status="404 Not Found"),
        "/broken": answer("", status="500 Internal Server Error"),
        "/picture": answer(b"\x89PNG", content_type="image/png"),
        "/empty": answer("<html><body><script>render()</script></body></html>"),
        "/hidden": html("secrets", head='<meta name="robots" content="noindex">'),
        "/header": answer(page("headers"), x_robots_tag="noindex"),
        "/private/plans": html("plans"),
        "/leads-inside": redirect(outside),
        "/leads-to-loopback": redirect("http://127.0.0.1:1/metrics"),
        "/leads-to-robots": redirect("/private/plans"),
        "/circle": redirect("/circle"),
        "/broken.pdf": answer(b"%PDF-1.7 nonsense", content_type="application/pdf"),
    }
    paths = [path for path in site.routes if path != "/robots.txt"]
    site.routes["/sitemap.xml"] = xml(sitemap(*(site.url + path for path in paths), "http://other.example/x"))
    result = await ingest(client, tenant, f"{site.url}/sitemap.xml")
    reasons = {failed["url"].removeprefix(site.url): failed["reason"] for failed in result["failed"]}
    assert result["docs"] == 1
    assert set(reasons) == set(paths) - {"/good"}
    assert result["failedCount"] == len(reasons)
    for path, words in {
        "/missing": "404",
        "/broken": "500",
        "/picture": "image/png",
        "/empty": "no text",
        "/hidden": "noindex",
        "/header": "noindex",
        "/private/plans": "robots.txt",
        "/leads-inside": "forbidden address",
        "/leads-to-loopback": "forbidden address",
        "/leads-to-robots": "robots.txt",
        "/circle": "circle",
    }.items():
        assert words in reasons[path], (path, reasons[path])
    assert "error on our side" not in "".join(reasons.values())
    assert result["skipped"] == [{"url": "http://other.example/x", "reason": "other host"}]
    assert set(await documents(client, tenant)) == {f"{site.url}/good"}
    assert "/private/plans" not in site.paths()


async def test_pages_of_the_site_that_an_address_leads_to_may_redirect_within_it(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    named, site, tenant = await open_site(), await open_site(), await factory.tenant()
    named.routes["/sitemap.xml"] = redirect(f"{site.url}/sitemap.xml")
    site.routes |= {"/old": redirect("/new"), "/new": html("axes"), "/away": redirect(f"{named.url}/b")}
    named.routes["/b"] = html("bags")
    site.routes["/sitemap.xml"] = xml(sitemap(f"{site.url}/old", f"{site.url}/away"))
    result = await ingest(client, tenant, f"{named.url}/sitemap.xml")
    assert set(await documents(client, tenant)) == {f"{site.url}/new"}
    assert "another site" in result["failed"][0]["reason"]


async def test_a_long_page_that_asks_not_to_be_indexed_where_nobody_looks_is_not_stored(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    mark = '<meta name="robots" content="nofollow, noindex">'
    site.routes["/a"] = html("axes", head=f"<style>{' ' * MARKS_WITHIN}</style>{mark}")
    result = await ingest(client, tenant, f"{site.url}/a")
    assert (result["docs"], "noindex" in result["failed"][0]["reason"]) == (0, True)
    assert await documents(client, tenant) == {}


async def test_a_page_that_is_read_again_is_not_led_to_another_site(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, other, tenant = await open_site({"/a": html("axes")}), await open_site(), await factory.tenant()
    await ingest(client, tenant, f"{site.url}/a")
    other.routes["/b"] = html("bags")
    site.routes["/a"] = redirect(f"{other.url}/b")
    [stored] = (await documents(client, tenant)).values()
    asked = await client.post("/api/rag", json={"documentId": stored["id"]}, headers=tenant.headers)
    assert asked.status_code == 200
    read = await finished(client, tenant, stored["id"])
    assert (read["status"], read["title"]) == ("failed", "About axes")
    assert "another site" in read["reason"]


async def test_a_page_that_redirects_is_stored_where_it_is(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site({"/old": redirect("/new"), "/new": html("axes")}), await factory.tenant()
    assert (await ingest(client, tenant, f"{site.url}/old"))["docs"] == 1
    assert set(await documents(client, tenant)) == {f"{site.url}/new"}


async def test_the_other_workspace_notices_nothing(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, open_site: OpenSite
) -> None:
    site, mine, theirs = await open_site({"/a": html("axes")}), await factory.tenant(), await factory.tenant()
    await ingest(client, mine, f"{site.url}/a")
    assert await documents(client, theirs) == {}
    assert await found(resources, theirs, "axes") == []
    assert (await ingest(client, theirs, f"{site.url}/a"))["changed"] == 1
    assert len(await documents(client, mine)) == 1
