"""What the tests of ingestion share: pages and sitemaps to serve, asking, and what is stored of them."""

from __future__ import annotations

from typing import Any

import httpx

from helpninja_app.kernel.scope import Scope
from helpninja_app.resources import Resources
from tests.factories import Tenant
from tests.loopback_site import answer


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


def linking(subject: str, *hrefs: str, head: str = "") -> bytes:
    """A page with links."""
    links = "".join(f'<a href="{href}">More</a> ' for href in hrefs)
    return answer(page(subject, head=head).replace("</body>", f"<nav>{links}</nav></body>"))


async def ingest_links(client: httpx.AsyncClient, tenant: Tenant, address: str) -> dict[str, Any]:
    body = {"input": address, "followLinks": True}
    response = await client.post("/api/ingest", json=body, headers=tenant.headers)
    assert response.status_code == 200, response.text
    result: dict[str, Any] = response.json()
    return result


async def pages_of(client: httpx.AsyncClient, tenant: Tenant, job_id: str) -> dict[str, str]:
    """What became of each address of a run."""
    response = await client.get(f"/api/ingest/{job_id}/pages", params={"limit": 200}, headers=tenant.headers)
    return {page["url"]: page["state"] for page in response.json()["pages"]}


async def found(resources: Resources, tenant: Tenant, question: str) -> list[str]:
    """Addresses of the passages that a visitor would get for a question, best first."""
    embedder = resources.knowledge.embedders.current
    scope = Scope.visitors(tenant.id)
    result = await resources.knowledge.index.search_question(embedder, scope, question)
    return [passage.url or "" for passage in result.passages]


async def documents(client: httpx.AsyncClient, tenant: Tenant) -> dict[str, dict[str, Any]]:
    response = await client.get("/api/documents", params={"limit": 200}, headers=tenant.headers)
    return {document["url"]: document for document in response.json()["documents"]}
