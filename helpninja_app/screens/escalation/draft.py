"""The conditions of a rule while they are put together: a tree as the list of its lines, and back."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from helpninja_app.conversations.rules.conditions import (
    DEEPEST,
    MAX_VALUE,
    MOST_CONDITIONS,
    MOST_VALUES,
    Condition,
    Confidence,
    Group,
    Keyword,
    MessageCount,
    Page,
    Time,
)
from helpninja_app.errors import Invalid
from helpninja_app.screens.session import text_in

GROUP = "group"
ROOT = "1"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# The first operator of each kind is the one that it begins with.
OPERATORS: dict[str, tuple[tuple[str, str], ...]] = {
    "keyword": (("any", "has any of"), ("all", "has all of"), ("none", "has none of")),
    "confidence": (("below", "is below"), ("above", "is above")),
    "page": (
        ("begins_with", "begins with"),
        ("is", "is"),
        ("is_not", "is not"),
        ("contains", "contains"),
    ),
    "time": (
        ("outside_business_hours", "is outside business hours"),
        ("inside_business_hours", "is inside business hours"),
        ("between", "is between"),
    ),
    "message_count": (("at_least", "are at least"), ("at_most", "are at most")),
    GROUP: (("all", "All of these"), ("any", "Any of these")),
}
FACTS: tuple[tuple[str, str], ...] = (
    ("keyword", "The question"),
    ("confidence", "The confidence"),
    ("page", "The page"),
    ("time", "The time"),
    ("message_count", "Messages so far"),
)
MAX_TYPED = MAX_VALUE * MOST_VALUES
_MOST_MESSAGES = 10_000
# Of quotes the straight ones, and no second line.
_STRAIGHT = str.maketrans({"“": '"', "”": '"', "„": '"', "\n": ",", "\r": None})


@dataclass(frozen=True)
class Line:
    """A group or a condition; ``depth`` counts from 0, for the group that holds everything.

    ``value`` is a number as it is typed, ``words`` are words or pages with commas between them. ``number``
    tells lines of a kind apart where they are read out.
    """

    id: str
    depth: int
    kind: str
    operator: str
    number: int = 0
    value: str = ""
    words: str = ""
    begin: str = ""
    end: str = ""
    days: list[str] = field(default_factory=list)
    problem: str = ""
    may_nest: bool = False


def new_draft() -> list[Line]:
    return numbered([_new(ROOT, 0, GROUP), _new("2", 1, "keyword")])


def lines_of(group: Group) -> list[Line]:
    """What is there, to be changed."""
    return numbered([replace(line, id=str(at)) for at, line in enumerate(_lines(group, 0), 1)])


def with_line(lines: Sequence[Line], group_id: str, *, is_group: bool) -> tuple[list[Line], str]:
    """One more condition or group at the end of a group, and its id; ``Invalid`` where it has no room."""
    at = _place(lines, group_id)
    if sum(line.kind != GROUP for line in lines) >= MOST_CONDITIONS:
        raise Invalid(f"A rule has at most {MOST_CONDITIONS} conditions.")
    group, end, next_id = lines[at], _end(lines, at), max(int(line.id) for line in lines) + 1
    if group.kind != GROUP or (is_group and not group.may_nest):
        raise Invalid(f"Groups can be nested {DEEPEST} deep.")
    added = [_new(str(next_id), group.depth + 1, GROUP if is_group else "keyword")]
    if is_group:
        # An empty group would match nothing: it begins with a condition, and with the other word.
        other = "any" if group.operator == "all" else "all"
        added = [replace(added[0], operator=other), _new(str(next_id + 1), group.depth + 2, "keyword")]
    return numbered([*lines[:end], *added, *lines[end:]]), str(next_id)


def without(lines: Sequence[Line], id: str) -> tuple[list[Line], str]:
    """The lines without one and all that is in it, and the id of the group it stood in."""
    at = _place(lines, id)
    if at == 0:
        raise Invalid("A rule needs a condition.")
    above = next(line.id for line in reversed(lines[:at]) if line.depth < lines[at].depth)
    return numbered([*lines[:at], *lines[_end(lines, at) :]]), above


def changed(lines: Sequence[Line], id: str, *, kind: str = "", operator: str = "") -> list[Line]:
    """A line of another kind or with another operator; what is not known changes nothing."""
    at = _place(lines, id)
    line = lines[at]
    if kind in dict(FACTS) and line.kind != GROUP:
        line = replace(line, kind=kind, operator=OPERATORS[kind][0][0], problem="")
    if operator in dict(OPERATORS[line.kind]):
        line = replace(line, operator=operator, problem="")
    return [*lines[:at], line, *lines[at + 1 :]]


def typed(lines: Sequence[Line], form: object) -> list[Line]:
    """The lines with what stands in the fields of the form, and with what is wrong with each."""
    filled = [
        replace(
            line,
            value=text_in(form, f"value-{line.id}", 20),
            words=text_in(form, f"words-{line.id}", MAX_TYPED),
            begin=text_in(form, f"begin-{line.id}", 5),
            end=text_in(form, f"end-{line.id}", 5),
            days=[day for day in DAYS if text_in(form, f"{day}-{line.id}")],
        )
        for line in lines
    ]
    return [replace(line, problem=_problem(filled, at)) for at, line in enumerate(filled)]


def as_json(lines: Sequence[Line]) -> dict[str, Any]:
    """What ``read_group`` reads, of lines without a problem."""
    return _json(lines, 0)


def numbered(lines: Sequence[Line]) -> list[Line]:
    counts = {True: 0, False: 0}
    result = []
    for line in lines:
        counts[line.kind == GROUP] += 1
        is_nestable = line.kind == GROUP and line.depth < DEEPEST - 1
        result.append(replace(line, number=counts[line.kind == GROUP], may_nest=is_nestable))
    return result


def values_in(text: str) -> list[str]:
    """What stands between commas; quotes keep one that belongs to a phrase."""
    row = next(csv.reader([text.translate(_STRAIGHT)], skipinitialspace=True), [])
    return [value.strip() for value in row if value.strip()]


def share_in(text: str) -> float | None:
    """``70``, ``70 %`` or ``62.5``, as a share between 0 and 1; ``None`` for what is none."""
    try:
        share = float(text.removesuffix("%").strip().replace(",", ".")) / 100
    except ValueError:
        return None
    return round(share, 6) if 0 <= share <= 1 else None


def count_in(text: str) -> int | None:
    is_number = text.isascii() and text.isdigit() and len(text) < 9
    return int(text) if is_number and 1 <= int(text) <= _MOST_MESSAGES else None


def _new(id: str, depth: int, kind: str) -> Line:
    return Line(id, depth, kind, OPERATORS[kind][0][0])


def _place(lines: Sequence[Line], id: str) -> int:
    found = next((at for at, line in enumerate(lines) if line.id == id), None)
    if found is None:
        raise Invalid("This condition is not there any more.")
    return found


def _end(lines: Sequence[Line], at: int) -> int:
    """The place behind a line and all that is in it."""
    inside = (later for later in range(at + 1, len(lines)) if lines[later].depth <= lines[at].depth)
    return next(inside, len(lines))


def _lines(condition: Condition, depth: int) -> Iterator[Line]:
    match condition:
        case Group():
            yield Line("", depth, GROUP, condition.match)
            for each in condition.conditions:
                yield from _lines(each, depth + 1)
        case Confidence():
            yield Line("", depth, "confidence", condition.operator, value=f"{condition.value * 100:g}")
        case Keyword() | Page():
            yield Line("", depth, condition.fact, condition.operator, words=_joined(condition.values))
        case MessageCount():
            yield Line("", depth, "message_count", condition.operator, value=str(condition.value))
        case Time():
            begin, end = condition.begin or "", condition.end or ""
            days: list[str] = list(condition.days)
            yield Line("", depth, "time", condition.operator, begin=begin, end=end, days=days)


def _joined(values: Sequence[str]) -> str:
    return ", ".join(map(_quoted, values))


def _quoted(value: str) -> str:
    """In quotes where a comma belongs to it."""
    written = io.StringIO()
    csv.writer(written, lineterminator="").writerow([value])
    return written.getvalue()


def _json(lines: Sequence[Line], at: int) -> dict[str, Any]:
    line = lines[at]
    if line.kind == GROUP:
        inner = [_json(lines, each) for each in _children(lines, at)]
        return {"match": line.operator, "conditions": inner}
    made: dict[str, Any] = {"fact": line.kind, "operator": line.operator}
    if line.kind in {"keyword", "page"}:
        made["values"] = values_in(line.words)
    elif line.kind == "confidence":
        made["value"] = share_in(line.value)
    elif line.kind == "message_count":
        made["value"] = count_in(line.value)
    elif line.operator == "between":
        made |= {"from": line.begin, "to": line.end, "days": list(line.days)}
    return made


def _children(lines: Sequence[Line], at: int) -> list[int]:
    return [each for each in range(at + 1, _end(lines, at)) if lines[each].depth == lines[at].depth + 1]


def _problem(lines: Sequence[Line], at: int) -> str:
    """What is wrong with a line, as a sentence; empty when nothing is."""
    line = lines[at]
    match line.kind:
        case "group":
            return "" if _children(lines, at) else "This group is empty: add a condition, or remove it."
        case "confidence":
            return "" if share_in(line.value) is not None else "Type a number from 0 to 100."
        case "message_count":
            is_number = count_in(line.value) is not None
            return "" if is_number else f"Type a number from 1 to {_MOST_MESSAGES:,}."
        case "time":
            is_whole = line.operator != "between" or (line.begin and line.end)
            return "" if is_whole else "Choose both times."
    values = values_in(line.words)
    if not values:
        return "Type a word." if line.kind == "keyword" else "Type a page, such as /pricing."
    if len(values) > MOST_VALUES:
        return f"These are more than {MOST_VALUES}."
    if any(len(value) > MAX_VALUE for value in values):
        return f"One of these is longer than {MAX_VALUE} characters."
    if line.kind == "keyword" and not all(any(map(str.isalnum, value)) for value in values):
        return "One of these has no word in it."
    return ""
