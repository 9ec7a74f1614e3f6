"""Owns how a message is read as a sequence of kinds of words: for people, for reaching them, for wishing."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

OTHER = "x"
NUMBER = "num"

_WORDS = Path(__file__).with_name("person_words.json")
_UNSPACED = frozenset({"ja"})
_TOKEN = re.compile(r"[^\W_]+|[?？؟]|[,、،]")
_ARABIC_PREFIXES = ("وال", "بال", "فال", "كال", "ولل", "لل", "ال", "و", "ف", "ب", "ل", "ك")
_LONGEST_PHRASE = 5
_LONGEST_RUN = 12
_SHORTEST_STEM = 3
# Below six letters a letter left out or changed makes another word too often ("steak", "speak").
_SHORTEST_MISTYPED = 6


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The kinds of the words of a language: whole phrases, beginnings, and words with one letter left out."""

    language: str
    phrases: Mapping[str, str]
    stems: Mapping[str, str]
    mistyped: Mapping[str, str]

    def kinds_of(self, text: str) -> list[str]:
        """The kinds of the words of a folded text in order, ``x`` for a word of none; "?" and "," too."""
        tokens = _TOKEN.findall(text)
        if self.language in _UNSPACED:
            return [kind for token in tokens for kind in self._of_run(token)]
        found: list[str] = []
        at = 0
        while at < len(tokens):
            length, kind = self._longest_at(tokens, at)
            found.append(kind)
            at += length
        return found

    def _longest_at(self, tokens: list[str], at: int) -> tuple[int, str]:
        for length in range(min(_LONGEST_PHRASE, len(tokens) - at), 1, -1):
            phrase = " ".join(tokens[at : at + length])
            if kind := self._of_phrase(phrase, len(tokens[at + length - 1])):
                return length, kind
        return 1, self._of_word(tokens[at])

    def _of_phrase(self, phrase: str, last: int) -> str | None:
        for form in self._forms(phrase):
            if form in self.phrases:
                return self.phrases[form]
            for end in range(len(form) - 1, len(form) - last, -1):
                if form[:end] in self.stems:
                    return self.stems[form[:end]]
        return None

    def _of_word(self, word: str) -> str:
        if word in ",、،":
            return ","
        if word in "?？؟":
            return "?"
        if word.isdigit():
            return NUMBER
        for form in self._forms(word):
            if form in self.phrases:
                return self.phrases[form]
            for end in range(len(form), _SHORTEST_STEM - 1, -1):
                if form[:end] in self.stems:
                    return self.stems[form[:end]]
        if len(word) >= _SHORTEST_MISTYPED:
            for form in (word, *_one_left_out(word)):
                meant = self.mistyped.get(form)
                if meant is not None and _is_slip(word, meant):
                    return self.phrases[meant]
        return OTHER

    def _forms(self, phrase: str) -> Iterator[str]:
        """A phrase, and what it is without the Arabic article and the particles that are written with it."""
        yield phrase
        if self.language == "ar":
            for prefix in _ARABIC_PREFIXES:
                if phrase.startswith(prefix) and len(phrase) > len(prefix) + 1:
                    yield phrase[len(prefix) :]

    def _of_run(self, run: str) -> Iterator[str]:
        """The kinds in a run without spaces: at each place the longest phrase, else letters of no kind."""
        if run in ",、،?？؟":
            yield "?" if run in "?？؟" else ","
            return
        at, unknown = 0, False
        while at < len(run):
            for end in range(min(len(run), at + _LONGEST_RUN), at, -1):
                if kind := self.phrases.get(run[at:end]):
                    yield kind
                    at, unknown = end, False
                    break
            else:
                if not unknown:
                    yield OTHER
                at, unknown = at + 1, True


def fold(message: str, language: str) -> str:
    """Without case and, where letters are letters without them, without accents and vowel signs."""
    text = unicodedata.normalize("NFKC", message).casefold()
    if language in _UNSPACED:
        return text
    plain = unicodedata.normalize("NFKD", text).replace("ł", "l").replace("ة", "ه").replace("ى", "ي")
    return "".join(sign for sign in plain if not unicodedata.combining(sign)).replace("ـ", "")


def languages() -> tuple[str, ...]:
    return tuple(_read())


@cache
def lexicon(language: str) -> Lexicon:
    phrases: dict[str, str] = {}
    stems: dict[str, str] = {}
    mistyped: dict[str, str] = {}
    for kind, words in _read()[language].items():
        for word in words.split(", "):
            folded = " ".join(re.findall(r"[^\W_]+", fold(word, language)))
            (stems if word.endswith("*") else phrases).setdefault(folded, kind)
    for word in phrases:
        if " " not in word and len(word) >= _SHORTEST_MISTYPED and language not in _UNSPACED:
            for form in (word, *_one_left_out(word)):
                mistyped.setdefault(form, word)
    return Lexicon(language, phrases, stems, mistyped)


def _is_slip(typed: str, meant: str) -> bool:
    """A letter too many, one too few, or two that changed places; another letter is mostly another word."""
    return len(typed) != len(meant) or sorted(typed) == sorted(meant)


def _one_left_out(word: str) -> list[str]:
    # The first letter is hardly ever the wrong one.
    return [word[:at] + word[at + 1 :] for at in range(1, len(word))]


@cache
def _read() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = json.loads(_WORDS.read_text(encoding="utf-8"))
    return found
