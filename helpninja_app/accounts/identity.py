"""The one door for identity: turns a credential into a ``Caller``, in one round trip to the database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.api_keys import KEY_PREFIX
from helpninja_app.accounts.callers import KeyCaller, MemberCaller, StaffCaller
from helpninja_app.accounts.models import Role
from helpninja_app.accounts.permissions import ROLE_PERMISSIONS, Permission
from helpninja_app.accounts.tokens import token_hash
from helpninja_app.accounts.workspaces import UNKNOWN_TENANT, as_handle, view_of_row
from helpninja_app.errors import Forbidden, NotFound, NotSignedIn
from helpninja_app.kernel.scope import Scope

_IDENTIFY_SESSION = text("select * from identify_session(:given, :tenant)")
_IDENTIFY_KEY = text("select * from identify_key(:given, :tenant)")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request, or the websocket of a page, brought along.

    ``introduce`` makes a session known that another service vouches for; False for one that is over.
    """

    bearer: str | None = None
    session: str | None = None
    introduce: Callable[[AsyncSession], Awaitable[bool]] | None = None


@dataclass(frozen=True, slots=True)
class SignedInUser:
    """A person with a session that counts, whatever their workspaces."""

    id: UUID
    session_id: UUID
    email: str
    name: str
    is_verified: bool

    @property
    def scope(self) -> Scope:
        return Scope(user_id=self.id)


async def identify(session: AsyncSession, credentials: Credentials, tenant: str | None = None) -> StaffCaller:
    """The member or program behind ``credentials``; leaves the transaction in their scope.

    A secret key counts before a cookie. ``tenant`` is a workspace's public key, slug or id; without it a key
    means its own workspace and a session its current one. Raises ``NotSignedIn`` for a credential that does
    not count, ``NotFound`` for a workspace that is not theirs, ``Forbidden`` for a suspended member.
    """
    if credentials.bearer is not None:
        return await _program(session, credentials.bearer, tenant)
    return await identify_member(session, credentials, tenant)


async def identify_member(
    session: AsyncSession, credentials: Credentials, tenant: str | None = None
) -> MemberCaller:
    """The same for those places where only a person may be: pages, and routes that no key opens."""
    return (await identify_person(session, credentials, tenant))[1]


async def identify_person(
    session: AsyncSession, credentials: Credentials, tenant: str | None = None
) -> tuple[SignedInUser, MemberCaller]:
    """The same with the person that the member is, in the one round trip."""
    row = await _session_row(session, credentials, tenant)
    if row.workspace is None:
        raise NotFound(UNKNOWN_TENANT)
    if row.is_suspended:
        raise Forbidden("Your membership in this workspace is suspended. Please ask one of its owners.")
    workspace = view_of_row(row.workspace)
    session.info["scope"] = Scope.members(workspace.id, row.user_id)
    role = Role(row.role)
    return _user_of(row), MemberCaller(
        workspace=workspace,
        user_id=row.user_id,
        email=row.email,
        role=role,
        permissions=ROLE_PERMISSIONS[role],
    )


async def identify_user(session: AsyncSession, credentials: Credentials) -> SignedInUser:
    """The person behind a session, with or without a workspace; leaves the transaction in their own scope."""
    # No workspace has this handle, so none is entered.
    row = await _session_row(session, credentials, "")
    return _user_of(row)


def _user_of(row: Row[Any]) -> SignedInUser:
    return SignedInUser(row.user_id, row.session_id, row.email, row.name, row.is_verified)


async def _session_row(session: AsyncSession, credentials: Credentials, tenant: str | None) -> Row[Any]:
    if credentials.session is None:
        raise NotSignedIn()
    values = {
        "given": token_hash(credentials.session),
        "tenant": None if tenant is None else as_handle(tenant),
    }
    row = (await session.execute(_IDENTIFY_SESSION, values)).one_or_none()
    if row is None and credentials.introduce is not None and await credentials.introduce(session):
        row = (await session.execute(_IDENTIFY_SESSION, values)).one_or_none()
    if row is None:
        raise NotSignedIn("Your session has ended. Please sign in again.")
    session.info["scope"] = Scope(user_id=row.user_id)
    return row


async def _program(session: AsyncSession, secret: str, tenant: str | None) -> KeyCaller:
    if not secret.startswith(KEY_PREFIX):
        raise NotSignedIn("This API key is not valid.")
    values = _values(secret, tenant)
    row = (await session.execute(_IDENTIFY_KEY, values)).one_or_none()
    if row is None:
        raise NotSignedIn("This API key is not valid.")
    if row.is_over:
        raise NotSignedIn("This API key was revoked or has expired.")
    if row.is_elsewhere:
        raise NotFound(UNKNOWN_TENANT)
    workspace = view_of_row(row.workspace)
    session.info["scope"] = Scope.members(workspace.id)
    return KeyCaller(
        workspace=workspace,
        key_id=row.key_id,
        name=row.name,
        permissions=frozenset(Permission(name) for name in row.permissions if name in set(Permission)),
    )


def _values(secret: str, tenant: str | None) -> dict[str, object]:
    return {"given": token_hash(secret), "tenant": None if tenant is None else as_handle(tenant)}
