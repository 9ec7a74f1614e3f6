"""`helpninja secrets rotate`: new credentials under the first key, and old ones moved there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from helpninja_app.errors import Unavailable
from helpninja_app.integrations.credentials import Secrets, seal, unseal
from helpninja_app.integrations.models import Integration
from helpninja_app.integrations.rotation import Rotated, rotate_credentials
from helpninja_app.kernel.database import new_id
from helpninja_app.resources import Resources
from helpninja_app.secret_commands import rotate_in
from tests.deliveries import HOOK, integrate, integration_of
from tests.factories import Factory

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
    await rotate_in(changed, said.append)
    for tenant, id in zip(tenants, ids, strict=True):
        assert dict(unseal([NEW], await integration_of(resources, tenant, id))) == {"webhook_url": HOOK}
    assert "encrypted under the first key" in said[0]
    # Other tests read theirs with the key they know.
    await rotate_in(
        replace(resources, courier=replace(resources.courier, keys=[*resources.courier.keys, NEW])),
        said.append,
    )


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
