"""The page of those who run the installation: Stripe's events, and trying them again."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from helpninja_app.accounts.users import confirm_address, find_user_id
from helpninja_app.billing import stripe_inbox
from helpninja_app.billing.models import StripeEvent
from helpninja_app.billing.stripe_inbox import STATES, UNDONE
from helpninja_app.errors import NotFound
from helpninja_app.kernel.database import new_id
from helpninja_app.resources import Resources
from helpninja_app.screens.operations.state import STATE_NAMES, OperationsState
from helpninja_app.screens.shell.state import ShellState
from tests.conftest import OpenResources
from tests.factories import Factory
from tests.screens.test_home import call, tab


@pytest.fixture(autouse=True)
def nobody_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker of other settings may run in the same process, and would look at another Stripe."""

    async def leave(*_: object) -> None: ...

    monkeypatch.setattr(stripe_inbox, "_work_on", leave)


@pytest.fixture
async def operator(
    factory: Factory, with_resources: OpenResources
) -> AsyncIterator[tuple[Resources, str, str]]:
    """Resources with an operator: the address of theirs, and their cookie."""
    email, headers = await factory.member(await factory.tenant())
    async with with_resources(operators=frozenset({email})) as opened:
        yield opened, email, headers["cookie"]


@pytest.fixture
async def page(operator: tuple[Resources, str, str]) -> OperationsState:
    resources, email, cookie = operator
    await confirm(resources, email)
    opened = await tab(OperationsState, cookie)
    await call(opened, "open_events")
    return opened


async def confirm(resources: Resources, email: str) -> None:
    async with resources.database.unit_of_work() as session:
        user_id = await find_user_id(session, email)
        assert user_id is not None
        await confirm_address(session, user_id, email)


async def keep(resources: Resources, state: str, detail: str = "", type: str = "invoice.paid") -> str:
    id = f"evt_{new_id().hex}"
    async with resources.database.unit_of_work() as session:
        session.add(StripeEvent(id=id, type=type, object_id="in_1", state=state, detail=detail))
    return id


async def state_of(resources: Resources, id: str) -> str:
    async with resources.database.unit_of_work() as session:
        found = await session.execute(text("select state from stripe_events where id = :id"), {"id": id})
    return str(found.scalar_one())


def test_every_state_has_a_name() -> None:
    assert set(STATE_NAMES) == set(STATES)
    assert set(STATES) == {*UNDONE, "done"}


async def test_an_operator_reads_what_became_of_an_event(
    operator: tuple[Resources, str, str], page: OperationsState
) -> None:
    id = await keep(operator[0], "parked", "The price price_1 belongs to no plan in the settings.")
    await call(page, "choose_state", "parked")
    row = next(each for each in page.rows if each.id == id)
    assert (row.state, row.detail, row.may_retry) == (
        "Parked",
        "The price price_1 belongs to no plan in the settings.",
        True,
    )
    await call(page, "choose_state", "done")
    assert id not in [each.id for each in page.rows]
    await call(page, "choose_state", "'; drop table stripe_events")
    assert page.state_shown == ""


@pytest.mark.parametrize(("type", "may"), [("invoice.paid", True), ("customer.created", False)])
async def test_what_was_ignored_is_tried_again_if_its_type_is_worked_on(
    operator: tuple[Resources, str, str], page: OperationsState, type: str, *, may: bool
) -> None:
    id = await keep(operator[0], "ignored", type=type)
    await call(page, "choose_state", "ignored")
    assert [each.may_retry for each in page.rows if each.id == id] == [may]
    await call(page, "work_again", id)
    assert await state_of(operator[0], id) == ("waiting" if may else "ignored")


async def test_one_event_is_tried_again_and_then_all_that_are_parked(
    operator: tuple[Resources, str, str], page: OperationsState
) -> None:
    resources = operator[0]
    kept = [await keep(resources, state) for state in ("parked", "parked", "done", "refused")]
    first, second, done, refused = kept
    await call(page, "work_again", first)
    assert [await state_of(resources, each) for each in (first, second)] == ["waiting", "parked"]
    before = page.parked
    assert before >= 1
    await call(page, "work_on_parked")
    assert [await state_of(resources, each) for each in (second, refused)] == ["waiting", "refused"]
    # Not none at all: a worker may park another just then.
    assert page.parked < before
    for hostile in (done, "evt_nothing", "\x00", ["x"], None):
        await call(page, "work_again", hostile)
        assert page.problem == "There is no such event that could be worked on again.", hostile
    assert await state_of(resources, done) == "done"


async def test_for_an_operator_whose_address_is_not_confirmed_there_is_no_such_page(
    operator: tuple[Resources, str, str],
) -> None:
    resources, email, cookie = operator
    page, shell = await tab(OperationsState, cookie), await tab(ShellState, cookie)
    await call(page, "open_events")
    await call(shell, "open_shell")
    assert (page.failure, page.is_loaded, shell.is_operator) == (NotFound().detail, False, False)
    await confirm(resources, email)
    await call(page, "open_events")
    await call(shell, "open_shell")
    assert (page.failure, page.is_loaded, shell.is_operator) == ("", True, True)


async def test_for_the_owner_of_a_workspace_there_is_no_such_page(
    operator: tuple[Resources, str, str], factory: Factory
) -> None:
    resources = operator[0]
    parked = await keep(resources, "parked")
    email, headers = await factory.member(await factory.tenant())
    await confirm(resources, email)
    page = await tab(OperationsState, headers["cookie"])
    for handler, arguments in (("open_events", ()), ("work_again", (parked,)), ("work_on_parked", ())):
        await call(page, handler, *arguments)
        assert page.failure == NotFound().detail, handler
    assert page.rows == []
    assert await state_of(resources, parked) == "parked"
