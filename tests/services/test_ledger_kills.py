"""Processes that die at any moment of a turn leave a ledger in which every answer is charged once."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.ledger_chaos import run_kills
from bench.ledger_worker import BEGIN, FINISH
from helpninja_app.kernel.embedded_postgres import Urls

KILLS = 20


@pytest.mark.timeout(300)
async def test_twenty_kills_charge_every_answer_once(own_urls: Urls, tmp_path: Path) -> None:
    toll = await run_kills(own_urls, tmp_path, KILLS, seed=7)
    assert toll.kills == KILLS
    assert len(toll.answered) >= KILLS
    assert toll.stages[BEGIN] >= 3
    assert toll.stages[FINISH] >= 3
    assert +toll.faults == {}
