"""What members answer while the visitor is away: mailed once, and only what was not seen."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from helpninja_app.conversations import visitor_events, visitor_mails
from helpninja_app.conversations.models import Message, Sender
from helpninja_app.conversations.reply_addresses import Party, read_reply_address
from helpninja_app.conversations.threads import add_message, lock_conversation
from helpninja_app.conversations.visitor_mails import (
    mail_visitor,
    queue_visitor_mail,
)
from helpninja_app.kernel.scope import Scope
from helpninja_app.resources import Resources
from tests.api.test_widget_events import seen
from tests.api.visitor_mailing import a_minute_later, answered, away, jobs, run_job, say, send
from tests.factories import Factory
from tests.mailbox import Mailbox


async def test_what_was_not_seen_is_mailed_once_and_can_be_answered(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk, desk = await answered(client, factory)
    email, mailer = await away(resources, talk), Mailbox()
    await say(desk, "Yes, we have it.")
    last = await say(desk, "In size 44 as well.")
    for _ in range(2):
        await send(resources, talk, mailer)
    [mail] = mailer.of(email)
    assert "Yes, we have it." in mail.text
    assert "In size 44 as well." in mail.text
    assert "> Can I talk to a human please?" in mail.text
    assert mail.message_id == f"<{last}@in.helpninja.test>"
    assert mail.references == (f"<{talk.conversation_id}@in.helpninja.test>",)
    to = read_reply_address(resources.settings.signing_key(), [mail.reply_to])
    assert to == (UUID(talk.conversation_id), Party.VISITOR)


async def test_it_waits_once_for_what_is_written_within_a_minute(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk, desk = await answered(client, factory)
    await say(desk, "Nobody has left an address yet.")
    assert await jobs(resources, talk) == 0
    await away(resources, talk)
    await say(desk, "One.")
    await say(desk, "Two.")
    assert await jobs(resources, talk) == 1


async def test_what_is_younger_than_a_minute_waits_for_a_mail_of_its_own(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk, desk = await answered(client, factory)
    email, mailer = await away(resources, talk), Mailbox()
    await say(desk, "One.")
    await a_minute_later(resources, talk)
    await say(desk, "Two.")
    await run_job(resources, talk, mailer)
    assert ["Two." in mail.text for mail in mailer.of(email)] == [False]
    assert await jobs(resources, talk) == 1
    for _ in range(2):
        await send(resources, talk, mailer)
    assert ["One." in mail.text for mail in mailer.of(email)] == [True, False]
    assert "Two." in mailer.of(email)[1].text
    assert await jobs(resources, talk) == 0


async def test_what_is_too_young_for_a_mail_is_mailed_later_if_nobody_sees_it(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk, desk = await answered(client, factory)
    email, mailer = await away(resources, talk), Mailbox()
    await say(desk, "Young.")
    await run_job(resources, talk, mailer)
    assert mailer.of(email) == []
    assert await jobs(resources, talk) == 1
    assert (await client.get("/api/widget/conversation", headers=talk.token)).status_code == 200
    await send(resources, talk, mailer)
    assert mailer.of(email) == []
    assert await jobs(resources, talk) == 0


async def test_more_than_one_mail_holds_goes_out_in_the_next(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visitor_mails, "_MOST", 1)
    talk, desk = await answered(client, factory)
    email, mailer = await away(resources, talk), Mailbox()
    await say(desk, "One.")
    await say(desk, "Two.")
    waiting = []
    for _ in range(2):
        await send(resources, talk, mailer)
        waiting.append(await jobs(resources, talk))
    assert ["Two." in mail.text for mail in mailer.of(email)] == [False, True]
    assert waiting == [1, 0]


async def test_what_is_being_written_while_the_mail_is_made_is_not_lost(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk, desk = await answered(client, factory)
    await away(resources, talk)
    await say(desk, "One.")
    async with resources.database.unit_of_work(Scope.members(talk.tenant.id)) as session:
        # Its job is the one that waits already, and which a worker takes before this is committed.
        conversation = await lock_conversation(session, talk.tenant.id, UUID(talk.conversation_id))
        await queue_visitor_mail(session, resources.queue, conversation)
        job = asyncio.ensure_future(send(resources, talk, Mailbox()))
        await blocked(resources, job)
        await add_message(
            session,
            Message(
                workspace_id=talk.tenant.id,
                conversation_id=conversation.id,
                role=Sender.MEMBER.value,
                text="Two.",
            ),
        )
    await asyncio.wait_for(job, 60)
    assert await jobs(resources, talk) == 1


async def blocked(resources: Resources, job: asyncio.Future[None]) -> None:
    """Wait until a job waits for a lock, or is over."""
    async with asyncio.timeout(60):
        while not job.done():
            async with resources.database.unit_of_work() as session:
                found = await session.execute(
                    text(
                        "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
                        " and datname = current_database() and query ilike '%conversations%for update%'"
                    )
                )
                if found.scalar_one():
                    return


async def test_what_was_seen_after_a_reload_is_not_mailed(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk, desk = await answered(client, factory)
    email, mailer = await away(resources, talk), Mailbox()
    await say(desk, "Seen.")
    assert (await client.get("/api/widget/conversation", headers=talk.token)).status_code == 200
    await send(resources, talk, mailer)
    assert mailer.of(email) == []
    await say(desk, "Not seen.")
    await send(resources, talk, mailer)
    assert "Seen." not in mailer.of(email)[0].text


async def test_what_was_read_where_nobody_looks_is_mailed(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk, desk = await answered(client, factory)
    email, mailer = await away(resources, talk), Mailbox()
    await say(desk, "Not seen.")
    read = await client.get("/api/widget/conversation", headers=talk.token, params={"away": "1"})
    assert read.json()["messages"][-1]["text"] == "Not seen."
    await send(resources, talk, mailer)
    assert "Not seen." in mailer.of(email)[0].text


async def test_what_the_visitor_has_answered_is_not_mailed(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk, desk = await answered(client, factory)
    email, mailer = await away(resources, talk), Mailbox()
    await say(desk, "Which size?")
    await talk.ask("44")
    await send(resources, talk, mailer)
    assert mailer.of(email) == []


@pytest.mark.parametrize("stays", [True, False])
async def test_a_panel_that_stays_open_has_shown_it(
    client: httpx.AsyncClient,
    factory: Factory,
    resources: Resources,
    monkeypatch: pytest.MonkeyPatch,
    stays: bool,
) -> None:
    monkeypatch.setattr(visitor_events, "SEEN_AFTER_SECONDS", 0.0 if stays else 3_600.0)
    talk, desk = await answered(client, factory)
    email, mailer = await away(resources, talk), Mailbox()
    events = visitor_events.watch(resources.database, resources.live, talk.visitor)
    async with aclosing(events):
        await anext(events)
        before = await seen(resources, talk)
        await say(desk, "Are you there?")
        await asyncio.wait_for(anext(events), 60)
        # The panel goes on listening; nothing more comes.
        waiting = asyncio.ensure_future(anext(events))
        async with asyncio.timeout(30):
            while stays and await seen(resources, talk) == before:
                await asyncio.sleep(0.05)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    await send(resources, talk, mailer)
    assert len(mailer.of(email)) == (0 if stays else 1)


async def test_a_page_whose_address_is_none_is_not_named(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk, desk = await answered(client, factory)
    email, mailer = await away(resources, talk), Mailbox()
    async with resources.database.unit_of_work(Scope.members(talk.tenant.id)) as session:
        await session.execute(
            text("update conversations set page_url = 'http://[x' where id = :id"),
            {"id": talk.conversation_id},
        )
    await say(desk, "Hello.")
    await a_minute_later(resources, talk)
    await mail_visitor(
        resources.database,
        resources.queue,
        mailer,
        resources.limiter,
        talk.tenant.id,
        UUID(talk.conversation_id),
        signing_key="k",
        inbox="",
    )
    assert "open the chat on our website again" in mailer.of(email)[0].text


async def test_notes_and_other_conversations_are_in_no_mail(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk, desk = await answered(client, factory)
    other, other_desk = await answered(client, factory)
    email, mailer = await away(resources, talk), Mailbox()
    await desk.done("note", text="They are a difficult one.", clientId=str(uuid4()))
    await say(other_desk, "Something for somebody else.")
    await say(desk, "Hello.")
    await send(resources, talk, mailer)
    [mail] = mailer.of(email)
    assert "difficult" not in mail.text
    assert "somebody else" not in mail.text
    assert other.conversation_id not in mail.text


async def test_another_workspace_cannot_have_it_mailed(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk, desk = await answered(client, factory)
    email, mailer = await away(resources, talk), Mailbox()
    await say(desk, "Hello.")
    stranger = await factory.tenant()
    await a_minute_later(resources, talk)
    await mail_visitor(
        resources.database,
        resources.queue,
        mailer,
        resources.limiter,
        stranger.id,
        UUID(talk.conversation_id),
        signing_key="k",
        inbox="reply@in.helpninja.test",
    )
    assert mailer.of(email) == []


async def test_a_question_of_many_lines_stays_within_the_subject_and_the_quote(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    question = "I want a human being.\r\nBcc: all@example.com\n" + "very " * 100
    talk, desk = await answered(client, factory, question)
    email, mailer = await away(resources, talk), Mailbox()
    await say(desk, "Hello.")
    await send(resources, talk, mailer)
    [mail] = mailer.of(email)
    assert "\n" not in mail.subject
    assert len(mail.subject) <= 85
    assert "\n> Bcc: all@example.com" in mail.text
