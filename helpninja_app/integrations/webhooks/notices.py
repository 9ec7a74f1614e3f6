"""Tells owners and admins that an endpoint was disabled because nothing could be delivered to it."""

from __future__ import annotations

from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.members import list_members
from helpninja_app.accounts.models import Role
from helpninja_app.accounts.workspaces import load_workspace
from helpninja_app.errors import NotFound
from helpninja_app.integrations.webhooks.models import WebhookEndpoint
from helpninja_app.kernel.database import enter_scope
from helpninja_app.kernel.mail import Mail
from helpninja_app.kernel.queue import Queue
from helpninja_app.kernel.scope import Scope

NOTICE_TASK = "send_webhook_notice"
_TOLD = frozenset({Role.OWNER, Role.ADMIN})

_TEXT = """Hello,

HelpNinja could not deliver events of {workspace} to the webhook endpoint at {host}, and has
disabled it: nothing more is sent there.

{reason}

When it works again, switch it on in the settings of API keys and webhooks, and resend what was missed:

{link}
"""


async def request_notices(session: AsyncSession, queue: Queue, workspace_id: UUID, endpoint_id: UUID) -> None:
    """Have everybody told who can do something about it, once the transaction commits."""
    for member in await list_members(session, workspace_id):
        if member.role in _TOLD and not member.is_suspended:
            await queue.enqueue(
                session,
                NOTICE_TASK,
                workspace_id=str(workspace_id),
                user_id=str(member.user_id),
                endpoint_id=str(endpoint_id),
            )


async def write_notice_mail(
    session: AsyncSession, workspace_id: UUID, user_id: UUID, endpoint_id: UUID, *, origin: str
) -> Mail | None:
    """The mail to one of them; ``None`` when it is not so any more."""
    await enter_scope(session, Scope.members(workspace_id))
    try:
        workspace = await load_workspace(session, workspace_id)
    except NotFound:
        return None
    endpoint = await session.get(WebhookEndpoint, (workspace_id, endpoint_id))
    members = await list_members(session, workspace_id)
    member = next((each for each in members if each.user_id == user_id and each.role in _TOLD), None)
    if endpoint is None or endpoint.status != "disabled" or member is None or member.is_suspended:
        return None
    name = " ".join(workspace.name.split())[:200]
    link = f"{origin}/app/keys"
    return Mail(
        to=member.email,
        subject=f"A webhook endpoint of {name} was disabled",
        text=_TEXT.format(
            workspace=name, host=urlsplit(endpoint.url).netloc, reason=endpoint.disabled_because, link=link
        ),
        link=link,
    )
