"""The language and the time zone that a visitor's browser says are kept with the conversation."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.chatting import ask, new_session, shop
from tests.factories import Factory, Tenant


async def _visitor(client: httpx.AsyncClient, tenant: Tenant) -> dict[str, Any]:
    """The one who wrote, as members see them."""
    listed = await client.get("/api/conversations", headers=tenant.headers)
    [found] = listed.json()["conversations"]
    visitor: dict[str, Any] = found["visitor"]
    return visitor


async def test_they_are_shown_to_members_and_exported(client: httpx.AsyncClient, factory: Factory) -> None:
    tenant, session_id = await shop(factory), new_session()
    said: dict[str, Any] = {"session_id": session_id, "language": "pt-BR", "timeZone": "America/Sao_Paulo"}
    reply = await ask(client, tenant, "Hello", **said)
    assert reply.status_code == 200
    assert "Sao_Paulo" not in reply.text
    visitor = await _visitor(client, tenant)
    assert (visitor["language"], visitor["timeZone"]) == ("pt-BR", "America/Sao_Paulo")
    exported = await client.get("/api/inbox/export?format=json", headers=tenant.headers)
    [row] = exported.json()
    assert (row["visitorLanguage"], row["visitorTimeZone"]) == ("pt-BR", "America/Sao_Paulo")


async def test_the_latest_that_is_known_counts(client: httpx.AsyncClient, factory: Factory) -> None:
    tenant, session_id = await shop(factory), new_session()
    await ask(
        client, tenant, "Hello", session_id=session_id, language="de", timeZone="Europe/Berlin", pageUrl="a"
    )
    await ask(client, tenant, "Thanks", session_id=session_id, language="fr", timeZone="Mars/Olympus")
    await ask(client, tenant, "Thanks", session_id=session_id)
    visitor = await _visitor(client, tenant)
    assert (visitor["language"], visitor["timeZone"], visitor["pageUrl"]) == ("fr", "Europe/Berlin", "a")


@pytest.mark.parametrize(
    "said", [{"language": "<script>"}, {"language": "en_US"}, {"timeZone": "../../etc"}, {"timeZone": None}]
)
async def test_what_is_none_keeps_nobody_from_an_answer(
    client: httpx.AsyncClient, factory: Factory, said: dict[str, Any]
) -> None:
    tenant = await shop(factory)
    assert (await ask(client, tenant, "Hello", **said)).status_code == 200
    visitor = await _visitor(client, tenant)
    assert (visitor["language"], visitor["timeZone"]) == ("", "")


async def test_what_is_too_long_to_be_one_is_refused(client: httpx.AsyncClient, factory: Factory) -> None:
    tenant = await shop(factory)
    for name in ("language", "timeZone"):
        said: dict[str, Any] = {name: "a" * 101}
        assert (await ask(client, tenant, "Hello", **said)).status_code == 422
