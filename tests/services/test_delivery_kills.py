"""Processes that die at any moment between an escalation and its message: nothing of it is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.delivery_chaos import DESTINATIONS, run_kills
from helpninja_app.kernel.embedded_postgres import Urls

KILLS = 10


@pytest.mark.timeout(300)
async def test_ten_kills_lose_no_message(own_urls: Urls, tmp_path: Path) -> None:
    toll = await run_kills(own_urls, tmp_path, KILLS, seed=11)
    assert toll.kills == KILLS
    assert len(toll.taken) >= len(toll.committed) * DESTINATIONS
    assert len(toll.committed) > 2
    assert len(toll.stages) > 1
    assert +toll.faults == {}
