"""Owns the rules all vendors share: time limits, one retry before the first token, what errors mean."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from helpninja_app.answers.providers.base import (
    Finished,
    GenerationRequest,
    Retry,
    StreamEvent,
    TextDelta,
    Thinking,
    Timeouts,
    TokenUsage,
    estimate_request,
)
from helpninja_app.errors import ProviderFailed, ProviderTimedOut, ProviderUnavailable

# Whatever a provider says, nobody is told to come back later than this many seconds.
LONGEST_RETRY_AFTER = 3_600


@dataclass(frozen=True, slots=True)
class Alive:
    """The provider sent something that is not text: it works, so the idle clock starts again."""


AttemptEvent = StreamEvent | Alive
Attempt = Callable[[], AsyncGenerator[AttemptEvent, None]]


@dataclass(frozen=True, slots=True)
class Vendor:
    """How a provider is called in sentences for people, and the setting that holds its key."""

    label: str
    setting: str


class AttemptFailed(Exception):
    """One attempt failed; ``error`` is what the caller is told unless a second attempt succeeds."""

    def __init__(
        self, error: ProviderFailed, *, is_retryable: bool, retry_after: float | None = None
    ) -> None:
        super().__init__(error.detail)
        self.error = error
        self.is_retryable = is_retryable
        self.retry_after = retry_after


async def run_attempts(
    attempt: Attempt, *, vendor: Vendor, timeouts: Timeouts, retry: Retry
) -> AsyncGenerator[StreamEvent, None]:
    """Run ``attempt``, and once more where it failed in a passing way before any text.

    An attempt that ends without ``Finished`` was cut off and is an error, never an answer; so is one that
    finished without a word (a reasoning model that used up its budget), unless it refused.
    """
    deadline = asyncio.get_running_loop().time() + timeouts.total
    for is_last in (False, True):
        has_spoken = False
        wait = timeouts.first_byte
        try:
            async with aclosing(attempt()) as events:
                while True:
                    event = await _next_event(events, vendor, wait=wait, deadline=deadline)
                    wait = timeouts.idle
                    if isinstance(event, TextDelta):
                        has_spoken = True
                        yield event
                    elif isinstance(event, Thinking):
                        yield event
                    elif isinstance(event, Finished):
                        if not has_spoken and event.reason != "refusal":
                            raise AttemptFailed(
                                ProviderFailed(f"{vendor.label} gave an empty answer."), is_retryable=False
                            )
                        yield event
                        return
        except AttemptFailed as failure:
            pause = retry.pause if failure.retry_after is None else failure.retry_after
            if has_spoken or is_last or not failure.is_retryable or pause > retry.cap:
                raise failure.error from failure
        await _pause(pause, vendor, deadline=deadline)


async def _next_event(
    events: AsyncGenerator[AttemptEvent, None], vendor: Vendor, *, wait: float, deadline: float
) -> AttemptEvent:
    """The next event within ``wait`` seconds and before ``deadline`` (loop time)."""
    now = asyncio.get_running_loop().time()
    scope = asyncio.timeout_at(min(now + wait, deadline))
    try:
        async with scope:
            return await anext(events)
    except StopAsyncIteration:
        raise AttemptFailed(
            ProviderFailed(f"The answer of {vendor.label} was cut off."), is_retryable=True
        ) from None
    except TimeoutError as error:
        # Trying again would make somebody wait twice as long for a provider that is already too slow.
        raise AttemptFailed(_timed_out(vendor), is_retryable=False) from error


async def _pause(seconds: float, vendor: Vendor, *, deadline: float) -> None:
    try:
        async with asyncio.timeout_at(deadline):
            await asyncio.sleep(seconds)
    except TimeoutError as error:
        raise _timed_out(vendor) from error


def _timed_out(vendor: Vendor) -> ProviderTimedOut:
    return ProviderTimedOut(f"{vendor.label} took too long to answer.")


def failed_by_status(
    vendor: Vendor, status: int, headers: Mapping[str, str], *, is_out_of_credit: bool = False
) -> AttemptFailed:
    """What an HTTP status of a provider means. Nothing of the provider's own text is taken over."""
    if status in (401, 403):
        message = f"The key for {vendor.label} was refused. Check {vendor.setting}."
        return AttemptFailed(ProviderUnavailable(message), is_retryable=False)
    if status == 402 or is_out_of_credit:
        message = f"The account at {vendor.label} has no credit left."
        return AttemptFailed(ProviderUnavailable(message), is_retryable=False)
    if status == 404:
        message = f"{vendor.label} does not offer this model."
        return AttemptFailed(ProviderFailed(message), is_retryable=False)
    if status == 429:
        return _told_to_wait(f"{vendor.label} limits our requests at the moment.", headers)
    if status in (408, 504):
        return AttemptFailed(_timed_out(vendor), is_retryable=True)
    if status in (503, 529):
        return _told_to_wait(f"{vendor.label} is overloaded at the moment.", headers)
    if status >= 500:
        return AttemptFailed(ProviderFailed(f"{vendor.label} had an error of its own."), is_retryable=True)
    return AttemptFailed(ProviderFailed(f"{vendor.label} did not accept the request."), is_retryable=False)


def _told_to_wait(message: str, headers: Mapping[str, str]) -> AttemptFailed:
    """The caller is told to wait as long as the provider says, by whole seconds and within reason."""
    wait = retry_after(headers)
    seconds = None if wait is None else max(1, math.ceil(min(wait, LONGEST_RETRY_AFTER)))
    error = ProviderUnavailable(f"{message} Please try again shortly.", retry_after=seconds)
    return AttemptFailed(error, is_retryable=True, retry_after=wait)


def failed_by_connection(vendor: Vendor) -> AttemptFailed:
    """The connection could not be made or broke."""
    return AttemptFailed(ProviderUnavailable(f"The connection to {vendor.label} failed."), is_retryable=True)


def failed_by_nonsense(vendor: Vendor) -> AttemptFailed:
    """What the provider sent does not follow its own protocol."""
    return AttemptFailed(
        ProviderFailed(f"{vendor.label} sent an answer that could not be read."), is_retryable=True
    )


def retry_after(headers: Mapping[str, str], *, now: datetime | None = None) -> float | None:
    """Seconds to wait by ``retry-after-ms`` or ``Retry-After`` (seconds or a date, RFC 9110 10.2.3)."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is not None or value is None:
        return seconds
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(0.0, (at - (now or datetime.now(UTC))).total_seconds())


def _number(value: str | None) -> float | None:
    try:
        number = float(value) if value is not None else None
    except ValueError:
        return None
    # "nan" and negative waits are no instructions.
    return number if number is not None and number >= 0 else None


def events_of(text: str, thought: int, thought_before: int) -> Iterator[AttemptEvent]:
    """What a piece of a stream brought; ``thought`` counts the characters of all thoughts so far.

    Without NUL, which no text of PostgreSQL holds, and with U+FFFD for half of a surrogate pair, which no
    text in UTF-8 holds: either would keep the whole answer from being stored.
    """
    text = text.replace("\x00", "")
    if not text.isascii():
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if thought > thought_before:
        yield Thinking(-(-thought // 4))
    yield TextDelta(text) if text else Alive()


def estimated_usage(request: GenerationRequest, written: int) -> TokenUsage:
    """For servers that report none; ``written`` counts characters."""
    return TokenUsage(input=estimate_request(request), output=-(-written // 4), is_estimate=True)
