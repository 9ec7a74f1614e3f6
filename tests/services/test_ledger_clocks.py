"""Four schedulers with clocks that differ begin each month once, in order."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.ledger_clocks import ANCHORS, run_clocks
from helpninja_app.answers.answerers import Answerers
from helpninja_app.billing.models import Unit
from helpninja_app.jobs import tasks
from helpninja_app.kernel.embedded_postgres import Urls
from helpninja_app.knowledge.embedding.hashing import HashingEmbedder
from helpninja_app.resources import open_resources
from tests.conftest import make_settings

DAYS = 400


@pytest.mark.timeout(300)
async def test_each_month_begins_once_whatever_the_clocks_of_four_schedulers_say(
    own_urls: Urls, tmp_path: Path
) -> None:
    settings = make_settings(own_urls, tmp_path, unlimited=False)
    async with open_resources(
        settings, own_urls.app, tasks=tasks, embedder=HashingEmbedder(), answerers=Answerers()
    ) as here:
        outcome = await run_clocks(here.database, here.queue, here.plan_of, days=DAYS, daily=False)
    assert outcome.faults == []
    # Thirteen or fourteen months of each.
    accounts = len(ANCHORS) * len(Unit)
    assert 13 * accounts <= outcome.resets <= 14 * accounts
