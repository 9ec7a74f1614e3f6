"""Settings: what is refused at start, all at once, and the key that development makes for itself."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from helpninja_app.settings import Settings, SettingsRefused, get_settings

STRONG = SecretStr("k3y-for-tests-0123456789-abcdefghijk")


@pytest.fixture(autouse=True)
def without_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields.values():
        monkeypatch.delenv(str(field.alias), raising=False)


def settings(**values: Any) -> Settings:
    return Settings(_env_file=None, **values)


def problems_of(**values: Any) -> str:
    with pytest.raises(SettingsRefused) as refused:
        settings(**values).refuse_unsafe()
    return "\n".join(refused.value.problems)


def test_development_starts_with_nothing_set() -> None:
    settings().refuse_unsafe()


def test_production_starts_with_a_strong_key() -> None:
    settings(env="production", secret_key=STRONG).refuse_unsafe()


def test_production_lists_everything_that_is_missing_or_weak_at_once() -> None:
    told = problems_of(
        env="production",
        metrics_token=SecretStr("changeme"),
        database_url="postgresql://app@db/x",
        public_url="help.example",
        embedder="openai",
    )
    assert told.count("\n") == 4
    for name in (
        "HELPNINJA_SECRET_KEY is missing",
        "HELPNINJA_METRICS_TOKEN is weak",
        "DATABASE_OWNER_URL is missing",
        "HELPNINJA_PUBLIC_URL",
        "OPENAI_API_KEY is missing",
    ):
        assert name in told


@pytest.mark.parametrize("weak", ["secret", "ChangeMe", "a" * 64, "abcabcabc" * 8, "Sh0rt-but-random-9f3k"])
def test_production_refuses_a_weak_key_without_repeating_it(weak: str) -> None:
    told = problems_of(env="production", secret_key=SecretStr(weak))
    assert "HELPNINJA_SECRET_KEY is weak" in told
    assert weak not in told


def test_two_roles_have_to_be_two() -> None:
    url = "postgresql://same@db/x"
    assert "two roles" in problems_of(database_url=url, database_owner_url=url)
    assert "DATABASE_URL is missing" in problems_of(database_owner_url=url)


def test_a_supabase_project_needs_a_key_and_a_key_its_project() -> None:
    address, key = "https://abc.supabase.co", SecretStr("sb_secret_x")
    assert "SUPABASE_URL needs" in problems_of(supabase_url=address)
    for name in ("supabase_anon_key", "supabase_service_role_key"):
        settings(supabase_url=address, **{name: key}).refuse_unsafe()
        assert "SUPABASE_URL is missing" in problems_of(**{name: key})


def test_a_key_for_files_alone_does_not_change_how_people_sign_in() -> None:
    address, key = "https://abc.supabase.co", SecretStr("sb_secret_x")
    assert settings(supabase_url=address, supabase_anon_key=key).is_supabase_sign_in
    files_only = settings(
        env="production", secret_key=STRONG, supabase_url=address, supabase_service_role_key=key
    )
    files_only.refuse_unsafe()
    assert not files_only.is_supabase_sign_in


def test_secrets_do_not_show_when_settings_are_printed() -> None:
    shown = repr(settings(secret_key=STRONG, openai_api_key=SecretStr("sk-1234567890")))
    assert STRONG.get_secret_value() not in shown
    assert "sk-1234567890" not in shown


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        ("PORT", "8080", "port", 8080),
        ("HELPNINJA_HOST", "0.0.0.0", "host", "0.0.0.0"),
        ("HELPNINJA_DATA", "/srv/x", "data_dir", Path("/srv/x")),
        ("HELPNINJA_PUBLIC_URL", "https://help.example/", "public_url", "https://help.example"),
        ("HELPNINJA_UNLIMITED", "0", "unlimited", False),
        (
            "HELPNINJA_TRUSTED_PROXIES",
            "10.0.0.1, 10.1.0.0/16,",
            "trusted_proxies",
            {"10.0.0.1", "10.1.0.0/16"},
        ),
        ("HELPNINJA_ALLOWED_PRIVATE_HOSTS", "wiki.corp:80", "allowed_private_hosts", {"wiki.corp:80"}),
        ("OPENAI_BASE_URL", "", "openai_base_url", None),
    ],
)
def test_a_variable_of_the_environment_is_read(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, field: str, expected: object
) -> None:
    monkeypatch.setenv(name, value)
    assert getattr(settings(), field) == expected


@pytest.mark.parametrize("value", ["0", "65536", "http"])
def test_a_port_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("PORT", value)
    with pytest.raises(ValidationError):
        settings()


def test_development_makes_a_key_once_and_keeps_it_to_itself(tmp_path: Path) -> None:
    made = settings(data_dir=tmp_path / "new").signing_key()
    kept = tmp_path / "new" / "secret-key"
    assert len(made) >= 32
    assert kept.stat().st_mode & 0o777 == 0o600
    assert settings(data_dir=tmp_path / "new").signing_key() == made


def test_an_empty_key_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "secret-key").touch()
    assert len(settings(data_dir=tmp_path).signing_key()) >= 32


@pytest.mark.parametrize("turn", range(8))
def test_processes_that_start_together_agree_on_one_key(tmp_path: Path, turn: int) -> None:
    count = 16
    start = threading.Barrier(count)
    keys: list[str] = []

    def make() -> None:
        start.wait()
        keys.append(settings(data_dir=tmp_path).signing_key())

    threads = [threading.Thread(target=make) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == count
    assert len(set(keys)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secret-key"]


def test_only_development_may_fetch_its_own_demo() -> None:
    assert settings(port=4000).fetchable_private_hosts == {"127.0.0.1:4000/demo/help/"}
    assert settings(env="production", port=4000).fetchable_private_hosts == frozenset()


def test_a_proxy_that_is_no_address_is_named() -> None:
    told = problems_of(trusted_proxies="10.0.0.0/8, my-proxy, ::1")
    assert told == "HELPNINJA_TRUSTED_PROXIES has my-proxy, which is no address or network."


def test_values_that_are_none_are_listed_with_all_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PORT", "abc")
    monkeypatch.setenv("HELPNINJA_WORKERS", "-1")
    monkeypatch.setenv("HELPNINJA_ENV", "production")
    get_settings.cache_clear()
    with pytest.raises(SettingsRefused) as refused:
        get_settings()
    told = "\n".join(refused.value.problems)
    for name in ("PORT is not valid", "HELPNINJA_WORKERS is not valid", "HELPNINJA_SECRET_KEY is missing"):
        assert name in told
    assert "abc" not in told


def test_keys_for_encryption_are_the_listed_ones_and_the_signing_key_after_them() -> None:
    listed = SecretStr(f"first-{'x' * 32}, second-{'y' * 32},")
    made = settings(secret_key=STRONG, encryption_keys=listed)
    signing = STRONG.get_secret_value()
    assert made.keys_for_encryption() == (f"first-{'x' * 32}", f"second-{'y' * 32}", signing)
    assert settings(secret_key=STRONG).keys_for_encryption() == (signing,)
    assert "first-" not in repr(made)


@pytest.mark.parametrize("weak", ["changeme", "a" * 64, "Sh0rt-but-random-9f3k"])
def test_production_refuses_each_weak_key_for_encryption(weak: str) -> None:
    listed = SecretStr(f"{STRONG.get_secret_value()},{weak}")
    told = problems_of(env="production", secret_key=STRONG, encryption_keys=listed)
    assert told.count("HELPNINJA_ENCRYPTION_KEYS is weak") == 1
    assert weak not in told
    settings(secret_key=STRONG, encryption_keys=listed).refuse_unsafe()
