"""Variables of canned replies: ``{{visitor.name}}``, or ``{{visitor.name|there}}`` with words for no name.

What is put in is never read for variables again, so that a visitor called ``{{member.name}}`` gets just that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from helpninja_app.errors import FieldError, Invalid

VARIABLES = ("visitor.name", "member.name", "workspace.name", "conversation.page")

MOST_SIGNS = 300
_HOLE = re.compile(r"\{\{([^{}]*)\}\}")
_BRACES = re.compile(r"\{\{|\}\}")
# What could become a link or an image in Markdown, in which a reply is shown; names do without these.
_MARKUP = re.compile(r"[<>`\\]|(?<=\])(?=[(\[])")
_SHOWN_NAME = 60


@dataclass(frozen=True, slots=True)
class FilledText:
    """``missing`` are variables without a value and without words in its place: they left nothing behind."""

    text: str
    missing: tuple[str, ...]


def check_variables(text: str) -> None:
    """``Invalid`` naming each variable that does not exist, and braces that hold none."""
    names = {_split(found.group(1))[0]: None for found in _HOLE.finditer(text)}
    errors = [
        FieldError(
            "body.text",
            f"There is no variable {{{{{name[:_SHOWN_NAME]}}}}}. There are: {', '.join(VARIABLES)}.",
        )
        for name in names
        if name not in VARIABLES
    ]
    if not errors and _BRACES.search(_HOLE.sub("", text)):
        errors.append(FieldError("body.text", "Two braces without a variable between {{ and }}."))
    if errors:
        raise Invalid(errors=tuple(errors))


def fill_variables(text: str, values: Mapping[str, str]) -> FilledText:
    """``text`` with each variable replaced by its value, or by the words behind its bar."""
    missing: dict[str, None] = {}

    def put(found: re.Match[str]) -> str:
        name, instead = _split(found.group(1))
        if name not in VARIABLES:
            return found.group(0)
        value = _harmless(values.get(name, ""), is_address=name == "conversation.page")
        if value:
            return value
        if instead is None:
            missing[name] = None
        return instead or ""

    return FilledText(_HOLE.sub(put, text), tuple(missing))


def with_names(text: str, names: Mapping[str, str]) -> str:
    """``text`` with each variable replaced by what it is called, for people who look for a reply."""
    return _HOLE.sub(lambda found: names.get(_split(found.group(1))[0], found.group(0)), text)


def _split(inside: str) -> tuple[str, str | None]:
    name, bar, instead = inside.partition("|")
    return name.strip(), instead.strip() if bar else None


def _harmless(value: str, *, is_address: bool) -> str:
    """One line of words without control characters and, unless it is an address, without Markdown."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in value).split())[:MOST_SIGNS]
    if not is_address:
        return " ".join(_MARKUP.sub(" ", line).split())
    is_web = line.startswith(("https://", "http://")) and not re.search(r"[\s<>\[\]()`\\*]", line)
    return line if is_web else ""
