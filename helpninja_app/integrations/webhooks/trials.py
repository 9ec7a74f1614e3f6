"""Sends a test event to one endpoint, on the way that every event goes."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.integrations.webhooks.endpoints import lock_endpoint, refuse_silent
from helpninja_app.integrations.webhooks.events import DUE_TOPIC
from helpninja_app.integrations.webhooks.models import DueWebhook, WebhookDelivery, WebhookEvent
from helpninja_app.kernel.live import tell
from helpninja_app.kernel.rate_limits import Burst

# No endpoint asks for it: it goes to the one that is tested.
TEST_EVENT = "webhook.test"
# Test events a minute and workspace: enough to set something up, too few to bother anybody with.
TRIALS = Burst(10, 60)


async def send_test(session: AsyncSession, workspace_id: UUID, endpoint_id: UUID) -> UUID:
    """The id of an event that is sent once the transaction commits; ``Conflict`` where nothing is heard."""
    endpoint = await lock_endpoint(session, workspace_id, endpoint_id)
    refuse_silent(endpoint)
    event = WebhookEvent(
        workspace_id=workspace_id,
        type=TEST_EVENT,
        data={"endpointId": str(endpoint_id), "text": "This is a test: nothing happened."},
    )
    delivery = WebhookDelivery(workspace_id=workspace_id, endpoint_id=endpoint_id, event_id=event.id)
    due = DueWebhook(workspace_id=workspace_id, endpoint_id=endpoint_id, event_id=event.id)
    # Each refers to the one before.
    for row in (event, delivery, due):
        session.add(row)
        await session.flush()
    await tell(session, DUE_TOPIC, "due")
    return event.id
