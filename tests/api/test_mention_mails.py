"""Mails to who was mentioned and did not look: one for several notes, to nobody who may not know."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from helpninja_app.accounts.members import list_members
from helpninja_app.accounts.models import Role
from helpninja_app.conversations import mention_mails
from helpninja_app.conversations.mention_mails import mail_mention, write_mention_mail
from helpninja_app.kernel.mail import Mail
from helpninja_app.kernel.rate_limits import Burst
from helpninja_app.kernel.scope import Scope
from helpninja_app.resources import Resources
from tests.api.chatting import QUESTION
from tests.api.inboxing import Desk, Talk, begin
from tests.factories import Factory
from tests.mailbox import Mailbox

ORIGIN = "https://help.example.com"


async def mails_to(resources: Resources, talk: Talk, desk: Desk) -> list[Mail]:
    """What the jobs about mentions of that member would send now."""
    async with resources.database.unit_of_work(talk.tenant.scope) as session:
        found = await session.execute(
            text(
                "select args ->> 'conversation_id' from procrastinate_jobs"
                " where task_name = 'helpninja:send_mention_mail'"
                " and args ->> 'user_id' = :user and args ->> 'workspace_id' = :workspace"
            ),
            {"user": desk.user_id, "workspace": str(talk.tenant.id)},
        )
        conversations = [UUID(each) for each in found.scalars()]
    written = []
    for conversation in conversations:
        async with resources.database.unit_of_work() as session:
            written.append(
                await write_mention_mail(
                    session, talk.tenant.id, UUID(desk.user_id), conversation, origin=ORIGIN
                )
            )
    return [mail for mail in written if mail]


async def two_desks(resources: Resources, talk: Talk, role: Role = Role.AGENT) -> tuple[Desk, Desk]:
    """Two members whose addresses are known to be theirs."""
    desks = await talk.desk(), await talk.desk(role)
    for desk in desks:
        await confirm(resources, desk, is_confirmed=True)
    return desks


async def confirm(resources: Resources, desk: Desk, *, is_confirmed: bool) -> None:
    async with resources.database.unit_of_work(Scope(user_id=UUID(desk.user_id))) as session:
        await session.execute(
            text("update users set email_verified_at = case when :yes then now() end where id = :user"),
            {"yes": is_confirmed, "user": desk.user_id},
        )


async def address_of(resources: Resources, talk: Talk, desk: Desk) -> str:
    async with resources.database.unit_of_work(talk.tenant.scope) as session:
        members = await list_members(session, talk.tenant.id)
    return next(each.email for each in members if str(each.user_id) == desk.user_id)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mention_mails, "AFTER", timedelta(milliseconds=1))


async def test_a_mail_tells_who_did_not_look(
    client: httpx.AsyncClient,
    factory: Factory,
    resources: Resources,
    mailbox: Mailbox,
    worker: None,
    at_once: None,
) -> None:
    talk = await begin(client, factory, QUESTION)
    author, viewer = await two_desks(resources, talk, Role.VIEWER)
    await author.done("note", text="Have a look?", mentions=[viewer.user_id, author.user_id])
    mail = await mailbox.next(await address_of(resources, talk, viewer))
    assert "mentioned you in" in mail.subject
    assert "Have a look?" in mail.text
    assert mail.link.endswith(f"/app/inbox?conversation={talk.conversation_id}")
    assert mail.link in mail.text
    assert mailbox.of(await address_of(resources, talk, author)) == []


async def test_several_notes_at_once_are_one_mail(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory, QUESTION)
    author, member = await two_desks(resources, talk)
    for words in ("one", "two", "three"):
        await author.done("note", text=words, mentions=[member.user_id])
    [mail] = await mails_to(resources, talk, member)
    assert "three" in mail.text


async def test_who_read_it_gets_none(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory, QUESTION)
    author, member = await two_desks(resources, talk)
    await author.done("note", text="Have a look?", mentions=[member.user_id])
    assert len(await mails_to(resources, talk, member)) == 1
    await client.post("/api/mentions/read", headers=member.headers, json={})
    assert await mails_to(resources, talk, member) == []


@pytest.mark.parametrize(
    "gone",
    [
        "update members set suspended_at = now() where user_id = :user",
        "delete from members where user_id = :user",
        "delete from conversation_notes",
        "update workspaces set deleted_at = now()",
    ],
)
async def test_who_may_not_know_any_more_gets_none(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, gone: str
) -> None:
    talk = await begin(client, factory, QUESTION)
    author, member = await two_desks(resources, talk)
    await author.done("note", text="Have a look?", mentions=[member.user_id])
    async with resources.database.unit_of_work(talk.tenant.scope) as session:
        await session.execute(text(gone), {"user": member.user_id} if ":user" in gone else {})
    assert await mails_to(resources, talk, member) == []


async def test_an_address_that_nobody_confirmed_gets_none(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory, QUESTION)
    author, member = await two_desks(resources, talk)
    await author.done("note", text="Have a look?", mentions=[member.user_id])
    await confirm(resources, member, is_confirmed=False)
    assert await mails_to(resources, talk, member) == []


async def test_names_of_strangers_stay_in_their_line(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory, QUESTION)
    author, member = await two_desks(resources, talk)
    async with resources.database.unit_of_work(talk.tenant.scope) as session:
        await session.execute(
            text("update conversations set visitor_name = :name"), {"name": "Eve\nhttps://evil.example"}
        )
    await author.done("note", text="Have a look?", mentions=[member.user_id])
    [mail] = await mails_to(resources, talk, member)
    assert "with Eve https://evil.example, in" in mail.text
    assert "\n" not in mail.subject


async def test_nobody_is_flooded(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = await begin(client, factory, QUESTION)
    author, member = await two_desks(resources, talk)
    await author.done("note", text="Have a look?", mentions=[member.user_id])
    monkeypatch.setattr(mention_mails, "PER_RECIPIENT", Burst(2, 3600))
    sent = Mailbox()
    for _ in range(4):
        await mail_mention(
            resources.database,
            sent,
            resources.limiter,
            talk.tenant.id,
            UUID(member.user_id),
            UUID(talk.conversation_id),
            origin=ORIGIN,
        )
    assert len(sent.mails) == 2
