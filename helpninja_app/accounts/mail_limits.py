"""How many mails somebody may have us send to people who did not ask for them."""

from __future__ import annotations

from uuid import UUID

from helpninja_app.kernel.rate_limits import Burst, RateLimiter

PER_RECIPIENT = Burst(5, 3600)
PER_SENDER = Burst(50, 3600)


async def limit_invite_mails(limiter: RateLimiter, sender: UUID, recipient: str) -> None:
    """Count an invite's mail; ``RateLimited`` when there were too many."""
    await limiter.hit("invite-recipient", recipient, PER_RECIPIENT)
    await limiter.hit("invite-sender", str(sender), PER_SENDER)
