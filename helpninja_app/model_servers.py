"""The setting that names OpenAI-compatible servers beside OpenAI itself: Ollama, vLLM, LM Studio, Azure."""

from __future__ import annotations

import ipaddress
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError, field_validator

# Names that stand for a provider or for the model that needs none.
RESERVED = frozenset({"openai", "anthropic", "offline"})

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_PRIVATE_NAMES = (".localhost", ".local", ".internal", ".lan", ".home.arpa")
_WORDS = {
    "extra_forbidden": "is not known",
    "missing": "is missing",
    "int_type": "has to be a whole number",
    "bool_type": "has to be true or false",
    "string_type": "has to be a text",
    "tuple_type": "has to be a list",
    "model_type": "has to be an object in braces",
}


class ServedModel(BaseModel):
    """One model of a server. ``reasoning``: it thinks first, and takes ``max_completion_tokens`` only."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    id: str = Field(min_length=1, max_length=200, pattern=r"^[!-~]+$")
    label: str | None = Field(None, min_length=1, max_length=80)
    context: int = Field(8_192, ge=2_048, le=10_000_000)
    plan: Literal["free", "starter", "pro", "agency"] = "free"
    credits_per_1000: int = Field(1, ge=0, le=1_000)
    reasoning: bool = False


class ModelServer(BaseModel):
    """A server that speaks OpenAI's chat completions; its models are called ``name/id``."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    name: str
    base_url: str = Field(repr=False)
    api_key: SecretStr | None = None
    models: tuple[ServedModel, ...] = Field(min_length=1, max_length=200)

    @field_validator("name")
    @classmethod
    def _check_name(cls, value: str) -> str:
        if not _NAME.fullmatch(value):
            raise ValueError("has to be of small letters, digits and hyphens, at most 32 of them")
        if value in RESERVED:
            raise ValueError(f"must not be {value}, which has another meaning here")
        return value

    @field_validator("base_url")
    @classmethod
    def _check_base_url(cls, value: str) -> str:
        try:
            parts = urlsplit(value)
            host, _ = parts.hostname, parts.port
        except ValueError:
            host = None
        if not host or parts.scheme not in ("http", "https") or not value.isprintable() or " " in value:
            raise ValueError("has to be an address such as http://localhost:11434/v1")
        if "@" in parts.netloc:
            raise ValueError("must not contain a user or a password: the key belongs into api_key")
        if parts.query or parts.fragment:
            raise ValueError("must not have a part after ? or #")
        if parts.scheme == "http" and not _is_private(host):
            raise ValueError("has to start with https://: http is for this machine and private networks")
        return value.rstrip("/")

    @field_validator("models")
    @classmethod
    def _check_models(cls, value: tuple[ServedModel, ...]) -> tuple[ServedModel, ...]:
        if twice := _repeated([model.id for model in value]):
            raise ValueError(f"have the id {twice} twice")
        return value


ModelServers = Annotated[tuple[ModelServer, ...], Field(max_length=20)]
_SERVERS: TypeAdapter[tuple[ModelServer, ...]] = TypeAdapter(
    ModelServers, config=ConfigDict(hide_input_in_errors=True)
)


def parse_model_servers(text: str) -> tuple[ModelServer, ...]:
    """The servers that ``text`` lists as JSON. ``ValueError`` says what is wrong where, without any value."""
    try:
        listed = json.loads(text)
    except ValueError:
        listed = None
    if not isinstance(listed, list):
        raise ValueError('it has to be a list in JSON, such as [{"name": …, "base_url": …, "models": […]}]')
    try:
        servers = _SERVERS.validate_json(text)
    except ValidationError as error:
        problems = "; ".join(_problems(error, listed))
    else:
        if twice := _repeated([server.name for server in servers]):
            raise ValueError(f"two servers are called {twice}")
        return servers
    # Outside of the handler: what pydantic complains about holds the keys.
    raise ValueError(problems)


def _problems(error: ValidationError, listed: Sequence[Any]) -> Iterator[str]:
    for item in error.errors(include_url=False, include_context=True, include_input=False)[:5]:
        number, *path = item["loc"] or (None,)
        words = _WORDS.get(item["type"], f"is not valid ({item['msg']})")
        if item["type"] == "value_error":
            words = str(item["ctx"]["error"])
        where = ".".join(str(part + 1) if isinstance(part, int) else _shown(part) for part in path)
        yield f"{_server(number, listed)}{', ' if where else ''}{where} {words}"


def _server(number: str | int | None, listed: Sequence[Any]) -> str:
    """``server 2 (vllm)``: the name only where it looks like one."""
    if not isinstance(number, int):
        return "the list"
    entry = listed[number]
    name = entry.get("name") if isinstance(entry, dict) else None
    known = f" ({name})" if isinstance(name, str) and _NAME.fullmatch(name) else ""
    return f"server {number + 1}{known}"


def _shown(name: str) -> str:
    """A field's name as it was written; not a whole key that somebody put in its place."""
    return name if len(name) <= 24 else f"{name[:8]}…"


def _repeated(values: Sequence[str]) -> str | None:
    return next((value for value, times in Counter(values).items() if times > 1), None)


def _is_private(host: str) -> bool:
    """Whether ``host`` is this machine, a private address, or a name that only a private network has."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith(_PRIVATE_NAMES)
    return address.is_loopback or (address.is_private and not address.is_unspecified)
