"""A conversation for others: its links, its transcript by mail, and the list as a file."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from helpninja_app.accounts.models import Role
from helpninja_app.resources import Resources
from helpninja_app.screens.inbox.sharing_state import SharingState
from tests.conftest import OpenResources
from tests.factories import Factory, Tenant
from tests.mailbox import Mailbox
from tests.screens.events import Answer, fire, tab_at
from tests.screens.test_inbox import agent, listed, opened, waiting


@pytest.fixture
async def tenant(factory: Factory) -> Tenant:
    return await factory.tenant()


async def shared(cookie: str, conversation: object) -> SharingState:
    tab = await tab_at(SharingState, cookie)
    await fire(tab, "open_shares", str(conversation))
    return tab


async def send(tab: SharingState, conversation: object, email: str = "ana@example.com") -> Answer:
    return await fire(tab, "send_transcript", {"conversation": str(conversation), "email": email})


async def test_a_link_is_made_shown_once_opened_and_revoked(
    factory: Factory, tenant: Tenant, client: httpx.AsyncClient
) -> None:
    one = await waiting(factory, tenant)
    cookie = await agent(factory, tenant)
    tab = await shared(cookie, one)
    assert (tab.is_open, tab.rows) == (True, [])
    await fire(tab, "make_link", {"days": "7"})
    origin, path, token = tab.url.partition("/api/shared-conversation?token=")
    assert (origin, len(token) > 30) == ("http://helpninja.test", True)
    path += token
    assert "Can I exchange boots?" in (await client.get(path)).text
    again = await shared(cookie, one)
    assert again.url == ""
    [row] = again.rows
    assert (row.status, row.is_open) == ("Open", True)
    assert row.seen.startswith("opened once, last ")
    await fire(tab, "revoke", row.id)
    assert (tab.url, [(each.status, each.is_open) for each in tab.rows]) == ("", [("Revoked", False)])
    assert (await client.get(path)).status_code == 404


async def test_revoking_another_link_leaves_the_new_one_to_be_copied(
    factory: Factory, tenant: Tenant
) -> None:
    tab = await shared(await agent(factory, tenant), await waiting(factory, tenant))
    await fire(tab, "make_link", {"days": "1"})
    earlier = tab.rows[0].id
    await fire(tab, "make_link", {"days": "90"})
    url = tab.url
    await fire(tab, "revoke", earlier)
    assert tab.url == url != ""


async def test_nothing_stays_when_the_dialog_is_closed(factory: Factory, tenant: Tenant) -> None:
    tab = await shared(await agent(factory, tenant), await waiting(factory, tenant))
    await fire(tab, "make_link", {"days": "7"})
    await fire(tab, "close_shares")
    assert (tab.is_open, tab.url, tab.rows) == (False, "", [])
    assert (await fire(tab, "make_link", {"days": "7"})).refusal


@pytest.mark.parametrize("days", ["", "0", "91", "x", "7.0"])
async def test_a_link_counts_as_long_as_is_offered(factory: Factory, tenant: Tenant, days: str) -> None:
    tab = await shared(await agent(factory, tenant), await waiting(factory, tenant))
    assert "Choose how long" in (await fire(tab, "make_link", {"days": days})).refusal
    assert (tab.url, tab.rows) == ("", [])


async def test_a_transcript_is_mailed_and_the_dialog_closed(
    factory: Factory, tenant: Tenant, resources: Resources
) -> None:
    tab = await tab_at(SharingState, await agent(factory, tenant))
    await fire(tab, "begin_mail")
    address = f"{uuid4().hex}@example.com"
    answer = await send(tab, await waiting(factory, tenant), f" {address.upper()} ")
    assert (answer.refusal, tab.is_mailing) == ("", False)
    assert f"on its way to {address}" in str(answer.events)
    async with resources.database.unit_of_work(tenant.scope) as session:
        assert (await session.execute(text("select email from transcript_mails"))).scalars().all() == [
            address
        ]


async def test_a_transcript_is_not_promised_where_no_mail_is_sent(
    factory: Factory,
    tenant: Tenant,
    resources: Resources,
    mailbox: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mailbox, "is_real", False)
    tab = await tab_at(SharingState, await agent(factory, tenant))
    await fire(tab, "begin_mail")
    assert "sends no mail" in (await send(tab, await waiting(factory, tenant))).refusal
    assert tab.is_mailing
    async with resources.database.unit_of_work(tenant.scope) as session:
        assert (await session.execute(text("select email from transcript_mails"))).all() == []


@pytest.mark.parametrize("email", ["", "ana", "ana@@example.com"])
async def test_what_is_no_address_gets_no_transcript(factory: Factory, tenant: Tenant, email: str) -> None:
    tab = await tab_at(SharingState, await agent(factory, tenant))
    assert "not an e-mail address" in (await send(tab, await waiting(factory, tenant), email)).refusal


async def test_who_may_only_read_sees_the_links_and_makes_none(factory: Factory, tenant: Tenant) -> None:
    one = await waiting(factory, tenant)
    made = await shared(await agent(factory, tenant), one)
    await fire(made, "make_link", {"days": "7"})
    tab = await shared(await agent(factory, tenant, Role.VIEWER), one)
    assert [row.status for row in tab.rows] == ["Open"]
    for answer in (
        await fire(tab, "make_link", {"days": "7"}),
        await fire(tab, "revoke", tab.rows[0].id),
        await send(tab, one),
    ):
        assert "does not allow this" in answer.refusal
    assert [row.status for row in tab.rows] == ["Open"]


async def test_a_conversation_of_another_workspace_is_shared_with_nobody(
    factory: Factory, tenant: Tenant
) -> None:
    other = await factory.tenant()
    theirs = await waiting(factory, other)
    made = await shared(await agent(factory, other), theirs)
    await fire(made, "make_link", {"days": "7"})
    tab = await shared(await agent(factory, tenant), theirs)
    assert (tab.failure, tab.rows) == ("There is no such conversation.", [])
    assert (await fire(tab, "make_link", {"days": "7"})).refusal
    assert (await fire(tab, "revoke", made.rows[0].id)).refusal
    assert "no such conversation" in (await send(tab, theirs)).refusal
    own = await shared(await agent(factory, tenant), await waiting(factory, tenant))
    assert "no such link" in (await fire(own, "revoke", made.rows[0].id)).refusal
    await fire(made, "open_shares", str(theirs))
    assert [row.status for row in made.rows] == ["Open"]


async def test_the_list_is_exported_as_it_is_filtered(
    factory: Factory, tenant: Tenant, client: httpx.AsyncClient
) -> None:
    boots, tent = await waiting(factory, tenant), await waiting(factory, tenant, "Where is my tent?")
    cookie = await agent(factory, tenant)
    mine = await opened(cookie, boots)
    await fire(mine, "take_over", mine.conversation_id)
    inbox = await listed(cookie)

    async def exported() -> list[str]:
        found = await client.get(f"/api/inbox/export?{inbox.export}&format=json", headers={"cookie": cookie})
        assert found.status_code == 200, found.text
        return [each["id"] for each in found.json()]

    assert set(await exported()) == {str(boots), str(tent)}
    await fire(inbox, "choose_view", "mine")
    assert await exported() == [str(boots)]
    await fire(inbox, "choose_view", "unassigned")
    assert await exported() == [str(tent)]
    await fire(inbox, "choose_view", "resolved")
    assert await exported() == []
    await fire(inbox, "choose_view", "open")
    await fire(inbox, "search_conversations", "tent & more")
    assert parse_qs(urlsplit(f"?{inbox.export}").query)["q"] == ["tent & more"]
    await fire(inbox, "search_conversations", "")
    await fire(inbox, "choose_until", "2020-01-01")
    assert await exported() == []
    await fire(inbox, "choose_until", "2100-01-01")
    assert len(await exported()) == 2


async def test_where_the_plan_has_no_export_the_menu_says_which_one_has(
    factory: Factory, with_resources: OpenResources
) -> None:
    async with with_resources(unlimited=False):
        said = [
            (await listed(await agent(factory, await factory.tenant(plan=plan)))).no_export
            for plan in ("free", "pro")
        ]
    unpaid = await listed(await agent(factory, await factory.tenant(plan="free")))
    assert said == [
        "The free plan has no conversation export: it comes with the pro plan."
        " An owner can change the plan under Billing.",
        "",
    ]
    assert unpaid.no_export == ""


async def test_what_is_no_conversation_has_no_links(factory: Factory, tenant: Tenant) -> None:
    cookie = await agent(factory, tenant)
    for wanted in ("", "x", str(uuid4())):
        tab = await shared(cookie, wanted)
        assert tab.rows == []
