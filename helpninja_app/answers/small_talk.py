"""Owns greetings, thanks, goodbyes, "are you a bot?" and "a person, please", which need no documents."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

_LONGEST = 120
_UNSPACED = frozenset({"ja"})
_PHRASES = Path(__file__).with_name("small_talk.json")
_FUNCTION_WORDS = Path(__file__).with_name("function_words.json")
_WORD = re.compile(r"[^\W_]+(?:['\-][^\W_]+)*")
_LETTER = re.compile(r"[^\W_]")
# Thumbs, hands, hearts and smiles; also as people type them.
_APPROVAL = re.compile("[👍👌🙏🙌👏🤝✅❤💚💙💛🧡💜🖤😀-😇😉-😍🥰🙂🤗🎉💯]|:-?\\)|;-?\\)|<3")


class SmallTalkKind(StrEnum):
    """In falling order of what a message that is several things at once is answered as."""

    PERSON = "person"
    IDENTITY = "identity"
    GOODBYE = "goodbye"
    THANKS = "thanks"
    GREETING = "greeting"


@dataclass(frozen=True, slots=True)
class SmallTalk:
    """What a message is, and the short answer to it, both in ``language`` (ISO 639-1)."""

    kind: SmallTalkKind
    language: str
    text: str


@dataclass(frozen=True, slots=True)
class _Phrasebook:
    language: str
    is_spaced: bool
    phrases: dict[SmallTalkKind, frozenset[str]]
    fillers: frozenset[str]
    replies: dict[SmallTalkKind, str]
    asking: _Asking

    def kinds_in(self, message: str) -> frozenset[SmallTalkKind]:
        """The kinds of phrases the message consists of; none where it says anything else besides."""
        units = _WORD.findall(message) if self.is_spaced else _LETTER.findall(message)
        glue = " " if self.is_spaced else ""
        # reached[i]: the kinds met on a way of reading the first i units as phrases; None: there is none.
        reached: list[frozenset[SmallTalkKind] | None] = [frozenset(), *[None] * len(units)]
        for end in range(1, len(units) + 1):
            for start in range(end):
                before = reached[start]
                if before is None:
                    continue
                kinds = self._kinds_of(glue.join(units[start:end]))
                if kinds is not None:
                    reached[end] = (reached[end] or frozenset()) | before | kinds
        return reached[-1] or frozenset()

    def _kinds_of(self, phrase: str) -> frozenset[SmallTalkKind] | None:
        kinds = frozenset(kind for kind, phrases in self.phrases.items() if phrase in phrases)
        return kinds if kinds or phrase in self.fillers else None


@dataclass(frozen=True, slots=True)
class _Asking:
    """The words of asking for a person: for people, for reaching them, and what stands around these.

    A message asks for one when it has a word of each of the first two kinds, and none of any other kind. So
    that "can someone help me choose a tent?" does not. Words that end in ``*`` begin others.
    """

    people: re.Pattern[str]
    asking: re.Pattern[str]
    known: re.Pattern[str]
    is_spaced: bool

    def is_met(self, message: str) -> bool:
        if not self.is_spaced:
            # Without spaces, what is known has to cover the whole message.
            said = "".join(_LETTER.findall(message))
            return bool(
                self.people.search(said) and self.asking.search(said) and not self.known.sub("", said)
            )
        words = _WORD.findall(message)
        return (
            all(self.known.fullmatch(word) for word in words)
            and any(self.people.fullmatch(word) for word in words)
            and any(self.asking.fullmatch(word) for word in words)
        )


def answer_small_talk(message: str, *, language: str | None = None) -> SmallTalk | None:
    """The answer to a message that is small talk and nothing else; ``None`` for everything that may be a
    question.

    ``language`` (the page's or the conversation's) decides between languages that share a phrase ("hallo",
    "ok"); otherwise the order of the phrase book does. "Hi, where is my order?" is a question.
    """
    folded = _fold(message)
    if not folded or len(folded) > _LONGEST:
        return None
    if not _LETTER.search(folded):
        return _answer_signs(folded, language)
    for book in sorted(_phrasebooks(), key=lambda book: book.language != language):
        kinds = book.kinds_in(folded)
        if kinds:
            kind = next(kind for kind in SmallTalkKind if kind in kinds)
            return SmallTalk(kind, book.language, book.replies[kind])
        # Only in the language of the page: the words of one may mean another thing in the next.
        if book.language == language and book.asking.is_met(folded):
            return SmallTalk(SmallTalkKind.PERSON, book.language, book.replies[SmallTalkKind.PERSON])
    return None


def _answer_signs(signs: str, language: str | None) -> SmallTalk:
    """To a message without any word: a thumb up is thanks, and a wave or a question mark a greeting."""
    kind = SmallTalkKind.THANKS if _APPROVAL.search(signs) else SmallTalkKind.GREETING
    books = {book.language: book for book in _phrasebooks()}
    book = books.get(language or "", books["en"])
    return SmallTalk(kind, book.language, book.replies[kind])


def _fold(message: str) -> str:
    return unicodedata.normalize("NFKC", message).casefold().replace("’", "'").strip()


@cache
def _phrasebooks() -> tuple[_Phrasebook, ...]:
    return tuple(
        _Phrasebook(
            language=language,
            is_spaced=language not in _UNSPACED,
            phrases={kind: _as_matched(book[kind], language) for kind in SmallTalkKind},
            fillers=_as_matched(book["filler"], language),
            replies={kind: book["replies"][kind] for kind in SmallTalkKind},
            asking=_asking(book["asking"], language),
        )
        for language, book in json.loads(_PHRASES.read_text(encoding="utf-8")).items()
    )


def _asking(words: dict[str, list[str]], language: str) -> _Asking:
    # Function words say nothing by themselves: any of them may stand around.
    # But for those that make a question of it: "who", "when".
    never = set(words["never"])
    around = [word for word in (*words["around"], *_function_words(language)) if word not in never]
    every = [*words["people"], *words["asking"], *around]
    return _Asking(
        people=_any_of(words["people"]),
        asking=_any_of(words["asking"]),
        known=_any_of(every),
        is_spaced=language not in _UNSPACED,
    )


def _any_of(words: list[str]) -> re.Pattern[str]:
    # The longest first, so that a word is not taken for the beginning of a longer one.
    folded = sorted({_fold(word) for word in words}, key=len, reverse=True)
    parts = (
        re.escape(word.removesuffix("*")) + (r"[\w'-]*" if word.endswith("*") else "") for word in folded
    )
    return re.compile("|".join(parts))


def _function_words(language: str) -> list[str]:
    found: dict[str, str] = json.loads(_FUNCTION_WORDS.read_text(encoding="utf-8"))
    return found.get(language, "").split()


def _as_matched(phrases: list[str], language: str) -> frozenset[str]:
    """The phrases as they are found in a folded message: without marks that are no part of a word."""
    unit, glue = (_LETTER, "") if language in _UNSPACED else (_WORD, " ")
    return frozenset(glue.join(unit.findall(_fold(phrase))) for phrase in phrases)
