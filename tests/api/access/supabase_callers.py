"""Those who come to a route with a session of Supabase, or with something that is none."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from helpninja_app.accounts.members import add_member
from helpninja_app.accounts.models import Role
from helpninja_app.accounts.permissions import ROLE_PERMISSIONS
from helpninja_app.accounts.supabase.cookies import write_session
from tests.api.access.callers import Caller, Kind, remove, suspend
from tests.api.accounts import new_address
from tests.api.supabase import PASSWORD, Installation, me
from tests.canaries import Canaries
from tests.factories import Tenant

# One for each part of a token; all of them are tried where people sign in.
FORGED = ("alg none", "claims changed after signing", "unknown kid", "expired")


async def callers_with_supabase(here: Installation, theirs: Canaries, other: Tenant) -> list[Caller]:
    """Browsers with an account at Supabase, each with a workspace of their own besides."""
    owned = ROLE_PERMISSIONS[Role.OWNER]
    suspended, suspended_id, suspended_home = await _member(here, theirs.tenant, Role.ADMIN)
    await suspend(here.resources, theirs.tenant, suspended_id)
    removed, removed_id, removed_home = await _member(here, theirs.tenant, Role.ADMIN)
    await remove(here.resources, theirs.tenant, removed_id)
    ended, *_ = await _member(here, theirs.tenant, Role.OWNER)
    async with here.browser() as browser:
        assert (await browser.post("/api/auth/sign-out", headers=ended)).status_code == 200
    return [
        Caller("a made-up cookie", Kind.NOBODY, {"cookie": f"{here.supabase.cookie}=base64-bm9ib2R5"}),
        Caller("their owner's session that was kept here", Kind.NOBODY, theirs.owner_headers),
        Caller("an owner of theirs who signed out", Kind.NOBODY, ended),
        *await _forgers(here, theirs.tenant),
        Caller("a suspended admin of theirs", Kind.SUSPENDED, suspended, suspended_home, owned),
        Caller("a removed admin of theirs", Kind.PERSON, removed, removed_home, owned),
        *[
            Caller(
                f"an {role} of another workspace",
                Kind.PERSON,
                await member_with_supabase(here, other, role),
                str(other.id),
                ROLE_PERMISSIONS[role],
            )
            for role in Role
        ],
    ]


async def _forgers(here: Installation, tenant: Tenant) -> list[Caller]:
    """Tokens in the name of an owner, none of which Supabase has signed as it is."""
    email = new_address()
    await _member(here, tenant, Role.OWNER, email)
    user = here.gotrue.user(email)
    forged = {name: here.gotrue.sign_in(user) for name in FORGED}
    return [
        Caller(
            f"an owner's token: {name}",
            Kind.NOBODY,
            cookies_of(
                here, session | {"access_token": here.gotrue.attack(name, user), "refresh_token": "nobody"}
            ),
        )
        for name, session in forged.items()
    ]


async def member_with_supabase(here: Installation, tenant: Tenant, role: Role) -> dict[str, str]:
    return (await _member(here, tenant, role))[0]


async def _member(
    here: Installation, tenant: Tenant, role: Role, email: str | None = None
) -> tuple[dict[str, str], UUID, str]:
    """The headers of a new member of a workspace, who they are here, and the workspace of their own."""
    user = here.gotrue.add_user(email or new_address(), PASSWORD)
    headers = cookies_of(here, here.gotrue.sign_in(user))
    async with here.browser() as browser:
        browser.headers.update(headers)
        seen = await me(browser)
    user_id = UUID(seen["user"]["id"])
    async with here.resources.database.unit_of_work(tenant.scope) as session:
        await add_member(session, tenant.id, user_id, role)
    return headers, user_id, seen["workspaces"][0]["id"]


def cookies_of(here: Installation, session: dict[str, Any]) -> dict[str, str]:
    written = write_session(session, here.supabase.cookie)
    return {"cookie": "; ".join(f"{name}={value}" for name, value in written.items())}
