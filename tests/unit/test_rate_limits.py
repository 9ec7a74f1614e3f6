"""Bursts are counted in windows that slide, for each subject, and forgotten afterwards."""

from __future__ import annotations

import pytest

from helpninja_app.errors import RateLimited
from helpninja_app.kernel import rate_limits
from helpninja_app.kernel.rate_limits import Burst, RateLimiter

TWO_IN_TEN = Burst(2, 10)


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(rate_limits, "time", made)
    return made


async def test_of_several_none_counts_where_one_has_too_many(clock: Clock) -> None:
    limiter = RateLimiter()
    for _ in range(2):
        await limiter.hit("ask", "full", TWO_IN_TEN)
    for _ in range(3):
        with pytest.raises(RateLimited):
            await limiter.hit_all(("ask", "a", TWO_IN_TEN), ("ask", "full", TWO_IN_TEN))
    for _ in range(2):
        await limiter.hit_all(("ask", "a", TWO_IN_TEN), ("ask", "b", TWO_IN_TEN))
    with pytest.raises(RateLimited):
        await limiter.hit("ask", "b", TWO_IN_TEN)


async def test_the_window_slides(clock: Clock) -> None:
    limiter = RateLimiter()
    await limiter.hit("ask", "a", TWO_IN_TEN)
    clock.now += 6
    await limiter.hit("ask", "a", TWO_IN_TEN)
    with pytest.raises(RateLimited) as refused:
        await limiter.hit("ask", "a", TWO_IN_TEN)
    assert (refused.value.limit, refused.value.retry_after) == (2, 5)
    clock.now += 4
    await limiter.hit("ask", "a", TWO_IN_TEN)
    with pytest.raises(RateLimited):
        await limiter.hit("ask", "a", TWO_IN_TEN)


async def test_names_and_subjects_are_counted_apart(clock: Clock) -> None:
    limiter = RateLimiter()
    for name, subject in (("ask", "a"), ("ask", "b"), ("look", "a")):
        await limiter.hit(name, subject, Burst(1, 10))
    with pytest.raises(RateLimited):
        await limiter.hit("look", "a", Burst(1, 10))


async def test_what_was_refused_does_not_count(clock: Clock) -> None:
    limiter = RateLimiter()
    await limiter.hit("ask", "a", Burst(1, 10))
    for _ in range(9):
        clock.now += 1
        with pytest.raises(RateLimited):
            await limiter.hit("ask", "a", Burst(1, 10))
    clock.now += 1
    await limiter.hit("ask", "a", Burst(1, 10))


async def test_nothing_at_all_may_be_allowed(clock: Clock) -> None:
    with pytest.raises(RateLimited):
        await RateLimiter().hit("ask", "a", Burst(0, 10))


async def test_those_who_stay_away_are_forgotten(clock: Clock) -> None:
    limiter = RateLimiter()
    for number in range(100):
        await limiter.hit("ask", str(number), TWO_IN_TEN)
    clock.now += 11
    for number in range(100, 160):
        await limiter.hit("ask", str(number), TWO_IN_TEN)
    assert len(limiter._windows._hits) == 60  # type: ignore[union-attr]
