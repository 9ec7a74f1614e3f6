"""Guesses at passwords, codes and links are counted, by where they come from and by what they are about."""

from __future__ import annotations

from uuid import UUID

from fastapi import Request

from helpninja_app.accounts.code_limits import limit_codes
from helpninja_app.accounts.identity import SignedInUser
from helpninja_app.accounts.passwords import is_password_right
from helpninja_app.accounts.users import find_password_hash
from helpninja_app.errors import NotSignedIn
from helpninja_app.kernel.proxies import limited_address
from helpninja_app.kernel.rate_limits import Burst
from helpninja_app.resources import Resources

SIGN_IN_SECONDS = 600
WRONG = "The e-mail address or the password is not right."


async def limit_address(request: Request, resources: Resources, name: str) -> None:
    """Count a try by the address it comes from alone: for when it is not known yet what it is about."""
    settings = resources.settings
    await resources.limiter.hit(
        f"{name}-address",
        limited_address(request.scope, settings),
        Burst(settings.sign_in_limit_per_address, SIGN_IN_SECONDS),
    )


async def limit_code_guesses(request: Request, resources: Resources, user_id: UUID, code: str) -> None:
    """Count a try at a code of two-factor sign-in, by the address it comes from and by the account."""
    await limit_address(request, resources, "code")
    per_account = resources.settings.sign_in_limit_per_account
    await limit_codes(resources.limiter, user_id, code, per_account=per_account)


async def require_password(request: Request, resources: Resources, user: SignedInUser, password: str) -> None:
    """Raise ``NotSignedIn`` when this is not the password of who is signed in; counts as a sign-in does."""
    await limit_guesses(request, resources, "sign-in", user.email)
    async with resources.database.unit_of_work() as session:
        known = await find_password_hash(session, user.email)
    if not await is_password_right(known, password):
        raise NotSignedIn(WRONG)


async def limit_guesses(request: Request, resources: Resources, name: str, email: str) -> None:
    """Count a try, by the address it comes from and by the account it is about, known or not."""
    settings = resources.settings
    await limit_address(request, resources, name)
    await resources.limiter.hit(
        f"{name}-account",
        email.strip().lower(),
        Burst(settings.sign_in_limit_per_account, SIGN_IN_SECONDS),
    )
