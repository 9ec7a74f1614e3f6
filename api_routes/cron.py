"""What an outside scheduler may call; the clock of the product does the same by itself."""

from __future__ import annotations

import hmac

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from api_routes.identity import bearer, resources_of, visitor_burst
from api_routes.problems import documented
from helpninja_app.billing.deadlines import meet_deadlines
from helpninja_app.errors import NotSignedIn, Unavailable

router = APIRouter(tags=["Schedulers"])


class ResetDone(BaseModel):
    message: str = "Credit reset completed"
    resetCount: int = Field(description="In how many workspaces a month of credits began.")


@router.get("/api/cron/reset-credits", response_model=ResetDone, responses=documented(401, 429, 503))
async def reset_credits(request: Request) -> ResetDone:
    """Begin the months that are due. Called again, or by several at once, each begins once."""
    resources = resources_of(request)
    secret = resources.settings.cron_secret
    if secret is None:
        raise Unavailable("Schedulers are not let in here: CRON_SECRET is not set.")
    if not hmac.compare_digest((bearer(request) or "").encode(), secret.get_secret_value().encode()):
        await visitor_burst(request)
        raise NotSignedIn("The secret is missing or wrong.")
    count = await meet_deadlines(resources.database, resources.queue, resources.plan_of)
    return ResetDone(resetCount=count)
