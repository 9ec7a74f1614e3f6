"""Who is calling: in one round trip, and never anybody whose credential does not count any more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from helpninja_app.accounts.callers import MemberCaller, StaffCaller
from helpninja_app.accounts.identity import Credentials, SignedInUser, identify, identify_user
from helpninja_app.accounts.members import add_member
from helpninja_app.accounts.models import Role
from helpninja_app.accounts.workspaces import find_workspace
from helpninja_app.errors import Forbidden, HelpNinjaError, NotFound, NotSignedIn
from helpninja_app.kernel.scope import Scope
from helpninja_app.resources import Resources
from tests.factories import Factory, Tenant


def key_of(tenant: Tenant) -> Credentials:
    return Credentials(bearer=tenant.key)


async def member_of(factory: Factory, tenant: Tenant, role: Role = Role.OWNER) -> Credentials:
    _, headers = await factory.member(tenant, role)
    return Credentials(session=headers["cookie"].partition("=")[2])


async def caller(resources: Resources, credentials: Credentials, tenant: str | None = None) -> StaffCaller:
    async with resources.database.unit_of_work() as session:
        return await identify(session, credentials, tenant)


async def user(resources: Resources, credentials: Credentials) -> SignedInUser:
    async with resources.database.unit_of_work() as session:
        return await identify_user(session, credentials)


async def execute(resources: Resources, scope: Scope, statement: str, **values: Any) -> int:
    """Run a statement in a scope; returns how many rows it changed."""
    async with resources.database.unit_of_work(scope) as session:
        return (await session.execute(text(statement), values)).rowcount  # type: ignore[attr-defined, no-any-return]


# Also in the greenlets that SQLAlchemy runs a statement in; not in the jobs of a worker.
_is_ours: ContextVar[bool] = ContextVar("is_ours", default=False)


@contextmanager
def statements(resources: Resources) -> Iterator[list[str]]:
    seen: list[str] = []

    def before(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if _is_ours.get():
            seen.append(statement)

    engine = resources.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", before)
    ours = _is_ours.set(True)
    try:
        yield seen
    finally:
        _is_ours.reset(ours)
        event.remove(engine, "before_cursor_execute", before)


async def test_every_kind_of_identity_costs_one_query(resources: Resources, factory: Factory) -> None:
    tenant = await factory.tenant()
    member = await member_of(factory, tenant)
    for credentials in (member, key_of(tenant)):
        for named in (None, tenant.workspace.slug, tenant.workspace.public_key, str(tenant.id)):
            async with resources.database.unit_of_work() as session:
                await session.execute(text("select 1"))
                with statements(resources) as seen:
                    found = await identify(session, credentials, named)
                scope = (
                    await session.execute(text("select current_setting('app.workspace', true)"))
                ).scalar_one()
            assert found.workspace == tenant.workspace
            assert scope == str(tenant.id)
            assert len(seen) == 1
    async with resources.database.unit_of_work() as session:
        await session.execute(text("select 1"))
        with statements(resources) as seen:
            await identify_user(session, member)
        assert len(seen) == 1
    async with resources.database.unit_of_work() as session:
        await session.execute(text("select 1"))
        with statements(resources) as seen:
            await find_workspace(session, tenant.workspace.public_key)
        assert len(seen) == 1


async def test_a_session_means_its_current_workspace_or_else_the_first(
    resources: Resources, factory: Factory
) -> None:
    first, second = await factory.tenant(), await factory.tenant()
    member = await member_of(factory, first)
    known = await user(resources, member)
    async with resources.database.unit_of_work(second.scope) as session:
        await add_member(session, second.id, known.id, Role.VIEWER)
    assert (await caller(resources, member)).workspace.id == first.id
    changed = await execute(
        resources, known.scope, "update sessions set workspace_id = :id where user_id = :user",
        id=second.id, user=known.id,
    )  # fmt: skip
    assert changed == 1
    found = await caller(resources, member)
    assert isinstance(found, MemberCaller)
    assert (found.workspace.id, found.role) == (second.id, Role.VIEWER)
    named = await caller(resources, member, first.workspace.slug)
    assert isinstance(named, MemberCaller)
    assert (named.workspace.id, named.role) == (first.id, Role.OWNER)


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize(
    ("change", "of_member", "of_key"),
    [
        ("update members set suspended_at = now()", Forbidden, None),
        ("delete from members", NotFound, None),
        ("update api_keys set revoked_at = now()", None, NotSignedIn),
        ("update api_keys set expires_at = now() - interval '1 second'", None, NotSignedIn),
        ("delete from api_keys", None, NotSignedIn),
        ("update workspaces set deleted_at = now()", NotFound, NotSignedIn),
        ("delete from workspaces", NotFound, NotSignedIn),
    ],
)
async def test_the_next_call_is_refused(
    resources: Resources,
    factory: Factory,
    change: str,
    of_member: type[HelpNinjaError] | None,
    of_key: type[HelpNinjaError] | None,
    named: bool,
) -> None:
    tenant = await factory.tenant()
    handle = tenant.workspace.slug if named else None
    member = await member_of(factory, tenant)
    await execute(resources, tenant.scope, change)
    for credentials, refusal in ((member, of_member), (key_of(tenant), of_key)):
        if refusal is None:
            assert (await caller(resources, credentials, handle)).workspace.id == tenant.id
        else:
            with pytest.raises(refusal):
                await caller(resources, credentials, handle)
    # They are still the person they were.
    assert (await user(resources, member)).id
    if "workspaces" in change:
        async with resources.database.unit_of_work() as session:
            with pytest.raises(NotFound):
                await find_workspace(session, tenant.workspace.public_key)


async def test_whoever_is_refused_is_left_without_a_workspace(resources: Resources, factory: Factory) -> None:
    tenant, other = await factory.tenant(), await factory.tenant()
    member = await member_of(factory, tenant)
    suspended = await member_of(factory, other)
    await execute(resources, other.scope, "update members set suspended_at = now()")
    for credentials, named in (
        (member, other.workspace.slug),
        (key_of(tenant), other.workspace.slug),
        (suspended, None),
        (Credentials(session="nobody"), None),
    ):
        async with resources.database.unit_of_work() as session:
            with pytest.raises(HelpNinjaError):
                await identify(session, credentials, named)
            for table in ("workspaces", "documents", "api_keys"):
                rows = await session.execute(text(f"select count(*) from {table} where true"))
                allowed = 1 if table == "workspaces" and credentials.session != "nobody" else 0
                assert rows.scalar_one() <= allowed, (table, named)


@pytest.mark.parametrize(
    "handle", ["", "x" * 101, "a b", "'", "é", "%", "00000000-0000-0000-0000-000000000000"]
)
async def test_a_workspace_that_is_none_is_not_found(
    resources: Resources, factory: Factory, handle: str
) -> None:
    tenant = await factory.tenant()
    for credentials in (await member_of(factory, tenant), key_of(tenant)):
        with pytest.raises(NotFound):
            await caller(resources, credentials, handle)


async def test_colleagues_see_each_other_and_change_nobody_but_themselves(
    resources: Resources, factory: Factory
) -> None:
    tenant = await factory.tenant()
    one, two = await member_of(factory, tenant), await member_of(factory, tenant)
    mine = Scope.members(tenant.id, (await user(resources, one)).id)
    other = (await user(resources, two)).id
    rename = "update users set name = 'Taken' where id = :id"
    assert await execute(resources, mine, "select 1 from users where id = :id", id=other) == 1
    assert await execute(resources, mine, rename, id=other) == 0
    assert await execute(resources, mine, rename, id=mine.user_id) == 1


async def test_what_stands_in_the_audit_log_stays(resources: Resources, factory: Factory) -> None:
    tenant = await factory.tenant()
    await execute(
        resources, tenant.scope,
        "insert into audit_events (workspace_id, id, actor, actor_name, action)"
        " values (:workspace, gen_random_uuid(), 'system', 'System', 'tested')",
        workspace=tenant.id,
    )  # fmt: skip
    for statement in ("update audit_events set action = 'nothing'", "delete from audit_events"):
        with pytest.raises(DBAPIError, match="permission denied"):
            await execute(resources, tenant.scope, statement)
    await execute(resources, tenant.scope, "delete from workspaces")
