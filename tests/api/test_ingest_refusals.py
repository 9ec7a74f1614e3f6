"""``/api/ingest`` refuses wrong addresses, bodies and callers, each with its status."""

from __future__ import annotations

import gzip

import httpx
import pytest

from helpninja_app.accounts.models import Role
from helpninja_app.accounts.permissions import Permission
from tests.api.ingesting import documents, html, sitemap, xml
from tests.conftest import OpenSite
from tests.factories import Factory
from tests.loopback_site import answer, redirect

pytestmark = pytest.mark.usefixtures("worker", "no_backoff")


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
