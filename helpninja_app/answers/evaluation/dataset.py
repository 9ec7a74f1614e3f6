"""Owns the reading of labelled questions: our set format, and a user's own table of questions and pages."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from helpninja_app.answers.standalone import Turn
from helpninja_app.errors import Invalid

CORPUS = "corpus.jsonl"
QUERIES = "queries.jsonl"

_ROLES: Mapping[str, Literal["user", "assistant"]] = {
    "user": "user",
    "visitor": "user",
    "agent": "assistant",
    "assistant": "assistant",
    "bot": "assistant",
}


@dataclass(frozen=True, slots=True)
class LabelledDocument:
    """A text that questions may be answered from."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class LabelledQuestion:
    """A question with the ids of the documents that answer it (none where it is not answerable).

    ``history`` is the conversation before it, oldest first. ``group`` says what it belongs to (a domain, a
    language): questions of a group are held out together when a model is judged. Empty where the set does not
    say.
    """

    id: str
    text: str
    relevant: frozenset[str]
    answerable: bool
    history: tuple[Turn, ...] = ()
    group: str = ""


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """Documents and questions about them; ``name`` is that of the folder."""

    name: str
    documents: tuple[LabelledDocument, ...]
    questions: tuple[LabelledQuestion, ...]


def load_dataset(folder: Path) -> LabelledSet:
    """The set in ``folder``: ``corpus.jsonl`` and ``queries.jsonl``.

    Rows of the corpus are ``{id, title, text}``, rows of the queries ``{id, text, history, relevant,
    answerable}``, with ``history`` as ``[{role: user|agent, text}]`` and an optional ``domain``. Raises
    ``Invalid`` naming the file, the line and what is wrong with it: a missing file, a line that is no JSON
    object, a field that is missing or of the wrong type, an id that comes twice; or that questions and corpus
    do not belong together.
    """
    documents = tuple(_document(row, where) for row, where in _rows(folder / CORPUS))
    known = _unique((document.id for document in documents), CORPUS)
    questions = tuple(_question(row, where) for row, where in _rows(folder / QUERIES))
    _unique((question.id for question in questions), QUERIES)
    if not documents or not questions:
        raise Invalid(f"{folder.name}: {CORPUS if not documents else QUERIES} has no rows.")
    relevant = frozenset().union(*(question.relevant for question in questions))
    if relevant and relevant.isdisjoint(known):
        raise Invalid(f"{folder.name}: none of the relevant ids of {QUERIES} is in {CORPUS}.")
    return LabelledSet(folder.resolve().name, documents, questions)


def load_question_file(path: Path) -> tuple[LabelledQuestion, ...]:
    """Questions of a CSV file with the columns ``question`` and ``url``, the page that is expected to answer.

    An empty url means that no page answers the question; several are separated by blanks. Comma, semicolon or
    tab, UTF-8 with or without byte order mark. Ids are line numbers. Raises ``Invalid`` naming the line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise Invalid(f"{path.name} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise Invalid(f"{path.name} is not UTF-8; please save it as CSV UTF-8.") from error
    header = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=header.count))
    try:
        names = [name.strip().lower() for name in next(reader, [])]
        if "question" not in names or "url" not in names:
            raise Invalid(f"{path.name}: the first line must name the columns question and url.")
        questions = tuple(
            _asked(cells, names, f"{path.name}, line {reader.line_num}", str(reader.line_num))
            for cells in reader
            if any(cell.strip() for cell in cells)
        )
    except csv.Error as error:
        raise Invalid(f"{path.name}, line {reader.line_num}: {error}.") from error
    if not questions:
        raise Invalid(f"{path.name} has no questions.")
    return questions


def load_requests(path: Path, *, at_most: int) -> tuple[LabelledQuestion, ...]:
    """Requests that no document answers, from the ``text`` of each JSON line; evenly thinned to ``at_most``.

    For teaching what a question looks like that is out of any scope. Raises ``Invalid`` naming the line.
    """
    rows = list(_rows(path))
    step = max(len(rows) // at_most, 1)
    return tuple(
        LabelledQuestion(str(number), _text(row, "text", where), frozenset(), answerable=False)
        for number, (row, where) in enumerate(rows[::step][:at_most])
    )


def _asked(cells: list[str], names: list[str], where: str, number: str) -> LabelledQuestion:
    row = dict(zip(names, (cell.strip() for cell in cells), strict=False))
    if not row.get("question"):
        raise Invalid(f"{where}: the question is empty.")
    urls = frozenset(row.get("url", "").split())
    return LabelledQuestion(number, row["question"], urls, answerable=bool(urls))


def _document(row: Mapping[str, Any], where: str) -> LabelledDocument:
    return LabelledDocument(
        _text(row, "id", where), _text(row, "title", where, default=""), _text(row, "text", where)
    )


def _question(row: Mapping[str, Any], where: str) -> LabelledQuestion:
    relevant = row.get("relevant")
    if not isinstance(relevant, list) or not all(isinstance(item, str) for item in relevant):
        raise Invalid(f"{where}: relevant must be a list of ids.")
    answerable = row.get("answerable")
    if not isinstance(answerable, bool):
        raise Invalid(f"{where}: answerable must be true or false.")
    return LabelledQuestion(
        id=_text(row, "id", where),
        text=_text(row, "text", where),
        relevant=frozenset(relevant),
        answerable=answerable,
        history=_history(row.get("history", []), where),
        group=_text(row, "domain", where, default=""),
    )


def _history(turns: object, where: str) -> tuple[Turn, ...]:
    if not isinstance(turns, list):
        raise Invalid(f"{where}: history must be a list of turns.")
    history = []
    for turn in turns:
        role = _ROLES.get(str(turn.get("role"))) if isinstance(turn, dict) else None
        if role is None or not isinstance(turn.get("text"), str):
            raise Invalid(f"{where}: a turn of the history must have a role (user or agent) and a text.")
        history.append(Turn(role, turn["text"]))
    return tuple(history)


def _rows(path: Path) -> Iterator[tuple[Mapping[str, Any], str]]:
    """The objects of a file of JSON lines, each with where it stands, for messages."""
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                where = f"{path.name}, line {number}"
                try:
                    row = json.loads(line)
                except ValueError as error:
                    raise Invalid(f"{where}: not JSON.") from error
                if not isinstance(row, dict):
                    raise Invalid(f"{where}: not an object.")
                yield row, where
    except OSError as error:
        raise Invalid(f"{path.name} in {path.parent.name} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise Invalid(f"{path.name} is not UTF-8.") from error


def _text(row: Mapping[str, Any], name: str, where: str, *, default: str | None = None) -> str:
    value = row.get(name, default)
    if not isinstance(value, str):
        raise Invalid(f"{where}: {name} is {'missing' if value is None else 'not a text'}.")
    return value


def _unique(ids: Iterator[str], file: str) -> frozenset[str]:
    seen: set[str] = set()
    for identifier in ids:
        if identifier in seen:
            raise Invalid(f"{file}: the id {identifier} comes twice.")
        seen.add(identifier)
    return frozenset(seen)
