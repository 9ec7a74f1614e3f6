"""Guesses at passwords, codes and links are counted, by where they come from and by what they are about."""

from __future__ import annotations

from fastapi import Request

from helpninja_app.kernel.proxies import limited_address
from helpninja_app.kernel.rate_limits import Burst
from helpninja_app.resources import Resources

SIGN_IN_SECONDS = 600
WRONG = "The e-mail address or the password is not right."


async def limit_guesses(request: Request, resources: Resources, name: str, email: str) -> None:
    """Count a try, by the address it comes from and by the account it is about, known or not."""
    settings = resources.settings
    await resources.limiter.hit(
        f"{name}-address",
        limited_address(request.scope, settings),
        Burst(settings.sign_in_limit_per_address, SIGN_IN_SECONDS),
    )
    await resources.limiter.hit(
        f"{name}-account",
        email.strip().lower(),
        Burst(settings.sign_in_limit_per_account, SIGN_IN_SECONDS),
    )
