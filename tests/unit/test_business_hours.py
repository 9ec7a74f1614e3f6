"""Business hours, holidays and the days on which clocks are moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpninja_app.accounts.business_hours import WEEK, next_closing, next_opening, opening_at

OFFICE = {day: [["09:00", "17:00"]] for day in WEEK[:5]}
ALWAYS = {day: [["00:00", "24:00"]] for day in WEEK}
BERLIN = "Europe/Berlin"
ZONES = (BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC", "America/Santiago")
STEP = timedelta(minutes=15)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("moment", "holidays", "opens"),
    [
        ("2026-11-27T18:00+01:00", (), "2026-11-30T09:00+01:00"),
        ("2026-11-27T18:00+01:00", ("2026-11-30",), "2026-12-01T09:00+01:00"),
        ("2026-11-26T10:00+01:00", ("2026-11-26", "2026-11-27"), "2026-11-30T09:00+01:00"),
        # A weekend on which the clocks go forward.
        ("2026-03-27T18:00+01:00", (), "2026-03-30T09:00+02:00"),
        # A holiday there that is still the day before in UTC.
        ("2026-12-24T23:30+00:00", ("2026-12-25",), "2026-12-28T09:00+01:00"),
    ],
)
def test_the_next_opening_skips_holidays_and_keeps_the_clocks_of_the_place(
    moment: str, holidays: tuple[str, ...], opens: str
) -> None:
    assert next_opening(OFFICE, BERLIN, at(moment), holidays) == at(opens)


def test_nothing_opens_where_somebody_is_there() -> None:
    assert next_opening(OFFICE, BERLIN, at("2026-11-27T10:00+01:00")) is None


def test_nothing_opens_where_no_hours_are_set() -> None:
    assert next_opening({}, BERLIN, at("2026-11-27T10:00+01:00"), ("2026-11-27",)) is None


@pytest.mark.parametrize(
    ("hours", "moment", "closes"),
    [
        (OFFICE, "2026-11-27T10:00+01:00", "2026-11-27T17:00+01:00"),
        (OFFICE, "2026-11-27T08:00+01:00", None),
        (ALWAYS, "2026-11-27T10:00+01:00", None),
        ({}, "2026-11-27T10:00+01:00", None),
        (
            {"fri": [["20:00", "24:00"]], "sat": [["00:00", "02:00"]]},
            "2026-11-27T21:00+01:00",
            "2026-11-28T02:00+01:00",
        ),
        # The clocks go forward meanwhile.
        ({"sun": [["00:00", "06:00"]]}, "2026-03-29T01:00+01:00", "2026-03-29T06:00+02:00"),
    ],
)
def test_until_when_somebody_is_there(
    hours: dict[str, list[list[str]]], moment: str, closes: str | None
) -> None:
    assert next_closing(hours, BERLIN, at(moment)) == (at(closes) if closes else None)


def test_an_opening_that_the_clocks_skip_is_when_they_have_skipped_it() -> None:
    night = {"sun": [["02:30", "06:00"]]}
    assert next_opening(night, BERLIN, at("2026-03-29T00:00+01:00")) == at("2026-03-29T03:00+02:00")


def test_an_opening_that_the_clocks_show_twice_is_the_one_to_come() -> None:
    night = {"sun": [["02:30", "06:00"]]}
    assert next_opening(night, BERLIN, at("2026-10-25T02:10+01:00")) == at("2026-10-25T02:30+01:00")


def test_who_is_there_around_the_clock_is_away_on_a_holiday() -> None:
    opening = opening_at(ALWAYS, BERLIN, at("2026-11-27T10:00+01:00"), ("2026-12-25",))
    assert opening is not None
    assert opening.until == datetime(2026, 12, 25)


def test_a_hundred_holidays_on_the_one_open_day_are_seen_past() -> None:
    first = datetime(2026, 11, 30, tzinfo=UTC)
    holidays = [f"{first + timedelta(weeks=week):%Y-%m-%d}" for week in range(100)]
    opens = next_opening({"mon": [["09:00", "10:00"]]}, "UTC", first, holidays)
    assert opens == first + timedelta(weeks=100, hours=9)


SPANS = st.lists(st.integers(0, 95), min_size=2, max_size=4, unique=True).map(
    lambda marks: [[_clock(a), _clock(b)] for a, b in zip(*[iter(sorted(marks))] * 2, strict=False)]
)


def _clock(quarter: int) -> str:
    return f"{quarter // 4:02}:{quarter % 4 * 15:02}"


@settings(max_examples=150, deadline=None)
@given(
    hours=st.dictionaries(st.sampled_from(WEEK), SPANS, min_size=1),
    zone=st.sampled_from(ZONES),
    quarter=st.integers(0, 96 * 365),
    away=st.sets(st.integers(0, 10), max_size=4),
)
def test_the_next_opening_is_the_first_moment_at_which_somebody_is_there(
    hours: dict[str, list[list[str]]], zone: str, quarter: int, away: set[int]
) -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC) + quarter * STEP
    here = moment.astimezone(ZoneInfo(zone))
    holidays = [f"{here + timedelta(days=days):%Y-%m-%d}" for days in away]

    def is_open(when: datetime) -> bool:
        opening = opening_at(hours, zone, when, holidays)
        assert opening is not None
        return opening.is_open

    opens = next_opening(hours, zone, moment, holidays)
    if opens is None:
        assert is_open(moment)
        return
    assert opens > moment
    assert is_open(opens)
    assert f"{opens.astimezone(ZoneInfo(zone)):%Y-%m-%d}" not in holidays
    between = [moment + number * STEP for number in range((opens - moment) // STEP)]
    # A time that is shown a second time may be open again for a while.
    assert not any(is_open(when) for when in between if not when.astimezone(ZoneInfo(zone)).fold)
