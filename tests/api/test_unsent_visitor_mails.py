"""Mails to visitors that do not go out: members are told, and nothing is lost."""

from __future__ import annotations

import httpx
import pytest
from sqlalchemy import text

from helpninja_app.conversations import visitor_mails
from helpninja_app.conversations.notices import inbox_topic
from helpninja_app.conversations.visitor_mails import (
    PER_RECIPIENT,
)
from helpninja_app.errors import Unavailable
from helpninja_app.kernel.mail import LogMailer, Mail
from helpninja_app.kernel.rate_limits import Burst
from helpninja_app.kernel.scope import Scope
from helpninja_app.resources import Resources
from tests.api.inboxing import begin, heard
from tests.api.visitor_mailing import Refusing, a_minute_later, answered, away, jobs, run_job, say, send
from tests.factories import Factory
from tests.mailbox import Mailbox


async def test_what_is_left_out_of_a_mail_that_is_refused_is_told_to_members_later(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk, desk = await answered(client, factory)
    await away(resources, talk)
    await say(desk, "One.")
    await a_minute_later(resources, talk)
    await say(desk, "Two.")
    await run_job(resources, talk, Refusing())
    assert await jobs(resources, talk) == 1
    await send(resources, talk, Refusing())
    assert len((await desk.read())["notes"]) == 2
    assert await jobs(resources, talk) == 0


async def test_a_mail_that_did_not_go_out_is_sent_when_it_is_tried_again(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    class Broken(Mailbox):
        async def send(self, mail: Mail) -> None:
            raise ConnectionResetError(mail.to)

    talk, desk = await answered(client, factory)
    email, mailer = await away(resources, talk), Mailbox()
    await say(desk, "Yes.")
    with pytest.raises(ConnectionResetError):
        await send(resources, talk, Broken())
    await send(resources, talk, mailer)
    assert len(mailer.of(email)) == 1


async def test_a_mail_that_is_refused_for_good_is_shown_to_members_once(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk, desk = await answered(client, factory)
    email, mailer = await away(resources, talk), Refusing()
    await say(desk, "Yes.")
    with resources.live.listening(inbox_topic(talk.tenant.id)) as told:
        for _ in range(2):
            await send(resources, talk, mailer)
        await heard(told, f"{talk.conversation_id} details")
    [note] = (await desk.read())["notes"]
    assert note["text"].startswith(
        f"This reply could not be mailed to {email}: The mail server refused the message. <b>No</b>"
    )
    assert len(note["text"]) < 600
    assert note["authorName"] == "HelpNinja"
    shown = await client.get("/api/widget/conversation", headers=talk.token)
    assert "could not be mailed" not in shown.text


async def test_what_was_refused_goes_along_when_there_is_another_address(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk, desk = await answered(client, factory)
    await away(resources, talk)
    await say(desk, "Yes.")
    await send(resources, talk, Refusing())
    email, mailer = await away(resources, talk), Mailbox()
    await say(desk, "In size 44.")
    await send(resources, talk, mailer)
    [mail] = mailer.of(email)
    assert "Yes." in mail.text
    assert len((await desk.read())["notes"]) == 1


async def test_where_no_mail_is_set_up_members_are_told_and_it_goes_along_once_there_is(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk, desk = await answered(client, factory)
    email, mailer = await away(resources, talk), Mailbox()
    await say(desk, "Yes.")
    for _ in range(2):
        await send(resources, talk, LogMailer())
    [note] = (await desk.read())["notes"]
    assert note["text"] == f"This reply could not be mailed to {email}: mail is not set up here."
    await send(resources, talk, mailer)
    assert "Yes." in mailer.of(email)[0].text


async def test_when_the_last_try_fails_members_are_told(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    class Away(Mailbox):
        async def send(self, mail: Mail) -> None:
            raise Unavailable("The mail server is away.")

    talk, desk = await answered(client, factory)
    email = await away(resources, talk)
    await say(desk, "Yes.")
    with pytest.raises(Unavailable):
        await send(resources, talk, Away())
    assert (await desk.read())["notes"] == []
    await send(resources, talk, Away(), is_last=True)
    [note] = (await desk.read())["notes"]
    assert note["text"] == f"This reply could not be mailed to {email}: The mail server is away."


async def test_another_workspace_does_not_see_what_was_refused(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk, desk = await answered(client, factory)
    await away(resources, talk)
    await say(desk, "Yes.")
    await send(resources, talk, Refusing())
    other = await (await begin(client, factory, "Can I talk to a human please?")).desk()
    assert (await other.read())["notes"] == []
    async with resources.database.unit_of_work(Scope.members(other.tenant.id)) as session:
        found = await session.execute(text("select count(*) from conversation_notes"))
        assert found.scalar_one() == 0


async def test_an_address_cannot_be_flooded(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk, desk = await answered(client, factory)
    email, mailer = await away(resources, talk), Mailbox()
    for number in range(PER_RECIPIENT.amount + 2):
        await say(desk, f"Buy this, {number}.")
        await send(resources, talk, mailer)
    assert len(mailer.of(email)) == PER_RECIPIENT.amount
    found = await desk.read()
    assert len([each for each in found["messages"] if each["role"] == "member"]) == PER_RECIPIENT.amount + 2
    assert ["could not be mailed" in note["text"] for note in found["notes"]] == [True, True]


async def test_a_workspace_cannot_flood_many(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visitor_mails, "PER_WORKSPACE", Burst(1, 3600))
    talk, desk = await answered(client, factory)
    mailer = Mailbox()
    for mails in (1, 0):
        email = await away(resources, talk)
        await say(desk, "Buy this.")
        await send(resources, talk, mailer)
        assert len(mailer.of(email)) == mails
