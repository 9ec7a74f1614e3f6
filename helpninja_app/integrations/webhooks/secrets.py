"""The secrets that sign what goes to an endpoint, as the database keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.errors import Unavailable
from helpninja_app.integrations.webhooks.models import WebhookEndpoint
from helpninja_app.kernel.encryption import decrypt, encrypt, renewed


def sealed(keys: Sequence[str], secret: str, workspace_id: UUID, endpoint_id: UUID) -> str:
    return encrypt(keys, secret, context=_context(workspace_id, endpoint_id))


def secrets_in_use(keys: Sequence[str], endpoint: WebhookEndpoint, moment: datetime) -> list[str]:
    """The secret, and the one before it while it counts; ``Unavailable`` when a key is missing."""
    context = _context(endpoint.workspace_id, endpoint.id)
    found = [decrypt(keys, endpoint.secret, context=context)]
    if endpoint.old_secret and endpoint.old_secret_until and endpoint.old_secret_until > moment:
        found.append(decrypt(keys, endpoint.old_secret, context=context))
    return found


async def rotate_webhook_secrets(
    session: AsyncSession, workspace_id: UUID, keys: Sequence[str]
) -> tuple[int, int]:
    """Encrypt a workspace's secrets under the first of ``keys``: how many endpoints had others, and of how
    many no key here can read them."""
    found = await session.execute(
        select(WebhookEndpoint).where(col(WebhookEndpoint.workspace_id) == workspace_id).with_for_update()
    )
    changed = unreadable = 0
    for endpoint in found.scalars():
        context = _context(workspace_id, endpoint.id)
        kept = [secret for secret in (endpoint.secret, endpoint.old_secret) if secret]
        try:
            under_first = [renewed(keys, secret, context=context) for secret in kept]
        except Unavailable:
            unreadable += 1
            continue
        endpoint.secret, endpoint.old_secret = under_first[0], "".join(under_first[1:])
        changed += under_first != kept
    await session.flush()
    return changed, unreadable


def _context(workspace_id: UUID, endpoint_id: UUID) -> str:
    return f"webhook endpoint {endpoint_id} of {workspace_id}"
