"""Who asks for a person, with whatever else they say."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from helpninja_app.answers.person_requests import asks_for_a_person, features, model, parts
from helpninja_app.answers.person_words import fold, languages, lexicon
from helpninja_app.answers.small_talk import SmallTalkKind, answer_small_talk

REQUESTS = {
    "en": "I want to talk to a human",
    "de": "Ich möchte mit einem Menschen sprechen",
    "fr": "Je veux parler à un conseiller",
    "es": "Quiero hablar con un agente",
    "pt": "Quero falar com um atendente",
    "it": "Voglio parlare con un operatore",
    "nl": "Ik wil met een medewerker praten",
    "pl": "Chcę porozmawiać z konsultantem",
    "ja": "担当者と話したいです",
    "ar": "أريد التحدث مع موظف",
}
QUESTIONS = {
    "en": "How many people fit in the tent?",
    "de": "Wie viele Personen passen ins Zelt?",
    "fr": "Combien de personnes tiennent dans la tente ?",
    "es": "¿Cuántas personas caben en la tienda?",
    "pt": "Quantas pessoas cabem na tenda?",
    "it": "Quante persone stanno nella tenda?",
    "nl": "Hoeveel personen passen in de tent?",
    "pl": "Ile osób zmieści się w namiocie?",
    "ja": "テントには何人入れますか？",
    "ar": "كم شخصا يتسع في الخيمة؟",
}
# Labelled by hand; also what `python -m bench person` measures.
KNOWN = Path(__file__).parents[2] / "bench" / "data" / "person_requests.json"


@pytest.mark.parametrize("language", REQUESTS)
def test_a_request_is_understood_however_it_is_typed(language: str) -> None:
    request = REQUESTS[language]
    for typed in (request, request.upper(), f"  {request}!!", f"{request}."):
        assert asks_for_a_person(typed, language), typed


@pytest.mark.parametrize("language", REQUESTS)
def test_a_question_before_or_after_a_request_does_not_hide_it(language: str) -> None:
    request, question = REQUESTS[language], QUESTIONS[language]
    assert asks_for_a_person(f"{question} {request}.", language)
    assert asks_for_a_person(f"{request}. {question}", language)


@pytest.mark.parametrize("language", QUESTIONS)
def test_questions_about_people_ask_for_none_however_many_there_are(language: str) -> None:
    question = QUESTIONS[language]
    for typed in (question, question.lower(), question.rstrip("?؟？ "), f"{question} {question}"):
        assert not asks_for_a_person(typed, language), typed


@pytest.mark.parametrize("language", REQUESTS)
def test_the_known_sentences_are_told_apart(language: str) -> None:
    known = json.loads(KNOWN.read_text(encoding="utf-8"))[language]
    taken = {
        kind: [text for text in texts if _is_taken_for_a_request(text, language)]
        for kind, texts in known.items()
    }
    assert taken == {"requests": known["requests"], "near_misses": []}


def _is_taken_for_a_request(text: str, language: str) -> bool:
    talk = answer_small_talk(text, language=language)
    return talk is not None and talk.kind is SmallTalkKind.PERSON


@pytest.mark.parametrize("language", REQUESTS)
def test_what_names_nobody_has_no_features_and_asks_for_none(language: str) -> None:
    for text in ("", "   ", "?!", "42", "zzz qqq"):
        assert features(text, language) == set()
        assert model().score(text, language) == -math.inf


def test_the_words_are_those_of_the_widget_s_languages() -> None:
    assert set(languages()) == set(REQUESTS)


def test_letters_that_changed_places_or_are_left_out_are_seen_through() -> None:
    for typed in ("represenative", "reprsentative", "represnetative"):
        assert lexicon("en").kinds_of(typed) == ["staff"], typed


def test_another_letter_is_another_word() -> None:
    assert lexicon("en").kinds_of("exbert") == lexicon("en").kinds_of("argent") == ["x"]


def test_accents_and_vowel_signs_make_no_difference() -> None:
    assert fold("Człowiek É ü", "pl") == "czlowiek e u"
    assert fold("مُوَظَّف", "ar") == fold("موظف", "ar")


def test_a_message_is_taken_apart_into_sentences_and_clauses() -> None:
    assert parts("My tent leaks, sorry. A human?") == [
        "My tent leaks, sorry. A human?",
        "My tent leaks, sorry.",
        "A human?",
        "My tent leaks",
        "sorry.",
    ]
    assert parts("A human?") == ["A human?"]


def test_the_model_says_where_it_comes_from() -> None:
    assert model().provenance["script"] == "python -m bench.person_training"
