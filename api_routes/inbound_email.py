"""Where a mail server passes on what people answer to our mails."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
from email.message import Message
from email.utils import parseaddr

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from api_routes.bodies import read_limited
from api_routes.identity import resources_of, visitor_burst
from api_routes.problems import documented
from helpninja_app.conversations.inbound_mail import Outcome, take_in, turn_away
from helpninja_app.conversations.mail_parts import read_head_at, spans
from helpninja_app.conversations.received_mail import MAX_BYTES, read_head, read_mail
from helpninja_app.errors import Invalid, NotSignedIn, Unavailable

router = APIRouter(tags=["Schedulers"])

# The fields in which the larger services pass on a mail as it came: SendGrid ("send raw"), Mailgun, Postmark.
_RAW_FIELDS = ("email", "body-mime", "RawEmail")
_ENVELOPE_FIELDS = ("recipient", "OriginalRecipient")


class Taken(BaseModel):
    ok: bool = Field(description="Whether it is in its conversation now.")
    outcome: Outcome = Field(description="What became of it. Sending it again would not change that.")


@router.post(
    "/api/inbound/email",
    response_model=Taken,
    responses=documented(400, 401, 408, 413, 422, 429, 503),
)
async def receive(request: Request) -> Taken:
    """A mail as it came (RFC 5322), or the form or JSON in which SendGrid, Mailgun and Postmark wrap one."""
    resources = resources_of(request)
    settings = resources.settings
    if settings.inbound_email_secret is None:
        raise Unavailable("Mails are not taken here: INBOUND_EMAIL_SECRET is not set.")
    if not hmac.compare_digest(_given(request), settings.inbound_email_secret.get_secret_value().encode()):
        await visitor_burst(request)
        raise NotSignedIn("The secret is missing or wrong.")
    body = await read_limited(request, MAX_BYTES)
    ours = [parseaddr(settings.mail_from)[1]]
    if settings.reply_address:
        ours.append(settings.reply_address.partition("@")[0] + "+")
    # Beside the event loop: a mail may hold megabytes of files.
    raw, envelope = await asyncio.to_thread(_unwrapped, request.headers.get("content-type", ""), body)
    head = await asyncio.to_thread(read_head, raw, envelope=envelope)
    outcome = turn_away(settings.signing_key(), head)
    if outcome is None:
        mail = await asyncio.to_thread(read_mail, raw, ours=ours, envelope=envelope)
        outcome = await take_in(
            resources.database, resources.queue, resources.plan_of, settings.signing_key(), mail
        )
    return Taken(ok=outcome in {Outcome.STORED, Outcome.REPEATED}, outcome=outcome)


def _given(request: Request) -> bytes:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.casefold() == "basic":
        try:
            return base64.b64decode(value, validate=True).partition(b":")[2]
        except ValueError:
            return b""
    return value.strip().encode() if scheme.casefold() == "bearer" else b""


def _unwrapped(content_type: str, body: bytes) -> tuple[bytes, tuple[str, ...]]:
    """The mail itself, and the addresses it was delivered to where its wrapping names them."""
    kind = content_type.partition(";")[0].strip().casefold()
    if kind == "multipart/form-data":
        fields = _form(content_type, body)
    elif kind == "application/json":
        fields = _json(body)
    else:
        return body, ()
    raw = next((fields[name] for name in _RAW_FIELDS if fields.get(name)), None)
    if raw is None:
        raise Invalid("This does not hold the mail as it came: have the service send it raw.")
    return raw, tuple(fields[name].decode("utf-8", "replace") for name in _ENVELOPE_FIELDS if name in fields)


def _form(content_type: str, body: bytes) -> dict[str, bytes]:
    # Not by the parser of mails: of what strangers wrote only the head is looked at here.
    whole = Message()
    whole["Content-Type"] = content_type
    boundary, fields = whole.get_boundary(), {}
    # The first delimiter is found by the end of the line before it.
    body = b"\n" + body
    for begin, end in spans(body, 1, len(body), boundary) if boundary else ():
        head, value = read_head_at(body, begin, end)
        name = head.get_param("name", header="content-disposition")
        if isinstance(name, str):
            fields[name] = body[value:end]
    return fields


def _json(body: bytes) -> dict[str, bytes]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Invalid("This is not valid JSON.") from error
    if not isinstance(found, dict):
        raise Invalid("This is not a JSON object.")
    return {name: value.encode("utf-8", "replace") for name, value in found.items() if isinstance(value, str)}
