"""How often codes of two-factor sign-in may be guessed at, wherever they are typed."""

from __future__ import annotations

from uuid import UUID

from helpninja_app.accounts.totp import is_totp
from helpninja_app.kernel.rate_limits import Burst, RateLimiter

_SECONDS = 600
# Three of a million codes count at a time: whoever knows the password needs a lifetime at this pace.
PER_DAY = Burst(30, 86_400)


async def limit_codes(limiter: RateLimiter, user_id: UUID, code: str, *, per_account: int) -> None:
    """Count a try at a user's code; ``RateLimited`` after ``per_account`` in 10 minutes, or 30 in a day.

    The day does not count for recovery codes, whose 80 bits nobody guesses: they are the way in for whom
    somebody else used up the day.
    """
    # Apart, so that whoever guesses at the one does not lock the other.
    kind = "code-account" if is_totp(code) else "recovery-account"
    await limiter.hit(kind, str(user_id), Burst(per_account, _SECONDS))
    if is_totp(code):
        await limiter.hit("code-day", str(user_id), PER_DAY)
