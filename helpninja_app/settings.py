"""Settings: every environment variable HelpNinja reads, with its default and its meaning."""

from __future__ import annotations

import ipaddress
import os
import secrets
import tempfile
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from helpninja_app.billing_settings import BillingSettings
from helpninja_app.mail_settings import MailSettings
from helpninja_app.model_servers import ModelServer, parse_model_servers

WEAK_SECRETS = frozenset({"secret", "changeme", "change-me", "password", "helpninja", "development"})
SECRET_LENGTH = 32

HostList = Annotated[frozenset[str], NoDecode]
ModelServerList = Annotated[tuple[ModelServer, ...], NoDecode]


class SettingsRefused(Exception):
    """The settings are not safe to start with; ``problems`` has one sentence for each."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("HelpNinja cannot start:\n" + "\n".join(f"  - {problem}" for problem in problems))


class Settings(BillingSettings, MailSettings):
    """Read from the environment and from ``.env``; the description of each field is the README's table."""

    model_config = SettingsConfigDict(
        env_file=".env",
        extra="ignore",
        env_ignore_empty=True,
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    env: Literal["development", "production"] = Field(
        "development",
        alias="HELPNINJA_ENV",
        description="`production` creates no demo workspace and refuses weak secrets.",
    )
    port: int = Field(
        3000, alias="PORT", ge=1, le=65535, description="The one port of pages, API and widget."
    )
    host: str = Field("127.0.0.1", alias="HELPNINJA_HOST", description="The address to listen on.")
    data_dir: Path = Field(
        Path(".helpninja"),
        alias="HELPNINJA_DATA",
        description="Folder of the embedded database, uploaded files and generated secrets.",
    )
    public_url: str | None = Field(
        None,
        alias="HELPNINJA_PUBLIC_URL",
        description="The address people reach this installation at, such as `https://help.example.com`.",
    )
    secret_key: SecretStr | None = Field(
        None,
        alias="HELPNINJA_SECRET_KEY",
        description="Signs visitor tokens; at least 32 random characters. Generated in development.",
    )
    encryption_keys: SecretStr | None = Field(
        None,
        alias="HELPNINJA_ENCRYPTION_KEYS",
        description="Comma-separated keys of at least 32 random characters for the secrets of two-factor"
        " sign-in and the credentials of integrations: the first one encrypts, all decrypt. Empty: derived"
        " from `HELPNINJA_SECRET_KEY`, which always decrypts too; when that is changed, keep the old one"
        " here.",
    )
    trusted_proxies: HostList = Field(
        frozenset(),
        alias="HELPNINJA_TRUSTED_PROXIES",
        description="Comma-separated addresses or networks whose `X-Forwarded-*` headers count.",
    )
    allowed_private_hosts: HostList = Field(
        frozenset(),
        alias="HELPNINJA_ALLOWED_PRIVATE_HOSTS",
        description="Comma-separated `host:port`, or `host:port/path/`, on private networks that may be read"
        " all the same.",
    )

    database_url: str | None = Field(
        None,
        alias="DATABASE_URL",
        description="PostgreSQL 16 or newer with pgvector, as the run-time role. Empty: the embedded server.",
    )
    database_owner_url: str | None = Field(
        None,
        alias="DATABASE_OWNER_URL",
        description="The same database as the role that owns the tables and runs migrations.",
    )
    pg_bin: Path | None = Field(
        None, alias="HELPNINJA_PG_BIN", description="Folder with other PostgreSQL binaries to embed."
    )
    redis_url: str | None = Field(
        None, alias="REDIS_URL", description="Shares burst limits and page state between processes."
    )

    sign_up: Literal["open", "invite", "closed"] = Field(
        "open",
        alias="HELPNINJA_SIGN_UP",
        description="Who may make an account: anybody, only who is invited, or nobody.",
    )
    supabase_url: str | None = Field(
        None,
        alias="SUPABASE_URL",
        description="A Supabase project, `https://….supabase.co`, with at least one of its next two keys.",
    )
    supabase_anon_key: SecretStr | None = Field(
        None,
        alias="SUPABASE_ANON_KEY",
        description="The project's anon or publishable key: people sign in there. Empty: accounts kept here.",
    )
    supabase_service_role_key: SecretStr | None = Field(
        None,
        alias="SUPABASE_SERVICE_ROLE_KEY",
        description="The project's secret or service_role key: uploaded files are kept in a private bucket of"
        " its Storage. Empty: in `HELPNINJA_DATA`.",
    )
    supabase_jwt_secret: SecretStr | None = Field(
        None,
        alias="SUPABASE_JWT_SECRET",
        description="Only for projects that sign with the legacy secret (HS256) instead of published keys.",
    )

    openai_api_key: SecretStr | None = Field(
        None, alias="OPENAI_API_KEY", description="Answers and embeddings by OpenAI."
    )
    openai_base_url: str | None = Field(
        None, alias="OPENAI_BASE_URL", description="Any server with OpenAI's protocol instead."
    )
    anthropic_api_key: SecretStr | None = Field(
        None, alias="ANTHROPIC_API_KEY", description="Answers by Anthropic."
    )
    anthropic_base_url: str | None = Field(
        None, alias="ANTHROPIC_BASE_URL", description="Any server with Anthropic's protocol instead."
    )
    model_servers: ModelServerList = Field(
        (),
        alias="HELPNINJA_MODEL_SERVERS",
        description="More servers with OpenAI's protocol (Ollama, vLLM, LM Studio, Azure), as JSON:"
        ' `[{"name", "base_url", "api_key"?, "models": [{"id", "label"?, "context"?, "plan"?,'
        ' "credits_per_1000"?, "reasoning"?}]}]`. Their models are called `name/id`.',
    )
    answer_model: str | None = Field(
        None,
        alias="HELPNINJA_ANSWER_MODEL",
        description="Model that answers visitors. Empty: the cheapest one whose key is set, else `offline`.",
    )
    embedder: Literal["auto", "minilm", "openai"] = Field(
        "auto",
        alias="HELPNINJA_EMBEDDER",
        description="`minilm` runs here; `openai` needs its key; `auto` takes OpenAI's when there is a key.",
    )
    first_byte_timeout: float = Field(
        10.0, alias="HELPNINJA_FIRST_BYTE_TIMEOUT", gt=0, description="Seconds until a model's first token."
    )
    idle_timeout: float = Field(
        15.0, alias="HELPNINJA_IDLE_TIMEOUT", gt=0, description="Seconds between two tokens of a model."
    )
    total_timeout: float = Field(
        60.0,
        alias="HELPNINJA_TOTAL_TIMEOUT",
        gt=0,
        # What is reserved for an answer is held for 15 minutes.
        le=600,
        description="Seconds for a model's whole answer, at most 600.",
    )

    visitor_limit_per_address: int = Field(
        60, alias="HELPNINJA_LIMIT_ADDRESS", ge=1, description="Visitor requests a minute and address."
    )
    visitor_limit_per_session: int = Field(
        20, alias="HELPNINJA_LIMIT_SESSION", ge=1, description="Visitor messages a minute and session."
    )
    workspace_limit: int = Field(
        600, alias="HELPNINJA_LIMIT_WORKSPACE", ge=1, description="Visitor messages a minute and workspace."
    )
    member_limit: int = Field(
        300, alias="HELPNINJA_LIMIT_MEMBER", ge=1, description="Requests a minute of a member or a key."
    )
    sign_in_limit_per_account: int = Field(
        10, alias="HELPNINJA_LIMIT_SIGN_IN", ge=1, description="Sign-in tries in 10 minutes and account."
    )
    sign_in_limit_per_address: int = Field(
        30,
        alias="HELPNINJA_LIMIT_SIGN_IN_ADDRESS",
        ge=1,
        description="Sign-in tries in 10 minutes and address.",
    )
    vector_memory_mb: int = Field(
        256,
        alias="HELPNINJA_VECTOR_MEMORY_MB",
        ge=0,
        description="MB of vectors that a process keeps at hand, for workspaces of 1,000 passages and more.",
    )
    worker_concurrency: int = Field(
        4,
        alias="HELPNINJA_WORKERS",
        ge=0,
        le=64,
        description="Jobs at once in the web process; `0` for none.",
    )
    metrics_token: SecretStr | None = Field(
        None,
        alias="HELPNINJA_METRICS_TOKEN",
        description="Bearer token for `/metrics` from elsewhere; without it only this machine may read it.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", alias="HELPNINJA_LOG_LEVEL", description="How much is logged."
    )
    log_format: Literal["text", "json"] = Field(
        "text", alias="HELPNINJA_LOG_FORMAT", description="`json` for a log collector."
    )

    @field_validator("trusted_proxies", "allowed_private_hosts", mode="before")
    @classmethod
    def _split_list(cls, value: object) -> object:
        if isinstance(value, str):
            return frozenset(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("model_servers", mode="before")
    @classmethod
    def _parse_servers(cls, value: object) -> object:
        return parse_model_servers(value) if isinstance(value, str) else value

    @field_validator("public_url", "supabase_url")
    @classmethod
    def _without_trailing_slash(cls, value: str | None) -> str | None:
        return value.rstrip("/") if value else value

    @property
    def is_development(self) -> bool:
        return self.env == "development"

    @property
    def is_supabase_sign_in(self) -> bool:
        """Whether people sign in with Supabase; its address alone may be there for files."""
        return bool(self.supabase_url and self.supabase_anon_key)

    @property
    def fetchable_private_hosts(self) -> frozenset[str]:
        """Private hosts that may be fetched: in development our own too, but only the demo's pages.

        ``/metrics`` and what else is only for this machine must not be read through an ingest.
        """
        if self.is_development:
            return self.allowed_private_hosts | {f"127.0.0.1:{self.port}/demo/help/"}
        return self.allowed_private_hosts

    @property
    def link_origin(self) -> str:
        """Where links in mails lead: never taken from a request, whose Host anybody can forge."""
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::"} else self.host  # noqa: S104
        return self.public_url or f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def signing_key(self) -> str:
        """The key that signs tokens; in development one is made on first use and kept in the data folder."""
        if self.secret_key is not None:
            return self.secret_key.get_secret_value()
        return _kept_secret(self.data_dir / "secret-key")

    def keys_for_encryption(self) -> tuple[str, ...]:
        """What to encrypt with, and after it what older texts may be encrypted with."""
        return (*self._listed_encryption_keys, self.signing_key())

    @property
    def _listed_encryption_keys(self) -> list[str]:
        listed = self.encryption_keys.get_secret_value() if self.encryption_keys else ""
        return [key.strip() for key in listed.split(",") if key.strip()]

    def refuse_unsafe(self) -> None:
        """Raise ``SettingsRefused`` with everything that is missing or weak, all at once."""
        problems: list[str] = []
        if self.env == "production" and self.secret_key is None:
            problems.append("HELPNINJA_SECRET_KEY is missing. Make one with: openssl rand -base64 48")
        for name, secret in (
            ("HELPNINJA_SECRET_KEY", self.secret_key),
            ("HELPNINJA_METRICS_TOKEN", self.metrics_token),
            ("CRON_SECRET", self.cron_secret),
            ("INBOUND_EMAIL_SECRET", self.inbound_email_secret),
        ):
            if secret is not None and self.env == "production":
                problems += _weaknesses(name, secret.get_secret_value())
        for key in self._listed_encryption_keys if self.env == "production" else ():
            problems += _weaknesses("HELPNINJA_ENCRYPTION_KEYS", key)
        if self.database_url and not self.database_owner_url:
            problems.append("DATABASE_OWNER_URL is missing: migrations run as the owner of the tables.")
        if self.database_owner_url and not self.database_url:
            problems.append("DATABASE_URL is missing: the app connects as a role that owns no table.")
        if self.database_url and self.database_url == self.database_owner_url:
            problems.append(
                "DATABASE_URL and DATABASE_OWNER_URL are the same: row-level security needs two roles."
            )
        if self.public_url and not self.public_url.startswith(("http://", "https://")):
            problems.append(
                "HELPNINJA_PUBLIC_URL has to start with https:// (or http:// in a closed network)."
            )
        if self.supabase_url and not self.supabase_url.startswith(("http://", "https://")):
            problems.append("SUPABASE_URL has to start with https:// (or http:// in a closed network).")
        if self.supabase_url and not (self.supabase_anon_key or self.supabase_service_role_key):
            problems.append(
                "SUPABASE_URL needs SUPABASE_ANON_KEY for signing in, or SUPABASE_SERVICE_ROLE_KEY for files."
            )
        if not self.supabase_url and (self.supabase_anon_key or self.supabase_service_role_key):
            problems.append("SUPABASE_URL is missing although a key of Supabase's is set.")
        if self.env == "production" and self.is_supabase_sign_in and not self.public_url:
            problems.append("HELPNINJA_PUBLIC_URL is missing: Supabase sends people back to it.")
        problems += [
            f"HELPNINJA_TRUSTED_PROXIES has {proxy}, which is no address or network."
            for proxy in sorted(self.trusted_proxies)
            if not _is_network(proxy)
        ]
        if self.embedder == "openai" and self.openai_api_key is None:
            problems.append("OPENAI_API_KEY is missing although HELPNINJA_EMBEDDER is openai.")
        problems += self.billing_problems() + self.mail_problems()
        if problems:
            raise SettingsRefused(tuple(problems))


def _is_network(value: str) -> bool:
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    return True


def _weaknesses(name: str, value: str) -> list[str]:
    if value.lower() in WEAK_SECRETS or len(set(value)) < 8:
        return [f"{name} is weak: it can be guessed. Make one with: openssl rand -base64 48"]
    if len(value) < SECRET_LENGTH:
        return [f"{name} is weak: it has {len(value)} characters and needs at least {SECRET_LENGTH}."]
    return []


def _kept_secret(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_file() and not path.stat().st_size:
        path.unlink(missing_ok=True)
    if not path.exists():
        descriptor, whole = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(48))
            # Whole or not at all: of processes that start together one wins, and all read what it wrote.
            with suppress(FileExistsError):
                os.link(whole, path)
        finally:
            Path(whole).unlink()
    return path.read_text().strip()


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process, read once; ``SettingsRefused`` with everything wrong with them."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = {
            str(item["loc"][0]): str(item["msg"]).removeprefix("Value error, ") for item in error.errors()
        }
    problems = [f"{name} is not valid: {message}." for name, message in wrong.items()]
    defaults = {field.alias: field.default for field in Settings.model_fields.values()}
    # Read again without them, for what else there is to complain about.
    try:
        Settings(**{name: defaults[name] for name in wrong}).refuse_unsafe()
    except SettingsRefused as refused:
        problems += refused.problems
    raise SettingsRefused(tuple(problems))
