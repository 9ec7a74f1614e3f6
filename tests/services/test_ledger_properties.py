"""Whatever is done to an account in whatever order, it agrees with a model that fits on a page."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from helpninja_app.accounts.workspaces import create_workspace
from helpninja_app.billing.models import EntryKind, LedgerAccount
from helpninja_app.billing.periods import CALENDAR
from helpninja_app.billing.reservations import Reservation
from helpninja_app.errors import Conflict, LimitUsedUp
from helpninja_app.kernel.database import Database
from helpninja_app.kernel.embedded_postgres import Urls
from tests.ledgers import Books, with_credits

ALLOWANCES = (0, 20, 100)
AMOUNTS = st.integers(1, 60)
# Which of the turns so far; the same one often, so that much is done again.
TURNS = st.integers(0, 1_000)


@dataclass
class Turn:
    """What the model knows of a reservation; ``taken`` by its entry is ``None`` until it is settled."""

    reservation: Reservation
    granted: int
    topped_up: int
    month: int
    key: str | None
    is_open: bool = True
    taken: int | None = None


@dataclass
class Model:
    """An account in plain numbers."""

    allowance: int = 100
    spent: int = 0
    topped_up: int = 0
    used: int = 0
    of_allowance: int = 0
    month: int = 0
    turns: list[Turn] = field(default_factory=list)

    @property
    def granted(self) -> int:
        return max(self.allowance - self.spent, 0)

    @property
    def balance(self) -> int:
        return self.granted + self.topped_up

    def close(self, turn: Turn) -> None:
        if turn.is_open:
            turn.is_open = False
            self.spent -= turn.granted if turn.month == self.month else 0
            self.topped_up += turn.topped_up

    def settle(self, turn: Turn, used: int) -> int:
        if turn.taken is not None:
            return turn.taken
        was_open = turn.is_open
        self.close(turn)
        if was_open and turn.month != self.month:
            from_grant, grant_charged = min(used, turn.granted), 0
            from_topup = min(used - from_grant, turn.topped_up)
            self.used += from_topup
        else:
            reach = max(self.granted, turn.granted if was_open else 0)
            from_grant = min(used, reach)
            from_topup = min(used - from_grant, self.topped_up)
            before = self.granted
            self.spent += from_grant
            self.of_allowance += from_grant
            grant_charged = before - self.granted
            self.used += from_grant + from_topup
        self.topped_up -= from_topup
        # Asked again, it says what its entry took.
        turn.taken = grant_charged + from_topup
        return from_grant + from_topup


class Ledger(RuleBasedStateMachine):
    """The real ledger beside the model."""

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self.database = Database(self.url, pool_size=1)
        self.model = Model()
        self.top_ups = self.months = 0
        self.books = self.run(self._make())

    def run(self, what: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(what)

    async def _make(self) -> Books:
        async with self.database.unit_of_work() as session:
            slug = f"properties-{secrets.token_hex(8)}"
            workspace = await create_workspace(session, slug=slug, name="Properties", embedding_model="none")
        books = Books(self.database, workspace.id)
        await books.open()
        return books

    def teardown(self) -> None:
        self.run(self.database.close())
        self.runner.close()

    def turn(self, number: int) -> Turn | None:
        turns = self.model.turns
        return turns[-1 - number % min(len(turns), 6)] if turns else None

    @rule(amount=AMOUNTS, at_least=st.none() | st.integers(0, 30), has_key=st.booleans())
    def reserve(self, amount: int, at_least: int | None, has_key: bool) -> None:
        """Without a key, as chats do, in one statement."""
        model = self.model
        taken = min(amount, model.balance)
        key = str(len(model.turns)) if has_key else None
        asked = self.books.reserve(amount, at_least=at_least, key=key)
        if taken < (amount if at_least is None else max(at_least, 1)):
            with pytest.raises(LimitUsedUp) as refused:
                self.run(asked)
            assert (refused.value.limit, refused.value.used) == (model.allowance, model.spent)
            return
        reservation = self.run(asked)
        assert reservation.amount == taken
        granted = min(taken, model.granted)
        model.turns.append(Turn(reservation, granted, taken - granted, model.month, key))
        model.spent += granted
        model.topped_up -= taken - granted

    @rule(number=TURNS, amount=AMOUNTS)
    def reserve_again(self, number: int, amount: int) -> None:
        if (turn := self.turn(number)) is None or turn.key is None:
            return
        try:
            assert self.run(self.books.reserve(amount, key=turn.key)) == turn.reservation
        except Conflict:
            assert not turn.is_open

    @rule(number=TURNS, used=st.none() | st.integers(0, 80))
    def settle(self, number: int, used: int | None) -> None:
        if turn := self.turn(number):
            used = turn.reservation.amount if used is None else used
            for _ in range(2):
                expected = self.model.settle(turn, used)
                assert self.run(self.books.settle(turn.reservation, used)) == expected

    @rule(number=TURNS)
    def release(self, number: int) -> None:
        if turn := self.turn(number):
            self.model.close(turn)
            self.run(self.books.release(turn.reservation))

    @rule()
    def expire(self) -> None:
        open_ones = [turn for turn in self.model.turns if turn.is_open]
        assert self.run(self.books.expire()) == len(open_ones)
        for turn in open_ones:
            self.model.close(turn)

    @rule(amount=AMOUNTS)
    def top_up(self, amount: int) -> None:
        self.top_ups += 1
        self.run(self.books.top_up(amount, f"topup:{self.top_ups}"))
        self.model.topped_up += amount

    @rule(allowance=st.sampled_from(ALLOWANCES))
    def change_plan(self, allowance: int) -> None:
        self.books = self.books.on(with_credits(allowance))
        self.run(self.books.open())
        self.model.allowance = allowance

    @rule(before=AMOUNTS, after=AMOUNTS, has_key=st.booleans())
    def next_month(self, before: int, after: int, has_key: bool) -> None:
        """With something reserved on both sides of the border, which is where mistakes are made."""
        self.reserve(before, 1, has_key)
        account: LedgerAccount = self.run(self.books.next_month())
        assert account.used == 0
        self.model.spent = self.model.used = self.model.of_allowance = 0
        self.model.month += 1
        self.months += 1
        assert len(self.run(self.books.amounts(EntryKind.RESET))) == self.months
        self.reserve(after, 1, not has_key)

    @rule(days=st.integers(1, 27))
    def cut_month(self, days: int) -> None:
        """As a change of interval does; the first one ends a month that nobody paid for."""
        model, begun = self.model, self.run(self.books.account())
        start = begun.period_start + timedelta(days=days)
        if begun.anchor == CALENDAR:
            held, over, model.month = 0, 0, model.month + 1
        else:
            held = model.spent - model.of_allowance
            passed = timedelta(days=days) / (begun.period_end - begun.period_start)
            over = max(model.of_allowance - int(begun.allowance * passed), 0)
        self.months += 1
        model.used, model.of_allowance, model.spent = 0, over, over + held
        self.run(self.books.move(start, start))

    @invariant()
    def agrees(self) -> None:
        model = self.model
        account: LedgerAccount = self.run(self.books.account())
        assert (account.granted, account.topped_up) == (model.granted, model.topped_up)
        assert (account.spent, account.used) == (model.spent, model.used)
        assert self.run(self.books.usage()).used == model.of_allowance
        assert self.run(self.books.total()) == model.balance
        assert min(account.spent, account.used, account.topped_up) >= 0

    @invariant()
    def is_verified(self) -> None:
        assert self.run(self.books.mistakes()) == []


def test_any_sequence_leaves_the_balance_that_the_model_has(database_urls: Urls) -> None:
    machine = type("LedgerHere", (Ledger,), {"url": database_urls.app})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=30,
            derandomize=True,
            deadline=None,
            database=None,
            # To make an example shorter takes longer than a test may.
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
