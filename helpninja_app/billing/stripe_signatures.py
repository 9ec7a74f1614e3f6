"""Whether an event that came over the web is Stripe's."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import stripe

from helpninja_app.errors import BadRequest

# How far the time of a signature may be off, both ways.
TOLERANCE_SECONDS = 300


def verified_event(body: bytes, signature: str, secrets: tuple[str, ...]) -> dict[str, Any]:
    """The event of a webhook; ``BadRequest`` when no secret signed it or it is too old or from the future.

    https://docs.stripe.com/webhooks#verify-manually
    """
    try:
        payload = body.decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest("The body is not what Stripe sends.") from None
    # The client lets signatures of the future pass, and fails at what is not ASCII.
    is_fit = signature.isascii() and _signed_at(signature) <= time.time() + TOLERANCE_SECONDS
    for secret in secrets if is_fit else ():
        try:
            stripe.WebhookSignature.verify_header(payload, signature, secret, TOLERANCE_SECONDS)
        except stripe.SignatureVerificationError:
            continue
        try:
            event = json.loads(payload)
        except ValueError:
            event = None
        if not isinstance(event, dict):
            raise BadRequest("The body is no event.")
        return event
    raise BadRequest("The signature is missing or wrong, or its time is more than five minutes off.")


def _signed_at(signature: str) -> float:
    """The time that the client reads, which is the first; never where that is not a plain number."""
    parts = (part.partition("=") for part in signature.split(","))
    first = next((value for name, _, value in parts if name == "t"), "")
    return int(first) if re.fullmatch("[0-9]{1,12}", first) else float("inf")
