"""``GET /api/models``: what a caller may chat with, and why not with the rest."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from helpninja_app.accounts.models import Role
from helpninja_app.accounts.permissions import KEY_PERMISSIONS, Permission
from helpninja_app.answers.answerers import Answerers, ProviderKey
from helpninja_app.model_servers import ModelServer
from tests.conftest import OpenResources
from tests.factories import Factory

KEY = "sk-test-of-models-0123456789"
SERVER = ModelServer.model_validate_json(
    '{"name": "local", "base_url": "http://localhost:9", "models": [{"id": "llama", "plan": "pro"}]}'
)


def with_openai() -> Answerers:
    return Answerers(openai=ProviderKey(KEY))


async def models(client: httpx.AsyncClient, headers: dict[str, str], **query: str) -> dict[str, Any]:
    answer = await client.get("/api/models", headers=headers, params=query)
    assert answer.status_code == 200, answer.text
    return {model["id"]: model for model in answer.json()["models"]}


async def test_nobody_without_a_credential_sees_the_models(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/models")).status_code == 401


async def test_another_workspace_is_not_found(client: httpx.AsyncClient, factory: Factory) -> None:
    tenant, other = await factory.tenant(), await factory.tenant()
    query = {"tenantId": str(other.id)}

    assert (await client.get("/api/models", headers=tenant.headers, params=query)).status_code == 404


async def test_without_a_key_of_a_provider_there_is_the_offline_model_alone(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant = await factory.tenant()

    assert await models(client, tenant.headers) == {
        "offline": {
            "id": "offline",
            "label": "Offline (extracts sentences)",
            "provider": "offline",
            "context": 8_000,
            "plan": "free",
            "creditsPer1000": 0,
            "capabilities": [],
            "endOfLife": None,
            "isDefault": True,
            "locked": None,
            "reason": None,
        }
    }


async def test_models_beyond_the_plan_are_shown_with_the_plan_that_has_them(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant(plan="starter")
    async with with_resources(answerers=with_openai(), unlimited=False):
        listed = await models(client, tenant.headers)

    assert listed["gpt-6.1-terra"]["locked"] is None
    assert listed["gpt-6-astra"]["locked"] == "plan"
    assert "agency plan" in listed["gpt-6-astra"]["reason"]
    assert [model["id"] for model in listed.values() if model["isDefault"]] == ["gpt-4o-mini"]
    assert {model["provider"] for model in listed.values()} == {"openai", "offline"}


async def test_nothing_is_beyond_a_plan_where_plans_do_not_limit(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant(plan="free")
    async with with_resources(answerers=with_openai(), unlimited=True):
        listed = await models(client, tenant.headers)

    assert "gpt-6-astra" in listed
    assert {model["locked"] for model in listed.values()} == {None}


async def test_everything_the_api_takes_is_listed_when_asked_for(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.in_person("free")
    async with with_resources(answerers=with_openai(), unlimited=False):
        shown, listed = await models(client, tenant.headers), await models(client, tenant.headers, all="true")

    assert "gpt-4-turbo" not in shown
    assert listed["gpt-4-turbo"]["endOfLife"] == "2026-10-23"
    assert "claude-haiku-5-5" not in shown
    assert listed["claude-haiku-5-5"]["locked"] == "setting"
    assert "ANTHROPIC_API_KEY" in listed["claude-haiku-5-5"]["reason"]
    assert listed["claude-opus-5-5"]["locked"] == "plan"


async def test_the_models_of_a_server_in_the_settings_are_listed_and_its_key_is_not(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.in_person("free")
    answerers = Answerers(openai=ProviderKey(KEY), servers=[SERVER])
    async with with_resources(answerers=answerers, unlimited=False, model_servers=(SERVER,)):
        answer = await client.get("/api/models", headers=tenant.headers)

    listed = {model["id"]: model for model in answer.json()["models"]}
    assert listed["local/llama"]["provider"] == "local"
    assert listed["local/llama"]["locked"] == "plan"
    assert KEY not in answer.text
    assert "localhost" not in answer.text


@pytest.mark.parametrize("role", Role)
async def test_every_role_but_the_viewer_may_chat(
    client: httpx.AsyncClient, factory: Factory, role: Role
) -> None:
    _, headers = await factory.member(await factory.tenant(), role)

    answer = await client.get("/api/models", headers=headers)

    assert answer.status_code == (403 if role is Role.VIEWER else 200)


async def test_a_key_needs_the_permission(client: httpx.AsyncClient, factory: Factory) -> None:
    tenant = await factory.tenant()
    may_not = await factory.key(tenant, KEY_PERMISSIONS - {Permission.USE_CHAT})
    may = await factory.key(tenant, frozenset({Permission.USE_CHAT}))

    refused = await client.get("/api/models", headers=may_not)

    assert refused.status_code == 403
    assert "chat:use" in refused.text
    assert list(await models(client, may)) == ["offline"]


async def test_a_word_where_yes_or_no_belongs_is_invalid(client: httpx.AsyncClient, factory: Factory) -> None:
    tenant = await factory.tenant()

    answer = await client.get("/api/models", headers=tenant.headers, params={"all": "perhaps"})

    assert answer.status_code == 422
