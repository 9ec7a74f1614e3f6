"""The workspace's settings as a form, and its deletion."""

from __future__ import annotations

from typing import Any

import reflex as rx
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.callers import MemberCaller, WorkspaceView, require
from helpninja_app.accounts.deletion import close_workspace
from helpninja_app.accounts.permissions import Permission
from helpninja_app.accounts.workspace_settings import WorkspaceChanges
from helpninja_app.accounts.workspaces import change_workspace, load_workspace
from helpninja_app.errors import Invalid
from helpninja_app.screens.page_state import Leaving, PageState
from helpninja_app.screens.session import SignedInState, text_in

PATH = "/app/settings"
DAYS = (
    ("mon", "Monday"),
    ("tue", "Tuesday"),
    ("wed", "Wednesday"),
    ("thu", "Thursday"),
    ("fri", "Friday"),
    ("sat", "Saturday"),
    ("sun", "Sunday"),
)
_LABELS = {
    "name": "Name",
    "slug": "Name in addresses",
    "voice": "Voice",
    "threshold": "Confidence threshold",
    "allowedDomains": "Allowed domains",
    "timeZone": "Time zone",
    "businessHours": "Business hours",
    "languages": "Languages",
    "greeting": "Greeting",
    "suggestions": "Suggested questions",
}


class SettingsState(PageState, SignedInState):
    """``hours`` has for each day its spans as a text, such as ``09:00-12:00, 13:00-17:00``."""

    is_owner: bool = False
    name: str = ""
    slug: str = ""
    voice: str = "friendly"
    threshold: str = "0.55"
    allowed_domains: str = ""
    time_zone: str = "UTC"
    languages: str = ""
    greeting: str = ""
    suggestions: str = ""
    hours: rx.Field[dict[str, str]] = rx.field(default_factory=dict)

    @rx.event(background=True)
    async def open_settings(self) -> Any:
        """Run when the page loads, and to try again."""
        return await self._answer()

    @rx.event(background=True)
    async def save(self, form: dict[str, Any]) -> Any:
        """Change everything that the form holds, or nothing."""

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            require(caller, Permission.MANAGE_WORKSPACE)
            await change_workspace(session, caller, _changes(form, caller.workspace).columns())

        return await self._answer(work, lambda _: rx.toast("Saved."))

    @rx.event(background=True)
    async def delete_workspace(self, form: dict[str, Any]) -> Any:
        """Put the workspace out of reach; its owner can bring it back for seven days."""

        async def work(session: AsyncSession, caller: MemberCaller) -> Leaving:
            require(caller, Permission.DELETE_WORKSPACE)
            await close_workspace(session, caller, typed=text_in(form, "confirm", 100))
            return Leaving("/app/account?done=deleted")

        return await self._answer(work)

    async def _read(self, session: AsyncSession, caller: MemberCaller) -> WorkspaceView:
        require(caller, Permission.MANAGE_WORKSPACE)
        return await load_workspace(session, caller.workspace.id)

    def _show(self, found: WorkspaceView, caller: MemberCaller) -> None:
        self.is_owner = Permission.DELETE_WORKSPACE in caller.permissions
        if not self.problem:
            # What was typed stays in the form when it was refused.
            self._fill(found)

    def _fill(self, workspace: WorkspaceView) -> None:
        self.name, self.slug, self.voice = workspace.name, workspace.slug, workspace.voice
        self.threshold = f"{workspace.confidence_threshold:.2f}"
        self.allowed_domains = "\n".join(workspace.allowed_domains)
        self.time_zone = workspace.time_zone
        self.languages = ", ".join(workspace.languages)
        self.greeting = workspace.greeting
        self.suggestions = "\n".join(workspace.suggestions)
        self.hours = {
            day: ", ".join("-".join(span) for span in workspace.business_hours.get(day, ()))
            for day, _ in DAYS
        }


def _changes(form: dict[str, Any], workspace: WorkspaceView) -> WorkspaceChanges:
    """The form as settings; ``Invalid`` with a sentence for each field that cannot be."""
    try:
        threshold: float | str = float(text_in(form, "threshold").replace(",", "."))
    except ValueError:
        threshold = "no number"
    slug = text_in(form, "slug").lower()
    values = {
        "name": text_in(form, "name"),
        # One that is reserved may have been there before it was.
        "slug": None if slug == workspace.slug else slug,
        "voice": text_in(form, "voice"),
        "threshold": threshold,
        "allowedDomains": _lines(text_in(form, "allowed_domains", 30_000)),
        "timeZone": text_in(form, "time_zone"),
        "businessHours": {day: _spans(text_in(form, f"hours_{day}")) for day, _ in DAYS},
        "languages": [part.strip().lower() for part in text_in(form, "languages").split(",") if part.strip()],
        "greeting": text_in(form, "greeting"),
        "suggestions": _lines(text_in(form, "suggestions", 5_000)),
    }
    try:
        return WorkspaceChanges.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        label = _LABELS.get(str(first["loc"][0]), str(first["loc"][0]))
        message = str(first["msg"]).removeprefix("Value error, ")
        raise Invalid(f"{label}: {message}.") from None


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _spans(text: str) -> list[list[str]]:
    return [
        [moment.strip() for moment in span.replace("–", "-").split("-")]
        for span in text.split(",")
        if span.strip()
    ]
