"""What the page of the prices has to know: whether they are asked for on this installation."""

from __future__ import annotations

import reflex as rx

from helpninja_app.settings import Settings, get_settings


def payments_in_words(settings: Settings) -> str:
    """Why the prices are not what is paid here; empty where they are."""
    has_payments = settings.stripe_secret_key is not None
    if settings.is_unlimited and has_payments:
        return "Nothing is limited on this installation, whatever the plan."
    if settings.is_unlimited:
        return (
            "This installation takes no payments: nothing is limited here, and these prices are not asked"
            " for."
        )
    if not has_payments:
        return "No payments are set up on this installation, so plans cannot be bought here."
    return ""


class PricingState(rx.State):
    """Public; the value of the build is drawn first and the server's own replaces it."""

    payments: str = payments_in_words(get_settings())
    """What is said of payments, if they are not as on the page."""
