"""Owns which words of a text carry its meaning, and when two words count as the same."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from helpninja_app.knowledge.languages import search_text

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_SHORTEST_STEM = 4
_LONGEST_ENDING = 3

# Words that questions are made of but that say nothing about their topic, in the languages of the widget.
# PostgreSQL has such lists, too, but on the server only, and without the polite forms that visitors use.
_FUNCTION_WORDS = {
    language: frozenset(words.split())
    for language, words in json.loads(
        Path(__file__).with_name("function_words.json").read_text(encoding="utf-8")
    ).items()
}


def content_words(text: str, language: str) -> list[str]:
    """The words of ``text`` that carry meaning, folded for comparison, in order and with repetitions.

    ``language`` is an ISO 639-1 code; in one without a list of function words all words count. Writing
    without spaces comes as pairs of letters.
    """
    function_words = _FUNCTION_WORDS.get(language, frozenset())
    return [word for word in words_of(text) if word not in function_words]


def words_of(text: str) -> list[str]:
    """All words of ``text``, folded for comparison."""
    return _WORD.findall(unicodedata.normalize("NFC", search_text(text).casefold()))


def same_word(one: str, other: str) -> bool:
    """Whether two folded words are forms of the same one: equal, or alike but for an ending.

    Endings of up to three letters behind four common ones are taken for inflection ("return", "returns";
    "Lieferung", "Lieferungen"), a whole word of four for the stem of a longer one ("ship", "shipping"). No
    dictionary, so it works alike in every language with an alphabet, and errs on the generous side.
    """
    if one == other:
        return True
    shorter, longer = sorted((one, other), key=len)
    if len(shorter) < _SHORTEST_STEM or any(character.isdigit() for character in shorter):
        return False
    common = 0
    for left, right in zip(shorter, longer, strict=False):
        if left != right:
            break
        common += 1
    if common == len(shorter):
        return len(longer) - common <= 2 * _LONGEST_ENDING
    return common > _SHORTEST_STEM and len(longer) - common <= _LONGEST_ENDING


class Vocabulary:
    """Words to look forms up in, by their first letters: two forms of a word share at least four."""

    def __init__(self, words: Iterable[str]) -> None:
        self._by_start: dict[str, set[str]] = {}
        for word in words:
            self._by_start.setdefault(word[:_SHORTEST_STEM], set()).add(word)

    def forms_of(self, word: str) -> set[str]:
        """The words that are the same as ``word`` (see :func:`same_word`)."""
        candidates = self._by_start.get(word[:_SHORTEST_STEM], set())
        return {candidate for candidate in candidates if same_word(word, candidate)}
