"""Owns the cut of text into the word pieces of BERT's uncased English vocabulary.

Follows ``tokenization.py`` of google-research/bert: clean, lower-case, strip accents, part punctuation and
CJK characters, then greedily take the longest piece of the vocabulary. ``vocab.txt`` is their uncased
English vocabulary of 30,522 pieces (Apache-2.0); the number of a line is the id of its piece.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

VOCABULARY = Path(__file__).with_name("vocab.txt")
UNKNOWN, START, END = 100, 101, 102
_LONGEST_WORD = 100
_CACHED_WORDS = 50_000

_CJK = (
    "\u4e00-\u9fff\u3400-\u4dbf\uf900-\ufaff\U00020000-\U0002a6df\U0002a700-\U0002b73f\U0002b740-\U0002b81f"
    "\U0002b820-\U0002ceaf\U0002f800-\U0002fa1f"
)
_CJK_CHARACTER = re.compile(f"([{_CJK}])")
# Scripts that write no spaces, and in which the vocabulary knows letters but no words.
_UNSPACED = re.compile(f"[{_CJK}\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\uac00-\ud7a3]")


class WordPieceTokenizer:
    """Cuts text into ids of ``vocab.txt``; safe to share between threads."""

    def __init__(self, vocabulary: Path = VOCABULARY) -> None:
        pieces = vocabulary.read_text(encoding="utf-8").splitlines()
        self._ids = {piece: number for number, piece in enumerate(pieces)}
        self._cached_pieces = lru_cache(_CACHED_WORDS)(self._pieces)

    def encode(self, text: str) -> list[int]:
        """Ids of ``text`` without the start and end marks."""
        return [number for word in split_words(text) for number in self._cached_pieces(word)]

    def coverage(self, text: str) -> float:
        """Share of the letters and digits that stand in words the vocabulary knows whole (0 to 1)."""
        known = total = 0
        for word in split_words(text):
            if not word[0].isalnum():
                continue
            total += len(word)
            if word in self._ids and not _UNSPACED.match(word) and (len(word) > 1 or word.isascii()):
                known += len(word)
        return known / total if total else 0.0

    def _pieces(self, word: str) -> tuple[int, ...]:
        if len(word) > _LONGEST_WORD:
            return (UNKNOWN,)
        pieces = []
        start = 0
        while start < len(word):
            for end in range(len(word), start, -1):
                piece = word[start:end] if start == 0 else "##" + word[start:end]
                number = self._ids.get(piece)
                if number is not None:
                    pieces.append(number)
                    start = end
                    break
            else:
                return (UNKNOWN,)
        return tuple(pieces)


def split_words(text: str) -> Iterator[str]:
    """The words, punctuation marks and CJK characters of ``text``: cleaned, lower case, no accents."""
    text = _CJK_CHARACTER.sub(r" \1 ", _clean(text)).lower()
    if not text.isascii():
        # All text is decomposed, so that a letter written with a separate accent loses it as well.
        text = "".join(c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn")
    for word in text.split():
        if word.isalnum():
            yield word
        else:
            yield from _part_punctuation(word)


def _clean(text: str) -> str:
    """White space as spaces; control, format and replacement characters away."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_cleaned(c) for c in text)


@lru_cache(8192)
def _cleaned(character: str) -> str:
    if character in "\t\n\r" or unicodedata.category(character) == "Zs":
        return " "
    if character == "\ufffd" or unicodedata.category(character) in ("Cc", "Cf", "Co", "Cs"):
        return ""
    return character


def _part_punctuation(word: str) -> Iterator[str]:
    start = 0
    for place, character in enumerate(word):
        if _is_punctuation(character):
            if place > start:
                yield word[start:place]
            yield character
            start = place + 1
    if start < len(word):
        yield word[start:]


@lru_cache(8192)
def _is_punctuation(character: str) -> bool:
    if character.isascii():
        return not character.isalnum() and character.isprintable() and character != " "
    return unicodedata.category(character).startswith("P")
