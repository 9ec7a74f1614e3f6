"""Until when a conversation is put off: by the clocks of the workspace."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from helpninja_app.screens.inbox.words import snooze_until

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("choice", "until"),
    [
        ("hour", datetime(2026, 3, 28, 13, tzinfo=UTC)),
        ("afternoon", datetime(2026, 3, 28, 16, tzinfo=UTC)),
        # The night to the 29th has an hour less there.
        ("tomorrow", datetime(2026, 3, 29, 7, tzinfo=UTC)),
        ("monday", datetime(2026, 3, 30, 7, tzinfo=UTC)),
        ("never", None),
    ],
)
def test_snoozing_ends_by_the_clocks_of_the_workspace(choice: str, until: datetime | None) -> None:
    assert snooze_until(choice, datetime(2026, 3, 28, 12, tzinfo=UTC), BERLIN) == until


def test_on_a_monday_the_next_one_is_meant() -> None:
    monday = datetime(2026, 3, 30, 5, tzinfo=UTC)
    until = snooze_until("monday", monday, BERLIN)
    assert until is not None
    assert until - monday > timedelta(days=7)
