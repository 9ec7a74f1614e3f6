"""Sends one packet to one destination, in its channel's own form."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from helpninja_app.errors import DeliveryFailed, MailPartlyRefused, MailRefused, Unavailable
from helpninja_app.integrations.channels.discord import discord_address, discord_message
from helpninja_app.integrations.channels.mail import escalation_mail
from helpninja_app.integrations.channels.slack import slack_message
from helpninja_app.integrations.channels.teams import teams_message
from helpninja_app.integrations.channels.webhook import as_json, webhook_message
from helpninja_app.integrations.packet import Packet
from helpninja_app.integrations.posting import GONE, check_words, post_json
from helpninja_app.integrations.signatures import sign
from helpninja_app.kernel.mail import Mailer
from helpninja_app.kernel.safe_http import SafeHttp

__all__ = ["DeliveryFailed", "send"]


async def send(
    provider: str, credentials: Mapping[str, str], packet: Packet, *, http: SafeHttp, mailer: Mailer
) -> None:
    """Return when the other side has taken it; raises ``DeliveryFailed``, whose sentence may be shown.

    Tried again, mail keeps its Message-ID and a webhook its ``webhook-id``; Slack, Teams and Discord have
    nothing of the kind, so there a message whose answer was lost arrives twice.
    """
    try:
        match provider:
            case "slack":
                body = as_json(slack_message(packet, credentials))
                await post_json(http, credentials["webhook_url"], body)
            case "teams":
                answer = await post_json(http, credentials["webhook_url"], as_json(teams_message(packet)))
                check_words(answer)
            case "discord":
                address = discord_address(credentials["webhook_url"])
                await post_json(http, address, as_json(discord_message(packet)))
            case "webhook":
                await _send_signed(credentials, packet, http)
            case "email":
                await _send_mail(credentials, packet, mailer)
            case _:
                raise DeliveryFailed("This kind of destination is not known here.", is_final=True)
    except KeyError as error:
        raise DeliveryFailed(f"The destination lacks its {error.args[0]}.", is_final=True) from None


async def _send_signed(credentials: Mapping[str, str], packet: Packet, http: SafeHttp) -> None:
    body = as_json(webhook_message(packet))
    try:
        headers = sign([credentials["secret"]], str(packet.delivery_id), datetime.now(UTC), body)
    except ValueError:
        raise DeliveryFailed("The secret of the webhook is not a valid one.", is_final=True) from None
    # A receiver that refuses what it cannot verify may be set right: only one that is gone is given up.
    await post_json(http, credentials["url"], body, headers=headers, final=GONE)


async def _send_mail(credentials: Mapping[str, str], packet: Packet, mailer: Mailer) -> None:
    if not mailer.is_real:
        raise DeliveryFailed("Mail is not set up here: SMTP_URL is not set.")
    try:
        mail = escalation_mail(packet, credentials)
    except ValueError as error:
        raise DeliveryFailed(str(error), is_final=True) from None
    try:
        await mailer.send(mail)
    except MailPartlyRefused as error:
        raise DeliveryFailed(error.detail, refused=error.refused) from error
    except MailRefused as error:
        raise DeliveryFailed(error.detail, is_final=True) from error
    except Unavailable as error:
        raise DeliveryFailed("The mail server did not take the message.") from error
