"""What the front page has to know: whether there is a demo to show."""

from __future__ import annotations

import reflex as rx

from helpninja_app.settings import get_settings


class LandingState(rx.State):
    """Public; the value of the build is drawn first and the server's own replaces it."""

    has_demo: bool = get_settings().is_development
    """Only development has a demo shop."""
