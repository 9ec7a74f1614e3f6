"""Conversations as files and by mail: what is in them, for whom, and how often."""

from __future__ import annotations

from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from helpninja_app.accounts.models import Role
from helpninja_app.conversations import transcript_mails
from helpninja_app.conversations.models import TranscriptMail
from helpninja_app.conversations.transcript_mails import mail_transcript, note_sent, write_transcript_mail
from helpninja_app.errors import MailRefused, Unavailable
from helpninja_app.kernel.database import new_id
from helpninja_app.kernel.mail import Mail
from helpninja_app.kernel.rate_limits import Burst
from helpninja_app.resources import Resources
from tests.api.chatting import QUESTION
from tests.api.inboxing import Desk, Talk, begin
from tests.factories import Factory
from tests.mailbox import Mailbox

SECRET = "He is a difficult one."


async def answered(client: httpx.AsyncClient, factory: Factory, reply: str = "We are on it.") -> Desk:
    """A conversation with a question, a note and a member's reply."""
    talk = await begin(client, factory, QUESTION)
    desk = await talk.desk()
    await desk.done("take-over")
    await desk.done("note", text=SECRET)
    await desk.done("reply", text=reply)
    return desk


async def exported(desk: Desk, **wanted: str) -> httpx.Response:
    return await desk.client.get(
        f"/api/conversations/{desk.conversation_id}/export", headers=desk.headers, params=wanted
    )


@pytest.mark.parametrize(
    ("form", "kind"), [("md", "text/markdown"), ("json", "application/json"), ("txt", "text/plain")]
)
async def test_a_file_has_what_was_said_and_notes_only_where_they_are_asked_for(
    client: httpx.AsyncClient, factory: Factory, form: str, kind: str
) -> None:
    desk = await answered(client, factory)
    plain, noted = await exported(desk, format=form), await exported(desk, format=form, notes="true")
    assert plain.headers["content-type"].partition(";")[0] == kind
    assert plain.headers["content-disposition"].endswith(f'.{form}"')
    assert plain.headers["cache-control"] == "private, no-store"
    assert QUESTION in plain.text
    assert "We are on it." in plain.text
    assert SECRET not in plain.text
    assert SECRET in noted.text


async def test_the_json_of_a_conversation_is_in_the_order_it_was_said_in(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    desk = await answered(client, factory)
    told = (await exported(desk, format="json", notes="true")).json()
    assert [each["role"] for each in told["messages"]] == ["visitor", "bot", "note", "member"]
    assert told["conversationId"] == desk.conversation_id
    assert told["messages"][1]["sources"]
    assert not {"confidence", "model", "authorId"} & set(told["messages"][1])


async def test_a_message_cannot_pass_for_another_s(client: httpx.AsyncClient, factory: Factory) -> None:
    desk = await answered(client, factory, "Yes.\n\n## Support, 2026-01-01 00:00 UTC\n\nAll is refunded.")
    markdown, plain = await exported(desk, format="md"), await exported(desk, format="txt")
    assert "\n> ## Support, 2026-01-01" in markdown.text
    assert "\n## Support, 2026-01-01" not in markdown.text
    assert "\n  All is refunded." in plain.text


async def test_a_long_conversation_says_that_it_is_cut(
    client: httpx.AsyncClient, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("helpninja_app.conversations.transcript.MOST_MESSAGES", 2)
    desk = await answered(client, factory)
    told = (await exported(desk, format="json")).json()
    assert [each["role"] for each in told["messages"]] == ["bot", "member"]
    assert told["hasEarlier"] is True
    assert "Only the last 2 messages" in (await exported(desk, format="txt")).text


async def test_nobody_else_exports_or_mails_a_conversation(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    desk = await answered(client, factory)
    stranger = await factory.tenant()
    path = f"/api/conversations/{desk.conversation_id}"
    _, viewer = await factory.member(desk.tenant, Role.VIEWER)
    mail = {"email": "ana@example.com"}
    assert (await client.get(f"{path}/export", headers=stranger.headers)).status_code == 404
    assert (await client.get(f"{path}/export")).status_code == 401
    assert (await client.get(f"{path}/export?notes=true", headers=viewer)).status_code == 200
    assert (await client.get(f"{path}/export?format=exe", headers=viewer)).status_code == 422
    sent = [
        (await client.post(f"{path}/transcript", json=mail, headers=headers)).status_code
        for headers in (stranger.headers, viewer, {})
    ]
    assert sent == [404, 403, 401]


@pytest.mark.usefixtures("worker")
async def test_a_transcript_by_mail_has_what_the_visitor_sees(
    client: httpx.AsyncClient, factory: Factory, mailbox: Mailbox, resources: Resources
) -> None:
    desk = await answered(client, factory)
    address = f"ana-{new_id().hex}@example.com"
    asked = await desk.do("transcript", email=address.upper())
    assert asked.status_code == 202
    mail = await mailbox.next(address)
    assert mail.subject == "Your conversation with Test workspace"
    assert QUESTION in mail.text
    assert "We are on it." in mail.text
    assert SECRET not in mail.text
    async with resources.database.unit_of_work(desk.tenant.scope) as session:
        found = await session.execute(
            text("select detail->>'to' from audit_events where action = 'conversation.transcript_mailed'")
        )
        assert found.scalars().all() == [address]


async def test_a_job_that_runs_again_sends_nothing_again(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    desk = await answered(client, factory)
    mail_id = await wanted_by(desk, resources, "ana@example.com")
    async with resources.database.unit_of_work() as session:
        first = await write_transcript_mail(session, desk.tenant.id, mail_id)
    async with resources.database.unit_of_work() as session:
        retried = await write_transcript_mail(session, desk.tenant.id, mail_id)
    assert first is not None
    assert retried is not None
    assert first.message_id == retried.message_id
    async with resources.database.unit_of_work(desk.tenant.scope) as session:
        await note_sent(session, desk.tenant.id, mail_id)
    async with resources.database.unit_of_work() as session:
        assert await write_transcript_mail(session, desk.tenant.id, mail_id) is None


class Refusing(Mailbox):
    """Fails with what it is given, and then takes mails."""

    def __init__(self, *failures: Unavailable) -> None:
        super().__init__()
        self.failures = list(failures)

    async def send(self, mail: Mail) -> None:
        if self.failures:
            raise self.failures.pop(0)
        await super().send(mail)


async def wanted_by(desk: Desk, resources: Resources, email: str) -> UUID:
    """A transcript that was asked for, without its job, which a worker would run meanwhile."""
    wanted = TranscriptMail(
        workspace_id=desk.tenant.id, conversation_id=UUID(desk.conversation_id), email=email
    )
    async with resources.database.unit_of_work(desk.tenant.scope) as session:
        session.add(wanted)
        await session.flush()
        return wanted.id


async def test_a_transcript_that_is_refused_for_good_is_told_to_members_and_not_tried_again(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    desk = await answered(client, factory)
    mail_id = await wanted_by(desk, resources, "ana@example.com")
    mailer = Refusing(MailRefused())
    for _ in range(2):
        await mail_transcript(resources.database, mailer, desk.tenant.id, mail_id)
    [note] = [each["text"] for each in (await desk.read())["notes"] if SECRET not in each["text"]]
    assert note == (
        "The transcript could not be mailed to ana@example.com: The mail server refused the message for good."
    )
    assert mailer.mails == []


async def test_a_transcript_is_tried_again_until_the_last_try_which_is_told_to_members(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    desk = await answered(client, factory)
    mail_id = await wanted_by(desk, resources, "ana@example.com")
    mailer = Refusing(Unavailable("It is away."), Unavailable("It is away."))
    with pytest.raises(Unavailable):
        await mail_transcript(resources.database, mailer, desk.tenant.id, mail_id)
    assert "could not be mailed" not in str((await desk.read())["notes"])
    await mail_transcript(resources.database, mailer, desk.tenant.id, mail_id, is_last=True)
    assert "The transcript could not be mailed to ana@example.com: It is away." in [
        each["text"] for each in (await desk.read())["notes"]
    ]


async def test_an_address_gets_so_many_transcripts_and_a_workspace_sends_so_many(
    client: httpx.AsyncClient, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, other = await answered(client, factory), await answered(client, factory)
    address = f"ana-{new_id().hex}@example.com"
    monkeypatch.setattr(transcript_mails, "PER_RECIPIENT", Burst(2, 3600))
    # The limit of an address holds for all workspaces together.
    sent = [(await each.do("transcript", email=address)).status_code for each in (desk, other, desk)]
    monkeypatch.setattr(transcript_mails, "PER_WORKSPACE", Burst(1, 3601))
    more = [(await desk.do("transcript", email=f"{new_id().hex}@example.com")).status_code for _ in range(2)]
    assert sent == [202, 202, 429]
    assert more == [202, 429]


@pytest.mark.parametrize("email", ["", "ana", "ana@example.com\r\nbcc: eve@example.com", "a@b@c.example"])
async def test_what_is_no_address_is_refused(client: httpx.AsyncClient, factory: Factory, email: str) -> None:
    talk: Talk = await begin(client, factory, QUESTION)
    refused = await (await talk.desk()).do("transcript", email=email)
    assert refused.status_code == 422


async def test_without_mail_a_transcript_is_refused_instead_of_lost(
    client: httpx.AsyncClient, factory: Factory, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = await (await begin(client, factory, QUESTION)).desk()
    monkeypatch.setattr(mailbox, "is_real", False)
    refused = await desk.do("transcript", email="ana@example.com")
    assert refused.status_code == 503
    assert "SMTP_URL" in refused.text
