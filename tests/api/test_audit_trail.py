"""Every change of members, keys, the workspace and its knowledge is in the audit log, with its subject."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api_routes import ingest as ingest_routes
from helpninja_app.accounts.invites import ANYONE
from tests.api.accounts import a_person, me, new_address
from tests.api.ingesting import html
from tests.buying import BILLING_ACTIONS
from tests.conftest import OpenSite
from tests.loopback_site import LoopbackSite, Request

ROOT = Path(__file__).parents[2]
CODE = ("helpninja_app", "api_routes")

Headers = dict[str, str]
Told = list[tuple[str, str]]

# There is nothing to be sent again here; tests of webhooks see that it is recorded.
RESENT = "webhook.resent"

pytestmark = pytest.mark.usefixtures("worker", "no_backoff")


class Person:
    """Somebody in a browser of their own, who changes a workspace; each call has to succeed."""

    def __init__(self, client: httpx.AsyncClient, email: str, headers: Headers, user_id: str) -> None:
        self.client, self.email, self.headers, self.id = client, email, headers, user_id

    async def call(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        answer = await self.client.request(method, path, json=body, headers=self.headers, **more)
        assert answer.is_success, f"{method} {path}: {answer.text}"
        return answer.json()


async def somebody(client: httpx.AsyncClient, **fields: Any) -> tuple[Person, str]:
    """Somebody who signed up, and the path of their own workspace."""
    email, headers, workspace = await a_person(client, **fields)
    user_id = (await me(client, headers))["user"]["id"]
    return Person(client, email, headers, user_id), f"/api/workspaces/{workspace}"


async def change_members(owner: Person, path: str, other: Person) -> Told:
    """Somebody comes by a link and leaves again, twice; the second time they are made to."""

    async def invite() -> None:
        made = await owner.call("POST", f"{path}/invites", {"role": "viewer"})
        token = made["link"].rpartition("=")[2]
        await other.call("POST", "/api/invites/accept", {"token": token})

    member = f"{path}/members/{other.id}"
    invited = new_address()
    made = await owner.call("POST", f"{path}/invites", {"email": invited, "role": "agent"})
    await owner.call("POST", f"{path}/invites/{made['id']}/resend")
    await owner.call("DELETE", f"{path}/invites/{made['id']}")
    await invite()
    await owner.call("PATCH", member, {"role": "agent"})
    await owner.call("PATCH", member, {"suspended": True})
    await owner.call("PATCH", member, {"suspended": False})
    await other.call("DELETE", member)
    await invite()
    await owner.call("DELETE", member)
    return [
        ("member.invited", invited),
        ("member.invited_again", invited),
        ("member.invite_revoked", invited),
        ("member.invited", ANYONE),
        ("member.joined", other.email),
        ("member.role_changed", other.email),
        ("member.suspended", other.email),
        ("member.resumed", other.email),
        ("member.left", other.email),
        ("member.invited", ANYONE),
        ("member.joined", other.email),
        ("member.removed", other.email),
    ]


async def change_keys(owner: Person, path: str) -> Told:
    made = await owner.call("POST", f"{path}/keys", {"name": "CI", "permissions": ["knowledge:read"]})
    await owner.call("DELETE", f"{path}/keys/{made['id']}")
    return [("key.created", "CI"), ("key.revoked", "CI")]


async def change_webhooks(owner: Person, site: LoopbackSite) -> Told:
    path = "/api/webhook-endpoints"
    wanted = {"url": f"{site.url}/secret-part", "events": ["message.created"]}
    made = (await owner.call("POST", path, wanted))["id"]
    await owner.call("PATCH", f"{path}/{made}", {"on": False})
    await owner.call("POST", f"{path}/{made}/rotate-secret")
    await owner.call("DELETE", f"{path}/{made}")
    return [(f"webhook.{done}", site.host) for done in ("created", "changed", "secret_rotated", "deleted")]


async def change_curated(owner: Person) -> Told:
    question = "Do you deliver to the islands?"
    body = {"question": question, "answer": "Yes."}
    made = (await owner.call("POST", "/api/curated-answers", body))["id"]
    path = f"/api/curated-answers/{made}"
    await owner.call("PATCH", path, {"on": False})
    await owner.call("PUT", "/api/curated-answers/order", {"ids": [made]})
    await owner.call("DELETE", path)
    await owner.call("POST", f"{path}/restore")
    return [
        ("curated.created", question),
        ("curated.changed", question),
        ("curated.reordered", ""),
        ("curated.deleted", question),
        ("curated.restored", question),
    ]


async def change_sources(owner: Person, site: LoopbackSite) -> Told:
    """A page is read, fails, is tried again, goes and comes back; and so does its source."""
    address = f"{site.url}/page"
    job = (await owner.call("POST", "/api/ingest", {"input": address}))["jobId"]

    async def ended() -> None:
        async with asyncio.timeout(60):
            while (await owner.call("GET", "/api/sources"))["sources"][0]["lastRun"]["state"] != "failed":
                await asyncio.sleep(0.05)

    await ended()
    await owner.call("POST", f"/api/ingest/{job}/retry")
    await ended()
    source = (await owner.call("GET", "/api/sources"))["sources"][0]["id"]
    path = f"/api/sources/{source}"
    await owner.call("POST", f"{path}/sync")
    await owner.call("PATCH", path, {"title": "Help", "schedule": "weekly"})
    await owner.call("DELETE", path)
    await owner.call("POST", f"{path}/restore")
    await owner.call("DELETE", path)
    site.routes["/other"] = html("axes")
    listed: list[dict[str, str]] = []
    await owner.call("POST", "/api/ingest", {"input": f"{site.url}/other"})
    async with asyncio.timeout(60):
        while not listed:
            found = await owner.call("GET", "/api/documents", params={"q": "axes"})
            listed = found["documents"]
    await owner.call("DELETE", f"/api/documents/{listed[0]['id']}")
    [exclusion] = (await owner.call("GET", "/api/exclusions"))["exclusions"]
    await owner.call("DELETE", f"/api/exclusions/{exclusion['id']}")
    return [
        ("source.ingested", address),
        ("source.retried", address),
        ("source.synced", address),
        ("source.changed", "Help"),
        ("source.deleted", "Help"),
        ("source.restored", "Help"),
        ("source.deleted", "Help"),
        ("source.ingested", f"{site.url}/other"),
        ("document.deleted", "About axes"),
        ("source.page_allowed", f"{site.url}/other"),
    ]


async def change_knowledge(owner: Person, site: LoopbackSite) -> Told:
    """A file comes, is read again, changed and deleted; an ingest is cancelled before its page is there."""
    go = asyncio.Event()

    async def wait(_request: Request, writer: asyncio.StreamWriter) -> None:
        await go.wait()
        writer.write(html("boots"))

    # Its heading is its name: it is called the same before and after a worker has read it.
    file = {"file": ("rules.md", b"# rules.md\n\nBoots can be returned within sixty days.", "text/markdown")}
    document = (await owner.call("POST", "/api/upload", files=file))["documentId"]
    await owner.call("POST", "/api/rag", {"documentId": document})
    await owner.call("PATCH", f"/api/documents/{document}", {"audience": "visitors"})
    await owner.call("DELETE", f"/api/documents/{document}")
    await owner.call("POST", f"/api/documents/{document}/restore")
    note = (await owner.call("POST", "/api/notes", {"title": "Hours", "text": "We open at nine."}))["id"]
    await owner.call("PATCH", f"/api/notes/{note}", {"text": "We open at ten."})
    told = await change_curated(owner) + await change_sources(owner, site)
    site.routes["/slow"] = wait
    address = f"{site.url}/slow"
    job = (await owner.call("POST", "/api/ingest", {"input": address}))["jobId"]
    await owner.call("DELETE", f"/api/ingest/{job}")
    go.set()
    return [
        ("document.uploaded", "rules.md"),
        ("document.processed", "rules.md"),
        ("document.changed", "rules.md"),
        ("document.deleted", "rules.md"),
        ("document.restored", "rules.md"),
        ("note.created", "Hours"),
        ("note.changed", "Hours"),
        *told,
        ("source.ingested", address),
        ("source.ingest_cancelled", address),
    ]


async def change_workspace(owner: Person, path: str, other: Person) -> Told:
    """Another name, deletion and return, and at last another owner, who came by a link."""
    slug = (await owner.call("PATCH", path, {"name": "Renamed"}))["slug"]
    await owner.call("DELETE", path, {"confirm": slug})
    await owner.call("POST", f"{path}/restore")
    made = await owner.call("POST", f"{path}/invites", {"role": "viewer"})
    await other.call("POST", "/api/invites/accept", {"token": made["link"].rpartition("=")[2]})
    await owner.call("POST", f"{path}/transfer", {"userId": other.id})
    return [
        ("workspace.changed", "Renamed"),
        ("workspace.deleted", "Renamed"),
        ("workspace.restored", "Renamed"),
        ("member.invited", ANYONE),
        ("member.joined", other.email),
        ("workspace.transferred", other.email),
    ]


async def test_every_change_is_recorded_with_whom_or_what_it_was_done_to(
    client: httpx.AsyncClient, open_site: OpenSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest_routes, "WAIT_SECONDS", 0)
    owner, path = await somebody(client, workspace="Audited")
    other, _ = await somebody(client)
    expected = [
        ("workspace.created", "Audited"),
        *await change_members(owner, path, other),
        *await change_keys(owner, path),
        *await change_knowledge(owner, await open_site()),
        *await change_webhooks(owner, await open_site()),
        *await change_workspace(owner, path, other),
    ]
    events = (await owner.call("GET", f"{path}/audit", params={"limit": 100}))["events"]
    assert [(event["action"], event["subject"]) for event in reversed(events)] == expected
    by_other = {"member.joined", "member.left"}
    assert {event["action"] for event in events if event["actorName"] == other.email} == by_other
    assert {event["actorName"] for event in events} == {owner.email, other.email}
    # An action that the code knows is driven, and none that is driven went from the code.
    elsewhere = {RESENT, *BILLING_ACTIONS, *INBOX_ACTIONS}
    assert {action for action, _ in expected} | elsewhere == RECORDED


async def test_another_workspace_of_the_same_person_has_its_own_first_entry(
    client: httpx.AsyncClient,
) -> None:
    owner, first = await somebody(client, workspace="First")
    second = await owner.call("POST", "/api/workspaces", {"name": "Second"})
    for path, name in ((first, "First"), (f"/api/workspaces/{second['id']}", "Second")):
        [event] = (await owner.call("GET", f"{path}/audit"))["events"]
        assert (event["action"], event["subject"]) == ("workspace.created", name)


def recorded_actions() -> Iterator[str]:
    """The actions that the code gives to ``record``, which alone makes entries of the audit log."""
    for path in sorted(found for folder in CODE for found in (ROOT / folder).rglob("*.py")):
        tree = ast.parse(path.read_text())
        made = calls_of("AuditEvent", tree)
        assert not made or path.name == "audit.py", f"{path} passes record() by."
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                for call in calls_of("record", function):
                    actions = actions_of(call, function)
                    assert actions, f"{path}:{call.lineno} records an action that is not spelt out."
                    yield from actions


def calls_of(name: str, tree: ast.AST) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and name in (getattr(node.func, "id", None), getattr(node.func, "attr", None))
    ]


def actions_of(call: ast.Call, function: ast.AST) -> set[str]:
    """The third argument; of a name, everything that the function gives to it."""
    given = [*call.args[2:3], *(item.value for item in call.keywords if item.arg == "action")]
    if given and isinstance(given[0], ast.Name):
        given = [
            node.value
            for node in ast.walk(function)
            if isinstance(node, ast.Assign) and given[0].id in {ast.unparse(item) for item in node.targets}
        ]
    return {text for value in given for text in texts_of(value)}


def texts_of(value: ast.expr) -> set[str]:
    if isinstance(value, ast.IfExp):
        return texts_of(value.body) | texts_of(value.orelse)
    assert isinstance(value, ast.Constant), f"Cannot tell which action {ast.unparse(value)} is."
    return {str(value.value)}


# Driven where the inbox and the integrations are tried.
INBOX_ACTIONS = (
    *(f"canned_reply.{what}" for what in ("created", "changed", "deleted")),
    *(f"rule.{what}" for what in ("created", "changed", "ordered", "deleted", "restored")),
    *(f"integration.{what}" for what in ("created", "changed", "deleted", "restored")),
    *(f"conversation.{what}" for what in ("shared", "share_revoked", "transcript_mailed")),
)

# Read before any other thread runs: in Python 3.11 two that parse at once fail (python/cpython#106905).
RECORDED = frozenset(recorded_actions())
