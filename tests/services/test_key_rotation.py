"""`helpninja secrets rotate`: new credentials under the first key, and old ones moved there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import delete
from sqlmodel import col

from helpninja_app.accounts.models import SecondFactor
from helpninja_app.accounts.two_factor import begin_two_factor, load_begun_secret, rotate_second_factor
from helpninja_app.accounts.users import create_user
from helpninja_app.errors import Unavailable
from helpninja_app.integrations.credentials import Secrets, seal, unseal
from helpninja_app.integrations.models import Integration
from helpninja_app.integrations.rotation import Rotated, rotate_credentials
from helpninja_app.kernel.database import new_id
from helpninja_app.kernel.scope import Scope
from helpninja_app.resources import Resources
from helpninja_app.secret_commands import rotate_in
from tests.deliveries import HOOK, integrate, integration_of
from tests.factories import Factory

HERE = UUID(int=7)
NEW = "a-new-key-0123456789-abcdefghijklmno"


async def test_old_credentials_move_to_the_first_key_and_only_once(
    resources: Resources, factory: Factory
) -> None:
    tenant, keys = await factory.tenant(), [NEW, *resources.courier.keys]
    id = await integrate(resources, tenant)
    async with resources.database.unit_of_work(tenant.scope) as session:
        assert await rotate_credentials(session, tenant.id, keys) == Rotated(changed=1, unreadable=0)
    async with resources.database.unit_of_work(tenant.scope) as session:
        assert await rotate_credentials(session, tenant.id, keys) == Rotated(changed=0, unreadable=0)
    stored = await integration_of(resources, tenant, id)
    assert dict(unseal([NEW], stored)) == {"webhook_url": HOOK}
    with pytest.raises(Unavailable):
        unseal(resources.courier.keys, stored)


async def test_what_no_key_reads_is_left_alone_and_said(resources: Resources, factory: Factory) -> None:
    tenant = await factory.tenant()
    id = await integrate(resources, tenant)
    before = (await integration_of(resources, tenant, id)).credentials
    async with resources.database.unit_of_work(tenant.scope) as session:
        rotated = await rotate_credentials(session, tenant.id, [NEW])
    assert rotated == Rotated(changed=0, unreadable=1)
    assert (await integration_of(resources, tenant, id)).credentials == before


async def test_every_workspace_is_gone_through(resources: Resources, factory: Factory) -> None:
    tenants = [await factory.tenant() for _ in range(2)]
    ids = [await integrate(resources, tenant) for tenant in tenants]
    keys = [NEW, *resources.courier.keys]
    said: list[str] = []
    changed = replace(resources, courier=replace(resources.courier, keys=keys))
    try:
        await rotate_in(changed, said.append)
        for tenant, id in zip(tenants, ids, strict=True):
            assert dict(unseal([NEW], await integration_of(resources, tenant, id))) == {"webhook_url": HOOK}
        assert "encrypted under the first key" in said[0]
    finally:
        # Other tests read theirs with the key they know.
        back = replace(resources.courier, keys=[*resources.courier.keys, NEW])
        await rotate_in(replace(resources, courier=back), said.append)


async def _person(resources: Resources, keys: Sequence[str]) -> tuple[UUID, str]:
    """Somebody who has begun with two-factor sign-in, and their secret."""
    async with resources.database.unit_of_work() as session:
        user = await create_user(session, email=f"{new_id().hex}@example.com", password_hash="x")
    async with resources.database.unit_of_work(Scope(user_id=user.id)) as session:
        return user.id, await begin_two_factor(session, keys, user.id, HERE)


async def _secret(resources: Resources, user_id: UUID, keys: Sequence[str]) -> str | None:
    async with resources.database.unit_of_work(Scope(user_id=user_id)) as session:
        return await load_begun_secret(session, keys, user_id, HERE)


async def test_two_factor_secrets_move_to_the_first_key(resources: Resources) -> None:
    old = resources.courier.keys
    user_id, secret = await _person(resources, old)
    unreadable, _ = await _person(resources, ["a-key-that-nobody-has-0123456789-abcdefg"])
    said: list[str] = []
    changed = replace(resources, courier=replace(resources.courier, keys=[NEW, *old]))
    try:
        assert not await rotate_in(changed, said.append)
        assert await _secret(resources, user_id, [NEW]) == secret
        with pytest.raises(Unavailable):
            await _secret(resources, user_id, old)
        assert "could not be read" in said[1]
    finally:
        async with resources.database.unit_of_work(Scope(user_id=unreadable)) as session:
            await session.execute(delete(SecondFactor).where(col(SecondFactor.user_id) == unreadable))
        # Other tests read theirs with the key they know.
        back = replace(resources, courier=replace(resources.courier, keys=[*old, NEW]))
        await rotate_in(back, said.append)
    assert await _secret(resources, user_id, old) == secret


async def test_a_two_factor_secret_is_moved_once_and_in_its_own_scope(resources: Resources) -> None:
    old = resources.courier.keys
    user_id, _ = await _person(resources, old)
    keys = [NEW, *old]
    async with resources.database.unit_of_work(Scope(user_id=new_id())) as session:
        assert await rotate_second_factor(session, keys, user_id) == (0, 0)
    for expected in ((1, 0), (0, 0)):
        async with resources.database.unit_of_work(Scope(user_id=user_id)) as session:
            assert await rotate_second_factor(session, keys, user_id) == expected


async def test_credentials_that_are_moved_to_another_row_cannot_be_read(
    resources: Resources, factory: Factory
) -> None:
    tenant, theirs = await factory.tenant(), await factory.tenant()
    id = new_id()
    sealed = seal(resources.courier.keys, tenant.id, id, Secrets({"webhook_url": HOOK}))
    moved = Integration(
        workspace_id=theirs.id, id=id, provider="slack", name="x", credentials=sealed, config={}
    )
    with pytest.raises(Unavailable):
        unseal(resources.courier.keys, moved)
    assert sealed not in repr(moved)
