"""What the page of the prices has to know: whether this installation limits anything at all."""

from __future__ import annotations

import reflex as rx

from helpninja_app.settings import get_settings


class PricingState(rx.State):
    """Public; the value of the build is drawn first and the server's own replaces it."""

    is_unlimited: bool = get_settings().is_unlimited
    """Where nobody has to pay, every plan includes everything."""
