"""What an installation has of Stripe."""

from __future__ import annotations

from dataclasses import dataclass

from helpninja_app.billing.prices import Prices
from helpninja_app.billing.stripe_gateway import StripeGateway


@dataclass(frozen=True, slots=True)
class StripeAccount:
    """There where a key is configured; ``webhook_secrets`` are several while one is replaced."""

    gateway: StripeGateway
    prices: Prices
    webhook_secrets: tuple[str, ...]
