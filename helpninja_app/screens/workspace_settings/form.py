"""The settings' form as it comes over the websocket, made into settings or into a sentence per field."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from helpninja_app.accounts.callers import WorkspaceView
from helpninja_app.accounts.workspace_settings import WorkspaceChanges
from helpninja_app.errors import FieldError, Invalid
from helpninja_app.screens.session import is_checked, text_in
from helpninja_app.screens.workspace_settings.hours import DAYS, day_in, stored_day

# The languages that the widget speaks; a workspace may have others.
LANGUAGES = (
    ("en", "English"),
    ("de", "German"),
    ("fr", "French"),
    ("es", "Spanish"),
    ("pt", "Portuguese"),
    ("it", "Italian"),
    ("nl", "Dutch"),
    ("pl", "Polish"),
    ("ja", "Japanese"),
    ("ar", "Arabic"),
)
# What the API calls a setting: our field, and what is said where the rule itself has no sentence for people.
_FIELDS = {
    "name": ("name", "Give the workspace a name of at most 100 characters"),
    "slug": ("slug", "Small letters, digits and dashes only, at most 63, and no dash at the beginning"),
    "voice": ("voice", "Choose one of the voices"),
    "threshold": ("threshold", "This has to be a number from 0 to 1, such as 0.55"),
    "allowedDomains": ("allowed_domains", "At most 100 websites can be listed"),
    "timeZone": ("time_zone", "This is not a time zone of the IANA database, such as Europe/Berlin"),
    "holidays": ("holidays", "At most 100 days can be listed"),
    "languages": ("languages", "At most 20 languages can be chosen"),
    "greeting": ("greeting", "At most 500 characters"),
    "suggestions": ("suggestions", "At most six questions, each of at most 200 characters"),
}
FIELDS = (*(field for field, _ in _FIELDS.values()), *(day for day, _ in DAYS))


def changes_in(form: object, workspace: WorkspaceView) -> WorkspaceChanges:
    """Everything that the form holds; ``Invalid`` with an error for each field that cannot be.

    Where there is no field for something, it stays as it is.
    """
    slug = text_in(form, "slug").lower()
    values: dict[str, Any] = {
        "name": text_in(form, "name"),
        # One that is reserved may have been there before it was.
        "slug": None if slug == workspace.slug else slug,
        "voice": text_in(form, "voice"),
        "threshold": threshold_in(text_in(form, "threshold")),
        "allowedDomains": _lines(text_in(form, "allowed_domains", 30_000)),
        "timeZone": text_in(form, "time_zone"),
        "holidays": _lines(text_in(form, "holidays", 5_000)),
        "languages": _languages(form, workspace),
        "greeting": text_in(form, "greeting"),
        "suggestions": _lines(text_in(form, "suggestions", 5_000)),
    }
    errors: dict[str, str] = {}
    hours: dict[str, list[list[str]]] = {}
    for day, _ in DAYS:
        wanted = day_in(form, day)
        hours[day] = stored_day(wanted)
        if wanted.is_open and not wanted.spans:
            errors[day] = "Say from when to when, or switch the day off"
        elif not all(span.start and span.end for span in wanted.spans):
            errors[day] = "Say both when it begins and when it ends"
        else:
            errors |= _errors_of({"businessHours": {day: hours[day]}}, at=day)
    errors = _errors_of(values) | errors
    if errors:
        raise Invalid(
            "Nothing is saved yet: please look at the field that is marked."
            if len(errors) == 1
            else f"Nothing is saved yet: please look at the {len(errors)} fields that are marked.",
            errors=tuple(FieldError(field, f"{message}.") for field, message in errors.items()),
        )
    return WorkspaceChanges.model_validate(values | {"businessHours": hours})


def threshold_in(text: str) -> float | str:
    """A number as people write it; what is none is left to the rule to refuse."""
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return text


def _errors_of(values: dict[str, Any], at: str = "") -> dict[str, str]:
    try:
        WorkspaceChanges.model_validate(values)
    except ValidationError as error:
        found: dict[str, str] = {}
        for item in error.errors():
            field, otherwise = _FIELDS.get(str(item["loc"][0]), (at, "This cannot be"))
            said = str(item["msg"])
            is_ours = item["type"] == "value_error"
            found.setdefault(at or field, said.removeprefix("Value error, ") if is_ours else otherwise)
        return found
    return {}


def _languages(form: object, workspace: WorkspaceView) -> list[str]:
    """Those that are chosen, the main one first and the others in the order they had."""
    known = (*workspace.languages, *(code for code, _ in LANGUAGES))
    chosen = [code for code in known if is_checked(form, f"language_{code}")]
    main = text_in(form, "main_language", 2)
    return list(dict.fromkeys([main, *chosen] if main else chosen))


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
