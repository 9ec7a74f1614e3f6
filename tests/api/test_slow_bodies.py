"""A body that does not arrive holds no connection; one that is long on the way is read to its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from api_routes import bodies
from tests.factories import Factory

JSON = {"content-type": "application/json"}
MULTIPART = {"content-type": "multipart/form-data; boundary=x"}
BEGINNING = b'--x\r\ncontent-disposition: form-data; name="file"; filename="a.md"\r\n\r\n'


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "PATIENCE", 0.2)


async def in_drops(
    beginning: bytes, *, drops: int, size: int = 1, pause: float = 0.05
) -> AsyncIterator[bytes]:
    yield beginning
    for _ in range(drops):
        await asyncio.sleep(pause)
        yield b"x" * size


@pytest.mark.parametrize(
    ("path", "kind", "beginning"), [("/api/ingest", JSON, b"{"), ("/api/upload", MULTIPART, BEGINNING)]
)
async def test_a_byte_now_and_then_is_408(
    client: httpx.AsyncClient, factory: Factory, path: str, kind: dict[str, str], beginning: bytes
) -> None:
    tenant = await factory.tenant()
    async with asyncio.timeout(60):
        response = await client.post(
            path, content=in_drops(beginning, drops=1_000), headers=tenant.headers | kind
        )
    assert response.status_code == 408
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["connection"] == "close"


async def test_an_upload_over_a_thin_line_is_read(
    client: httpx.AsyncClient, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "PATIENCE", 2.0)
    tenant = await factory.tenant()

    async def thin() -> AsyncIterator[bytes]:
        async for part in in_drops(BEGINNING, drops=60, size=1_000):
            yield part
        yield b"Boots can be returned.\r\n--x--\r\n"

    response = await client.post("/api/upload", content=thin(), headers=tenant.headers | MULTIPART)
    assert response.status_code == 200, response.text
