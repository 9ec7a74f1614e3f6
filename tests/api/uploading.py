"""What the tests of uploads and documents share: files, sending them, and what is stored of them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import text

from helpninja_app.kernel.scope import Audience, Scope
from helpninja_app.resources import Resources
from tests.factories import Tenant
from tests.unit.document_factory import docx, help_page, paragraph, pdf

SENTENCE = "The quokka tent weighs two kilograms and keeps the rain out for a whole night."
FILES = {
    "tent.pdf": pdf(SENTENCE, title="Tents"),
    "tent.docx": docx(paragraph("Tents", "Heading1") + paragraph(SENTENCE)),
    "tent.md": f"# Tents\n\n{SENTENCE}\n".encode(),
    "tent.txt": SENTENCE.encode(),
    "tent.html": help_page(f"<h1>Tents</h1><p>{SENTENCE}</p>"),
    "tent.csv": b"name,weight\nquokka tent,two kilograms\nwombat tent,three kilograms\n",
}


async def upload(
    client: httpx.AsyncClient,
    headers: dict[str, str],
    name: str = "tent.md",
    content: bytes | None = None,
    media_type: str | None = None,
    **fields: str,
) -> httpx.Response:
    body = FILES[name] if content is None else content
    part = (name, body, media_type) if media_type else (name, body)
    return await client.post("/api/upload", files={"file": part}, data=fields, headers=headers)


async def finished(client: httpx.AsyncClient, tenant: Tenant, document_id: str) -> dict[str, Any]:
    async with asyncio.timeout(100):
        while True:
            response = await client.get(f"/api/documents/{document_id}", headers=tenant.headers)
            document: dict[str, Any] = response.json()
            if document["status"] != "processing":
                return document
            await asyncio.sleep(0.05)


async def uploaded(
    client: httpx.AsyncClient, tenant: Tenant, name: str = "tent.md", audience: str = "members"
) -> str:
    response = await upload(client, tenant.headers, name, audience=audience)
    assert response.status_code == 200, response.text
    document_id = str(response.json()["documentId"])
    assert (await finished(client, tenant, document_id))["status"] == "completed"
    return document_id


async def found(
    resources: Resources, tenant: Tenant, audience: Audience = Audience.MEMBERS, question: str = "quokka tent"
) -> list[str]:
    embedder = resources.knowledge.embedders.current
    scope = Scope(workspace_id=tenant.id, audience=audience)
    result = await resources.knowledge.index.search_question(embedder, scope, question)
    return [str(passage.document_id) for passage in result.passages]


def incoming(resources: Resources) -> list[Path]:
    return list(resources.knowledge.files.incoming.iterdir())


def stored_files(resources: Resources, tenant: Tenant) -> list[Path]:
    return list((resources.settings.data_dir / "files" / str(tenant.id)).glob("*"))


async def count(resources: Resources, tenant: Tenant, table: str) -> int:
    async with resources.database.unit_of_work(tenant.scope) as session:
        return int((await session.execute(text(f"select count(*) from {table}"))).scalar_one())
