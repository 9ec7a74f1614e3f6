"""Pictures of what is about programs: the API keys that call the workspace, and the webhooks it calls."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from playwright.sync_api import Locator, Page, expect

from bench.screenshot_talks import rows_of, signed_in
from helpninja_app.kernel.database import new_id
from tests.e2e.dashboard_steps import sign_in
from tests.e2e.demo_server import DemoServer
from tests.e2e.test_billing import SOON
from tests.loopback_site import LoopbackSite

KEYS: tuple[tuple[str, list[str], int | None], ...] = (
    ("Order system", ["conversations:read", "conversations:answer"], None),
    ("Weekly report", ["conversations:read", "knowledge:read"], 365),
    ("CI of the help centre", ["documents:upload", "knowledge:read", "knowledge:write"], 90),
)
# Added in this order, so that the last one is the first in the list.
ENDPOINTS: tuple[tuple[str, str, list[str]], ...] = (
    ("https://reports.fernway.example/helpninja", "Numbers for the weekly report", []),
    (
        "https://warehouse.fernway.example/hooks/helpninja",
        "Parcels that somebody asks about",
        ["message.created", "escalation.created"],
    ),
    (
        "https://crm.fernway.example/hooks/helpninja",
        "A card in the CRM for each conversation",
        ["conversation.started", "conversation.ended", "feedback.created"],
    ),
)
ALL_EVENTS = [
    "conversation.started",
    "conversation.ended",
    "message.created",
    "escalation.created",
    "document.indexed",
    "feedback.created",
]
REFUSED = "warehouse.fernway.example answered 503, an error of its own."
LATE = "warehouse.fernway.example did not take it in time (408)."
# Of the endpoint that fails: the event, the minutes since it, those from it to each attempt that failed, and
# whether one went well then. What is tried ten times is given up.
_GIVEN_UP = (0, 2, 6, 14, 30, 62, 122, 182, 242, 302)
EVENTS: tuple[tuple[str, int, tuple[int, ...], bool], ...] = (
    ("message.created", 1490, _GIVEN_UP, False),
    ("message.created", 95, (), True),
    ("escalation.created", 71, (0,), True),
    ("message.created", 40, (0, 2, 6, 14, 30), False),
    ("escalation.created", 39, (0, 2, 6, 14, 30), False),
)


def integrate(server: DemoServer, site: LoopbackSite) -> None:
    """Keys of which one has expired; endpoints of which one works, one fails and one is switched off.

    They are added with addresses of the site and are rows with names of a shop afterwards: nobody is
    subscribed to anything then, so that nothing goes there.
    """
    with signed_in(server, server.email, server.password) as client:
        workspace = client.get("/api/workspaces").raise_for_status().json()["workspaces"][0]["id"]
        for name, permissions, days in KEYS:
            until = (datetime.now(UTC) + timedelta(days=days)).isoformat() if days else None
            body = {"name": name, "permissions": permissions, "expiresAt": until}
            client.post(f"/api/workspaces/{workspace}/keys", json=body).raise_for_status()
        ids = []
        for address, description, events in ENDPOINTS:
            path = address.rpartition("/")[2]
            added = {"url": f"{site.url}/{path}", "description": description, "events": events or ALL_EVENTS}
            made = client.post("/api/webhook-endpoints", json=added).raise_for_status().json()
            ids.append(UUID(made["id"]))
        client.patch(f"/api/webhook-endpoints/{ids[0]}", json={"on": False}).raise_for_status()
    with rows_of(server) as rows:
        rows.execute("delete from webhook_subscribers")
        for id, (address, *_) in zip(ids, ENDPOINTS, strict=True):
            rows.execute("update webhook_endpoints set url = %s where id = %s", (address, id))
        rows.execute(
            "update api_keys set expires_at = now() - interval '2 days' where name = %s", (KEYS[1][0],)
        )
        rows.execute(
            "update api_keys set last_used_at = now() - interval '3 minutes' where name = %s", (KEYS[0][0],)
        )
        rows.execute(
            "update webhook_endpoints set failing_since = now() - interval '40 minutes', last_error = %s"
            " where id = %s",
            (REFUSED, ids[1]),
        )
        for event in EVENTS:
            _happen(rows, UUID(workspace), ids[1], *event)


def _happen(
    rows: psycopg.Connection[Any],
    workspace: UUID,
    endpoint: UUID,
    kind: str,
    minutes: int,
    failures: tuple[int, ...],
    is_taken: bool,
) -> None:
    """An event that went to an endpoint, with its attempts."""
    began, event = datetime.now(UTC) - timedelta(minutes=minutes), new_id()
    tried = [(after, LATE if after == 6 else REFUSED) for after in failures]
    if is_taken:
        tried.append((2 if tried else 0, ""))
    status = "sent" if is_taken else "failed" if len(tried) == len(_GIVEN_UP) else "waiting"
    rows.execute("insert into webhook_events values (%s, %s, %s, '{}', %s)", (workspace, event, kind, began))
    rows.execute(
        "insert into webhook_deliveries (workspace_id, endpoint_id, event_id, status, attempts, last_error,"
        " created_at) values (%s, %s, %s, %s, %s, %s, %s)",
        (workspace, endpoint, event, status, len(tried), tried[-1][1], began),
    )
    for number, (after, error) in enumerate(tried):
        rows.execute(
            "insert into webhook_attempts (workspace_id, id, endpoint_id, event_id, error, milliseconds,"
            " created_at) values (%s, %s, %s, %s, %s, %s, %s)",
            (
                workspace,
                new_id(),
                endpoint,
                event,
                error,
                10_000 if error == LATE else 180 + 7 * number,
                began + timedelta(minutes=after),
            ),
        )
    if status == "waiting":
        rows.execute(
            "insert into due_webhooks (workspace_id, endpoint_id, event_id, due_at) values (%s, %s, %s, %s)",
            (workspace, endpoint, event, began + timedelta(minutes=62)),
        )


def api_keys(page: Page, server: DemoServer) -> None:
    _open(page, server)
    expect(page.get_by_role("tabpanel", name="API keys").get_by_role("listitem").first).to_be_visible()
    page.get_by_role("heading", level=1).click()


def api_keys_made(name: str) -> Callable[[Page, DemoServer], None]:
    """A key of that name, which was just made."""

    def take(page: Page, server: DemoServer) -> None:
        _open(page, server)
        page.get_by_label("Name", exact=True).fill(name)
        page.get_by_label("conversations:read").check()
        page.get_by_role("button", name="Make the key").click()
        expect(page.get_by_label("The new key")).to_be_visible(timeout=SOON)
        expect(page.get_by_label("Name", exact=True)).to_have_value("")
        page.get_by_role("heading", level=1).click()

    return take


def webhooks(page: Page, server: DemoServer) -> None:
    _webhooks(page, server)
    page.get_by_role("heading", level=1).click()


def webhook_editor(page: Page, server: DemoServer) -> None:
    """The endpoint that works, being changed."""
    _choose(page, _webhooks(page, server).first, "Change")
    sheet = page.get_by_role("dialog", name="Change the webhook")
    expect(sheet.get_by_label("Address")).to_have_value(ENDPOINTS[-1][0], timeout=SOON)


def webhook_secret(page: Page, server: DemoServer) -> None:
    """The secret that takes the place of another."""
    _choose(page, _webhooks(page, server).first, "Make a new secret")
    asked = page.get_by_role("alertdialog", name="Make a new secret?")
    asked.get_by_role("button", name="Make a new secret").click()
    made = page.get_by_role("dialog", name="The secret of the webhook")
    expect(made.get_by_label("The secret", exact=True)).to_contain_text("whsec_", timeout=SOON)


def webhook_log(page: Page, server: DemoServer) -> None:
    """Of the endpoint that fails, with what was sent of one of the events and the attempts at it."""
    _webhooks(page, server).nth(1).get_by_role("button", name="Log of").click()
    events = page.get_by_role("dialog", name="Log of the webhook").get_by_role("list", name="Events")
    expect(events.locator("> li")).to_have_count(len(EVENTS), timeout=SOON)
    events.get_by_role("button", name="Details").first.click()
    expect(events.get_by_label("What is sent")).to_be_visible(timeout=SOON)


def _open(page: Page, server: DemoServer) -> None:
    sign_in(page, server)
    page.goto(f"{server.url}/app/keys")
    expect(page.locator("#sidebar")).to_contain_text("Fernway")
    expect(page.get_by_role("main").get_by_text("Loading", exact=True)).to_have_count(0, timeout=SOON)


def _webhooks(page: Page, server: DemoServer) -> Locator:
    """The rows of the list."""
    _open(page, server)
    page.get_by_role("tab", name="Webhooks").click()
    listed = page.get_by_role("tabpanel", name="Webhooks").get_by_role("listitem")
    expect(listed).to_have_count(len(ENDPOINTS), timeout=SOON)
    return listed


def _choose(page: Page, row: Locator, item: str) -> None:
    row.get_by_role("button", name="More for").click()
    page.get_by_role("menuitem", name=item).click()
