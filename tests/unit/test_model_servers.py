"""The setting of other servers: what is taken, and what is refused in a sentence that tells no secret."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from helpninja_app.model_servers import parse_model_servers
from helpninja_app.settings import Settings, SettingsRefused, get_settings

SECRET = "sk-of-a-server-0123456789"
GOOD: dict[str, Any] = {
    "name": "vllm",
    "base_url": "https://models.example/v1/",
    "api_key": SECRET,
    "models": [{"id": "org/model-8b"}],
}


def parsed(**changes: Any) -> Any:
    return parse_model_servers(json.dumps([{**GOOD, **changes}]))


def told(*servers: Any) -> str:
    with pytest.raises(ValueError) as refused:
        parse_model_servers(json.dumps(servers))
    assert SECRET not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None
    return str(refused.value)


def test_a_server_has_defaults_for_its_models() -> None:
    [server] = parsed()
    [model] = server.models

    assert server.base_url == "https://models.example/v1"
    assert (model.label, model.context, model.plan, model.credits_per_1000) == (None, 8_192, "free", 1)


@pytest.mark.parametrize(
    "address",
    [
        "http://localhost:11434/v1",
        "http://127.0.0.1:1234/v1",
        "http://[::1]:8000/v1",
        "http://10.1.2.3/v1",
        "http://192.168.1.5:8000",
        "http://[fd00::5]/v1",
        "http://ollama:11434/v1",
        "http://host.docker.internal:11434/v1",
        "http://box.lan/v1",
        "https://name.openai.azure.com/openai/v1",
    ],
)
def test_http_is_taken_on_this_machine_and_private_networks_and_https_everywhere(address: str) -> None:
    assert parsed(base_url=address)[0].base_url == address


@pytest.mark.parametrize(
    "address",
    [
        "http://models.example/v1",
        "http://8.8.8.8/v1",
        "http://0.0.0.0/v1",
        "http://local.example",
        "http://[2606::1]",
    ],
)
def test_http_to_the_outside_is_refused(address: str) -> None:
    assert told({**GOOD, "base_url": address}) == (
        "server 1 (vllm), base_url has to start with https://: http is for this machine and private networks"
    )


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": "Our Server"}, "server 2, name has to be of small letters"),
        ({"name": "a/b"}, "server 2, name has to be of small letters"),
        ({"name": "openai"}, "server 2 (openai), name must not be openai"),
        ({"name": "offline"}, "server 2 (offline), name must not be offline"),
        ({"name": 7}, "server 2, name has to be a text"),
        ({"base_url": "models.example"}, "server 2 (other), base_url has to be an address"),
        ({"base_url": "ftp://models.example"}, "server 2 (other), base_url has to be an address"),
        ({"base_url": "http://[::1/v1"}, "server 2 (other), base_url has to be an address"),
        ({"base_url": f"https://me:{SECRET}@models.example"}, "base_url must not contain a user"),
        ({"base_url": f"https://models.example/?key={SECRET}"}, "base_url must not have a part after ?"),
        ({"api_key": [SECRET]}, "server 2 (other), api_key has to be a text"),
        ({"models": []}, "server 2 (other), models is not valid"),
        ({"models": [{"id": "a"}, {"id": "a"}]}, "server 2 (other), models have the id a twice"),
        ({"models": [{"id": "a"}, {"label": "B"}]}, "server 2 (other), models.2.id is missing"),
        ({"models": [{"id": "has space"}]}, "server 2 (other), models.1.id is not valid"),
        ({"models": [{"id": "a", "context": "8k"}]}, "models.1.context has to be a whole number"),
        ({"models": [{"id": "a", "context": 5}]}, "models.1.context is not valid"),
        ({"models": [{"id": "a", "plan": "gold"}]}, "models.1.plan is not valid"),
        ({"models": [{"id": "a", "credits_per_1000": -1}]}, "models.1.credits_per_1000 is not valid"),
        ({"models": [{"id": "a", "rate": 3}]}, "models.1.rate is not known"),
        ({SECRET: "key in the wrong place"}, "server 2 (other), sk-of-a-… is not known"),
    ],
)
def test_the_sentence_says_what_is_wrong_where(changes: dict[str, Any], sentence: str) -> None:
    assert sentence in told(GOOD, {**GOOD, "name": "other", **changes})


def test_two_servers_of_one_name_are_refused() -> None:
    assert told(GOOD, GOOD) == "two servers are called vllm"


@pytest.mark.parametrize("text", ["", "vllm", "{}", '"text"', "[", "[1"])
def test_what_is_no_list_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a list in JSON"):
        parse_model_servers(text)


@pytest.mark.parametrize("entry", [1, None, "x", []])
def test_what_is_no_server_is_refused(entry: Any) -> None:
    assert told(entry) == "server 1 has to be an object in braces"


def test_the_start_is_refused_with_the_sentence_and_without_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = json.dumps([{**GOOD, "base_url": "http://models.example"}])
    monkeypatch.setenv("HELPNINJA_MODEL_SERVERS", wrong)
    get_settings.cache_clear()
    try:
        with pytest.raises(SettingsRefused) as refused:
            get_settings()
    finally:
        get_settings.cache_clear()

    assert (
        "HELPNINJA_MODEL_SERVERS is not valid: server 1 (vllm), base_url has to start with https://"
        in str(refused.value)
    )
    assert SECRET not in str(refused.value)


def test_neither_the_settings_nor_their_errors_show_the_key() -> None:
    shown = Settings(_env_file=None, HELPNINJA_MODEL_SERVERS=json.dumps([GOOD]))
    with pytest.raises(ValidationError) as refused:
        Settings(_env_file=None, HELPNINJA_MODEL_SERVERS=json.dumps([{**GOOD, "name": "X"}]))

    assert SECRET not in repr(shown)
    assert SECRET not in str(shown.model_dump())
    assert SECRET not in str(refused.value)
