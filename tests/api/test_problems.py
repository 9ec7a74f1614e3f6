"""Errors as the API gives them: problem+json everywhere, an id on every response, and nothing from inside."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import httpx
import pytest
from fastapi import APIRouter

from api_routes.app import create_api
from helpninja_app import resources as resources_module
from helpninja_app.kernel.database import Database
from helpninja_app.resources import Resources
from tests.api.chatting import ask, shop
from tests.factories import Factory

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


@pytest.mark.parametrize(
    "path", ["/api", "/api/", "/api/nothing", "/api/chat/", "/api/documents/a/b/c", "/api/%00"]
)
async def test_an_unknown_path_is_a_problem_and_no_page(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    assert response.status_code == 404
    problem = _problem_in(response)
    assert problem["title"] == "Not Found"


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/api/chat"), ("GET", "/api/auth/sign-in"), ("DELETE", "/api/widget")]
)
async def test_a_method_that_is_not_there_is_405_and_says_which_are(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    response = await client.request(method, path)
    assert response.status_code == 405
    assert response.headers["allow"]
    _problem_in(response)


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/api/ingest"), ("POST", "/api/ingest"), ("GET", "/api/ingest/x/y")]
)
async def test_errors_of_ingest_say_that_it_is_not_ok(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    response = await client.request(method, path)
    assert response.status_code in {401, 404, 405}
    assert _problem_in(response)["ok"] is False


async def test_an_invalid_ingest_says_so_too(client: httpx.AsyncClient, factory: Factory) -> None:
    tenant = await factory.tenant()
    response = await client.post("/api/ingest", json={}, headers=tenant.headers)
    assert response.status_code == 422
    problem = _problem_in(response)
    assert problem["ok"] is False
    assert [error["field"] for error in problem["errors"]] == ["body.input"]


async def test_other_errors_do_not_speak_of_ok(client: httpx.AsyncClient) -> None:
    assert "ok" not in _problem_in(await client.get("/api/auth/me"))


async def test_a_sound_request_id_comes_back(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/chat", headers={"x-request-id": "trace-1234.5_6"})
    assert response.headers["x-request-id"] == "trace-1234.5_6"


@pytest.mark.parametrize("offered", ["", "short", "x" * 65, "with blank", "<script>alert(1)", 'quote"quote'])
async def test_any_other_request_id_is_replaced(client: httpx.AsyncClient, offered: str) -> None:
    response = await client.get("/api/chat", headers={"x-request-id": offered})
    assert response.headers["x-request-id"] != offered
    assert REQUEST_ID.fullmatch(response.headers["x-request-id"])


@pytest.mark.parametrize("path", ["/api/chat", "/api/nothing", "/api/auth/me", "/api/widget?t=nobody"])
async def test_every_response_has_a_request_id_of_its_own(client: httpx.AsyncClient, path: str) -> None:
    first, second = [(await client.get(path)).headers["x-request-id"] for _ in range(2)]
    assert first != second


async def test_an_unexpected_error_leaks_nothing(resources: Resources) -> None:
    router = APIRouter()

    @router.get("/api/broken")
    async def broken() -> None:
        raise RuntimeError("postgresql://user:hunter2@db select secret from users")

    api = create_api()
    api.include_router(router)
    transport = httpx.ASGITransport(app=api, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://helpninja.test") as client:
        response = await client.get("/api/broken", headers={"x-request-id": "trace-1234"})
    assert response.status_code == 500
    problem = _problem_in(response)
    assert problem["detail"] == "Something went wrong on our side. Please try again."
    assert not re.search("hunter2|select|Runtime|Traceback|File ", response.text)
    assert response.headers["x-request-id"] == "trace-1234"


async def test_a_database_that_is_away_is_503(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant = await shop(factory)
    _, headers = await factory.member(tenant)
    away = Database("postgresql://nobody:nothing@127.0.0.1:9/nowhere", pool_size=1)
    without = dataclasses.replace(resources, database=away)
    resources_module._open.append(without)
    try:
        responses = [
            await ask(client, tenant),
            await ask(client, tenant, headers={"accept": "text/event-stream"}),
            await client.get("/api/auth/me", headers=headers),
            await client.get("/api/widget/config", params={"t": tenant.workspace.public_key}),
            await client.post("/api/ingest", json={"input": "x"}, headers=tenant.headers),
            await client.get("/api/health/ready"),
        ]
        alive = await client.get("/api/health/live")
    finally:
        resources_module._open.remove(without)
        await away.close()
    assert [response.status_code for response in responses] == [503] * len(responses)
    for response in responses:
        problem = _problem_in(response)
        assert "9" not in problem["detail"]
        assert "nowhere" not in response.text
    assert alive.status_code == 200


def _problem_in(response: httpx.Response) -> dict[str, Any]:
    """The problem of a response, checked for what every one has."""
    assert response.headers["content-type"] == "application/problem+json"
    assert REQUEST_ID.fullmatch(response.headers["x-request-id"])
    problem: dict[str, Any] = response.json()
    assert {"type", "title", "status", "detail", "error"} <= set(problem)
    assert problem["status"] == response.status_code
    assert problem["error"] == problem["detail"]
    assert str(problem["type"]).startswith("urn:helpninja:problem:")
    return problem
