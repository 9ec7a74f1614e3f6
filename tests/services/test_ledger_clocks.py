"""Four schedulers with clocks that differ begin each month once, in order."""

from __future__ import annotations

import pytest

from bench.ledger_clocks import ANCHORS, run_clocks
from helpninja_app.billing.models import Unit
from helpninja_app.resources import Resources

DAYS = 400


@pytest.mark.timeout(300)
async def test_each_month_begins_once_whatever_the_clocks_of_four_schedulers_say(later: Resources) -> None:
    outcome = await run_clocks(later.database, later.queue, later.plan_of, days=DAYS, daily=False)
    assert outcome.faults == []
    # Thirteen or fourteen months of each.
    accounts = len(ANCHORS) * len(Unit)
    assert 13 * accounts <= outcome.resets <= 14 * accounts
