"""Steps of the tests of visitors' mails: a visitor who left an address, a member who answers, the job."""

from __future__ import annotations

from uuid import UUID, uuid4

import httpx
from sqlalchemy import text

from helpninja_app.conversations.visitor_mails import (
    VISITOR_TASK,
    mail_visitor,
)
from helpninja_app.errors import MailRefused
from helpninja_app.kernel.mail import Mail, Mailer
from helpninja_app.kernel.scope import Scope
from helpninja_app.resources import Resources
from tests.api.inboxing import Desk, Talk, begin
from tests.factories import Factory
from tests.mailbox import Mailbox


async def away(resources: Resources, talk: Talk) -> str:
    """The visitor has left an address of their own and closed the panel."""
    email = f"{uuid4().hex[:12]}@visitor.example"
    async with resources.database.unit_of_work(Scope.members(talk.tenant.id)) as session:
        await session.execute(
            text("update conversations set visitor_email = :email where id = :id"),
            {"email": email, "id": talk.conversation_id},
        )
    return email


async def answered(client: httpx.AsyncClient, factory: Factory, question: str = "") -> tuple[Talk, Desk]:
    talk = await begin(client, factory, question or "Can I talk to a human please?")
    desk = await talk.desk()
    await desk.done("take-over")
    return talk, desk


async def say(desk: Desk, words: str) -> str:
    said = await desk.done("reply", text=words, clientId=str(uuid4()))
    return str(said["id"])


async def a_minute_later(resources: Resources, talk: Talk) -> None:
    """What was said is a minute old now."""
    async with resources.database.unit_of_work(Scope.members(talk.tenant.id)) as session:
        await session.execute(
            text(
                "update messages set created_at = created_at - interval '1 minute'"
                " where conversation_id = :id"
            ),
            {"id": talk.conversation_id},
        )


async def send(resources: Resources, talk: Talk, mailer: Mailer, *, is_last: bool = False) -> None:
    """What the job does a minute after the last was said."""
    await a_minute_later(resources, talk)
    await run_job(resources, talk, mailer, is_last=is_last)


async def run_job(resources: Resources, talk: Talk, mailer: Mailer, *, is_last: bool = False) -> None:
    """As a worker that has taken the job: it does not wait in the queue any more."""
    async with resources.database.unit_of_work() as session:
        await session.execute(
            text("delete from procrastinate_jobs where task_name = :task and args->>'conversation_id' = :id"),
            {"task": f"helpninja:{VISITOR_TASK}", "id": talk.conversation_id},
        )
    await mail_visitor(
        resources.database,
        resources.queue,
        mailer,
        resources.limiter,
        talk.tenant.id,
        UUID(talk.conversation_id),
        signing_key=resources.settings.signing_key(),
        inbox=resources.settings.reply_address,
        is_last=is_last,
    )


async def jobs(resources: Resources, talk: Talk) -> int:
    async with resources.database.unit_of_work() as session:
        found = await session.execute(
            text(
                "select count(*) from procrastinate_jobs where task_name = :task"
                " and args->>'conversation_id' = :id and status = 'todo'"
            ),
            {"task": f"helpninja:{VISITOR_TASK}", "id": talk.conversation_id},
        )
        return int(found.scalar_one())


class Refusing(Mailbox):
    async def send(self, mail: Mail) -> None:
        await super().send(mail)
        raise MailRefused("The mail server refused the message.\r\n" + "<b>No</b> " * 500)
