"""A workspace that nobody here is of, and those who try to get at it."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from helpninja_app.resources import Resources
from tests.api.access.callers import Caller, callers_with_a_session, callers_without_a_session
from tests.canaries import Canaries, plant_canaries
from tests.factories import Factory


@pytest.fixture(scope="session")
async def theirs(resources: Resources) -> Canaries:
    """Nobody changes it, so that one is enough. Its visitor's session is proven: a token alone opens it."""
    return await planted(Factory(resources))


@pytest.fixture
async def strangers(factory: Factory, theirs: Canaries) -> list[Caller]:
    """All who are not members of it, or not at the moment, and the keys and visitors of either."""
    other = await factory.tenant()
    return [
        *await callers_without_a_session(factory, theirs.tenant, other),
        *await callers_with_a_session(factory, theirs.tenant, other),
    ]


async def planted(factory: Factory) -> Canaries:
    made = await plant_canaries(factory)
    async with made.database.unit_of_work(made.scope) as session:
        await session.execute(text("update conversations set is_signed = true"))
        # One that an admin may renew, and one that a visitor's page can show.
        await session.execute(text("update invites set role = 'viewer'"))
        await session.execute(
            text(
                "update messages set citations = jsonb_build_array(jsonb_build_object("
                "'n', 1, 'title', citations->>0, 'url', null, 'snippet', citations->>0))"
            )
        )
    return made
