"""Follow-up questions made searchable."""

from __future__ import annotations

import numpy as np
import pytest

from helpninja_app.answers.standalone import Turn, standalone_query

LONG = "How much does express shipping to Norway cost?"


def unit(*values: float) -> np.ndarray:
    vector = np.array(values, dtype=np.float32)
    return vector / np.linalg.norm(vector)


def test_only_the_visitors_last_three_turns_are_used_latest_first() -> None:
    history = [Turn("user", f"question {number}") for number in range(5)]
    history.insert(4, Turn("assistant", "an answer"))
    assert standalone_query("now?", history).texts == ("now?", "question 4", "question 3", "question 2")


def test_empty_turns_are_skipped() -> None:
    assert standalone_query(LONG, [Turn("user", "  ")]).texts == (LONG,)


def test_each_turn_back_counts_half_of_the_one_after_it() -> None:
    query = standalone_query(LONG, [Turn("user", "two back"), Turn("user", "one back")])
    same = unit(1, 0)
    weighed = query.weigh([same, same, same])
    assert query.texts == (LONG, "one back", "two back")
    assert weighed.weights == (1.0, 0.5, 0.25)


def test_a_new_topic_leaves_the_old_one_behind() -> None:
    weighed = standalone_query(LONG, [Turn("user", "Where is your store?")]).weigh([unit(1, 0), unit(0, 1)])
    assert weighed.weights == (1.0, 0.0)
    assert weighed.vector == pytest.approx(unit(1, 0))


def test_a_turn_that_is_hardly_related_counts_in_proportion() -> None:
    weighed = standalone_query(LONG, [Turn("user", "before")]).weigh([unit(1, 0), np.array([0.1, 0.995])])
    assert weighed.weights[1] == pytest.approx(0.25)


@pytest.mark.parametrize("question", ["And in Austria?", "why?", "なぜ？"])
def test_a_question_too_short_to_show_its_topic_goes_on_from_the_last_one(question: str) -> None:
    weighed = standalone_query(question, [Turn("user", LONG)]).weigh([unit(1, 0), unit(0, 1)])
    assert weighed.weights[1] == 0.5
    assert weighed.vector == pytest.approx(unit(1, 0.5))


def test_the_vector_has_length_one_and_the_type_of_vectors() -> None:
    weighed = standalone_query("and?", [Turn("user", LONG)]).weigh([unit(1, 2), unit(3, 1)])
    assert weighed.vector.dtype == np.float32
    assert float(np.linalg.norm(weighed.vector)) == pytest.approx(1)


def test_each_text_needs_its_vector() -> None:
    with pytest.raises(ValueError, match="2 texts but 1 vectors"):
        standalone_query("and?", [Turn("user", LONG)]).weigh([unit(1, 0)])
