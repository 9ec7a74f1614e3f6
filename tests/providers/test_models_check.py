"""``helpninja models check`` against servers that speak the vendors' protocols."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from pydantic import SecretStr
from typer.testing import CliRunner

from helpninja_app import cli as cli_module
from helpninja_app import model_commands
from helpninja_app.model_commands import check_models
from helpninja_app.settings import Settings, SettingsRefused
from tests.loopback_site import LoopbackSite, answer

SECRET = "sk-check-0123456789-secret"


def listing(*ids: str, **more: Any) -> bytes:
    rows = [{"id": each, "object": "model", "type": "model"} for each in ids]
    return answer(json.dumps({"object": "list", "data": rows, **more}), content_type="application/json")


@pytest.fixture(autouse=True)
def without_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields.values():
        monkeypatch.delenv(str(field.alias), raising=False)


@pytest_asyncio.fixture
async def openai() -> AsyncIterator[LoopbackSite]:
    async with LoopbackSite({"/v1/models": listing("gpt-4o-mini", "gpt-4o", "gpt-4-turbo", "tts-1")}) as site:
        yield site


@pytest_asyncio.fixture
async def anthropic() -> AsyncIterator[LoopbackSite]:
    first = "/v1/models?limit=100"
    pages = {
        first: listing("claude-haiku-5-5", has_more=True, first_id="a", last_id="claude-haiku-5-5"),
        f"{first}&after_id=claude-haiku-5-5": listing("claude-opus-5-5", "claude-next", has_more=False),
    }
    async with LoopbackSite(dict(pages)) as site:
        yield site


@pytest_asyncio.fixture
async def local() -> AsyncIterator[LoopbackSite]:
    async with LoopbackSite({"/v1/models": listing("llama3.2:latest", "qwen3")}) as site:
        yield site


def settings(
    *,
    openai: LoopbackSite | None = None,
    anthropic: LoopbackSite | None = None,
    local: LoopbackSite | None = None,
    **more: Any,
) -> Settings:
    values: dict[str, Any] = {"first_byte_timeout": 5.0}
    if openai is not None:
        values |= {"openai_api_key": SecretStr(SECRET), "openai_base_url": f"{openai.url}/v1"}
    if anthropic is not None:
        values |= {"anthropic_api_key": SecretStr(SECRET), "anthropic_base_url": anthropic.url}
    if local is not None:
        values["model_servers"] = json.dumps(
            [
                {
                    "name": "local",
                    "base_url": f"{local.url}/v1",
                    "models": [{"id": "llama3.2"}, {"id": "mistral"}],
                }
            ]
        )
    return Settings(_env_file=None, **values, **more)


async def check(chosen: Settings) -> tuple[bool, str]:
    said: list[str] = []
    is_right = await check_models(chosen, said.append)
    text = "\n".join(said)
    assert SECRET not in text
    return is_right, text


def standing(text: str, model_id: str) -> str:
    [line] = [line for line in text.split("\n") if line.split() and line.split()[0] == model_id]
    return " ".join(line.split()[1:])


async def test_every_model_is_said_to_be_served_or_not_or_retired(
    openai: LoopbackSite, anthropic: LoopbackSite, local: LoopbackSite
) -> None:
    is_right, text = await check(settings(openai=openai, anthropic=anthropic, local=local))

    assert is_right
    assert standing(text, "gpt-4o-mini") == "served"
    assert standing(text, "gpt-6-astra") == "not served"
    assert standing(text, "gpt-4-turbo") == "retired since 2026-10-23, but still served"
    assert standing(text, "claude-3-opus-20240229") == "retired since 2026-01-05"
    assert standing(text, "claude-opus-5-5") == "served"
    assert standing(text, "local/llama3.2") == "served"
    assert standing(text, "local/mistral") == "not served"
    assert "openai: serves 4 models, 1 of them not in the catalogue." in text
    assert "anthropic: serves 3 models, 1 of them not in the catalogue." in text
    assert "local: serves 2 models, 1 of them not in the catalogue." in text


async def test_keys_are_sent_to_their_own_provider_and_none_to_a_server_without_one(
    openai: LoopbackSite, local: LoopbackSite
) -> None:
    await check(settings(openai=openai, local=local))

    assert openai.requests[0].headers["authorization"] == f"Bearer {SECRET}"
    assert "authorization" not in local.requests[0].headers


async def test_without_any_provider_nothing_is_wrong_and_the_settings_are_named() -> None:
    is_right, text = await check(settings())

    assert is_right
    assert "openai: OPENAI_API_KEY is not set." in text
    assert "anthropic: ANTHROPIC_API_KEY is not set." in text


async def test_a_provider_that_refuses_the_key_is_wrong_and_the_others_are_still_asked(
    openai: LoopbackSite, anthropic: LoopbackSite
) -> None:
    openai.routes["/v1/models"] = answer(
        json.dumps({"error": {"message": f"Incorrect key {SECRET}"}}), status="401 Unauthorized"
    )

    is_right, text = await check(settings(openai=openai, anthropic=anthropic))

    assert not is_right
    assert "openai: cannot be asked. The key for OpenAI was refused. Check OPENAI_API_KEY." in text
    assert standing(text, "claude-haiku-5-5") == "served"


async def test_a_server_that_is_away_is_wrong(local: LoopbackSite) -> None:
    away = settings(local=local)
    await local.__aexit__()

    is_right, text = await check(away)

    assert not is_right
    assert "local: cannot be asked. The connection to local failed." in text


async def test_a_default_model_that_is_not_served_is_wrong(openai: LoopbackSite) -> None:
    openai.routes["/v1/models"] = listing("gpt-4o", "gpt-6-luna")

    is_right, text = await check(settings(openai=openai, answer_model="gpt-4o"))

    assert not is_right
    assert "gpt-4o-mini answers chats that name no model and is not served." in text
    assert "answers visitors" not in text


async def test_a_visitors_model_whose_provider_has_no_key_is_wrong(openai: LoopbackSite) -> None:
    is_right, text = await check(settings(openai=openai, answer_model="claude-haiku-5-5"))

    assert not is_right
    assert "claude-haiku-5-5 answers visitors and is not served." in text


async def test_a_visitors_model_of_a_server_is_asked_for_there(local: LoopbackSite) -> None:
    assert (await check(settings(local=local, answer_model="local/llama3.2")))[0]
    assert not (await check(settings(local=local, answer_model="local/mistral")))[0]


async def test_a_visitors_model_that_nobody_knows_names_the_setting() -> None:
    with pytest.raises(SettingsRefused, match="HELPNINJA_ANSWER_MODEL is gpt-99"):
        await check(settings(answer_model="gpt-99"))


@pytest.mark.parametrize("is_right", [True, False])
def test_the_exit_status_says_whether_all_is_right(monkeypatch: pytest.MonkeyPatch, is_right: bool) -> None:
    async def checked(*_: object) -> bool:
        return is_right

    monkeypatch.setattr(model_commands, "get_settings", settings)
    monkeypatch.setattr(model_commands, "check_models", checked)

    result = CliRunner().invoke(cli_module.cli, ["models", "check"])

    assert result.exit_code == (0 if is_right else 1)
