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
        *await change_workspace(owner, path, other),
    ]
    events = (await owner.call("GET", f"{path}/audit", params={"limit": 100}))["events"]
    assert [(event["action"], event["subject"]) for event in reversed(events)] == expected
    by_other = {"member.joined", "member.left"}
    assert {event["action"] for event in events if event["actorName"] == other.email} == by_other
    assert {event["actorName"] for event in events} == {owner.email, other.email}
    # An action that the code knows is driven, and none that is driven went from the code.
    assert {action for action, _ in expected} | set(BILLING_ACTIONS) == RECORDED


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


# Read before any other thread runs: in Python 3.11 two that parse at once fail (python/cpython#106905).
RECORDED = frozenset(recorded_actions())
