"""The inbox as a file: what the list shows, all of it, and nothing in it that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
from datetime import datetime

import httpx
import pytest
from sqlalchemy import update
from sqlmodel import col

from api_routes import inbox_export
from helpninja_app.accounts.models import Role
from helpninja_app.conversations.models import Conversation
from helpninja_app.kernel.rate_limits import Burst
from helpninja_app.resources import Resources
from tests.api.chatting import QUESTION, shop
from tests.api.inboxing import Talk, begin
from tests.factories import Factory

PATH = "/api/inbox/export"


async def rows_of(client: httpx.AsyncClient, talk: Talk, **wanted: str) -> list[dict[str, str]]:
    answer = await client.get(PATH, headers=talk.tenant.headers, params=wanted)
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


@pytest.fixture
async def talks(client: httpx.AsyncClient, factory: Factory) -> list[Talk]:
    """Three, the last of which waits for a person."""
    tenant = await shop(factory)
    said = (QUESTION, QUESTION, "Can I talk to a human please?")
    return [await begin(client, factory, message, tenant=tenant) for message in said]


async def test_both_files_hold_every_conversation_once_whatever_the_batch(
    client: httpx.AsyncClient, talks: list[Talk], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_export, "BATCH", 2)
    expected = [talk.conversation_id for talk in reversed(talks)]
    answer = await client.get(f"{PATH}?format=json", headers=talks[0].tenant.headers)
    assert [each["id"] for each in answer.json()] == expected
    assert [each["id"] for each in await rows_of(client, talks[0])] == expected
    assert [each["status"] for each in answer.json()] == ["waiting", "bot", "bot"]


async def test_the_filters_are_those_of_the_list(client: httpx.AsyncClient, talks: list[Talk]) -> None:
    waiting = talks[2].conversation_id
    for wanted in ({"status": "waiting"}, {"reason": "visitor_request"}, {"q": "human"}):
        assert [each["id"] for each in await rows_of(client, talks[0], **wanted)] == [waiting], wanted
    headers = talks[0].tenant.headers
    nothing = await client.get(f"{PATH}?format=json&tag=none", headers=headers)
    assert nothing.json() == []
    for wrong in ("format=exe", "status=gone", "since=2026-01-01T00:00", "q=%00"):
        assert (await client.get(f"{PATH}?{wrong}", headers=headers)).status_code == 422, wrong


async def test_nothing_in_the_file_runs_in_a_spreadsheet_or_breaks_a_line(
    client: httpx.AsyncClient, talks: list[Talk], resources: Resources
) -> None:
    talk = talks[0]
    formula = '=HYPERLINK("https://evil.example","x")'
    async with resources.database.unit_of_work(talk.tenant.scope) as session:
        await session.execute(
            update(Conversation)
            .where(col(Conversation.id) == talk.conversation_id)
            .values(visitor_name=formula, visitor_email="+1@example.com", page_url="@a", tags=["-1", "b"])
        )
    await talk.ask('  =1+1, "boots"\nand more')
    [row] = [each for each in await rows_of(client, talk) if each["id"] == talk.conversation_id]
    assert row["visitorName"] == f"'{formula}"
    assert row["visitorEmail"] == "'+1@example.com"
    assert row["pageUrl"] == "'@a"
    assert row["tags"] == "'-1, b"
    told = (await client.get(f"{PATH}?format=json", headers=talk.tenant.headers)).json()
    [told] = [each for each in told if each["id"] == talk.conversation_id]
    assert told["visitorName"] == formula
    assert told["tags"] == ["-1", "b"]
    assert datetime.fromisoformat(told["lastMessageAt"]).tzinfo is not None


async def test_it_is_a_download_that_nobody_keeps(client: httpx.AsyncClient, talks: list[Talk]) -> None:
    tenant = talks[0].tenant
    answer = await client.get(PATH, headers=tenant.headers)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["content-disposition"] == (
        f'attachment; filename="inbox-{tenant.workspace.slug}.csv"'
    )


async def test_all_members_export_their_own_inbox_and_nobody_another_s(
    client: httpx.AsyncClient, factory: Factory, talks: list[Talk]
) -> None:
    _, viewer = await factory.member(talks[0].tenant, Role.VIEWER)
    stranger = await factory.tenant()
    theirs = await client.get(f"{PATH}?format=json", headers=stranger.headers)
    asked = await client.get(f"{PATH}?tenantId={talks[0].tenant.id}", headers=stranger.headers)
    narrow = await factory.key(talks[0].tenant, frozenset())
    assert (await client.get(PATH, headers=viewer)).status_code == 200
    assert theirs.json() == []
    assert asked.status_code == 404
    assert (await client.get(PATH, headers=narrow)).status_code == 403
    assert (await client.get(PATH)).status_code == 401


async def test_nobody_exports_without_end(
    client: httpx.AsyncClient, talks: list[Talk], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_export, "EXPORTS", Burst(1, 601))
    headers = talks[0].tenant.headers
    assert [(await client.get(PATH, headers=headers)).status_code for _ in range(2)] == [200, 429]
