"""The addresses that mails about a conversation are answered to: signed, so that none can be made up."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable
from enum import StrEnum
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.conversations.models import ReplyThread

# 80 bits: there is no way to try many, and a local part has room for 64 characters (RFC 5321 4.5.3.1.1).
_SIGNATURE_BYTES = 10
_MARK = re.compile(r"\+([a-z2-7]{44})@", re.IGNORECASE)


class Party(StrEnum):
    """Who was written to, and so who answers."""

    VISITOR = "v"
    TEAM = "t"


async def open_reply_address(
    session: AsyncSession,
    signing_key: str,
    inbox: str,
    workspace_id: UUID,
    conversation_id: UUID,
    party: Party,
) -> str:
    """Where answers of ``party`` go, below the mailbox ``inbox`` (RFC 5233); empty without one."""
    if not inbox:
        return ""
    await session.execute(
        insert(ReplyThread)
        .values(conversation_id=conversation_id, workspace_id=workspace_id)
        .on_conflict_do_nothing()
    )
    user, _, host = inbox.partition("@")
    token = base64.b32encode(_signed(signing_key, conversation_id, party)).decode().rstrip("=").lower()
    return f"{user}+{token}@{host}"


def read_reply_address(signing_key: str, addresses: Iterable[str]) -> tuple[UUID, Party] | None:
    """The conversation and the party of the first of ``addresses`` that was signed here."""
    for address in addresses:
        if (found := _MARK.search(address)) is None:
            continue
        try:
            given = base64.b32decode(found[1].upper() + "====")
            conversation_id, party = UUID(bytes=given[:16]), Party(chr(given[16]))
        except (binascii.Error, ValueError):
            continue
        if hmac.compare_digest(_signed(signing_key, conversation_id, party), given):
            return conversation_id, party
    return None


async def workspace_of_thread(session: AsyncSession, conversation_id: UUID) -> UUID | None:
    """The workspace of a conversation that mails were sent about. Needs no scope."""
    found = await session.execute(
        select(col(ReplyThread.workspace_id)).where(col(ReplyThread.conversation_id) == conversation_id)
    )
    return found.scalar_one_or_none()


def _signed(signing_key: str, conversation_id: UUID, party: Party) -> bytes:
    # A key of its own for each purpose, as of visitor tokens.
    key = hmac.digest(signing_key.encode(), b"reply-address", hashlib.sha256)
    what = conversation_id.bytes + party.value.encode()
    return what + hmac.digest(key, what, hashlib.sha256)[:_SIGNATURE_BYTES]
