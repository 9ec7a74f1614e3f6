"""The settings' form, filled in and sent as anybody with a websocket can send it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from helpninja_app.accounts.callers import WorkspaceView
from helpninja_app.accounts.workspaces import load_workspace
from helpninja_app.resources import Resources
from helpninja_app.screens.shell.state import ShellState
from helpninja_app.screens.workspace_settings.hours import Span, opening_in_words, week_of
from helpninja_app.screens.workspace_settings.state import SettingsState
from tests.factories import Factory, Tenant
from tests.screens.settings_form import form_of, settings_tab
from tests.screens.test_home import call

HOURS = {"mon": [["09:00", "12:00"], ["13:00", "17:30"]], "fri": [["22:00", "24:00"]]}


async def stored(resources: Resources, tenant: Tenant) -> WorkspaceView:
    async with resources.database.unit_of_work(tenant.scope) as session:
        return await load_workspace(session, tenant.id)


def touch(settings: SettingsState, handler: str, *arguments: Any) -> None:
    SettingsState.event_handlers[handler].fn(settings, *arguments)


async def test_settings_are_saved_as_they_were_typed(factory: Factory, resources: Resources) -> None:
    tenant = await factory.tenant()
    settings, form = await settings_tab(factory, tenant)
    changed = form | {
        "name": "Fernway",
        "threshold": "0,7",
        "time_zone": "Europe/Berlin",
        "main_language": "de",
        "language_en": "en",
        "allowed_domains": "Shop.example\n\n*.shop.example",
        "holidays": "2027-01-01\n\n 2026-12-25",
        "open_mon": "on",
        "from_mon_0": "09:00",
        "to_mon_0": "12:00",
        "from_mon_1": "13:00",
        "to_mon_1": "17:30",
        # Reflex sends boxes that have an id as true or false.
        "open_fri": True,
        "open_wed": False,
        "language_fr": False,
        "from_fri_0": "22:00",
        "to_fri_0": "00:00",
        # Of a day that is closed, what stands in its fields does not count.
        "from_sun_0": "09:00",
        "to_sun_0": "08:00",
    }
    focus, renamed = await call(settings, "save", changed)
    assert settings.problem == ""
    assert settings.is_saved
    assert focus.handler.fn.__qualname__ == "_set_focus"
    assert renamed is ShellState.open_shell
    found = await stored(resources, tenant)
    assert (found.name, found.time_zone, found.languages) == ("Fernway", "Europe/Berlin", ("de", "en"))
    assert found.confidence_threshold == pytest.approx(0.7)
    assert found.allowed_domains == ("shop.example", "*.shop.example")
    assert found.business_hours == HOURS
    assert found.holidays == ("2026-12-25", "2027-01-01")
    assert settings.hours["fri"].spans == [Span("22:00", "00:00")]
    assert settings.allowed_domains == "shop.example\n*.shop.example"
    assert not settings.is_changed


async def test_saving_what_is_there_changes_nothing(factory: Factory, resources: Resources) -> None:
    tenant = await factory.tenant()
    settings, form = await settings_tab(factory, tenant)
    full = form | {"main_language": "pt", "language_ja": "ja", "language_ar": "ar", "threshold": "0.4321"}
    await call(settings, "save", full)
    before = await stored(resources, tenant)
    await call(settings, "save", form_of(settings))
    assert settings.problem == ""
    assert await stored(resources, tenant) == before


async def test_languages_beyond_those_of_the_widget_are_kept(factory: Factory, resources: Resources) -> None:
    tenant = await factory.tenant()
    settings, form = await settings_tab(factory, tenant)
    # Nobody is offered Swedish, but the API takes it.
    await call(settings, "save", form | {"main_language": "sv"})
    assert settings.other_languages == ["sv"]
    await call(settings, "save", form_of(settings) | {"language_fr": "fr", "main_language": "fr"})
    assert (await stored(resources, tenant)).languages == ("fr", "sv")
    kept = {name: value for name, value in form_of(settings).items() if name != "language_sv"}
    await call(settings, "save", kept)
    assert (await stored(resources, tenant)).languages == ("fr",)


@pytest.mark.parametrize(
    ("wrong", "field", "sentence"),
    [
        ({"threshold": "high"}, "threshold", "a number from 0 to 1"),
        ({"threshold": "nan"}, "threshold", "a number from 0 to 1"),
        ({"time_zone": "Mars"}, "time_zone", "time zone"),
        ({"time_zone": "../etc/passwd"}, "time_zone", "time zone"),
        ({"open_mon": "on", "from_mon_0": "17:00", "to_mon_0": "09:00"}, "mon", "Spans follow"),
        ({"open_mon": "on", "from_mon_0": "17:00"}, "mon", "both when it begins and when it ends"),
        ({"open_mon": "on"}, "mon", "from when to when"),
        ({"open_tue": "on", "from_tue_0": "25:99", "to_tue_0": "<b>"}, "tue", "Times are written"),
        ({"slug": "Has spaces"}, "slug", "Small letters"),
        ({"slug": "api"}, "slug", "reserved"),
        ({"allowed_domains": "https://shop.example"}, "allowed_domains", "a host such as"),
        ({"name": " "}, "name", "a name"),
        ({"name": ["x"]}, "name", "a name"),
        ({"voice": "angry"}, "voice", "Choose one"),
        ({"main_language": "!!"}, "languages", "ISO 639-1"),
        ({"suggestions": "\n".join("abcdefg")}, "suggestions", "At most six"),
        ({"greeting": "x" * 501}, "greeting", "500"),
    ],
    ids=str,
)
async def test_settings_that_cannot_be_are_said_at_their_field_and_not_saved(
    factory: Factory, resources: Resources, wrong: dict[str, Any], field: str, sentence: str
) -> None:
    tenant = await factory.tenant()
    settings, form = await settings_tab(factory, tenant)
    drawn = settings.drawn
    focus = await call(settings, "save", form | {"greeting": "Changed"} | wrong)
    assert sentence in settings.errors[field]
    assert [name for name, said in settings.errors.items() if said] == [field]
    assert "one field" in settings.problem or "the field" in settings.problem
    assert focus.handler.fn.__qualname__ == "_set_focus"
    # The fields stay as they are, with what was typed.
    assert settings.drawn == drawn
    assert (await stored(resources, tenant)).greeting == ""


async def test_all_mistakes_are_said_at_once_and_go_with_the_next_try(factory: Factory) -> None:
    settings, form = await settings_tab(factory, await factory.tenant())
    await call(settings, "save", form | {"name": "", "time_zone": "Mars", "open_sun": "on"})
    assert {name for name, said in settings.errors.items() if said} == {"name", "time_zone", "sun"}
    assert "3 fields" in settings.problem
    await call(settings, "save", form)
    assert not any(settings.errors.values())


async def test_a_name_in_addresses_that_is_taken_is_said_at_its_field(factory: Factory) -> None:
    other = await factory.tenant()
    settings, form = await settings_tab(factory, await factory.tenant())
    await call(settings, "save", form | {"slug": other.workspace.slug})
    assert "is taken" in settings.errors["slug"]


async def test_hours_are_edited_day_by_day(factory: Factory) -> None:
    settings, _ = await settings_tab(factory, await factory.tenant())
    assert settings.hours_note == "No business hours are set."
    touch(settings, "open_day", "mon", True)
    assert settings.hours["mon"].spans == [Span("09:00", "17:00")]
    touch(settings, "change_time", "mon", 0, "end", "12:00")
    touch(settings, "add_span", "mon")
    touch(settings, "change_time", "mon", 1, "start", "13:00")
    touch(settings, "change_time", "mon", 1, "end", "18:00")
    touch(settings, "copy_monday")
    assert settings.hours["fri"].spans == [Span("09:00", "12:00"), Span("13:00", "18:00")]
    assert not settings.hours["sat"].is_open
    touch(settings, "remove_span", "fri", 0)
    assert settings.hours["fri"].spans == [Span("13:00", "18:00")]
    assert len(settings.hours["mon"].spans) == 2
    touch(settings, "remove_span", "fri", 0)
    assert not settings.hours["fri"].is_open
    assert settings.is_changed
    assert "(UTC)" in settings.hours_note


@pytest.mark.parametrize(
    ("handler", "arguments"),
    [
        ("open_day", ("someday", True)),
        ("open_day", (["mon"], True)),
        ("open_day", ("mon", "yes")),
        ("add_span", (None,)),
        ("remove_span", ("mon", 10**30)),
        ("remove_span", ("mon", "0")),
        ("change_time", ("mon", 0, "__class__", "09:00")),
        ("change_time", ("mon", 0, "start", "<script>")),
        ("change_time", ("mon", -1, "end", {"a": 1})),
        ("choose_zone", ("../../etc/passwd",)),
        ("choose_zone", (["UTC"],)),
        ("offer_zone", ("x" * 100_000,)),
        ("offer_zone", ({},)),
        ("try_threshold", ("x" * 100_000,)),
        ("try_threshold", ({"a": 1},)),
        ("try_threshold", ("inf",)),
        ("take_own_zone", ()),
        ("copy_monday", ()),
    ],
    ids=str,
)
async def test_nonsense_changes_no_hours_and_stays_small(
    factory: Factory, handler: str, arguments: tuple[Any, ...]
) -> None:
    settings, _ = await settings_tab(factory, await factory.tenant())
    touch(settings, handler, *arguments)
    assert not any(day.is_open for day in settings.hours.values())
    assert len(settings.hours) == 7
    assert max(map(len, (settings.time_zone, settings.own_zone, settings.threshold))) <= 64


async def test_nobody_makes_more_than_six_spans(factory: Factory) -> None:
    settings, _ = await settings_tab(factory, await factory.tenant())
    for _ in range(20):
        touch(settings, "add_span", "mon")
    assert len(settings.hours["mon"].spans) == 6


async def test_the_browser_s_own_zone_is_offered_and_taken(factory: Factory) -> None:
    settings, _ = await settings_tab(factory, await factory.tenant())
    touch(settings, "offer_zone", "Asia/Kathmandu")
    assert settings.time_zone == "UTC"
    touch(settings, "take_own_zone")
    assert settings.time_zone == "Asia/Kathmandu"
    assert "UTC+05:45" in settings.zone_note


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("0.55", "less than 55% of the time"),
        ("0,7", "less than 70% of the time"),
        ("0", "Every answer is given"),
        ("1", "asked to look at every answer"),
        ("2", "A number from 0 to 1."),
        ("", "A number from 0 to 1."),
    ],
)
async def test_the_threshold_says_what_it_does(factory: Factory, text: str, note: str) -> None:
    settings, _ = await settings_tab(factory, await factory.tenant())
    touch(settings, "try_threshold", text)
    assert note in settings.threshold_note


@pytest.mark.parametrize(
    ("moment", "hours", "sentence"),
    [
        # A Monday; in Berlin it is two hours later.
        ((1, 8), HOURS, "Open now; closes at 12:00 (Europe/Berlin)."),
        ((1, 10), HOURS, "Closed now; opens at 13:00 (Europe/Berlin)."),
        ((1, 18), HOURS, "Closed now; opens on Friday at 22:00 (Europe/Berlin)."),
        ((5, 21), HOURS, "Open now; closes at midnight (Europe/Berlin)."),
        ((4, 10), HOURS, "Closed now; opens tomorrow at 22:00 (Europe/Berlin)."),
        ((1, 8), {}, "No business hours are set."),
        (
            (1, 8),
            {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")},
            "Open around the clock.",
        ),
        (
            (5, 21),
            {"fri": [["22:00", "24:00"]], "sat": [["00:00", "04:00"]]},
            "Open now; closes tomorrow at 04:00 (Europe/Berlin).",
        ),
    ],
    ids=str,
)
def test_hours_in_words(moment: tuple[int, int], hours: dict[str, list[list[str]]], sentence: str) -> None:
    day, hour = moment
    at = datetime(2026, 6, day, hour, tzinfo=UTC)
    assert opening_in_words(week_of(hours), "Europe/Berlin", at) == sentence
