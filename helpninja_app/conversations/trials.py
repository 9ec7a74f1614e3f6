"""Sends a test message to an integration, now and once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from urllib.parse import urlsplit
from uuid import UUID

import structlog

from helpninja_app.accounts.callers import StaffCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.conversations.delivering import Courier
from helpninja_app.errors import DeliveryFailed
from helpninja_app.integrations.credentials import unseal
from helpninja_app.integrations.health import note_failure, note_success
from helpninja_app.integrations.models import Provider
from helpninja_app.integrations.packet import Packet
from helpninja_app.integrations.service import load_integration
from helpninja_app.kernel.database import new_id
from helpninja_app.kernel.rate_limits import Burst

log = structlog.get_logger(__name__)

SECONDS = 20.0
# Test messages a minute and workspace: enough to set something up, too few to bother anybody with.
TRIALS = Burst(10, 60)


async def try_integration(
    courier: Courier, caller: StaffCaller, integration_id: UUID
) -> DeliveryFailed | None:
    """What went wrong, if anything did. It counts for the integration's health as any message does."""
    require(caller, Permission.MANAGE_WORKSPACE)
    async with courier.database.unit_of_work(caller.scope) as session:
        integration = await load_integration(session, caller.workspace.id, integration_id)
        credentials = unseal(courier.keys, integration)
    failure: DeliveryFailed | None = None
    try:
        if integration.provider == Provider.EMAIL:
            await courier.limit_mails(caller.workspace.id, credentials)
        async with asyncio.timeout(SECONDS):
            await courier.send(
                integration.provider,
                credentials,
                test_packet(caller.workspace.name, courier.origin),
                http=courier.http,
                mailer=courier.mailer,
            )
    except DeliveryFailed as error:
        failure = error
    except TimeoutError:
        failure = DeliveryFailed("The destination took too long to take the message.")
    except Exception as error:
        # Without its traceback: what was to be sent could stand in it.
        log.error("trial_failed", integration=str(integration_id), reason=type(error).__name__)
        failure = DeliveryFailed("Something went wrong on our side while this was sent.")
    async with courier.database.unit_of_work(caller.scope) as session:
        if failure is None:
            await note_success(session, caller.workspace.id, integration_id)
        else:
            await note_failure(
                session,
                caller.workspace.id,
                integration_id,
                failure.detail,
                is_final=failure.is_final,
            )
    return failure


def test_packet(workspace_name: str, origin: str) -> Packet:
    id = new_id()
    return Packet(
        delivery_id=id,
        conversation_id=id,
        workspace_name=workspace_name,
        reason="test",
        summary="This is a test: it was sent from the settings of the integration.",
        question="Does this message arrive?",
        answer="",
        confidence=None,
        refs=(),
        visitor_name="",
        visitor_email="",
        page_url="",
        link=f"{origin}/app/inbox",
        thread_id=f"<{id}@{urlsplit(origin).hostname or 'helpninja'}>",
        reply_to="",
        created_at=datetime.now(UTC),
    )
