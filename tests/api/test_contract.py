"""Whether the API does what its OpenAPI description says: generated requests, and the page that shows it."""

from __future__ import annotations

import copy
import html
import re
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api_routes import ingest
from api_routes.app import create_api
from helpninja_app.accounts.models import Role
from tests.api.ingesting import html as page
from tests.conftest import OpenSite
from tests.factories import Factory, Tenant

# The worker and the crawler of this process draw random numbers too; hypothesis takes that for a strategy's.
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module:Warning")

EXAMPLES = 8
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

Operation = APIOperation[Any, Any, Any, Any]
Case = schemathesis.Case[Any]

DESCRIPTION = create_api().openapi()
OPERATIONS: dict[str, Operation] = {
    found.ok().label: found.ok()
    for found in schemathesis.openapi.from_dict(DESCRIPTION).get_all_operations()
    if isinstance(found, Ok)
}

# Their callers need a cookie or a token that is not made up, or an id or a file that is there.
FINDS_NOTHING = {
    "POST /api/auth/sign-in",
    "POST /api/auth/sign-in-code",
    "POST /api/auth/two-factor",
    "POST /api/auth/two-factor/confirm",
    "POST /api/auth/two-factor/recovery-codes",
    "POST /api/auth/two-factor/remove",
    "POST /api/auth/sign-up",
    "POST /api/auth/verify-email",
    "POST /api/auth/update-password",
    "POST /api/invites/accept",
    "POST /api/invites/look-up",
    "POST /api/workspaces/{workspace_id}/restore",
    "GET /api/widget/conversation",
    "POST /api/billing/portal",
    "POST /api/webhooks/stripe",
    "POST /api/stripe/webhook",
    "GET /api/cron/reset-credits",
    "POST /api/inbound/email",
    "POST /api/upload",
    "POST /api/rag",
    "GET /api/documents/{document_id}/file",
    "GET /api/ingest/{job_id}",
    "DELETE /api/ingest/{job_id}",
    "GET /api/ingest/{job_id}/pages",
    "POST /api/ingest/{job_id}/retry",
    "GET /api/chats/{chat_id}",
    "PATCH /api/chats/{chat_id}",
    "DELETE /api/chats/{chat_id}",
    "POST /api/chats/{chat_id}/restore",
    "POST /api/chats/{chat_id}/stop",
    "GET /api/chats/{chat_id}/export",
    "GET /api/conversations/{conversation_id}",
    *(
        f"POST /api/conversations/{{conversation_id}}/{action}"
        for action in (
            *("read", "take-over", "hand-back", "resolve", "reopen", "typing"),
            *("reply", "note", "assign", "snooze"),
        )
    ),
    "PUT /api/conversations/{conversation_id}/tags",
    "POST /api/escalate",
    "POST /api/integrations",
    "PATCH /api/integrations/{integration_id}",
    "DELETE /api/integrations/{integration_id}",
    "POST /api/integrations/{integration_id}/restore",
    "POST /api/integrations/{integration_id}/test",
    "POST /api/deliveries/{delivery_id}/resend",
    *(f"{method} /api/canned-replies/{{reply_id}}" for method in ("GET", "PATCH", "DELETE")),
    "POST /api/canned-replies/{reply_id}/render",
    # No generated text is a condition.
    *("POST /api/rules", "PATCH /api/rules/{rule_id}", "DELETE /api/rules/{rule_id}"),
    "POST /api/rules/{rule_id}/restore",
    *(f"GET /api/conversations/{{conversation_id}}/{what}" for what in ("export", "shares")),
    *(f"POST /api/conversations/{{conversation_id}}/{what}" for what in ("transcript", "shares")),
    "DELETE /api/conversations/{conversation_id}/shares/{share_id}",
    # A person's own: no key has any.
    "GET /api/mentions",
    "POST /api/mentions/read",
    "GET /api/widget/events",
    "POST /api/widget/typing",
    "POST /api/widget/contact",
    "POST /api/widget/feedback",
    "PUT /api/curated-answers/order",
    "GET /api/curated-answers/{answer_id}",
    "PATCH /api/curated-answers/{answer_id}",
    "DELETE /api/curated-answers/{answer_id}",
    "POST /api/curated-answers/{answer_id}/restore",
    "GET /api/notes/{note_id}",
    "PATCH /api/notes/{note_id}",
    "GET /api/sources/{source_id}",
    "PATCH /api/sources/{source_id}",
    "DELETE /api/sources/{source_id}",
    "POST /api/sources/{source_id}/restore",
    "POST /api/sources/{source_id}/sync",
    "DELETE /api/exclusions/{exclusion_id}",
    "POST /api/documents/{deleted_id}/restore",
    "PATCH /api/webhook-endpoints/{endpoint_id}",
    "DELETE /api/webhook-endpoints/{endpoint_id}",
    "POST /api/webhook-endpoints/{endpoint_id}/rotate-secret",
    "POST /api/webhook-endpoints/{endpoint_id}/test",
    "GET /api/webhook-endpoints/{endpoint_id}/deliveries",
    "POST /api/webhook-endpoints/{endpoint_id}/deliveries/{event_id}/resend",
}


def takes_input(label: str) -> bool:
    """Whether anything about a request to this operation can be wrong."""
    described = OPERATIONS[label].definition.raw
    # Any text can be an id.
    free = {"type": "string"}
    parameters = [
        item
        for item in described.get("parameters", ())
        if item["in"] != "path"
        or {key: item["schema"][key] for key in item["schema"] if key != "title"} != free
    ]
    return bool(parameters) or "requestBody" in described


def is_of_staff(label: str) -> bool:
    """Whether it takes a member's session or a key, and nothing less."""
    return bool(
        OPERATIONS[label].definition.raw["tags"]
        in (
            *(["Knowledge"], ["Billing"], ["Models"], ["Chats"], ["Inbox"]),
            *(["Integrations"], ["Rules"], ["Webhooks"]),
        )
    )


def is_personal(label: str) -> bool:
    """Whether it is about accounts and workspaces, which takes a person's session if anything."""
    tags = OPERATIONS[label].definition.raw["tags"]
    return bool(set(tags) & {"Accounts", "Workspaces", "Members", "API keys"})


RIGHT_AND_WRONG = [
    pytest.param(label, mode, id=f"{label} {mode.value}")
    for label in sorted(OPERATIONS)
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    if mode is GenerationMode.POSITIVE or takes_input(label)
]


def generated(operation: Operation, mode: GenerationMode, **fixed: Any) -> list[Case]:
    """Right or wrong requests; the same ones in every run."""
    cases: list[Case] = []

    @hypothesis_settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode, **fixed))
    def draw(case: Case) -> None:
        cases.append(case)

    draw()
    return cases


async def send(client: httpx.AsyncClient, case: Case, headers: dict[str, str]) -> httpx.Response:
    """Send a case and check what comes back against the description."""
    prepared = requests.Request(**case.as_transport_kwargs(base_url="http://helpninja.test")).prepare()
    # Any text stands for a credential in what is generated.
    sent = {name.lower(): str(value) for name, value in prepared.headers.items()} | headers
    response = await client.request(
        prepared.method or "",
        prepared.url or "",
        headers=sent,
        content=prepared.body if isinstance(prepared.body, bytes | str) else None,
    )
    case.validate_response(response, checks=CHECKS)
    return response


def at_home(case: Case, tenant: Tenant, address: str, ids: dict[str, str]) -> Case:
    """The same case about a workspace and a site that are there, so that it comes further than 404."""
    known = {
        "tenantId": tenant.workspace.public_key,
        "t": tenant.workspace.public_key,
        "input": address,
        "url": address,
        "confirm": tenant.workspace.slug,
        "userId": ids["user_id"],
    }
    for holder in (case.body, case.query):
        if not isinstance(holder, dict):
            continue
        holder |= {name: value for name, value in known.items() if isinstance(holder.get(name), str)}
        asked = holder.get("permissions")
        if isinstance(asked, list) and all(isinstance(item, str) for item in asked):
            holder["permissions"] = ["knowledge:read"]
    return case


async def ids_of(
    client: httpx.AsyncClient, factory: Factory, tenant: Tenant, owner: dict[str, str]
) -> dict[str, str]:
    """What the path parameters of the account routes may be, all of it there."""
    await factory.member(tenant, Role.AGENT)
    below = f"/api/workspaces/{tenant.id}"
    members = (await client.get(f"{below}/members", headers=owner)).json()["members"]
    sessions = (await client.get("/api/auth/sessions", headers=owner)).json()["sessions"]
    invited = await client.post(f"{below}/invites", json={"role": "viewer"}, headers=owner)
    keys = (await client.get(f"{below}/keys", headers=owner)).json()["keys"]
    return {
        "workspace_id": str(tenant.id),
        "user_id": members[-1]["id"],
        "session_id": sessions[0]["id"],
        "invite_id": invited.json()["id"],
        "key_id": keys[0]["id"],
    }


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(("label", "mode"), RIGHT_AND_WRONG)
async def test_what_a_caller_with_a_workspace_gets_is_what_is_described(
    client: httpx.AsyncClient,
    factory: Factory,
    open_site: OpenSite,
    monkeypatch: pytest.MonkeyPatch,
    label: str,
    mode: GenerationMode,
) -> None:
    monkeypatch.setattr(ingest, "WAIT_SECONDS", 0.2)
    operation = OPERATIONS[label]
    tenant = await factory.tenant()
    document_id = await factory.document(tenant, "# A page\n\nBoots can be returned within sixty days.")
    address = ""
    if "/api/ingest" in label or "/api/webhook-endpoints" in label:
        site = await open_site({"/page": page("boots")})
        address = f"{site.url}/page"
    cases = generated(operation, mode)
    if "{document_id}" in label:
        cases += generated(operation, mode, path_parameters={"document_id": str(document_id)})
    _, owner = await factory.member(tenant)
    ids = await ids_of(client, factory, tenant, owner)
    named = re.findall(r"{(\w+)}", label)
    if is_personal(label) and named:
        cases += generated(operation, mode, path_parameters={name: ids[name] for name in named})
    # The visitors' routes take a bearer token too, but the widget's, which a key is not.
    headers = tenant.headers if is_of_staff(label) else owner if is_personal(label) else {}
    if label == "GET /metrics":
        headers = headers | {"host": "localhost"}
    statuses = {
        (await send(client, at_home(case, tenant, address, ids), headers)).status_code for case in cases
    }
    if is_of_staff(label):
        assert 401 not in statuses
    if mode is GenerationMode.POSITIVE and label not in FINDS_NOTHING:
        assert {status for status in statuses if status < 300}


@pytest.mark.parametrize("label", sorted(OPERATIONS))
async def test_what_nobody_in_particular_gets_is_what_is_described(
    client: httpx.AsyncClient, label: str
) -> None:
    cases = generated(OPERATIONS[label], GenerationMode.POSITIVE)
    statuses = {(await send(client, case, {})).status_code for case in cases}
    assert statuses
    assert not is_of_staff(label) or statuses == {401}


async def test_a_description_that_is_not_kept_is_noticed(client: httpx.AsyncClient) -> None:
    described = copy.deepcopy(DESCRIPTION)
    health = described["paths"]["/api/health/live"]["get"]["responses"]["200"]
    health["content"]["application/json"]["schema"] = {"type": "object", "required": ["uptime"]}
    [live] = [
        found.ok()
        for found in schemathesis.openapi.from_dict(described).get_all_operations()
        if isinstance(found, Ok) and found.ok().label == "GET /api/health/live"
    ]
    with pytest.raises(FailureGroup, match="uptime"):
        await send(client, live.Case(), {})


async def test_every_route_of_the_description_is_on_the_page_for_people(client: httpx.AsyncClient) -> None:
    shown = (await client.get("/api/docs")).text
    headings = {html.unescape(found) for found in re.findall(r"<h2><code>(.*?)</code></h2>", shown)}
    assert headings == set(OPERATIONS)
    assert (await client.get("/api/openapi.json")).json() == DESCRIPTION


async def test_the_page_for_people_runs_no_script(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/docs")
    policy = dict(
        part.strip().partition(" ")[::2] for part in response.headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert "script-src" not in policy
    assert "<script" not in response.text
