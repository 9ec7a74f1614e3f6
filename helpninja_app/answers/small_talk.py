"""Owns greetings, thanks, goodbyes, "are you a bot?" and "a person, please", which need no documents."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from helpninja_app.answers.person_requests import asks_for_a_person
from helpninja_app.knowledge.languages import detect_language

_LONGEST = 120
# Who asks for a person may say why.
_LONGEST_REQUEST = 400
_UNSPACED = frozenset({"ja"})
_PHRASES = Path(__file__).with_name("small_talk.json")
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


def answer_small_talk(message: str, *, language: str | None = None) -> SmallTalk | None:
    """The answer to a message that is small talk and nothing else; ``None`` for everything that may be a
    question.

    ``language`` (the workspace's) decides between languages that share a phrase ("hallo", "ok"); otherwise
    the order of the phrase book does. "Hi, where is my order?" is a question. A person is asked for with a
    question besides, too; that is understood in ``language`` and in the one the message is in, as the words
    of one language may mean another thing in the next. Without ``language`` only whole phrases ask for one.
    """
    folded = _fold(message)
    if not folded or len(folded) > _LONGEST_REQUEST:
        return None
    return (_answer_phrases(folded, language) if len(folded) <= _LONGEST else None) or _answer_request(
        folded, language
    )


def person_asked(language: str) -> SmallTalk:
    """What somebody is told who asked for a person, in ``language`` or else in English."""
    return _say(SmallTalkKind.PERSON, language)


def _answer_phrases(folded: str, language: str | None) -> SmallTalk | None:
    if not _LETTER.search(folded):
        return _answer_signs(folded, language)
    for book in sorted(_phrasebooks(), key=lambda book: book.language != language):
        kinds = book.kinds_in(folded)
        if kinds:
            kind = next(kind for kind in SmallTalkKind if kind in kinds)
            return SmallTalk(kind, book.language, book.replies[kind])
    return None


def _answer_request(folded: str, language: str | None) -> SmallTalk | None:
    if language is None:
        return None
    known = [book.language for book in _phrasebooks()]
    for code in dict.fromkeys((language, detect_language(folded, expected=known).code)):
        if code in known and asks_for_a_person(folded, code):
            return person_asked(code)
    return None


def _answer_signs(signs: str, language: str | None) -> SmallTalk:
    """To a message without any word: a thumb up is thanks, and a wave or a question mark a greeting."""
    return _say(SmallTalkKind.THANKS if _APPROVAL.search(signs) else SmallTalkKind.GREETING, language)


def _say(kind: SmallTalkKind, language: str | None) -> SmallTalk:
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
        )
        for language, book in json.loads(_PHRASES.read_text(encoding="utf-8")).items()
    )


def _as_matched(phrases: list[str], language: str) -> frozenset[str]:
    """The phrases as they are found in a folded message: without marks that are no part of a word."""
    unit, glue = (_LETTER, "") if language in _UNSPACED else (_WORD, " ")
    return frozenset(glue.join(unit.findall(_fold(phrase))) for phrase in phrases)
