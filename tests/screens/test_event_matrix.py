"""Every event handler for everybody who is no member: another workspace is neither shown nor changed.

A handler that is not in the registers of ``event_access`` fails the first tests.
"""

from __future__ import annotations

import inspect

import pytest
from reflex.state import BaseState
from sqlalchemy import text

from helpninja_app.accounts.models import Role
from helpninja_app.resources import Resources
from tests.architecture.test_state_surface import our_states
from tests.canaries import Canaries, plant_canaries
from tests.factories import Factory
from tests.screens.event_access import ACCESS, GUARDED, HANDLERS, OF_MEMBERS, Handler, each
from tests.screens.event_arguments import ARGUMENTS, BEFORE, MISSING, NAMING, QUERIES
from tests.screens.event_callers import Caller, Callers
from tests.screens.events import drawn_first, leaves, tab_at

pytestmark = pytest.mark.usefixtures("no_waiting")


def test_every_handler_says_who_may_use_it() -> None:
    assert set(ACCESS) == {handler.label for handler in HANDLERS}


def test_the_registers_speak_of_handlers_that_there_are() -> None:
    assert set(ARGUMENTS) | set(NAMING) | set(QUERIES) | set(BEFORE) | set(MISSING) <= set(ACCESS)
    assert not set(ARGUMENTS) & set(NAMING)
    assert set(MISSING) <= set(NAMING)


@each(HANDLERS)
def test_every_handler_is_called_with_all_that_it_takes(handler: Handler, canaries: Canaries) -> None:
    takes = inspect.signature(handler.state.event_handlers[handler.name].fn)
    given = handler.arguments(canaries)
    assert len(given) == len(takes.parameters) - 1
    assert len(MISSING.get(handler.label, given)) == len(given)


@pytest.mark.parametrize("state", our_states(), ids=lambda state: state.__name__)
async def test_reflex_own_setter_sets_no_var(state: type[BaseState]) -> None:
    tab = await tab_at(state)
    for name in (*state.base_vars, *(name for name in vars(state) if not name.startswith("__"))):
        with pytest.raises(AttributeError):
            state.event_handlers["setvar"].fn(tab, name, "x")


@each(HANDLERS)
async def test_nobody_sees_or_changes_a_workspace_that_is_not_theirs(
    canaries: Canaries, callers: Callers, handler: Handler
) -> None:
    typed = set(leaves(handler.arguments(canaries)))
    before = await canaries.digests()
    for caller in callers.everybody:
        answer = await caller.tries(handler, canaries)
        assert canaries.seen_in(answer.said) - typed - {caller.address} == set(), caller.name
    after = await canaries.digests()
    assert [table for table in before if before[table] != after[table]] == []


@each(GUARDED)
async def test_without_a_session_that_counts_one_is_led_to_the_sign_in_and_shown_nothing(
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
    for caller in (*callers.outsiders, *callers.intruders):
        answer = await caller.tries(handler, canaries)
        assert answer.refusal, caller.name
        assert answer.told_beside(known) == set(), caller.name


@each([handler for handler in HANDLERS if handler.label in NAMING])
async def test_what_is_in_another_workspace_is_not_there(
    canaries: Canaries, callers: Callers, handler: Handler
) -> None:
    for caller in callers.members.values():
        answer = await caller.tries(handler, canaries)
        assert answer.refusal, caller.name


async def test_a_deleted_workspace_is_brought_back_by_nobody_but_its_owner(
    resources: Resources, factory: Factory, callers: Callers
) -> None:
    deleted = await plant_canaries(factory)
    _, admin = await factory.member(deleted.tenant, Role.ADMIN)
    async with resources.database.unit_of_work(deleted.scope) as session:
        await session.execute(text("update workspaces set deleted_at = now()"))
    bringing_back = next(handler for handler in HANDLERS if handler.label == "AccountState.bring_back")
    before = await deleted.digests()
    for caller in (*callers.everybody, Caller("its admin", admin["cookie"])):
        answer = await caller.tries(bringing_back, deleted)
        assert answer.refusal or answer.leads_to_sign_in, caller.name
        assert deleted.seen_in(answer.said) == set(), caller.name
    assert await deleted.digests() == before
    answer = await Caller("its owner", deleted.owner_headers["cookie"]).tries(bringing_back, deleted)
    assert answer.refusal == ""
