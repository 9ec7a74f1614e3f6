"""What all calls to Stripe have in common: their idempotency keys, and how their errors are told."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import stripe
import structlog

from helpninja_app.errors import Conflict, NotFound, Unavailable

log = structlog.get_logger(__name__)

AWAY = "Stripe cannot be reached right now. Nothing was charged or changed; please try again in a moment."
REFUSED = "Stripe refused this; nothing was charged or changed. Whoever runs HelpNinja finds why in its log."

# An idempotency key covers the tries of one job. Stripe keeps what it answered for a day, an error of its own
# too, which must not stand in the way of those who try later.
KEY_SECONDS = 600


class UnknownToStripe(Unavailable):
    """Stripe does not know what this is about."""


def call_key(*about: str) -> str:
    return ":".join([*about, str(int(time.time() / KEY_SECONDS))])


@contextmanager
def told() -> Iterator[None]:
    """Stripe's errors as ours: what a person may read, and into the log what an operator has to."""
    try:
        yield
    except (stripe.APIConnectionError, stripe.RateLimitError) as error:
        log.warning("stripe_away", error=type(error).__name__)
        raise Unavailable(AWAY) from error
    except stripe.IdempotencyError as error:
        raise Conflict("This was asked for in another way a moment ago. Please try again.") from error
    except stripe.InvalidRequestError as error:
        if error.http_status == 404:
            raise NotFound("Stripe does not know this.") from error
        log.error("stripe_refused", code=error.code, param=error.param, detail=str(error.user_message))
        # Named in a parameter, such as a customer who was deleted there.
        is_missing = error.code == "resource_missing"
        raise (UnknownToStripe(REFUSED) if is_missing else Unavailable(REFUSED)) from error
    except stripe.StripeError as error:
        log.error("stripe_failed", error=type(error).__name__, status=error.http_status)
        # 409: the same call, of which we do not wait any more, is still being worked on.
        is_away = (error.http_status or 500) >= 500 or error.http_status == 409
        raise Unavailable(AWAY if is_away else REFUSED) from error
