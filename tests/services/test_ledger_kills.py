"""Processes that die at any moment of a turn leave a ledger in which every answer is charged once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.ledger_chaos import run_kills
from helpninja_app.kernel.embedded_postgres import EmbeddedPostgres, Urls
from helpninja_app.kernel.migrations import upgrade

KILLS = 20


@pytest.fixture
def own_urls(postgres: EmbeddedPostgres, worker_id: str) -> Iterator[Urls]:
    name = f"kills_{worker_id}"
    urls = postgres.create_database(name)
    upgrade(urls.owner)
    try:
        yield urls
    finally:
        postgres.drop_database(name)


@pytest.mark.timeout(300)
async def test_twenty_kills_charge_every_answer_once(own_urls: Urls, tmp_path: Path) -> None:
    toll = await run_kills(own_urls, tmp_path, KILLS, seed=7)
    assert toll.kills == KILLS
    assert len(toll.answered) >= KILLS
    assert len(toll.stages) > 1
    assert +toll.faults == {}
