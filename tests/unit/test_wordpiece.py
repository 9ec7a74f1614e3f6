"""The tokenizer of the default embedder against ids that the reference implementation gave."""

from __future__ import annotations

import hashlib

import pytest

from helpninja_app.knowledge.embedding.wordpiece import VOCABULARY, WordPieceTokenizer


@pytest.fixture(scope="module")
def tokenizer() -> WordPieceTokenizer:
    return WordPieceTokenizer()


def test_the_vocabulary_is_berts_uncased_one() -> None:
    digest = hashlib.sha256(VOCABULARY.read_bytes()).hexdigest()
    assert digest == "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("How do I reset my password?", [2129, 2079, 1045, 25141, 2026, 20786, 1029]),
        ("Ünïcödé déjà-vu", [27260, 2139, 3900, 1011, 24728]),
        ("日本語のテスト", [1864, 1876, 1950, 1671, 30239, 30233, 30240]),
        (
            "Kubernetes v1.29's kubectl",
            [13970, 5677, 7159, 2229, 1058, 2487, 1012, 2756, 1005, 1055, 13970, 4783, 6593, 2140],
        ),
        (
            "مرحبا بالعالم",
            [1295, 17149, 29820, 29816, 25573, 1271, 25573, 23673, 29830, 25573, 23673, 22192],
        ),
        ("a\u00a0b\tc\u200bd", [1037, 1038, 3729]),
        ("$9.99 (25% off)", [1002, 1023, 1012, 5585, 1006, 2423, 1003, 2125, 1007]),
        ("ﬁne ½ ß Straße", [1984, 2638, 1092, 1096, 2358, 27807]),
        ("x" * 101, [100]),
        ("", []),
        ("\x00\ufffd \ue000", []),
    ],
)
def test_pieces_are_those_of_the_reference_implementation(
    tokenizer: WordPieceTokenizer, text: str, ids: list[int]
) -> None:
    assert tokenizer.encode(text) == ids


def test_marks_written_in_the_text_are_plain_text(tokenizer: WordPieceTokenizer) -> None:
    assert not {101, 102, 103} & set(tokenizer.encode("[CLS] [SEP] [MASK]"))


def test_coverage_tells_english_from_what_the_vocabulary_does_not_know(tokenizer: WordPieceTokenizer) -> None:
    english = tokenizer.coverage("How long does it take until my refund arrives?")
    german = tokenizer.coverage("Wie lange dauert es, bis meine Rückerstattung ankommt?")
    assert english > 0.8 > 0.5 > german > 0
    for text in ("返金はいつ届きますか", "متى تصل أموالي المستردة", "เงินคืนจะมาถึงเมื่อไหร่", "", "?!"):
        assert tokenizer.coverage(text) == 0
