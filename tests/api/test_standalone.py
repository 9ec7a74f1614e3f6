"""The API that runs alone, without the pages, opens and closes its own resources."""

from __future__ import annotations

import httpx
import pytest

from api_routes.app import create_standalone_api
from helpninja_app import resources as resources_module
from helpninja_app import runtime
from helpninja_app.knowledge.embedders import Embedders
from helpninja_app.knowledge.embedding.hashing import HashingEmbedder
from helpninja_app.resources import Resources, current_resources
from helpninja_app.settings import Settings


async def test_the_api_alone_holds_resources_of_its_own_from_its_start_to_its_end(
    settings: Settings, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = settings.model_copy(update={"worker_concurrency": 0})
    monkeypatch.setattr(runtime, "get_settings", lambda: own)
    monkeypatch.setattr(resources_module, "make_embedders", lambda settings: Embedders(HashingEmbedder()))
    api = create_standalone_api()
    transport = httpx.ASGITransport(app=api)

    async with (
        api.router.lifespan_context(api),
        httpx.AsyncClient(transport=transport, base_url="http://helpninja.test") as client,
    ):
        live = await client.get("/api/health/live")
        assert (live.status_code, live.json()["status"]) == (200, "live")
        assert current_resources().settings is own

    assert current_resources() is resources
