"""Owns the cut of running text into sentences, for languages with and without spaces."""

from __future__ import annotations

import re

# Runs are possessive and start only where the run starts, so that no input makes the search quadratic.
_ENDINGS = re.compile(
    r"""
    (?P<wide>[。！？｡]++[」』）〉》”’"']*+)                       # Chinese, Japanese: no space follows
    | (?P<dotted>(?<![.!?…؟۔।॥።။])[.!?…؟۔।॥።။]++["'”’»)\]]*+)(?=\s)
    | (?P<break>\n[^\S\n]*+(?=\n|[-*+•]\s))                   # an empty line or a list item ends one, too
    """,
    re.VERBOSE,
)

# A full stop after one of these is (nearly) never the end of a sentence.
_ABBREVIATION = re.compile(
    "approx|art|bzw|ca|cf|chap|co|corp|dept|dr|eg|etc|ev|evtl|excl|fig|ggf|gen|hr|ie|inc|incl|inkl|jr|lt|ltd"
    "|max|min|mr|mrs|ms|mt|nr|no|núm|par|pág|prof|rev|sec|seq|sr|st|sta|tel|usw|vgl|vol|vs|zzgl"
)
_TAIL = 24


def split_sentences(text: str) -> list[str]:
    """Slices of ``text``, one sentence each with the white space behind it; joined they are ``text`` again.

    Linear in the length of the text. Thai and other scripts without sentence marks come back in one slice.
    """
    sentences: list[str] = []
    start = 0
    for match in _ENDINGS.finditer(text):
        end = match.end()
        if match.lastgroup == "dotted" and not _ends_here(text, match):
            continue
        while end < len(text) and text[end].isspace():
            end += 1
        if end > start:
            sentences.append(text[start:end])
            start = end
    if start < len(text):
        sentences.append(text[start:])
    return sentences


def _ends_here(text: str, match: re.Match[str]) -> bool:
    """Whether the full stop at ``match`` ends a sentence and not an abbreviation or a number."""
    follows = text[match.end() : match.end() + _TAIL].lstrip()[:1]
    if follows.islower():
        return False
    if not match.group().startswith(".") or match.group().startswith(".."):
        return True
    before = text[max(0, match.start() - _TAIL) : match.start()]
    word = re.split(r"[\s(\[„“\"']", before)[-1]
    bare = word.replace(".", "").lower()
    is_initial = len(bare) == 1 and bare.isalpha()
    # "3. Oktober", "1. First step": the number belongs to what follows.
    is_ordinal = word.isdigit() and len(word) <= 2
    return not (is_initial or is_ordinal or _ABBREVIATION.fullmatch(bare))
