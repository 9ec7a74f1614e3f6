"""The settings' form as a browser sends it."""

from __future__ import annotations

from typing import Any

from helpninja_app.screens.workspace_settings.hours import DAYS
from helpninja_app.screens.workspace_settings.state import SettingsState
from tests.factories import Factory, Tenant
from tests.screens.test_home import call, signed_in_tab


async def settings_tab(factory: Factory, tenant: Tenant) -> tuple[SettingsState, dict[str, Any]]:
    """A tab with the settings open, and what its form holds."""
    settings = await signed_in_tab(SettingsState, factory, tenant)
    await call(settings, "open_settings")
    return settings, form_of(settings)


def form_of(settings: SettingsState) -> dict[str, Any]:
    """The fields as they are filled; a switch or box that is off is not part of a form."""
    form: dict[str, Any] = {
        "name": settings.name,
        "slug": settings.slug,
        "voice": settings.voice,
        "threshold": settings.threshold,
        "time_zone": settings.time_zone,
        "main_language": settings.main_language,
        "greeting": settings.greeting,
        "suggestions": settings.suggestions,
        "holidays": settings.holidays,
        "allowed_domains": settings.allowed_domains,
        **{f"language_{code}": code for code in settings.languages},
    }
    for day, _ in DAYS:
        if settings.hours[day].is_open:
            form[f"open_{day}"] = "on"
            for number, span in enumerate(settings.hours[day].spans):
                form |= {f"from_{day}_{number}": span.start, f"to_{day}_{number}": span.end}
    return form
