"""Labelled sets and users' own question files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from helpninja_app.answers.evaluation.dataset import load_dataset, load_question_file
from helpninja_app.answers.standalone import Turn
from helpninja_app.errors import Invalid

DOCUMENT = {"id": "d1", "title": "Returns", "text": "Within 30 days."}
QUESTION = {
    "id": "q1",
    "text": "And abroad?",
    "history": [{"role": "user", "text": "How long?"}, {"role": "agent", "text": "30 days."}],
    "relevant": ["d1"],
    "answerable": True,
    "domain": "shop",
}


def write_set(folder: Path, documents: list[object], questions: list[object]) -> Path:
    for name, rows in (("corpus", documents), ("queries", questions)):
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_a_set_is_read_with_its_conversations(tmp_path: Path) -> None:
    found = load_dataset(write_set(tmp_path, [DOCUMENT], [QUESTION]))
    assert (found.name, found.documents[0].text) == (tmp_path.name, "Within 30 days.")
    question = found.questions[0]
    assert question.history == (Turn("user", "How long?"), Turn("assistant", "30 days."))
    assert (question.relevant, question.answerable, question.group) == (frozenset({"d1"}), True, "shop")


@pytest.mark.parametrize(
    ("documents", "questions", "message"),
    [
        ([], [QUESTION], "corpus.jsonl has no rows"),
        ([DOCUMENT], [], "queries.jsonl has no rows"),
        (["{"], [QUESTION], "corpus.jsonl, line 1: not JSON"),
        ([DOCUMENT, "[]"], [QUESTION], "corpus.jsonl, line 2: not an object"),
        ([{"id": "d1", "title": ""}], [QUESTION], "corpus.jsonl, line 1: text is missing"),
        ([DOCUMENT, DOCUMENT], [QUESTION], "corpus.jsonl: the id d1 comes twice"),
        ([DOCUMENT], [QUESTION, QUESTION], "queries.jsonl: the id q1 comes twice"),
        ([DOCUMENT], [QUESTION | {"id": 7}], "queries.jsonl, line 1: id is not a text"),
        ([DOCUMENT], [QUESTION | {"relevant": "d1"}], "relevant must be a list"),
        ([DOCUMENT], [QUESTION | {"answerable": "yes"}], "answerable must be true or false"),
        ([DOCUMENT], [QUESTION | {"history": {}}], "history must be a list"),
        ([DOCUMENT], [QUESTION | {"history": [{"role": "cat", "text": ""}]}], "must have a role"),
        ([DOCUMENT], [QUESTION | {"relevant": ["d9"]}], "none of the relevant ids"),
    ],
)
def test_a_faulty_set_is_refused_with_the_place_of_the_fault(
    tmp_path: Path, documents: list[object], questions: list[object], message: str
) -> None:
    with pytest.raises(Invalid, match=message.replace("{", r"\{")):
        load_dataset(write_set(tmp_path, documents, questions))


def test_a_missing_folder_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"corpus\.jsonl in nowhere cannot be read"):
        load_dataset(tmp_path / "nowhere")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_from_a_spreadsheet_is_read_whatever_its_separator(tmp_path: Path, separator: str) -> None:
    path = tmp_path / "mine.csv"
    rows = [["URL", "Question"], ["https://a/x https://a/y", '"Hi, who?\nMe; you"'], ["", "Nowhere?"], []]
    path.write_bytes("\r\n".join(separator.join(row) for row in rows).encode("utf-8-sig"))
    first, second = load_question_file(path)
    assert (first.text, first.relevant) == ("Hi, who?\nMe; you", frozenset({"https://a/x", "https://a/y"}))
    assert first.answerable
    assert (second.text, second.answerable) == ("Nowhere?", False)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "must name the columns"),
        (b"frage,seite\na,b\n", "must name the columns"),
        (b"question,url\n", "has no questions"),
        (b"question,url\nok,\n ,https://a\n", "line 3: the question is empty"),
        (b"question,url\n\xff\xfe,\n", "is not UTF-8"),
    ],
)
def test_a_faulty_table_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "mine.csv"
    path.write_bytes(content)
    with pytest.raises(Invalid, match=message):
        load_question_file(path)


def test_a_missing_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"none\.csv cannot be read"):
        load_question_file(tmp_path / "none.csv")
