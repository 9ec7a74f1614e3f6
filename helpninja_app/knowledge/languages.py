"""Owns which language a text is in, and how PostgreSQL's full-text search is to read it."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

UNKNOWN = "und"
"""ISO 639-2 code for a text whose language cannot be told."""

CONFIGS = {
    "ar": "arabic",
    "ca": "catalan",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "et": "estonian",
    "eu": "basque",
    "fi": "finnish",
    "fr": "french",
    "ga": "irish",
    "hi": "hindi",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "it": "italian",
    "lt": "lithuanian",
    "ne": "nepali",
    "nl": "dutch",
    "no": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
}
"""ISO 639-1 code to the text-search configuration that stems it (those PostgreSQL 16 has); ``simple`` for all
others.
"""

SIMPLE = "simple"

# Languages that sites are written in beyond those PostgreSQL can stem. The detector knows 130, among them
# Latin and Esperanto; each language that nobody asks in is one more to mistake a short question for.
_UNSTEMMED = frozenset(
    {"bg", "bn", "cs", "fa", "he", "hr", "ja", "ko", "ms", "pl", "sk", "sl", "th", "uk", "ur", "vi", "zh"}
)

# Below this the detector is guessing: the probability that it was right when it said so is under one half.
_CERTAIN = 0.5
_SAMPLE = 4_000

# Unicode's general categories of punctuation, symbols and separators.
_NO_LETTERS = frozenset("PSZ")

_SCRIPTS = (
    ("ja", re.compile("[\u3040-\u30ff\uff66-\uff9f]")),
    ("ko", re.compile("[\u1100-\u11ff\uac00-\ud7af]")),
    ("zh", re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")),
    ("th", re.compile("[\u0e00-\u0e7f]")),
)
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]+"
)


@dataclass(frozen=True, slots=True)
class Language:
    """A language: ISO 639-1 code (or ``und``), PostgreSQL's configuration for it, how sure we are (0..1)."""

    code: str
    config: str
    confidence: float


def language_of(code: str) -> Language:
    """The language of a code such as ``de`` or ``pt-BR``, taken as certain; unknown ones are not stemmed."""
    primary = re.split(r"[-_]", code.strip().lower())[0]
    return Language(primary or UNKNOWN, CONFIGS.get(_ALIASES.get(primary, primary), SIMPLE), 1.0)


def detect_language(text: str, *, hint: str | None = None, expected: Collection[str] = ()) -> Language:
    """The language of ``text`` (its first 4,000 characters), told by its script or by its letters.

    ``hint`` is what a page says of itself (``<html lang>``): it settles what the letters leave open, and is
    not believed where they clearly say otherwise. ``expected`` are the codes of languages likely here, such
    as those of a workspace's documents; a short question that could be many things is taken for one of them.
    ``und`` with the ``simple`` configuration where neither helps. Takes below a millisecond; the first call
    loads the model (1 s).

    The classifier is py3langid (Lui and Baldwin, "langid.py: An Off-the-shelf Language Identification Tool",
    2012).
    """
    sample = text[:_SAMPLE]
    letters = sum(character.isalpha() for character in sample)
    if letters:
        scripted = _by_script(sample, letters)
        if scripted is not None:
            return scripted
    if letters < 2:
        return language_of(hint) if hint else Language(UNKNOWN, SIMPLE, 0.0)
    ranked = _ranked(sample)
    code, confidence = ranked[0]
    if confidence >= _CERTAIN:
        return Language(code, CONFIGS.get(code, SIMPLE), confidence)
    if hint:
        return language_of(hint)
    likely = [(candidate, probability) for candidate, probability in ranked if candidate in expected]
    if likely:
        code, confidence = likely[0]
        return Language(code, CONFIGS.get(code, SIMPLE), confidence / sum(share for _, share in likely))
    return Language(UNKNOWN, SIMPLE, confidence)


def search_text(text: str) -> str:
    """``text`` as it is to be indexed and searched: as it is, but writing without spaces cut into overlapping
    pairs.

    Chinese, Japanese, Korean, Thai, Lao, Khmer and Burmese have no blanks that PostgreSQL could cut words at.
    Pairs of neighbouring letters are the customary unit there (Nie et al., "On the Use of Words and N-grams
    for Chinese Information Retrieval", 2000; Lucene's CJKAnalyzer). Beyond ASCII, widths are made equal
    (NFKC), letters small, and punctuation becomes blanks. Linear.
    """
    if text.isascii():
        return text
    plain = unicodedata.normalize("NFKC", text).lower().translate(_separators())
    return _UNSPACED.sub(_pairs, plain)


@cache
def _separators() -> dict[int, str]:
    """Punctuation and symbols beyond ASCII, each to be read as a blank.

    In a database whose character type is C, PostgreSQL's parser takes every character beyond ASCII for a
    letter ("؟" and "”" would end words) and lower-cases none of them; here it must not depend on that.
    """
    blanks = {code: " " for code in range(0x80, 0x20000) if unicodedata.category(chr(code))[0] in _NO_LETTERS}
    return blanks | {ord("’"): "'"}


def _pairs(match: re.Match[str]) -> str:
    run = match.group()
    if len(run) == 1:
        return f" {run} "
    return f" {' '.join(run[start : start + 2] for start in range(len(run) - 1))} "


def _by_script(sample: str, letters: int) -> Language | None:
    """The language that a script alone tells, where a good part of the letters is written in it."""
    for code, script in _SCRIPTS:
        share = len(script.findall(sample)) / letters
        # One letter of these says about as much as three of an alphabet; product names stay Latin.
        if share >= _SCRIPT_SHARE[code]:
            return Language(code, CONFIGS.get(code, SIMPLE), 1.0)
    return None


# Japanese shows by its kana even where most letters are Chinese ones.
_SCRIPT_SHARE = {"ja": 0.05, "ko": 0.25, "zh": 0.25, "th": 0.25}

_ALIASES = {"nb": "no", "nn": "no", "iw": "he", "in": "id"}

_lock = threading.Lock()


def _ranked(sample: str) -> list[tuple[str, float]]:
    """Languages with their probabilities, the likeliest first."""
    with _lock:
        identifier = _identifier()
    return [(code, float(probability)) for code, probability in identifier.rank(sample)]


@cache
def _identifier() -> LanguageIdentifier:
    """The loaded classifier, limited to languages that sites are written in; it is only read after this."""
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(_UNSTEMMED.union(CONFIGS))
    return identifier
