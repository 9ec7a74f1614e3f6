"""The widget's loader, panel and configuration: what a website and its visitors' browsers are given."""

from __future__ import annotations

import json
import re

import httpx
import pytest

from helpninja_app.resources import Resources
from tests.conftest import OpenResources
from tests.factories import Factory
from tests.mailbox import Mailbox

HOSTILE_NAME = "</script><script>alert('x')</script>\u2028*/ \"); stop(); //"
CONFIG = re.compile(r"const CONFIG = (\{.*\});")


async def test_the_loader_is_filled_in_for_its_workspace(client: httpx.AsyncClient, factory: Factory) -> None:
    tenant = await factory.tenant(voice="formal")
    response = await client.get("/api/widget", params={"t": tenant.workspace.public_key})
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/javascript; charset=utf-8"
    assert "/*CONFIG*/" not in response.text
    assert "/*END*/" not in response.text
    config = _config_in(response.text)
    assert config["tenant"] == tenant.workspace.public_key
    assert config["origin"] == "http://helpninja.test"
    assert config["voice"] == "formal"
    assert config["panelUrl"].startswith("http://helpninja.test/widget/panel?t=")
    assert "set-cookie" not in response.headers


async def test_the_loader_takes_the_voice_asked_for(client: httpx.AsyncClient, factory: Factory) -> None:
    tenant = await factory.tenant(voice="formal")
    params = {"t": tenant.workspace.public_key, "voice": "casual"}
    assert _config_in((await client.get("/api/widget", params=params)).text)["voice"] == "casual"
    wrong = await client.get("/api/widget", params=params | {"voice": "pirate"})
    assert wrong.status_code == 422


async def test_the_loader_names_the_workspace_by_its_public_key_whatever_it_was_asked_by(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant = await factory.tenant()
    config = _config_in((await client.get("/api/widget", params={"t": tenant.workspace.slug})).text)
    assert config["tenant"] == tenant.workspace.public_key


async def test_the_loader_is_cached_and_confirmed_by_its_etag(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    params = {"t": (await factory.tenant()).workspace.public_key}
    first = await client.get("/api/widget", params=params)
    assert "max-age" in first.headers["cache-control"]
    for known in (first.headers["etag"], f"W/{first.headers['etag']}", f'"other", {first.headers["etag"]}'):
        again = await client.get("/api/widget", params=params, headers={"if-none-match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
    changed = await client.get("/api/widget", params=params, headers={"if-none-match": '"other"'})
    assert changed.status_code == 200
    other_voice = await client.get("/api/widget", params=params | {"voice": "formal"})
    assert other_voice.headers["etag"] != first.headers["etag"]


async def test_the_loader_holds_no_secret(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant = await factory.tenant()
    script = (await client.get("/api/widget", params={"t": tenant.workspace.public_key})).text
    assert resources.settings.signing_key() not in script
    assert tenant.key not in script
    assert set(_config_in(script)) == {"tenant", "origin", "voice", "accent", "position", "name", "panelUrl"}


async def test_a_hostile_name_stays_a_text_in_the_loader(client: httpx.AsyncClient, factory: Factory) -> None:
    tenant = await factory.tenant(name=HOSTILE_NAME)
    script = (await client.get("/api/widget", params={"t": tenant.workspace.public_key})).text
    assert _config_in(script)["name"] == HOSTILE_NAME
    assert "</script" not in script
    assert "\u2028" not in script


@pytest.mark.parametrize("tenant", ["hn_pk_nobody", "", "');alert(1)//", "\x00", "ü"])
async def test_an_unknown_tenant_gets_a_script_that_only_warns(
    client: httpx.AsyncClient, tenant: str
) -> None:
    response = await client.get("/api/widget", params={"t": tenant})
    assert response.status_code == 404
    assert response.headers["content-type"].startswith("application/javascript")
    assert re.fullmatch(r'console\.warn\("[^"\\]*"\);\n', response.text)
    assert "alert" not in response.text


async def test_only_the_allowed_domains_may_frame_the_panel(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant = await factory.tenant(allowed_domains=["shop.example", "*.wild.example", "localhost:8080"])
    response = await client.get("/widget/panel", params={"t": tenant.workspace.public_key})
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    policy = _policy_of(response)
    assert "x-frame-options" not in response.headers
    assert {
        "'self'",
        "https://shop.example",
        "https://www.shop.example",
        "https://*.wild.example",
        "http://localhost:8080",
    } <= set(policy["frame-ancestors"])
    assert "*" not in policy["frame-ancestors"]
    assert policy["default-src"] == ["'none'"]
    assert policy["script-src"] == ["'self'"]
    assert policy["base-uri"] == policy["form-action"] == ["'none'"]
    assert "unsafe" not in response.headers["content-security-policy"]


async def test_a_hostile_domain_cannot_add_to_the_panel_s_policy(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant = await factory.tenant(allowed_domains=["x; script-src *", "a b\r\nset-cookie: c=d", "'none'"])
    response = await client.get("/widget/panel", params={"t": tenant.workspace.public_key})
    policy = _policy_of(response)
    assert policy["script-src"] == ["'self'"]
    assert "set-cookie" not in response.headers
    assert "*" not in policy["frame-ancestors"]


async def test_without_a_list_any_website_may_frame_the_panel(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant = await factory.tenant()
    response = await client.get("/widget/panel", params={"t": tenant.workspace.public_key})
    assert _policy_of(response)["frame-ancestors"] == ["*"]


async def test_the_panel_has_no_inline_script_and_all_its_files_are_served(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant = await factory.tenant()
    page = (await client.get("/widget/panel", params={"t": tenant.workspace.public_key})).text
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert not re.search(r"\son\w+=|style=", page)
    files = re.findall(r'(?:src|href)="(/widget/[^"]+)"', page)
    assert "/widget/panel.js" in files
    for file in files:
        response = await client.get(file)
        assert response.status_code == 200, file
        assert response.headers["content-type"].startswith(
            "text/css" if file.endswith(".css") else "text/javascript"
        )
        known = {"if-none-match": response.headers["etag"]}
        assert (await client.get(file, headers=known)).status_code == 304


@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "pt", "it", "nl", "pl", "ja", "ar"])
async def test_a_languages_sentences_are_one_file_that_is_cached_and_compressed(
    client: httpx.AsyncClient, language: str
) -> None:
    response = await client.get(f"/widget/text-{language}.js", headers={"accept-encoding": "gzip"})
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/javascript; charset=utf-8"
    assert response.headers["content-encoding"] == "gzip"
    assert response.text.startswith("export default {\nsubtitle: ")
    assert "max-age=300" in response.headers["cache-control"]
    known = {"if-none-match": response.headers["etag"]}
    assert (await client.get(f"/widget/text-{language}.js", headers=known)).status_code == 304


async def test_the_panel_of_no_workspace_is_404(client: httpx.AsyncClient) -> None:
    response = await client.get("/widget/panel", params={"t": "hn_pk_nobody"})
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path",
    [
        "/widget/..%2f..%2frequirements.txt",
        "/widget/%2e%2e%2f%2e%2e%2fREADME.md",
        "/widget/..%5c..%5cpyproject.toml",
        "/widget/....//....//pyproject.toml",
        "/widget//etc/passwd",
        "/widget/%2fetc%2fpasswd",
        "/widget/panel.js%00.css",
        "/widget/panel.html",
        "/widget/loader.js",
        "/widget/PANEL.JS",
        "/widget/nothing.js",
        "/widget/.js",
        "/widget/",
    ],
)
async def test_nothing_but_the_panel_s_own_files_is_served(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


async def test_the_configuration_is_the_workspace_s(client: httpx.AsyncClient, factory: Factory) -> None:
    tenant = await factory.tenant(
        name=HOSTILE_NAME,
        greeting="Good day.",
        voice="formal",
        suggestions=["How do I return boots?"],
        languages=["en", "de"],
    )
    response = await client.get("/api/widget/config", params={"t": tenant.workspace.public_key})
    assert response.status_code == 200
    config = response.json()
    assert (config["name"], config["greeting"], config["voice"]) == (HOSTILE_NAME, "Good day.", "formal")
    assert config["suggestions"] == ["How do I return boots?"]
    assert config["languages"] == ["en", "de"]
    assert config["offline"] is False


@pytest.mark.parametrize("is_real", [True, False])
async def test_the_panel_is_told_whether_answers_are_mailed(
    client: httpx.AsyncClient,
    factory: Factory,
    mailbox: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
    is_real: bool,
) -> None:
    monkeypatch.setattr(mailbox, "is_real", is_real)
    tenant = await factory.tenant()
    response = await client.get("/api/widget/config", params={"t": tenant.workspace.public_key})
    assert response.json()["mailsAnswers"] is is_real


@pytest.mark.parametrize(
    ("plan", "unlimited", "branded"), [("pro", False, True), ("agency", False, False), ("free", True, False)]
)
async def test_the_panel_names_us_unless_the_plan_is_white_label(
    client: httpx.AsyncClient,
    factory: Factory,
    with_resources: OpenResources,
    plan: str,
    unlimited: bool,
    branded: bool,
) -> None:
    tenant = await factory.tenant(plan=plan)
    async with with_resources(unlimited=unlimited):
        response = await client.get("/api/widget/config", params={"t": tenant.workspace.public_key})
    assert response.json()["branded"] is branded


@pytest.mark.parametrize(
    ("params", "status"), [({}, 422), ({"t": "hn_pk_nobody"}, 404), ({"t": "x" * 101}, 422)]
)
async def test_the_configuration_of_no_workspace_is_refused(
    client: httpx.AsyncClient, params: dict[str, str], status: int
) -> None:
    assert (await client.get("/api/widget/config", params=params)).status_code == status


@pytest.mark.parametrize("path", ["/api/widget/config", "/api/widget/session"])
async def test_a_website_that_is_not_listed_is_refused(
    client: httpx.AsyncClient, factory: Factory, path: str
) -> None:
    tenant = await factory.tenant(allowed_domains=["shop.example"])
    headers = {"origin": "https://evil.example"}
    key = tenant.workspace.public_key
    response = (
        await client.get(path, params={"t": key}, headers=headers)
        if path.endswith("config")
        else await client.post(path, json={"tenantId": key}, headers=headers)
    )
    assert response.status_code == 403


def _config_in(script: str) -> dict[str, str]:
    found = CONFIG.search(script)
    assert found is not None
    config: dict[str, str] = json.loads(found[1])
    return config


def _policy_of(response: httpx.Response) -> dict[str, list[str]]:
    directives = [part.split() for part in response.headers["content-security-policy"].split(";")]
    return {directive[0]: directive[1:] for directive in directives}


async def test_the_loader_is_compressed_for_those_who_can_read_it(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant = await factory.tenant()
    url = f"/api/widget?t={tenant.workspace.public_key}"
    packed = await client.get(url, headers={"accept-encoding": "gzip"})
    plain = await client.get(url, headers={"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.text == plain.text
    assert int(packed.headers["content-length"]) < 5_000
