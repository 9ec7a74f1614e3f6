"""Everybody who may come to a route, and what each of them is told about a workspace that is not theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from sqlalchemy import text

from helpninja_app.accounts.models import Role
from helpninja_app.accounts.permissions import KEY_PERMISSIONS, ROLE_PERMISSIONS, Permission
from helpninja_app.accounts.tokens import token_hash
from helpninja_app.kernel.scope import Scope
from helpninja_app.resources import Resources
from tests.api.access.register import MEMBER, PERSON, Access
from tests.factories import Factory, Tenant


class Kind(StrEnum):
    """``NOBODY`` has a credential that does not count, or none; a ``PERSON`` is no member, or no longer."""

    NOBODY = "nobody"
    VISITOR = "visitor"
    PERSON = "person"
    SUSPENDED = "suspended"
    KEY = "key"
    NARROW_KEY = "narrow key"


@dataclass(frozen=True, slots=True)
class Caller:
    """``home`` is the handle of the workspace that they are of, and where they have the permissions."""

    name: str
    kind: Kind
    headers: dict[str, str]
    home: str | None = None
    permissions: frozenset[Permission] = frozenset()


SWITCH = "POST /api/workspaces/{workspace_id}/switch"


def told(label: str, access: Access, kind: Kind) -> int:
    """The status that a caller gets who names a workspace that is not theirs, or not fully."""
    if kind in {Kind.NOBODY, Kind.VISITOR}:
        return 401
    # These take a person's session alone, which is looked for before the workspace.
    if kind in {Kind.KEY, Kind.NARROW_KEY} and (access == PERSON or label == SWITCH):
        return 401
    if kind is Kind.NARROW_KEY:
        return 200 if access == MEMBER else 403
    return 403 if kind is Kind.SUSPENDED else 404


async def callers_without_a_session(factory: Factory, theirs: Tenant, other: Tenant) -> list[Caller]:
    """Nobody, visitors and keys: the same wherever accounts are kept."""
    revoked, expired = [await factory.key(theirs, KEY_PERMISSIONS) for _ in range(2)]
    await _change_key(factory.resources, theirs, revoked, "revoked_at = now()")
    await _change_key(factory.resources, theirs, expired, "expires_at = now()")
    return [
        Caller("anonymous", Kind.NOBODY, {}),
        Caller("a made-up key", Kind.NOBODY, {"authorization": "Bearer hn_sk_nobody"}),
        Caller("a revoked key of theirs", Kind.NOBODY, revoked),
        Caller("an expired key of theirs", Kind.NOBODY, expired),
        Caller("another visitor of theirs", Kind.VISITOR, factory.visitor(theirs)[1]),
        Caller("a visitor of another workspace", Kind.VISITOR, factory.visitor(other)[1]),
        Caller(
            "a key of another workspace", Kind.KEY, other.headers, str(other.id), frozenset(KEY_PERMISSIONS)
        ),
    ]


async def callers_with_a_session(factory: Factory, theirs: Tenant, other: Tenant) -> list[Caller]:
    """Browsers with an account that is kept here."""
    resources = factory.resources
    _, ended = await factory.member(theirs)
    _, expired = await factory.member(theirs)
    for headers, column in ((ended, "revoked_at"), (expired, "expires_at")):
        scope = Scope(user_id=await user_of(resources, headers))
        async with resources.database.unit_of_work(scope) as session:
            await session.execute(text(f"update sessions set {column} = now()"))
    _, suspended = await factory.member(theirs, Role.ADMIN)
    await suspend(resources, theirs, await user_of(resources, suspended))
    _, removed = await factory.member(theirs, Role.ADMIN)
    await remove(resources, theirs, await user_of(resources, removed))
    return [
        Caller("a made-up cookie", Kind.NOBODY, {"cookie": "hn_session=nobody"}),
        Caller("an owner of theirs who signed out", Kind.NOBODY, ended),
        Caller("an owner of theirs whose session expired", Kind.NOBODY, expired),
        Caller("a suspended admin of theirs", Kind.SUSPENDED, suspended),
        Caller("a removed admin of theirs", Kind.PERSON, removed),
        *[
            Caller(
                f"an {role} of another workspace",
                Kind.PERSON,
                (await factory.member(other, role))[1],
                str(other.id),
                ROLE_PERMISSIONS[role],
            )
            for role in Role
        ],
    ]


async def narrow_keys(factory: Factory, theirs: Tenant, access: Access) -> Sequence[Caller]:
    """A key of theirs that may do all but this; where no permission is needed there is none such."""
    if not isinstance(access, Permission):
        return ()
    headers = await factory.key(theirs, KEY_PERMISSIONS - {access})
    # When it was used is written once a minute.
    await _change_key(factory.resources, theirs, headers, "last_used_at = now()")
    return [Caller(f"a key of theirs without {access}", Kind.NARROW_KEY, headers)]


async def user_of(resources: Resources, headers: dict[str, str]) -> UUID:
    """Whose session a cookie is."""
    async with resources.database.unit_of_work() as session:
        found = await session.execute(
            text("select user_id from session_hashes where token_hash = :given"),
            {"given": token_hash(headers["cookie"].partition("=")[2])},
        )
        return UUID(str(found.scalar_one()))


async def suspend(resources: Resources, tenant: Tenant, user_id: UUID) -> None:
    async with resources.database.unit_of_work(tenant.scope) as session:
        await session.execute(
            text("update members set suspended_at = now() where user_id = :user"), {"user": user_id}
        )


async def remove(resources: Resources, tenant: Tenant, user_id: UUID) -> None:
    async with resources.database.unit_of_work(tenant.scope) as session:
        await session.execute(text("delete from members where user_id = :user"), {"user": user_id})


async def _change_key(resources: Resources, tenant: Tenant, headers: dict[str, str], change: str) -> None:
    secret = headers["authorization"].partition(" ")[2]
    async with resources.database.unit_of_work(tenant.scope) as session:
        await session.execute(
            text(
                f"update api_keys set {change} where id ="
                " (select api_key_id from api_key_hashes where key_hash = :given)"
            ),
            {"given": token_hash(secret)},
        )
