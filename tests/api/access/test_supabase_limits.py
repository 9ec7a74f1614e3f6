"""How often each route of a person may be called where people sign in with Supabase."""

from __future__ import annotations

import pytest

from helpninja_app.accounts.models import Role
from tests.api.access.asking import ask
from tests.api.access.register import PERSON, SUPABASE_ACCESS, SUPABASE_ROUTES, in_workspaces, labels_of
from tests.api.access.supabase_callers import member_with_supabase
from tests.api.supabase import installation
from tests.canaries import Canaries
from tests.conftest import OpenResources
from tests.factories import Factory
from tests.twins.gotrue import Gotrue

pytestmark = pytest.mark.usefixtures("worker")


@pytest.mark.parametrize("label", labels_of(SUPABASE_ACCESS, PERSON))
async def test_a_person_at_their_limit_waits_and_no_other_does(
    gotrue: Gotrue, with_resources: OpenResources, theirs: Canaries, label: str
) -> None:
    async with installation(gotrue, with_resources, member_limit=2) as limited, limited.browser() as browser:
        other = await Factory(limited.resources).tenant()
        busy, idle = [await member_with_supabase(limited, other, Role.OWNER) for _ in range(2)]
        route, statuses = SUPABASE_ROUTES[label], []
        for headers in (busy, busy, {}, {}, {}, idle):
            statuses.append((await ask(browser, route, theirs, headers, str(other.id))).status)
    # They were seen once before.
    assert [status == 429 for status in statuses] == [False, True, False, False, True, False]


@pytest.mark.parametrize("label", in_workspaces(SUPABASE_ACCESS))
async def test_a_member_at_their_limit_waits_and_no_other_does(
    gotrue: Gotrue, with_resources: OpenResources, theirs: Canaries, label: str
) -> None:
    async with installation(gotrue, with_resources, member_limit=2) as limited, limited.browser() as browser:
        other = await Factory(limited.resources).tenant()
        busy, idle = [await member_with_supabase(limited, other, Role.OWNER) for _ in range(2)]
        route = SUPABASE_ROUTES[label]
        told = [(await ask(browser, route, theirs, busy, str(other.id))).status for _ in range(3)]
        assert told[0] != 429
        assert told[2] == 429
        assert (await ask(browser, route, theirs, idle, str(other.id))).status != 429
