"""Every event handler for everybody it is not for, where people sign in with Supabase, and for whom it is."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from uuid import UUID

import pytest

from helpninja_app.accounts.members import add_member
from helpninja_app.accounts.models import Role
from helpninja_app.accounts.permissions import ROLE_PERMISSIONS
from helpninja_app.resources import Resources
from tests.api.access.callers import Kind
from tests.api.access.supabase_callers import (
    FORGED,
    callers_with_supabase,
    cookies_of,
    member_with_supabase,
)
from tests.api.accounts import new_address
from tests.api.supabase import PASSWORD, Installation, installation, me
from tests.canaries import Canaries, plant_canaries
from tests.conftest import OpenResources
from tests.factories import Factory, Tenant
from tests.screens.event_access import GUARDED, HANDLERS, OF_MEMBERS, PERSON, Handler, each
from tests.screens.event_arguments import MISSING, NOTHING
from tests.screens.event_callers import Caller
from tests.screens.events import drawn_first, leaves
from tests.screens.test_event_roles import BY_ROLE, WITHOUT_TEXTS
from tests.twins.gotrue import Gotrue, running_gotrue

pytestmark = pytest.mark.usefixtures("no_waiting")

TWO_HOURS = 7200
# What is about a session or a workspace of their own, called with one that is not there.
MISSING_OF_PERSONS = {"AccountState.end": (NOTHING,), "AccountState.bring_back": (NOTHING,)}


@dataclass(frozen=True, slots=True)
class Callers:
    """As in ``event_callers``; ``outsiders`` are on pages of the workspace that is not theirs.

    ``members`` are those of ``own``, one of each role, and an owner whose token ran out since they came.
    """

    own: Canaries
    nobodies: list[Caller]
    outsiders: list[Caller]
    members: list[tuple[Role, Caller]]

    @property
    def strangers(self) -> list[Caller]:
        return [*self.nobodies, *self.outsiders]


@pytest.fixture(scope="module")
def gotrue() -> Iterator[Gotrue]:
    with running_gotrue() as running:
        yield running


@pytest.fixture(scope="module")
async def here(
    resources: Resources, gotrue: Gotrue, with_resources: OpenResources
) -> AsyncIterator[Installation]:
    """Over the other ``resources``, which have no project."""
    assert resources.supabase is None
    async with installation(gotrue, with_resources) as made:
        yield made


@pytest.fixture(scope="module")
async def callers(here: Installation, canaries: Canaries) -> Callers:
    own = await plant_canaries(Factory(here.resources))
    theirs, home = str(canaries.tenant.id), str(own.tenant.id)
    found = await callers_with_supabase(here, canaries, own.tenant)
    late, _ = await _with_a_token_that_ran_out(here, canaries.tenant)
    open_page, since = await _with_a_token_that_ran_out(here, own.tenant)
    cookies = {role: (await member_with_supabase(here, own.tenant, role))["cookie"] for role in Role}
    return Callers(
        own,
        [
            *[Caller(one.name, one.headers["cookie"]) for one in found if one.kind is Kind.NOBODY],
            Caller("an owner whose token ran out before they came", late, theirs),
        ],
        [
            Caller(one.name, one.headers["cookie"], theirs)
            for one in found
            if one.kind in {Kind.PERSON, Kind.SUSPENDED}
        ],
        [
            *[(role, Caller(role.value, cookie, home)) for role, cookie in cookies.items()],
            (Role.OWNER, Caller("whose token ran out meanwhile", open_page, home, began_at=since)),
        ],
    )


async def _with_a_token_that_ran_out(here: Installation, tenant: Tenant) -> tuple[str, float]:
    """An owner's cookie with a token that is over, their session is not, and a time when neither was."""
    email = new_address()
    user = here.gotrue.add_user(email, PASSWORD)
    here.gotrue.advance(-TWO_HOURS)
    session = here.gotrue.sign_in(user)
    here.gotrue.advance(TWO_HOURS)
    async with here.browser() as browser:
        here.give(browser, session)
        # This renews the token, so that the session is known here and counts.
        user_id = UUID((await me(browser))["user"]["id"])
    async with here.resources.database.unit_of_work(tenant.scope) as unit:
        await add_member(unit, tenant.id, user_id, Role.OWNER)
    return cookies_of(here, session)["cookie"], time.time() - TWO_HOURS


def test_there_are_strangers_of_every_kind(callers: Callers) -> None:
    names = " ".join(caller.name for caller in callers.strangers)
    for kind in (*FORGED, "signed out", "ran out", "suspended", "removed", "an owner of another workspace"):
        assert kind in names, kind


@each(HANDLERS)
async def test_no_stranger_sees_or_changes_a_workspace(
    canaries: Canaries, callers: Callers, handler: Handler
) -> None:
    typed = set(leaves(handler.arguments(canaries)))
    before = await canaries.digests()
    for caller in callers.strangers:
        answer = await caller.tries(handler, canaries)
        assert canaries.seen_in(answer.said) - typed - {caller.address} == set(), caller.name
    after = await canaries.digests()
    assert [table for table in before if before[table] != after[table]] == []


@each(GUARDED)
async def test_with_a_token_that_does_not_count_one_is_led_to_the_sign_in_and_shown_nothing(
    canaries: Canaries, callers: Callers, handler: Handler
) -> None:
    known = (handler.arguments(canaries), *drawn_first(handler.state))
    for caller in callers.nobodies:
        answer = await caller.tries(handler, canaries)
        assert answer.leads_to_sign_in, caller.name
        assert answer.told_beside(known) == set(), caller.name


@each(OF_MEMBERS)
async def test_who_has_no_place_in_a_workspace_is_told_so_and_shown_nothing(
    canaries: Canaries, callers: Callers, handler: Handler
) -> None:
    known = (handler.arguments(canaries), *drawn_first(handler.state))
    for caller in callers.outsiders:
        answer = await caller.tries(handler, canaries)
        assert answer.refusal, caller.name
        assert answer.told_beside(known) == set(), caller.name


@each(BY_ROLE)
async def test_a_member_does_what_their_role_may_and_no_more(callers: Callers, handler: Handler) -> None:
    for role, caller in callers.members:
        answer = await caller.tries(handler, callers.own, *MISSING.get(handler.label, ()))
        is_shown = bool(callers.own.seen_in(answer.said) - {caller.address})
        if handler.access in ROLE_PERMISSIONS[role]:
            assert "does not allow" not in answer.refusal, caller.name
            assert is_shown == (handler.label not in WITHOUT_TEXTS), caller.name
        else:
            assert f"does not allow this ({handler.access})" in answer.refusal, caller.name


@each([handler for handler in HANDLERS if handler.access == PERSON])
async def test_a_person_is_not_sent_away(callers: Callers, handler: Handler) -> None:
    for _, caller in callers.members:
        answer = await caller.tries(handler, callers.own, *MISSING_OF_PERSONS.get(handler.label, ()))
        assert not answer.leads_to_sign_in, caller.name
