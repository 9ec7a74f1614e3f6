"""Links that show a conversation: who makes them, what they show to anybody, and when they end."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import text

from helpninja_app.accounts.models import Role
from helpninja_app.conversations import shares
from helpninja_app.resources import Resources
from tests.api.chatting import QUESTION
from tests.api.inboxing import Desk, begin
from tests.api.test_transcripts import SECRET, answered
from tests.factories import Factory


async def made(desk: Desk, **wanted: object) -> dict[str, Any]:
    answer = await desk.do("shares", **({"days": 7} | wanted))
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def opened_at(share: dict[str, Any]) -> str:
    address = urlsplit(share["url"])
    return f"{address.path}?{address.query}"


async def listed(desk: Desk) -> list[dict[str, Any]]:
    path = f"/api/conversations/{desk.conversation_id}/shares"
    found: list[dict[str, Any]] = (await desk.client.get(path, headers=desk.headers)).json()["shares"]
    return found


async def test_a_link_shows_anybody_what_the_visitor_sees_and_counts_it(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    desk = await answered(client, factory, "We are **on** it. <script>alert(1)</script>")
    share = await made(desk)
    page = await client.get(opened_at(share))
    await client.get(opened_at(share))
    assert page.status_code == 200
    assert QUESTION in page.text
    assert "We are <strong>on</strong> it." in page.text
    assert "<script" not in page.text
    assert SECRET not in page.text
    assert [each["views"] for each in await listed(desk)] == [2]


async def test_the_page_runs_nothing_tells_nobody_and_is_found_by_nobody(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    share = await made(await answered(client, factory))
    for path, status in ((opened_at(share), 200), ("/api/shared-conversation?token=x", 404)):
        page = await client.get(path)
        assert page.status_code == status
        assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
        assert "script-src" not in page.headers["content-security-policy"]
        assert page.headers["referrer-policy"] == "no-referrer"
        assert "noindex" in page.headers["x-robots-tag"]
        assert page.headers["cache-control"] == "private, no-store"
        assert page.headers["x-frame-options"] == "DENY"


async def test_what_a_visitor_wrote_is_text_on_the_page(client: httpx.AsyncClient, factory: Factory) -> None:
    talk = await begin(client, factory, "<img src=x onerror=alert(1)> [boots](javascript:alert(1))")
    page = await client.get(opened_at(await made(await talk.desk())))
    assert "&lt;img src=x" in page.text
    assert "<img" not in page.text
    assert "<a " not in page.text


async def test_only_a_hash_of_a_token_is_kept(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    desk = await answered(client, factory)
    share = await made(desk)
    token = share["url"].rpartition("=")[2]
    assert len(token) == 43
    assert not any("url" in each for each in await listed(desk))
    async with resources.database.unit_of_work(desk.tenant.scope) as session:
        kept = await session.execute(
            text("select conversation_share_hashes::text from conversation_share_hashes")
        )
        told = await session.execute(text("select detail::text from audit_events"))
        assert not any(token in each for each in [*kept.scalars(), *told.scalars()])


async def test_a_link_that_is_revoked_is_over_at_once(client: httpx.AsyncClient, factory: Factory) -> None:
    desk = await answered(client, factory)
    share, other = await made(desk), await made(desk)
    path = f"/api/conversations/{desk.conversation_id}/shares/{share['id']}"
    for _ in range(2):
        assert (await client.delete(path, headers=desk.headers)).status_code == 200
    assert (await client.get(opened_at(share))).status_code == 404
    assert (await client.get(opened_at(other))).status_code == 200
    [kept] = [each for each in await listed(desk) if each["id"] == share["id"]]
    assert kept["revokedAt"] is not None
    assert kept["views"] == 0


@pytest.mark.parametrize(
    "change",
    [
        "update conversation_shares set expires_at = now() - interval '1 second'",
        "delete from conversations",
        "update workspaces set deleted_at = now()",
    ],
)
async def test_a_link_ends_with_its_time_its_conversation_and_its_workspace(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, change: str
) -> None:
    desk = await answered(client, factory)
    share = await made(desk)
    async with resources.database.unit_of_work(desk.tenant.scope) as session:
        await session.execute(text(change))
    page = await client.get(opened_at(share))
    assert page.status_code == 404
    assert QUESTION not in page.text


@pytest.mark.parametrize("token", ["", "x", "%00", "é" * 43, "a" * 5_000])
async def test_a_token_that_was_made_up_shows_nothing(client: httpx.AsyncClient, token: str) -> None:
    page = await client.get("/api/shared-conversation", params={"token": token})
    assert page.status_code == 404
    assert "not valid any more" in page.text


async def test_making_and_revoking_is_recorded_once(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    desk = await answered(client, factory)
    share = await made(desk)
    path = f"/api/conversations/{desk.conversation_id}/shares/{share['id']}"
    for _ in range(2):
        await client.delete(path, headers=desk.headers)
    async with resources.database.unit_of_work(desk.tenant.scope) as session:
        found = await session.execute(
            text("select action from audit_events where action like 'conversation.share%' order by id")
        )
        assert found.scalars().all() == ["conversation.shared", "conversation.share_revoked"]


async def test_who_answers_visitors_shares_and_all_members_see_the_links(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    desk = await answered(client, factory)
    share = await made(desk)
    path = f"/api/conversations/{desk.conversation_id}/shares"
    stranger = await factory.tenant()
    for role in (Role.ANALYST, Role.VIEWER):
        _, headers = await factory.member(desk.tenant, role)
        assert (await client.post(path, json={}, headers=headers)).status_code == 403
        assert (await client.delete(f"{path}/{share['id']}", headers=headers)).status_code == 403
        assert (await client.get(path, headers=headers)).status_code == 200
    assert (await client.post(path, json={}, headers=stranger.headers)).status_code == 404
    assert (await client.get(path, headers=stranger.headers)).status_code == 404
    assert (await client.delete(f"{path}/{share['id']}", headers=stranger.headers)).status_code == 404
    assert (await client.get(path)).status_code == 401


async def test_a_link_is_revoked_at_its_own_conversation_only(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    desk = await answered(client, factory)
    share = await made(desk)
    other = await begin(client, factory, QUESTION, tenant=desk.tenant)
    path = f"/api/conversations/{other.conversation_id}/shares/{share['id']}"
    assert (await client.delete(path, headers=desk.headers)).status_code == 404
    assert (await client.get(opened_at(share))).status_code == 200


async def test_a_conversation_has_so_many_open_links(
    client: httpx.AsyncClient, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shares, "MOST_LINKS", 1)
    desk = await answered(client, factory)
    share = await made(desk)
    assert (await desk.do("shares", days=1)).status_code == 409
    path = f"/api/conversations/{desk.conversation_id}/shares/{share['id']}"
    await client.delete(path, headers=desk.headers)
    assert (await desk.do("shares", days=1)).status_code == 201


@pytest.mark.parametrize("days", [0, 91, "7", None])
async def test_a_link_lasts_from_one_day_to_ninety(
    client: httpx.AsyncClient, factory: Factory, days: object
) -> None:
    desk = await (await begin(client, factory, QUESTION)).desk()
    assert (await desk.do("shares", days=days)).status_code == 422
