"""The offline answerer and the pieces it answers with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from helpninja_app.answers.excerpts import plain_text, read_excerpts
from helpninja_app.answers.extractive import MOST_EMBEDDED, MOST_WORDS, compose_answer
from helpninja_app.answers.passages import Passage
from helpninja_app.answers.support import support_of
from helpninja_app.answers.words import content_words, same_word

RETURNS = Passage(
    "Returns",
    "We are a small shop. You can return any item within 30 days of delivery. However, underwear cannot be "
    "returned. Refunds arrive within 5 working days.",
    "https://shop.example/returns",
)
COSTS = Passage(
    "Shipping costs",
    "What we charge for a parcel:\n\n| Country | Standard | Express |\n|---|---|---|\n"
    "| Austria | €5 | €12 |\n| Norway | €15 | €30 |\n",
    "https://shop.example/costs",
    "Shipping > Abroad",
)
STEPS = Passage(
    "Cancelling",
    "To cancel an order:\n\n1. Open *My orders*.\n2. Choose the [order](https://shop.example/o).\n"
    "3. Press `Stop`.\n",
    None,
)


async def test_a_question_is_answered_with_the_sentence_that_says_it_and_its_source() -> None:
    answer = await compose_answer("How long do I have to return an item?", [COSTS, RETURNS])
    assert answer is not None
    assert answer.text.startswith("You can return any item within 30 days of delivery. [2]")
    assert answer.cited == (2,)
    assert answer.support > 0.5


async def test_a_table_is_answered_with_the_row_that_was_asked_for() -> None:
    answer = await compose_answer("What does express shipping to Norway cost?", [COSTS, RETURNS])
    assert answer is not None
    assert "- Norway – Standard: €15; Express: €30 [1]" in answer.text
    assert "Austria" not in answer.text


async def test_steps_are_given_whole_below_the_sentence_that_announces_them() -> None:
    answer = await compose_answer("How do I cancel my order?", [STEPS])
    assert answer is not None
    assert answer.text == (
        "To cancel an order:\n- Open My orders. [1]\n- Choose the order. [1]\n- Press Stop. [1]"
    )


async def test_a_sentence_does_not_begin_by_pointing_at_one_that_is_missing() -> None:
    answer = await compose_answer("Can underwear be returned?", [RETURNS])
    assert answer is not None
    assert "However" not in answer.text
    assert "Underwear cannot be returned. [1]" in answer.text


async def test_what_a_pronoun_means_comes_with_it() -> None:
    text = "The Ridge tent weighs 2 kg. It comes with a groundsheet for camping. We like coffee."
    answer = await compose_answer("Is a groundsheet for camping included?", [Passage("Tents", text, None)])
    assert answer is not None
    assert answer.text == "The Ridge tent weighs 2 kg. [1] It comes with a groundsheet for camping. [1]"


async def test_the_same_sentence_on_two_pages_is_said_once() -> None:
    copy = Passage("Copy", RETURNS.text, "https://shop.example/copy")
    answer = await compose_answer("How long do I have to return an item?", [RETURNS, copy])
    assert answer is not None
    assert answer.text.count("30 days") == 1


async def test_an_answer_stays_within_its_length() -> None:
    sentences = " ".join(f"Return number {n} is {'very ' * 30}easy to make." for n in range(12))
    answer = await compose_answer("How do I make a return?", [Passage("Returns", sentences, None)])
    assert answer is not None
    assert len(answer.text.replace("[1]", "").split()) <= MOST_WORDS


async def test_nothing_is_said_where_nothing_fits() -> None:
    assert await compose_answer("Who won the world cup?", [Passage("Returns", "Send it back.", None)]) is None
    assert await compose_answer("Anything?", []) is None
    assert await compose_answer("return?", [Passage("Code", "```\nreturn 1\n```", None)]) is None


async def test_likeness_finds_what_no_common_word_does() -> None:
    seen: list[str] = []

    async def embed(texts: Sequence[str]) -> np.ndarray:
        seen.extend(texts)
        return np.array([[1.0, 0.0] if "30 days" in text else [0.0, 1.0] for text in texts], dtype=np.float32)

    vector = np.array([1.0, 0.0], dtype=np.float32)
    long = Passage("Long", " ".join(f"Sentence {n} stands here." for n in range(60)), None)
    answer = await compose_answer(
        "Until when may trousers go back?", [RETURNS, long], embed=embed, query_vector=vector, familiarity=1.0
    )
    assert answer is not None
    assert answer.text == "You can return any item within 30 days of delivery. [1]"
    assert 0 < len(seen) <= MOST_EMBEDDED


async def test_a_document_cannot_make_citations_of_its_own() -> None:
    answer = await compose_answer(
        "Is shipping free?", [Passage("Free", "Shipping is free [7], really [2].", None)]
    )
    assert answer is not None
    assert answer.text == "Shipping is free (7), really (2). [1]"


async def test_other_languages_are_answered_in_the_language_of_the_documents() -> None:
    german = Passage("Rückgabe", "Wir sind ein Laden. Sie können Artikel binnen 30 Tagen zurückgeben.", None)
    japanese = Passage("返品", "当店は小さな店です。商品は三十日以内に返品できます。", None)
    first = await compose_answer("Wie lange kann ich einen Artikel zurückgeben?", [german])
    second = await compose_answer("返品できますか", [japanese])
    assert first is not None
    assert first.text == "Sie können Artikel binnen 30 Tagen zurückgeben. [1]"
    assert second is not None
    assert second.text == "商品は三十日以内に返品できます。 [1]"


def test_passages_are_cut_into_sentences_items_and_rows() -> None:
    kinds = [(piece.kind, piece.text) for piece in read_excerpts([RETURNS, STEPS, COSTS])]
    assert kinds.count(("row", "Austria – Standard: €5; Express: €12")) == 1
    assert ("item", "Choose the order.") in kinds
    assert len([kind for kind, _ in kinds if kind == "sentence"]) == 6


def test_two_columns_need_no_header() -> None:
    table = Passage("Zones", "| Zone | Price |\n|---|---|\n| EU | €5 |\n| \\| odd | |\n", None)
    assert [piece.text for piece in read_excerpts([table])] == ["EU: €5", "| odd"]


@pytest.mark.parametrize(
    ("markdown", "plain"),
    [
        ("**Bold** and _soft_ `code`", "Bold and soft code"),
        ('![logo](a.png) [here](https://x.example "t")', "logo here"),
        ("snake_case 2*3*4", "snake_case 2*3*4"),
        ("note [3]", "note (3)"),
    ],
)
def test_marks_are_taken_off_the_text(markdown: str, plain: str) -> None:
    assert plain_text(markdown) == plain


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("return", "returns", True),
        ("ship", "shipping", True),
        ("lieferung", "lieferungen", True),
        ("refund", "refunded", True),
        ("ship", "shop", False),
        ("2024", "20245", False),
        ("car", "carpet", False),
        ("internet", "international", False),
    ],
)
def test_words_are_the_same_but_for_their_endings(one: str, other: str, same: bool) -> None:
    assert same_word(one, other) is same_word(other, one) is same


def test_function_words_are_those_of_the_language() -> None:
    assert content_words("How do I return the hat?", "en") == ["return", "hat"]
    assert content_words("Wer hat den Hut?", "de") == ["hut"]
    assert content_words("Quid est hoc?", "la") == ["quid", "est", "hoc"]


def test_support_is_the_share_of_the_answer_that_its_sources_say() -> None:
    assert support_of("Items can be returned within 30 days [1].", [RETURNS.text]) == 1.0
    assert support_of("Elephants cost 99 dollars [1].", [RETURNS.text]) == 0.0
    assert 0.3 < support_of("Return within 30 days and win a free elephant today.", [RETURNS.text]) < 0.9
    assert support_of("[1]", [RETURNS.text]) == 0.0
