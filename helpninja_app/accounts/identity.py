"""The one door for identity: turns a credential into a ``Caller``, in one round trip to the database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.api_keys import KEY_PREFIX
from helpninja_app.accounts.callers import KeyCaller, MemberCaller, StaffCaller, WorkspaceView
from helpninja_app.accounts.members import list_members
from helpninja_app.accounts.models import Role
from helpninja_app.accounts.permissions import ROLE_PERMISSIONS, Permission
from helpninja_app.accounts.tokens import token_hash
from helpninja_app.accounts.workspaces import UNKNOWN_TENANT, as_handle, view_of_row
from helpninja_app.errors import Forbidden, NotFound, NotSignedIn
from helpninja_app.kernel.database import Database, Statement, run
from helpninja_app.kernel.scope import Scope

_IDENTIFY_SESSION = "select * from identify_session(%(given)s, %(tenant)s)"
_IDENTIFY_KEY = "select * from identify_key(%(given)s, %(tenant)s)"


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


async def identify_at_once(
    database: Database, credentials: Credentials, tenant: str | None = None
) -> StaffCaller:
    """The same as a transaction of its own."""
    if credentials.bearer is not None:
        rows = await database.at_once(None, _key_statement(credentials.bearer, tenant))
        return _program_of(rows[0])
    if credentials.session is None:
        raise NotSignedIn()
    (row,) = await database.at_once(None, _session_statement(credentials.session, tenant))
    if row is not None or credentials.introduce is None:
        return _member_of(_known(row))
    async with database.unit_of_work() as session:
        return await identify(session, credentials, tenant)


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
    member = _member_of(row)
    session.info["scope"] = member.scope
    return _user_of(row), member


async def identify_user(session: AsyncSession, credentials: Credentials) -> SignedInUser:
    """The person behind a session, with or without a workspace; leaves the transaction in their own scope."""
    # No workspace has this handle, so none is entered.
    row = await _session_row(session, credentials, "")
    return _user_of(row)


async def identify_sender(session: AsyncSession, workspace: WorkspaceView, email: str) -> MemberCaller | None:
    """The member with this address, if one is and is not suspended.

    Anybody can write an address into a mail: only for mails that prove by themselves what they answer.
    """
    for member in await list_members(session, workspace.id):
        if member.email.casefold() == email.casefold() and not member.is_suspended:
            return MemberCaller(
                workspace, member.user_id, member.email, member.role, ROLE_PERMISSIONS[member.role]
            )
    return None


def _user_of(row: Any) -> SignedInUser:
    return SignedInUser(row.user_id, row.session_id, row.email, row.name, row.is_verified)


def _member_of(row: Any) -> MemberCaller:
    if row.workspace is None:
        raise NotFound(UNKNOWN_TENANT)
    if row.is_suspended:
        raise Forbidden("Your membership in this workspace is suspended. Please ask one of its owners.")
    role = Role(row.role)
    return MemberCaller(
        workspace=view_of_row(row.workspace),
        user_id=row.user_id,
        email=row.email,
        role=role,
        permissions=ROLE_PERMISSIONS[role],
    )


async def _session_row(session: AsyncSession, credentials: Credentials, tenant: str | None) -> Any:
    if credentials.session is None:
        raise NotSignedIn()
    asked = _session_statement(credentials.session, tenant)
    row = await run(session, asked)
    if row is None and credentials.introduce is not None and await credentials.introduce(session):
        row = await run(session, asked)
    session.info["scope"] = Scope(user_id=_known(row).user_id)
    return row


def _known(row: Any) -> Any:
    if row is None:
        raise NotSignedIn("Your session has ended. Please sign in again.")
    return row


async def _program(session: AsyncSession, secret: str, tenant: str | None) -> KeyCaller:
    program = _program_of(await run(session, _key_statement(secret, tenant)))
    session.info["scope"] = program.scope
    return program


def _program_of(row: Any) -> KeyCaller:
    if row is None:
        raise NotSignedIn("This API key is not valid.")
    if row.is_over:
        raise NotSignedIn("This API key was revoked or has expired.")
    if row.is_elsewhere:
        raise NotFound(UNKNOWN_TENANT)
    return KeyCaller(
        workspace=view_of_row(row.workspace),
        key_id=row.key_id,
        name=row.name,
        permissions=frozenset(Permission(name) for name in row.permissions if name in set(Permission)),
    )


def _key_statement(secret: str, tenant: str | None) -> Statement:
    if not secret.startswith(KEY_PREFIX):
        raise NotSignedIn("This API key is not valid.")
    return _statement(_IDENTIFY_KEY, secret, tenant)


def _session_statement(secret: str, tenant: str | None) -> Statement:
    return _statement(_IDENTIFY_SESSION, secret, tenant)


def _statement(sql: str, secret: str, tenant: str | None) -> Statement:
    values = {"given": token_hash(secret), "tenant": None if tenant is None else as_handle(tenant)}
    return Statement(sql, values)
