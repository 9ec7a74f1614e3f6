"""Where Stripe tells what happened: checked, kept once, answered; the work is done in a job."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel

from api_routes.bodies import read_limited
from api_routes.identity import resources_of
from api_routes.problems import documented
from helpninja_app.billing.stripe_inbox import keep_event
from helpninja_app.billing.stripe_objects import event_ref
from helpninja_app.billing.stripe_signatures import verified_event
from helpninja_app.errors import Unavailable

router = APIRouter(tags=["Stripe"])

# Events carry the whole object, an invoice with many lines too.
MAX_EVENT_BYTES = 1_000_000


class Received(BaseModel):
    received: bool = True


@router.post("/api/webhooks/stripe", response_model=Received, responses=documented(400, 408, 413, 503))
@router.post("/api/stripe/webhook", response_model=Received, responses=documented(400, 408, 413, 503))
async def receive(request: Request) -> Received:
    """An event, signed by Stripe. One that came before, and one that means nothing here, is 200 as well."""
    resources = resources_of(request)
    stripe = resources.stripe
    if stripe is None or not stripe.webhook_secrets:
        missing = "STRIPE_SECRET_KEY" if stripe is None else "STRIPE_WEBHOOK_SECRET"
        raise Unavailable(f"Events of Stripe's are not taken here: {missing} is not set.")
    body = await read_limited(request, MAX_EVENT_BYTES)
    signature = request.headers.get("stripe-signature", "")
    event = event_ref(verified_event(body, signature, stripe.webhook_secrets))
    async with resources.database.unit_of_work() as session:
        await keep_event(session, resources.queue, event, is_live=stripe.gateway.is_live)
    return Received()
