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
from helpninja_app.conversations.mention_mails import write_mention_mail
from helpninja_app.kernel.mail import Mail
from helpninja_app.resources import Resources
from tests.api.chatting import QUESTION
from tests.api.inboxing import Desk, Talk, begin
from tests.factories import Factory
from tests.mailbox import Mailbox

ORIGIN = "https://help.example.com"


async def mails_to(resources: Resources, talk: Talk, desk: Desk) -> list[Mail]:
    """What the jobs of all mentions of that member would send now, the oldest first."""
    written = []
    async with resources.database.unit_of_work(talk.tenant.scope) as session:
        jobs = await session.execute(
            text(
                "select args ->> 'notice_id' from procrastinate_jobs"
                " where task_name = 'helpninja:send_mention_mail'"
                " and args ->> 'user_id' = :user and args ->> 'workspace_id' = :workspace order by id"
            ),
            {"user": desk.user_id, "workspace": str(talk.tenant.id)},
        )
        notices = [UUID(each) for each in jobs.scalars()]
    for notice in notices:
        async with resources.database.unit_of_work() as session:
            mail = await write_mention_mail(
                session, talk.tenant.id, UUID(desk.user_id), notice, origin=ORIGIN
            )
        written.append(mail)
    return [mail for mail in written if mail]


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
    author, viewer = await talk.desk(), await talk.desk(Role.VIEWER)
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
    author, member = await talk.desk(), await talk.desk()
    for words in ("one", "two", "three"):
        await author.done("note", text=words, mentions=[member.user_id])
    [mail] = await mails_to(resources, talk, member)
    assert "three" in mail.text


async def test_who_read_it_gets_none(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory, QUESTION)
    author, member = await talk.desk(), await talk.desk()
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
    author, member = await talk.desk(), await talk.desk()
    await author.done("note", text="Have a look?", mentions=[member.user_id])
    async with resources.database.unit_of_work(talk.tenant.scope) as session:
        await session.execute(text(gone), {"user": member.user_id} if ":user" in gone else {})
    assert await mails_to(resources, talk, member) == []


async def test_names_of_strangers_stay_in_their_line(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory, QUESTION)
    author, member = await talk.desk(), await talk.desk()
    async with resources.database.unit_of_work(talk.tenant.scope) as session:
        await session.execute(
            text("update conversations set visitor_name = :name"), {"name": "Eve\nhttps://evil.example"}
        )
    await author.done("note", text="Have a look?", mentions=[member.user_id])
    [mail] = await mails_to(resources, talk, member)
    assert "with Eve https://evil.example, in" in mail.text
    assert "\n" not in mail.subject
