"""What states, reasons and changes of a conversation are called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from uuid import UUID

from helpninja_app.accounts.members import MemberView
from helpninja_app.conversations.bulk import Outcome
from helpninja_app.conversations.models import Reason, Status
from helpninja_app.conversations.timeline import TimelineChange
from helpninja_app.screens.knowledge.rows import percent
from helpninja_app.screens.workspace_settings.form import LANGUAGES
from helpninja_app.ui.badges import BadgeTone
from helpninja_app.ui.times import duration_in_words

STATUSES: dict[Status, tuple[BadgeTone, str]] = {
    Status.BOT: ("accent", "Assistant"),
    Status.WAITING: ("warning", "Waiting"),
    Status.HUMAN: ("neutral", "With a person"),
    Status.RESOLVED: ("success", "Resolved"),
}
REASONS: dict[Reason, str] = {
    Reason.LOW_CONFIDENCE: "low confidence",
    Reason.VISITOR_REQUEST: "asked for a person",
    Reason.NO_ANSWER: "no answer found",
    Reason.RULE: "by a rule",
    Reason.PROVIDER_ERROR: "the model failed",
    Reason.NEGATIVE_FEEDBACK: "thumbs down",
    Reason.USAGE_LIMIT: "messages used up",
}
_WHY: dict[Reason, str] = {
    Reason.VISITOR_REQUEST: "the visitor asked for a person",
    Reason.NO_ANSWER: "nothing in the knowledge answers it",
    Reason.RULE: "a rule of yours matched",
    Reason.PROVIDER_ERROR: "the model could not be reached",
    Reason.NEGATIVE_FEEDBACK: "the visitor was not helped by the answers",
    Reason.USAGE_LIMIT: "this month's messages are used up",
}
# Of the languages that many visitors have; the tag stands for any other.
_LANGUAGES = {
    **dict(LANGUAGES),
    "bg": "Bulgarian",
    "bn": "Bengali",
    "ca": "Catalan",
    "cs": "Czech",
    "da": "Danish",
    "el": "Greek",
    "et": "Estonian",
    "fa": "Persian",
    "fi": "Finnish",
    "he": "Hebrew",
    "hi": "Hindi",
    "hr": "Croatian",
    "hu": "Hungarian",
    "id": "Indonesian",
    "ko": "Korean",
    "lt": "Lithuanian",
    "lv": "Latvian",
    "ms": "Malay",
    "nb": "Norwegian",
    "no": "Norwegian",
    "ro": "Romanian",
    "ru": "Russian",
    "sk": "Slovak",
    "sl": "Slovenian",
    "sr": "Serbian",
    "sv": "Swedish",
    "ta": "Tamil",
    "th": "Thai",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "ur": "Urdu",
    "vi": "Vietnamese",
    "zh": "Chinese",
}
_HOUR = 9
_MONDAY = 0
SNOOZES = (
    ("hour", "For an hour"),
    ("afternoon", "For four hours"),
    ("tomorrow", "Until tomorrow, 09:00"),
    ("monday", "Until Monday, 09:00"),
)


def reason_in_words(reason: str | None) -> str:
    return REASONS[Reason(reason)] if reason in set(Reason) else ""


def waiting_in_words(since: datetime | None, moment: datetime) -> str:
    """How long a visitor waits, such as ``Waiting 12 min``; empty for whom nobody has to answer."""
    if since is None:
        return ""
    waits = moment - since
    return "Waiting" if waits < timedelta(minutes=1) else f"Waiting {duration_in_words(waits)}"


def done_in_words(outcome: Outcome, what: str) -> str:
    """That several conversations are ``what`` now, such as resolved; how many are not, and why."""
    done = len(outcome.done)
    why_not = {f"{reason[:1].lower()}{reason[1:]}": number for reason, number in outcome.refused.items()}
    if not done:
        return f"Nothing was changed: {' '.join(why_not)}"
    said = f"{done} conversations are {what}." if done > 1 else f"1 conversation is {what}."
    left = (f"{n} were not: {reason}" if n > 1 else f"1 was not: {reason}" for reason, n in why_not.items())
    return " ".join((said, *left))


def why(reason: str, confidence: float | None, threshold: float) -> str:
    """The reason as the end of a sentence, with the numbers behind it."""
    if reason not in set(Reason):
        return reason
    if Reason(reason) is not Reason.LOW_CONFIDENCE:
        return _WHY[Reason(reason)]
    if confidence is None:
        return f"its confidence is under your {percent(threshold)}"
    return f"confidence {percent(confidence)} is under your {percent(threshold)}"


def change_in_words(
    change: TimelineChange, names: Mapping[str, str], confidence: float | None, threshold: float
) -> str:
    """Who moved the conversation where, and why; ``names`` are those of members by their id."""
    who = name_of_actor(change.actor, names)
    match Status(change.to_status):
        case Status.WAITING | Status.HUMAN | Status.BOT if change.reason == "reopened":
            return f"{who} opened it again."
        case Status.WAITING:
            return f"Handed over to people: {why(change.reason, confidence, threshold)}."
        case Status.HUMAN:
            return f"{who} took over. The assistant is silent."
        case Status.RESOLVED:
            return f"{who} resolved it."
        case Status.BOT if change.actor == "visitor":
            _, _, rating = change.reason.partition("; ")
            before = f" {rating[0].upper()}{rating[1:]}" if rating else ""
            return f"The visitor wrote again, and the assistant answers.{before}"
        case Status.BOT:
            return f"{who} handed it back to the assistant."


def rating_in_words(csat: int | None) -> tuple[str, BadgeTone]:
    """How good a visitor found a conversation, and how that looks; empty where they have not said."""
    if csat is None:
        return "", "neutral"
    return f"{csat} of 5", "success" if csat >= 4 else "danger" if csat <= 2 else "neutral"


def member_labels(members: Sequence[MemberView]) -> dict[UUID, str]:
    """What members are called: by their names, or addresses where they have none, and by both where another
    one has the same name."""
    names = {each.user_id: each.name or each.email for each in members}
    alike = Counter(name.casefold() for name in names.values())
    return {
        each.user_id: names[each.user_id]
        if alike[names[each.user_id].casefold()] == 1
        else f"{each.name} ({each.email})"
        for each in members
    }


def name_of_actor(actor: str, names: Mapping[str, str]) -> str:
    kind, _, id = actor.partition(":")
    if kind == "member":
        return names.get(id, "A former member")
    return {"bot": "The assistant", "visitor": "The visitor", "key": "A program"}.get(kind, "Somebody")


def snooze_until(choice: str, moment: datetime, zone: tzinfo) -> datetime | None:
    """When a choice of ``SNOOZES`` ends, by the clocks of ``zone``; ``None`` for anything else."""
    there = moment.astimezone(zone)
    match choice:
        case "hour":
            return moment + timedelta(hours=1)
        case "afternoon":
            return moment + timedelta(hours=4)
        case "tomorrow":
            days = 1
        case "monday":
            days = (_MONDAY - there.weekday()) % 7 or 7
        case _:
            return None
    # The day is counted on their calendar: an hour that summer time takes away is no hour less.
    day = there.date() + timedelta(days=days)
    return datetime(day.year, day.month, day.day, _HOUR, tzinfo=zone)


def language_in_words(tag: str) -> str:
    """``German``, ``Portuguese (pt-BR)``, or the tag itself."""
    name = _LANGUAGES.get(tag.partition("-")[0].lower(), "")
    return f"{name} ({tag})" if name and "-" in tag else name or tag
