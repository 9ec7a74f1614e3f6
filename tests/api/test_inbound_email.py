"""Answers by mail: what they become, and what nobody can make of them."""

from __future__ import annotations

import json
from email.message import EmailMessage
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from api_routes.app import create_api
from helpninja_app.accounts.models import Role
from helpninja_app.conversations.inbound_mail import MAX_AN_HOUR
from helpninja_app.conversations.reply_addresses import Party, open_reply_address
from helpninja_app.kernel.scope import Scope
from helpninja_app.resources import Resources
from tests.api.inboxing import Talk, begin
from tests.api.test_rules_at_work import rule, sent
from tests.conftest import OpenResources
from tests.deliveries import Channel, integrate
from tests.factories import Factory
from tests.mailbox import Mailbox

SECRET = {"authorization": "Bearer 1nb0und-secret-for-tests-0123456789"}
ADA = "ada@example.com"


async def address(resources: Resources, talk: Talk, party: Party = Party.VISITOR) -> str:
    """Where our mail is answered to, as if it had been sent."""
    settings = resources.settings
    async with resources.database.unit_of_work(Scope.members(talk.tenant.id)) as session:
        await session.execute(
            text("update conversations set visitor_email = :email where id = :id"),
            {"email": ADA, "id": talk.conversation_id},
        )
        return await open_reply_address(
            session,
            settings.signing_key(),
            settings.reply_address,
            talk.tenant.id,
            UUID(talk.conversation_id),
            party,
        )


def mail(to: str, body: str = "Size 44, please.", *, sender: str = ADA, id: str = "<1@x>") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Message-ID"] = sender, to, id
    message.set_content(body)
    return message


def with_file(message: EmailMessage) -> EmailMessage:
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="order.pdf")
    return message


async def deliver(client: httpx.AsyncClient, message: EmailMessage | bytes, **changes: Any) -> httpx.Response:
    raw = message if isinstance(message, bytes) else message.as_bytes()
    headers = SECRET | {"content-type": "message/rfc822"}
    return await client.post("/api/inbound/email", **({"content": raw, "headers": headers} | changes))


async def outcome(client: httpx.AsyncClient, message: EmailMessage, **changes: Any) -> str:
    response = await deliver(client, message, **changes)
    assert response.status_code == 200, response.text
    found: str = response.json()["outcome"]
    return found


def said(conversation: dict[str, Any], role: str) -> list[str]:
    return [each["text"] for each in conversation["messages"] if each["role"] == role]


async def test_a_visitor_s_answer_comes_back_once(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory)
    desk = await talk.desk()
    await desk.done("take-over")
    to = await address(resources, talk)
    quoted = mail(to, "Size 44, please.\n\nOn 3 Nov at 10:00, Shop wrote:\n> Which size?")
    assert [await outcome(client, quoted) for _ in range(3)] == ["stored", "repeated", "repeated"]
    found = await desk.read()
    assert said(found, "visitor")[1:] == ["Size 44, please."]
    assert (found["status"], found["notes"]) == ("human", [])


async def test_an_answer_to_what_was_resolved_asks_for_a_person(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory)
    desk = await talk.desk()
    await desk.done("resolve")
    assert await outcome(client, mail(await address(resources, talk))) == "stored"
    found = await desk.read()
    assert (found["status"], found["reason"]) == ("waiting", "visitor_request")


async def test_an_answer_by_mail_that_asks_for_a_person_goes_where_the_rule_says(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk, channel = await begin(client, factory), Channel()
    await integrate(resources, talk.tenant, "https://hooks.example/returns-here")
    there = await integrate(resources, talk.tenant, "https://hooks.example/boots-here", provider="teams")
    await rule(client, talk.tenant, "route", destinations=(there,))
    await (await talk.desk()).done("resolve")
    mailed = mail(await address(resources, talk), "And these boots, are they in?")
    assert await outcome(client, mailed) == "stored"
    assert await sent(resources, talk.tenant, channel) == ["https://hooks.example/boots-here"]


async def test_whom_a_rule_notifies_hears_of_an_answer_by_mail(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk, channel = await begin(client, factory), Channel()
    stock = "https://hooks.example/stock-here"
    there = await integrate(resources, talk.tenant, stock, provider="teams")
    await rule(client, talk.tenant, "notify", destinations=(there,))
    await integrate(resources, talk.tenant)
    await (await talk.desk()).done("resolve")
    mailed = mail(await address(resources, talk), "And these boots, are they in?")
    assert await outcome(client, mailed) == "stored"
    await sent(resources, talk.tenant, channel)
    told = [packet.headline for place, packet in channel.sent if place == stock]
    assert any("Boots" in headline for headline in told)


async def test_members_are_told_when_it_came_from_somebody_else(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory)
    desk = await talk.desk()
    await outcome(client, mail(await address(resources, talk), sender="Eve <eve@example.com>"))
    [note] = (await desk.read())["notes"]
    assert "eve@example.com, not from the address" in note["text"]


async def test_a_member_s_answer_takes_the_conversation_over(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory)
    desk = await talk.desk()
    email = (await client.get("/api/auth/me", headers=desk.headers)).json()["user"]["email"]
    to = await address(resources, talk, Party.TEAM)
    assert await outcome(client, mail(to, "It is in stock.", sender=email.upper())) == "stored"
    found = await desk.read()
    assert said(found, "member") == ["It is in stock."]
    assert (found["status"], found["assigneeId"]) == ("human", desk.user_id)


async def test_the_mail_about_an_escalation_can_be_answered(
    client: httpx.AsyncClient, factory: Factory, mailbox: Mailbox
) -> None:
    talk = await begin(client, factory, "How long do I have to return boots?")
    email, owner = await factory.member(talk.tenant)
    team = f"{uuid4().hex}@team.example"
    tenant = {"tenantId": str(talk.tenant.id)}
    integration = tenant | {"provider": "email", "name": "Team", "credentials": {"to": team}}
    assert (await client.post("/api/integrations", headers=owner, json=integration)).status_code == 201
    escalation = tenant | {"conversationId": talk.conversation_id, "reason": "rule"}
    asked = await client.post("/api/escalate", headers=owner, json=escalation)
    assert asked.json()["ok"], asked.text
    [mail_to_team] = mailbox.of(team)
    assert await outcome(client, mail(mail_to_team.reply_to, "Sixty days.", sender=email)) == "stored"
    assert said(await (await talk.desk()).read(), "member") == ["Sixty days."]


async def other_member(talk: Talk, kind: str) -> str:
    """The address of somebody who may not answer in this conversation."""
    if kind == "stranger":
        return "stranger@example.com"
    if kind == "member of another workspace":
        return (await talk.factory.member(await talk.factory.tenant()))[0]
    if kind == "viewer":
        return (await talk.factory.member(talk.tenant, Role.VIEWER))[0]
    holder = await talk.desk()
    await holder.done("take-over")
    return (await talk.factory.member(talk.tenant, Role.AGENT))[0]


@pytest.mark.parametrize(
    "kind", ["stranger", "member of another workspace", "viewer", "while another holds it"]
)
async def test_who_may_not_answer_leaves_a_note_that_no_visitor_sees(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, kind: str
) -> None:
    talk = await begin(client, factory)
    desk = await talk.desk()
    sender = await other_member(talk, kind)
    to = await address(resources, talk, Party.TEAM)
    assert await outcome(client, mail(to, "Give them all the money.", sender=sender)) == "stored"
    found = await desk.read()
    assert said(found, "member") == []
    assert "Give them all the money." in found["notes"][0]["text"]
    shown = await client.get("/api/widget/conversation", headers=talk.token)
    assert "money" not in shown.text


async def test_files_that_do_not_come_along_are_told_of(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory)
    desk = await talk.desk()
    message = with_file(mail(await address(resources, talk)))
    assert [await outcome(client, message) for _ in range(2)] == ["stored", "repeated"]
    [note] = (await desk.read())["notes"]
    assert "attached" in note["text"]


@pytest.mark.parametrize("change", ["party", "conversation", "signature", "short"])
async def test_an_address_cannot_be_made_up(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, change: str
) -> None:
    talk = await begin(client, factory)
    other = await begin(client, factory)
    theirs = await address(resources, other)
    mine = await address(resources, talk)
    user, mark, rest = "reply+", mine[6:50], mine[50:]
    made = {
        "party": mark[:26] + "o" + mark[27:],
        "conversation": theirs[6:26] + mark[20:],
        "signature": mark[:-3] + ("aaa" if mark[-3:] != "aaa" else "iii"),
        "short": mark[:-4],
    }[change]
    assert await outcome(client, mail(f"{user}{made}{rest}", id=f"<{change}>")) == "unknown"


async def test_what_a_program_wrote_is_left_out(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory)
    message = mail(await address(resources, talk))
    message["Auto-Submitted"] = "auto-replied"
    assert await outcome(client, message) == "automatic"


async def test_programs_that_answer_each_other_come_to_an_end(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory)
    to = await address(resources, talk)
    found = [await outcome(client, mail(to, id=f"<{n}@x>")) for n in range(MAX_AN_HOUR + 1)]
    assert found == ["stored"] * MAX_AN_HOUR + ["too_many"]


async def test_strangers_who_write_to_the_team_come_to_an_end(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory)
    desk = await talk.desk()
    to = await address(resources, talk, Party.TEAM)
    mails = [with_file(mail(to, id=f"<{n}@x>")) for n in range(MAX_AN_HOUR + 2)]
    found = [await outcome(client, each) for each in mails]
    assert found == ["stored"] * MAX_AN_HOUR + ["too_many"] * 2
    assert len((await desk.read())["notes"]) == 2 * MAX_AN_HOUR
    assert await outcome(client, mails[-1]) == "too_many"


async def test_a_member_s_mail_of_files_alone_is_told_of_once(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory)
    desk = await talk.desk()
    email = (await client.get("/api/auth/me", headers=desk.headers)).json()["user"]["email"]
    message = with_file(mail(await address(resources, talk, Party.TEAM), "", sender=email))
    assert [await outcome(client, message) for _ in range(2)] == ["stored", "stored"]
    assert len((await desk.read())["notes"]) == 1


async def test_a_note_by_mail_is_cut_to_what_a_note_holds(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory)
    desk = await talk.desk()
    to = await address(resources, talk, Party.TEAM)
    assert await outcome(client, mail(to, "word " * 5_000)) == "stored"
    assert len((await desk.read())["notes"][0]["text"]) == 20_000


@pytest.mark.parametrize("result", ["spf=fail", "spf=none; dmarc=fail"])
async def test_a_member_s_mail_that_the_server_doubts_is_a_note(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, result: str
) -> None:
    talk = await begin(client, factory)
    desk = await talk.desk()
    email = (await client.get("/api/auth/me", headers=desk.headers)).json()["user"]["email"]
    message = mail(await address(resources, talk, Party.TEAM), "Pay to my account.", sender=email)
    message["Authentication-Results"] = f"mx.helpninja.test; {result} header.from=x"
    assert await outcome(client, message) == "stored"
    found = await desk.read()
    assert said(found, "member") == []
    assert "may be from somebody else" in found["notes"][0]["text"]


async def test_a_mail_to_no_conversation_is_not_read(client: httpx.AsyncClient) -> None:
    nested = b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 1_000
    response = await deliver(client, b"From: a@b.c\nTo: reply@in.helpninja.test\n" + nested)
    assert response.json()["outcome"] == "unknown"


async def test_a_mail_of_too_many_parts_is_refused(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    to = await address(resources, await begin(client, factory))
    nested = b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 1_000
    response = await deliver(client, f"From: a@b.c\nTo: {to}\n".encode() + nested)
    assert response.status_code == 422
    assert "too many parts" in response.json()["detail"]


@pytest.mark.parametrize("kind", ["SendGrid", "Mailgun", "Postmark"])
async def test_a_mail_comes_in_the_wrapping_of_a_service(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, kind: str
) -> None:
    talk = await begin(client, factory)
    to = await address(resources, talk)
    raw = mail("somebody@else.example").as_string()
    bodies: dict[str, dict[str, Any]] = {
        "SendGrid": {"files": {"email": (None, raw.replace("somebody@else.example", to))}},
        "Mailgun": {"files": {"body-mime": (None, raw), "recipient": (None, to)}},
        "Postmark": {"content": json.dumps({"RawEmail": raw, "OriginalRecipient": to})},
    }
    body = bodies[kind]
    basic = httpx.BasicAuth("any", SECRET["authorization"].removeprefix("Bearer "))
    kind_of_body = {"content-type": "application/json"} if kind == "Postmark" else {}
    response = await client.post("/api/inbound/email", **body, auth=basic, headers=kind_of_body)
    assert (response.status_code, response.json()["outcome"]) == (200, "stored"), response.text


@pytest.mark.parametrize("value", ["", "Bearer wrong", "Basic !!", "Basic YTpi", "Basic \xe9", "Bearer"])
async def test_without_the_secret_nothing_is_taken(client: httpx.AsyncClient, value: str) -> None:
    response = await deliver(client, b"From: a@b.c\n\nx", headers={"authorization": value.encode("latin-1")})
    assert response.status_code == 401


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"["),
        ("application/json", b"[]"),
        ("application/json", b'{"TextBody": "x"}'),
        ("multipart/form-data; boundary=x", b"--x\n\nnothing\n--x--"),
        ("message/rfc822", b"nothing"),
    ],
    ids=range(5),
)
async def test_what_holds_no_mail_is_refused(client: httpx.AsyncClient, kind: str, body: bytes) -> None:
    response = await deliver(client, body, headers=SECRET | {"content-type": kind})
    assert response.status_code == 422


async def test_an_installation_without_a_secret_takes_nothing(with_resources: OpenResources) -> None:
    async with with_resources(inbound_email_secret=None):
        transport = httpx.ASGITransport(app=create_api(), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://helpninja.test") as client:
            response = await deliver(client, b"From: a@b.c\n\nx")
    assert response.status_code == 503
    assert "INBOUND_EMAIL_SECRET" in response.json()["detail"]
