"""The workspace's settings as a form, and its deletion."""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.callers import MemberCaller, WorkspaceView, require
from helpninja_app.accounts.deletion import close_workspace
from helpninja_app.accounts.permissions import Permission
from helpninja_app.accounts.workspaces import change_workspace, load_workspace
from helpninja_app.billing.models import Unit
from helpninja_app.billing.subscriptions import subscription_of
from helpninja_app.billing.usage import usage_of
from helpninja_app.errors import Conflict, Invalid
from helpninja_app.kernel.columns import now
from helpninja_app.resources import current_resources
from helpninja_app.screens.billing.words import lost_by_deletion
from helpninja_app.screens.page_state import Leaving, PageState
from helpninja_app.screens.session import SignedInState, text_in, workspace_asked_for
from helpninja_app.screens.shell.state import ShellState, told
from helpninja_app.screens.workspace_settings.form import FIELDS, LANGUAGES, changes_in, threshold_in
from helpninja_app.screens.workspace_settings.hours import (
    WEEKDAYS,
    Day,
    copied,
    opened,
    opening_in_words,
    week_of,
    with_another_span,
    with_time,
    without_span,
)

PATH = "/app/settings"
# The part of the page that the workspace is deleted in.
DELETION_PART = "delete"
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_LONGEST = 64
# Where the focus goes when a field that is a group of several is refused.
_FIRST_OF = {"languages": "language_en"}


class SettingsState(PageState, SignedInState):
    """``errors`` has a sentence or nothing for each field; ``hours`` and ``time_zone`` follow what is typed.

    ``is_deleting``: a ``problem`` is one of the deletion, not of the form. ``deletion_loss`` is what was paid
    for and is lost with the workspace.
    """

    is_owner: bool = False
    is_changed: bool = False
    is_saved: bool = False
    is_deleting: bool = False
    deletion_loss: str = ""
    errors: rx.Field[dict[str, str]] = rx.field(default_factory=lambda: dict.fromkeys(FIELDS, ""))
    name: str = ""
    slug: str = ""
    voice: str = "friendly"
    threshold: str = "0.55"
    threshold_note: str = ""
    allowed_domains: str = ""
    time_zone: str = "UTC"
    zone_note: str = ""
    own_zone: str = ""
    languages: rx.Field[list[str]] = rx.field(default_factory=list)
    other_languages: rx.Field[list[str]] = rx.field(default_factory=list)
    main_language: str = ""
    greeting: str = ""
    suggestions: str = ""
    hours: rx.Field[dict[str, Day]] = rx.field(default_factory=lambda: week_of({}))
    hours_note: str = ""
    holidays: str = ""

    _is_saving: bool = False
    _filled_for: UUID | None = None

    @rx.event(background=True)
    async def open_settings(self) -> Any:
        """Run when the page loads, when a connection comes back, and to try again: what was typed stays."""
        return await self._answer(is_saved=False, is_deleting=False)

    @rx.event
    def begin_anew(self) -> Any:
        """The form is there anew: what somebody typed into it before is gone from the page."""
        was_changed = self.is_changed or self._is_saving
        self.is_changed = self._is_saving = False
        return SettingsState.open_settings if was_changed else None

    @rx.event(background=True)
    async def save(self, form: dict[str, Any]) -> Any:
        """Change everything that the form holds, or nothing."""

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            require(caller, Permission.MANAGE_WORKSPACE)
            await change_workspace(session, caller, changes_in(form, caller.workspace).columns())

        # What is changed from now on is not in what is saved.
        begun: dict[str, Any] = {"is_saved": False, "is_changed": False, "_is_saving": True}
        next_step = await self._answer(work, self._thank, is_deleting=False, **begun)
        async with self:
            if self._is_saving:
                # It did not come to be tried.
                self._keep_typed()
        return next_step

    @rx.event(background=True)
    async def delete_workspace(self, form: dict[str, Any]) -> Any:
        """Put the workspace out of reach; its owner can bring it back for seven days."""

        async def work(session: AsyncSession, caller: MemberCaller) -> Leaving:
            require(caller, Permission.DELETE_WORKSPACE)
            await close_workspace(session, caller, typed=text_in(form, "confirm", 100))
            return Leaving("/app/account?done=deleted")

        return await self._answer(work, is_deleting=True)

    @rx.event
    def keep_workspace(self) -> None:
        """The dialog was closed: what was wrong in it is not said when it is opened again."""
        if self.is_deleting:
            self.is_deleting, self.problem = False, ""

    @rx.event
    def note_change(self) -> None:
        """Something in the form is not as it is stored."""
        self.is_changed = True

    @rx.event
    def offer_zone(self, zone: str) -> None:
        """The time zone of the browser, which may be the one that is meant."""
        self.own_zone = zone if _is_zone(zone) else ""

    @rx.event
    def choose_zone(self, zone: str) -> None:
        """What stands in the field of the time zone."""
        self.time_zone = zone[:_LONGEST] if isinstance(zone, str) else ""
        self._tell_time()

    @rx.event
    def take_own_zone(self) -> None:
        """Put the browser's time zone into the field."""
        self.time_zone, self.is_changed = self.own_zone or self.time_zone, True
        self._tell_time()

    @rx.event
    def try_threshold(self, text: str | float) -> None:
        """What stands in the field of the threshold, or where its slider is."""
        self.threshold = str(text)[:6] if isinstance(text, str | int | float) else ""
        self.threshold_note = _threshold_in_words(self.threshold)

    @rx.event
    def open_day(self, day: str, is_open: bool) -> None:
        """Switch a day on or off."""
        self._change_day(day, lambda hours: opened(hours, is_open=is_open is True))

    @rx.event
    def add_span(self, day: str) -> None:
        """Another span, such as the afternoon."""
        self._change_day(day, with_another_span)

    @rx.event
    def remove_span(self, day: str, number: int) -> None:
        """Take a span out of a day."""
        self._change_day(day, lambda hours: without_span(hours, number))

    @rx.event
    def change_time(self, day: str, number: int, end: str, moment: str) -> None:
        """Another time at the ``start`` or the ``end`` of a span."""
        if end in ("start", "end") and isinstance(moment, str):
            time = moment if _TIME.fullmatch(moment) else ""
            self._change_day(day, lambda hours: with_time(hours, number, end, time))

    @rx.event
    def copy_monday(self) -> None:
        """Monday's hours on every weekday."""
        self.hours = dict(self.hours) | {day: copied(self.hours["mon"]) for day in WEEKDAYS}
        self.is_changed = True
        self._tell_time()

    async def _read(self, session: AsyncSession, caller: MemberCaller) -> tuple[WorkspaceView, str]:
        require(caller, Permission.MANAGE_WORKSPACE)
        workspace = await load_workspace(session, caller.workspace.id)
        if Permission.DELETE_WORKSPACE not in caller.permissions:
            return workspace, ""
        subscription = await subscription_of(session, workspace.id)
        plan = current_resources().plan_of(workspace)
        credits = await usage_of(session, workspace.id, Unit.CREDIT, plan)
        return workspace, lost_by_deletion(subscription, credits.topped_up, ZoneInfo(workspace.time_zone))

    def _show(self, read: tuple[WorkspaceView, str], caller: MemberCaller) -> None:
        found, self.deletion_loss = read
        self.is_owner = Permission.DELETE_WORKSPACE in caller.permissions
        # What was typed stays in the form: when it was refused, and when the connection was lost and found.
        is_typed = self._filled_for == found.id and (self.is_changed or self._is_saving)
        if not (self.problem or is_typed):
            self._fill(found)

    def _thank(self, _: None) -> Any:
        self.is_saved, self._is_saving = True, False
        self.errors = dict.fromkeys(FIELDS, "")
        if workspace_asked_for(self):
            # By a name in the address, which may be another one now; the session knows the workspace.
            return [told("Saved.", "success"), rx.redirect(PATH)]
        # The sidebar has the name too.
        if self.is_changed:
            return ShellState.open_shell
        # The fields are drawn anew: the focus would be nowhere.
        return [rx.set_focus("save"), ShellState.open_shell]

    def _refuse(self, error: Exception) -> Any:
        super()._refuse(error)
        if self.is_deleting:
            return rx.set_focus("confirm")
        self._keep_typed()
        found = {item.field: item.message for item in error.errors} if isinstance(error, Invalid) else {}
        if isinstance(error, Conflict):
            found = {"slug": error.detail}
        self.errors = dict.fromkeys(FIELDS, "") | {name: found[name] for name in FIELDS if name in found}
        first = next((name for name in FIELDS if name in found), None)
        if first is None:
            return None
        return rx.set_focus(_FIRST_OF.get(first, first if first not in self.hours else f"open_{first}"))

    def _fill(self, workspace: WorkspaceView) -> None:
        self._filled_for = workspace.id
        self.name, self.slug, self.voice = workspace.name, workspace.slug, workspace.voice
        self.threshold = f"{round(workspace.confidence_threshold, 4):g}"
        self.threshold_note = _threshold_in_words(self.threshold)
        self.allowed_domains = "\n".join(workspace.allowed_domains)
        self.time_zone = workspace.time_zone
        self.languages = list(workspace.languages)
        known = {code for code, _ in LANGUAGES}
        self.other_languages = [code for code in workspace.languages if code not in known]
        self.main_language = workspace.languages[0] if workspace.languages else ""
        self.greeting = workspace.greeting
        self.suggestions = "\n".join(workspace.suggestions)
        self.hours = week_of(workspace.business_hours)
        self.holidays = "\n".join(workspace.holidays)
        self._tell_time()
        self.errors = dict.fromkeys(FIELDS, "")
        self.is_changed = False
        self.drawn += 1

    def _keep_typed(self) -> None:
        self.is_changed, self._is_saving = True, False

    def _change_day(self, day: object, change: Any) -> None:
        if isinstance(day, str) and day in self.hours:
            self.hours = dict(self.hours) | {day: change(self.hours[day])}
            self.is_changed = True
            self._tell_time()

    def _tell_time(self) -> None:
        """What the time zone and the hours that stand in the form mean at this moment."""
        moment = now()
        if not _is_zone(self.time_zone):
            self.zone_note = self.hours_note = ""
            return
        self.zone_note = _clock_in_words(moment.astimezone(ZoneInfo(self.time_zone)))
        try:
            self.hours_note = opening_in_words(self.hours, self.time_zone, moment, self.holidays.splitlines())
        except ValueError:
            # A time that is being typed.
            self.hours_note = ""


def _is_zone(zone: object) -> bool:
    return isinstance(zone, str) and zone in available_timezones()


def _clock_in_words(local: datetime) -> str:
    offset = f"{local:%z}"
    return f"It is {local:%H:%M} there now, UTC{offset[:3]}:{offset[3:5]}."


def _threshold_in_words(text: str) -> str:
    value = threshold_in(text)
    if not isinstance(value, float) or not math.isfinite(value) or not 0 <= value <= 1:
        return "A number from 0 to 1."
    if value == 0:
        return "Every answer is given as it is, however unsure."
    if value == 1:
        return "A person is asked to look at every answer."
    return (
        f"A person is asked to look at answers that are likely to be right less than {value:.0%} of the time."
    )
