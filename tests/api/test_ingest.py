"""``/api/ingest``: pages and sitemaps of a scripted site, read by the real crawler and a real worker."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from api_routes import ingest as ingest_routes
from helpninja_app.accounts.models import Role
from helpninja_app.accounts.permissions import Permission
from helpninja_app.billing import plans
from helpninja_app.kernel.scope import Scope
from helpninja_app.knowledge.crawl import fetcher as crawl_fetcher
from helpninja_app.knowledge.embedding.protocol import Vector
from helpninja_app.knowledge.search import search_question
from helpninja_app.resources import Resources
from tests.conftest import OpenResources, OpenSite
from tests.factories import Factory, Tenant
from tests.loopback_site import LoopbackSite, Request, answer, redirect

pytestmark = pytest.mark.usefixtures("worker", "no_backoff")


@pytest.fixture
def no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crawl_fetcher, "_FIRST_BACKOFF", 0.01)


@pytest.fixture
def embedded(resources: Resources, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The passages that were embedded while the test ran."""
    embedder = resources.knowledge.embedders.current
    original, seen = embedder.embed_passages, list[str]()

    async def counted(texts: Sequence[str]) -> Vector:
        seen.extend(texts)
        return await original(texts)

    monkeypatch.setattr(embedder, "embed_passages", counted)
    return seen


def html(subject: str, *, head: str = "") -> bytes:
    return answer(page(subject, head=head))


def page(subject: str, *, head: str = "") -> str:
    return (
        f"<html lang=en><head><title>About {subject}</title>{head}</head><body><main><h1>About {subject}</h1>"
        f"<p>Everything that our customers want to know about {subject} is written down here, in a text that"
        f" is long enough to be a page. The short answer about {subject} is that we like it.</p>"
        "</main></body></html>"
    )


def sitemap(*urls: str) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
        + "".join(f"<url><loc>{url}</loc></url>" for url in urls)
        + "</urlset>"
    )


def sitemap_index(*urls: str) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?><sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
        + "".join(f"<sitemap><loc>{url}</loc></sitemap>" for url in urls)
        + "</sitemapindex>"
    )


def xml(body: str | bytes, content_type: str = "application/xml") -> bytes:
    return answer(body, content_type=content_type)


async def ingest(client: httpx.AsyncClient, tenant: Tenant, address: str) -> dict[str, Any]:
    response = await client.post("/api/ingest", json={"input": address}, headers=tenant.headers)
    assert response.status_code == 200, response.text
    result: dict[str, Any] = response.json()
    return result


async def found(resources: Resources, tenant: Tenant, question: str) -> list[str]:
    """Addresses of the passages that a visitor would get for a question, best first."""
    embedder = resources.knowledge.embedders.current
    scope = Scope.visitors(tenant.id)
    result = await search_question(resources.database, embedder, scope, question)
    return [passage.url or "" for passage in result.passages]


async def documents(client: httpx.AsyncClient, tenant: Tenant) -> dict[str, dict[str, Any]]:
    response = await client.get("/api/documents", params={"limit": 200}, headers=tenant.headers)
    return {document["url"]: document for document in response.json()["documents"]}


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
            result = await search_question(
                resources.database, embedder, Scope.visitors(tenant.id), "What about axes?"
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
    assert [failed["url"] for failed in result["failed"]] == [f"{site.url}/a"]
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


async def test_a_page_that_redirects_is_stored_where_it_is(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site({"/old": redirect("/new"), "/new": html("axes")}), await factory.tenant()
    assert (await ingest(client, tenant, f"{site.url}/old"))["docs"] == 1
    assert set(await documents(client, tenant)) == {f"{site.url}/new"}


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:1/",
        "http://localhost/",
        "http://10.1.2.3/page",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://wiki.internal/",
        "http://user:password@example.com/",
        "file:///etc/passwd",
        "ftp://example.com/",
        "javascript:alert(1)",
        "gopher://127.0.0.1/",
        "//example.com/",
        "example.com",
        "http://",
        "http://exa mple.com/",
        "   ",
    ],
)
async def test_an_address_that_is_no_public_page_is_refused(
    client: httpx.AsyncClient, factory: Factory, address: str
) -> None:
    tenant = await factory.tenant()
    response = await client.post("/api/ingest", json={"input": address}, headers=tenant.headers)
    assert response.status_code == 422, response.text
    body = response.json()
    assert body["ok"] is False
    assert body["error"] == body["detail"] != ""
    assert response.headers["content-type"] == "application/problem+json"


async def test_what_cannot_be_reached_or_is_no_page_is_refused_with_the_reason(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    tenant = await factory.tenant()
    site = await open_site(
        {
            "/picture.png": answer(b"\x89PNG\r\n", content_type="image/png"),
            "/data.json": answer("{}", content_type="application/json"),
            "/hidden": html("secrets", head='<meta name="robots" content="noindex">'),
            "/inside": redirect("http://192.168.0.1/"),
            "/empty.xml": xml(sitemap()),
            "/broken.xml": xml("<urlset><url><loc>"),
            "/feed.xml": xml("<rss><channel/></rss>"),
            "/bomb.xml.gz": xml(gzip.compress(b"<urlset>" + b" " * (60 << 20)), "application/gzip"),
        }
    )
    for path in [*site.routes, "/nothing"]:
        response = await client.post("/api/ingest", json={"input": site.url + path}, headers=tenant.headers)
        assert response.status_code == 422, (path, response.text)
        assert response.json()["ok"] is False
        assert response.json()["error"], path
    await site.__aexit__()
    # Another address of the same site, now down.
    response = await client.post("/api/ingest", json={"input": f"{site.url}/down"}, headers=tenant.headers)
    assert response.status_code == 422
    assert await documents(client, tenant) == {}


async def test_robots_txt_that_forbids_the_input_itself_is_a_422(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    tenant = await factory.tenant()
    site = await open_site(
        {"/robots.txt": answer("User-agent: *\nDisallow: /", content_type="text/plain"), "/a": html("axes")}
    )
    response = await client.post("/api/ingest", json={"input": f"{site.url}/a"}, headers=tenant.headers)
    assert response.status_code == 422
    assert "robots.txt" in response.json()["error"]
    assert site.paths() == ["/robots.txt"]


class SlowSite:
    """Serves a sitemap whose pages wait until they are let go."""

    def __init__(self, site: LoopbackSite, count: int) -> None:
        self.site = site
        self.go = asyncio.Event()
        self.address = f"{site.url}/sitemap.xml"
        urls = [f"{site.url}/slow/{number}" for number in range(count)]
        site.routes["/sitemap.xml"] = xml(sitemap(f"{site.url}/fast", *urls))
        site.routes["/fast"] = html("quick things")
        for number in range(count):
            site.routes[f"/slow/{number}"] = self._wait(number)

    def _wait(self, number: int) -> Callable[[Request, asyncio.StreamWriter], Any]:
        async def wait(_request: Request, writer: asyncio.StreamWriter) -> None:
            await self.go.wait()
            writer.write(html(f"slow thing {number}"))

        return wait


async def _until(client: httpx.AsyncClient, tenant: Tenant, job_id: str, **wanted: Any) -> dict[str, Any]:
    """The job's progress once it has these values."""
    async with asyncio.timeout(30):
        while True:
            response = await client.get(f"/api/ingest/{job_id}", headers=tenant.headers)
            progress: dict[str, Any] = response.json()
            if wanted.items() <= progress.items():
                return progress
            await asyncio.sleep(0.05)


async def test_a_long_ingest_is_answered_with_202_and_goes_on(
    client: httpx.AsyncClient,
    factory: Factory,
    open_site: OpenSite,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ingest_routes, "WAIT_SECONDS", 0.2)
    slow, tenant = SlowSite(await open_site(), 2), await factory.tenant()
    response = await client.post("/api/ingest", json={"input": slow.address}, headers=tenant.headers)
    assert response.status_code == 202
    answered = response.json()
    assert answered["ok"] is True
    assert answered["docs"] <= 1
    progress = await _until(client, tenant, answered["jobId"], docs=1)
    assert (progress["state"], progress["found"], progress["pending"]) == ("running", 3, 2)
    slow.go.set()
    progress = await _until(client, tenant, answered["jobId"], state="completed")
    assert (progress["docs"], progress["pending"]) == (3, 0)


async def test_a_cancelled_ingest_keeps_what_it_has_and_stores_nothing_more(
    client: httpx.AsyncClient,
    factory: Factory,
    open_site: OpenSite,
    resources: Resources,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ingest_routes, "WAIT_SECONDS", 0.2)
    slow, tenant = SlowSite(await open_site(), 3), await factory.tenant()
    job_id = (await client.post("/api/ingest", json={"input": slow.address}, headers=tenant.headers)).json()[
        "jobId"
    ]
    await _until(client, tenant, job_id, docs=1)
    cancelled = await client.delete(f"/api/ingest/{job_id}", headers=tenant.headers)
    assert cancelled.status_code == 200
    assert cancelled.json()["state"] == "cancelled"
    slow.go.set()
    again = await client.delete(f"/api/ingest/{job_id}", headers=tenant.headers)
    assert again.status_code == 409
    async with asyncio.timeout(30):
        while await _jobs_of(resources, job_id):
            await asyncio.sleep(0.05)
    assert set(await documents(client, tenant)) == {f"{slow.site.url}/fast"}
    # The same address may be read again.
    monkeypatch.undo()
    assert (await ingest(client, tenant, slow.address))["docs"] == 4


async def _jobs_of(resources: Resources, job_id: str) -> int:
    async with resources.database.unit_of_work() as session:
        counted = await session.execute(
            text("select count(*) from procrastinate_jobs where args->>'job_id' = :job"), {"job": job_id}
        )
        return int(counted.scalar_one())


async def test_a_finished_ingest_cannot_be_cancelled(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site({"/a": html("axes")}), await factory.tenant()
    job_id = (await ingest(client, tenant, f"{site.url}/a"))["jobId"]
    response = await client.delete(f"/api/ingest/{job_id}", headers=tenant.headers)
    assert response.status_code == 409
    assert response.json()["ok"] is False


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_job_is_nobody_elses(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite, method: str
) -> None:
    site, mine, theirs = await open_site({"/a": html("axes")}), await factory.tenant(), await factory.tenant()
    job_id = (await ingest(client, mine, f"{site.url}/a"))["jobId"]
    assert (await client.request(method, f"/api/ingest/{job_id}")).status_code == 401
    foreign = await client.request(method, f"/api/ingest/{job_id}", headers=theirs.headers)
    assert foreign.status_code == 404
    malformed = await client.request(method, "/api/ingest/not-an-id", headers=mine.headers)
    assert malformed.status_code == 400


async def test_only_who_may_write_knowledge_starts_and_cancels(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant, other = (
        await open_site({"/a": html("axes")}),
        await factory.tenant(),
        await factory.tenant(),
    )
    body = {"input": f"{site.url}/a"}
    assert (await client.post("/api/ingest", json=body)).status_code == 401
    bad_key = {"authorization": "Bearer hn_sk_wrong"}
    assert (await client.post("/api/ingest", json=body, headers=bad_key)).status_code == 401
    _, visitor = factory.visitor(tenant)
    assert (await client.post("/api/ingest", json=body, headers=visitor)).status_code == 401
    foreign = body | {"tenantId": other.workspace.public_key}
    assert (await client.post("/api/ingest", json=foreign, headers=tenant.headers)).status_code == 404
    reader = await factory.key(tenant, frozenset({Permission.READ_KNOWLEDGE}))
    assert (await client.post("/api/ingest", json=body, headers=reader)).status_code == 403
    _, agent = await factory.member(tenant, Role.AGENT)
    assert (await client.post("/api/ingest", json=body, headers=agent)).status_code == 403
    _, owner = await factory.member(tenant)
    elsewhere = owner | {"origin": "https://evil.example"}
    assert (await client.post("/api/ingest", json=body, headers=elsewhere)).status_code == 403
    assert site.requests == []
    for tenant_id in (tenant.workspace.public_key, str(tenant.id), tenant.workspace.slug):
        response = await client.post("/api/ingest", json=body | {"tenantId": tenant_id}, headers=owner)
        assert response.status_code == 200
    job_id = response.json()["jobId"]
    assert (await client.get(f"/api/ingest/{job_id}", headers=reader)).status_code == 200
    assert (await client.delete(f"/api/ingest/{job_id}", headers=reader)).status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"{}",
        b'{"input": null}',
        b'{"input": 5}',
        b'{"input": ""}',
        b'{"input": ["http://example.com"]}',
        b'{"input": "http://example.com/\\u0000"}',
        b'{"input": "http://example.com/\\ud800"}',
        b'{"input": "http://example.com", "tenantId": 7}',
        b'{"input": "\xff"}',
        b'{"input": "http://example.com/' + b"a" * 2000 + b'"}',
        b"[" * 900,
    ],
)
async def test_a_body_of_wrong_types_is_a_422(
    client: httpx.AsyncClient, factory: Factory, body: bytes
) -> None:
    tenant = await factory.tenant()
    headers = tenant.headers | {"content-type": "application/json"}
    response = await client.post("/api/ingest", content=body, headers=headers)
    assert response.status_code == 422, response.text
    assert response.json()["ok"] is False
    assert response.json()["errors"]


async def test_another_media_type_or_a_huge_body_is_refused(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant = await factory.tenant()
    form = await client.post("/api/ingest", data={"input": "http://example.com"}, headers=tenant.headers)
    assert form.status_code == 415
    huge = await client.post("/api/ingest", json={"input": "a" * 1_100_000}, headers=tenant.headers)
    assert huge.status_code == 413


async def test_the_limit_of_websites_names_host_current_and_limit(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite, with_resources: OpenResources
) -> None:
    first, second = await open_site({"/a": html("axes")}), await open_site({"/b": html("bags")})
    first.routes["/sitemap.xml"] = xml(sitemap(f"{first.url}/a"))
    tenant = await factory.tenant(plan="free")
    async with with_resources(unlimited=False):
        await ingest(client, tenant, f"{first.url}/a")
        await ingest(client, tenant, f"{first.url}/sitemap.xml")
        response = await client.post("/api/ingest", json={"input": f"{second.url}/b"}, headers=tenant.headers)
    assert response.status_code == 402
    body = response.json()
    assert (body["limit"], body["used"], body["ok"]) == (1, 1, False)
    assert second.host in body["error"]
    assert "free" in body["error"]
    assert second.requests == []


async def test_an_address_that_gave_nothing_takes_no_place_of_a_website(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite, with_resources: OpenResources
) -> None:
    wrong, right, third = await open_site(), await open_site({"/a": html("axes")}), await open_site()
    tenant = await factory.tenant(plan="free")
    async with with_resources(unlimited=False):
        mistyped = await client.post("/api/ingest", json={"input": f"{wrong.url}/a"}, headers=tenant.headers)
        assert mistyped.status_code == 422
        assert (await ingest(client, tenant, f"{right.url}/a"))["docs"] == 1
        # What failed once does not slip in later either.
        wrong.routes["/a"] = html("bags")
        for other in (wrong, third):
            response = await client.post(
                "/api/ingest", json={"input": f"{other.url}/a"}, headers=tenant.headers
            )
            assert response.status_code == 402


async def test_pages_over_the_limit_of_documents_fail_with_the_limit_as_their_reason(
    client: httpx.AsyncClient,
    factory: Factory,
    open_site: OpenSite,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    for number in range(9):
        site.routes[f"/{number}"] = html(f"thing {number}")
    site.routes["/sitemap.xml"] = xml(sitemap(*(f"{site.url}/{number}" for number in range(9))))
    _limit(monkeypatch, documents=4)
    result = await ingest(client, tenant, f"{site.url}/sitemap.xml")
    assert (result["docs"], result["failedCount"]) == (4, 5)
    assert {failed["reason"] for failed in result["failed"]} == {
        "Over the limit of 4 documents of the agency plan."
    }
    assert len(await documents(client, tenant)) == 4
    again = await ingest(client, tenant, f"{site.url}/sitemap.xml")
    assert (again["unchanged"], again["failedCount"]) == (4, 5)


async def test_a_sitemap_without_end_is_cut_at_the_limit_of_pages(
    client: httpx.AsyncClient,
    factory: Factory,
    open_site: OpenSite,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    for number in range(5):
        site.routes[f"/{number}"] = html(f"thing {number}")
    site.routes |= {
        # Each names itself and the next one.
        f"/map{level}.xml": xml(
            sitemap_index(
                f"{site.url}/map{level}.xml", f"{site.url}/map{level + 1}.xml", f"{site.url}/pages.xml"
            )
        )
        for level in range(8)
    }
    site.routes["/pages.xml"] = xml(sitemap(*(f"{site.url}/{number}" for number in range(3000))))
    _limit(monkeypatch, pages_per_crawl=5)
    result = await ingest(client, tenant, f"{site.url}/map0.xml")
    assert result["docs"] == 5
    assert result["skippedCount"] >= 200
    assert len(result["skipped"]) == 200
    assert any("limit of 5 pages" in skipped["reason"] for skipped in result["skipped"])
    assert site.paths().count("/pages.xml") == 1


async def test_the_same_input_twice_at_once_is_one_job(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    slow, tenant = SlowSite(await open_site(), 2), await factory.tenant()

    async def post() -> dict[str, Any]:
        return await ingest(client, tenant, slow.address)

    asking = [asyncio.create_task(post()) for _ in range(4)]
    async with asyncio.timeout(30):
        while "/slow/1" not in slow.site.paths():
            await asyncio.sleep(0.02)
    slow.go.set()
    results = await asyncio.gather(*asking)
    assert len({result["jobId"] for result in results}) == 1
    assert slow.site.paths().count("/sitemap.xml") == 1
    assert slow.site.paths().count("/slow/0") == 1


async def test_two_jobs_that_meet_at_a_page_store_it_once(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    names = [f"/{number}" for number in range(6)]
    for name in names:
        site.routes[name] = html(f"thing {name}")
    for number in (1, 2):
        site.routes[f"/{number}.xml"] = xml(sitemap(*(site.url + name for name in names)))
    one, two = await asyncio.gather(
        ingest(client, tenant, f"{site.url}/1.xml"), ingest(client, tenant, f"{site.url}/2.xml")
    )
    assert (one["docs"], two["docs"]) == (6, 6)
    assert len(await documents(client, tenant)) == 6


async def test_changing_a_document_while_its_page_is_read_again_blocks_nobody(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site({"/a": html("axes")}), await factory.tenant()
    await ingest(client, tenant, f"{site.url}/a")
    (document,) = (await documents(client, tenant)).values()
    is_over = asyncio.Event()

    async def keep_changing(audience: str) -> None:
        url = f"/api/documents/{document['id']}"
        while not is_over.is_set():
            response = await client.patch(url, json={"audience": audience}, headers=tenant.headers)
            assert response.status_code == 200, response.text

    changing = [asyncio.create_task(keep_changing(audience)) for audience in ("visitors", "members")]
    for number in ("one", "two", "three", "four"):
        site.routes["/a"] = html(f"axes {number}")
        assert (await ingest(client, tenant, f"{site.url}/a"))["changed"] == 1
    is_over.set()
    await asyncio.gather(*changing)


async def test_the_other_workspace_notices_nothing(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, open_site: OpenSite
) -> None:
    site, mine, theirs = await open_site({"/a": html("axes")}), await factory.tenant(), await factory.tenant()
    await ingest(client, mine, f"{site.url}/a")
    assert await documents(client, theirs) == {}
    assert await found(resources, theirs, "axes") == []
    assert (await ingest(client, theirs, f"{site.url}/a"))["changed"] == 1
    assert len(await documents(client, mine)) == 1


def _limit(monkeypatch: pytest.MonkeyPatch, **limits: int) -> None:
    changed = {name: getattr(plans.UNLIMITED, name) for name in plans.Plan.__dataclass_fields__} | limits
    monkeypatch.setattr(plans, "UNLIMITED", plans.Plan(**changed))
