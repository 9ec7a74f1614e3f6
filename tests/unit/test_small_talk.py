"""Small talk and what only looks like it."""

from __future__ import annotations

import pytest

from helpninja_app.answers.small_talk import SmallTalkKind, answer_small_talk, person_asked

SAMPLES = {
    "en": (
        "Good morning!",
        "Thanks a lot, that helped :)",
        "Bye, have a nice day",
        "Are you a bot or a human?",
    ),
    "de": ("Guten Tag", "Vielen Dank für die Hilfe!", "Auf Wiedersehen", "Bist du ein Mensch?"),
    "fr": ("Bonjour à tous !", "Merci beaucoup", "Au revoir, bonne journée", "Êtes-vous un robot ?"),
    "es": ("¡Hola, buenos días!", "Muchas gracias", "Hasta luego", "¿Eres un robot?"),
    "pt": ("Olá, tudo bem?", "Muito obrigada!", "Tchau", "Você é um robô?"),
    "it": ("Buongiorno", "Grazie mille", "Arrivederci", "Sei una persona vera?"),
    "nl": ("Goedemiddag", "Dank je wel", "Tot ziens", "Ben je een mens?"),
    "pl": ("Dzień dobry", "Dziękuję bardzo", "Do widzenia", "Czy jesteś botem?"),
    "ja": ("こんにちは！", "ありがとうございました。", "さようなら", "あなたはロボットですか？"),
    "ar": ("السلام عليكم", "شكراً جزيلاً", "مع السلامة", "هل أنت إنسان؟"),
}
KINDS = (SmallTalkKind.GREETING, SmallTalkKind.THANKS, SmallTalkKind.GOODBYE, SmallTalkKind.IDENTITY)
CASES = [
    (language, kind, message)
    for language, messages in SAMPLES.items()
    for kind, message in zip(KINDS, messages, strict=True)
]


@pytest.mark.parametrize(("language", "kind", "message"), CASES)
def test_small_talk_is_answered_in_its_language(language: str, kind: SmallTalkKind, message: str) -> None:
    answer = answer_small_talk(message)
    assert answer is not None
    assert (answer.kind, answer.language) == (kind, language)
    assert answer.text
    assert "!" not in answer.text


def test_every_language_answers_each_kind_differently() -> None:
    texts = {answer.text for _, _, message in CASES if (answer := answer_small_talk(message))}
    assert len(texts) == len(CASES)


@pytest.mark.parametrize(
    ("language", "message"),
    [
        ("en", "Hello, I want to talk to a human"),
        ("en", "Can I speak to someone please?"),
        ("en", "human agent"),
        ("de", "Ich möchte bitte mit einem Menschen sprechen."),
        ("fr", "Bonjour, je voudrais parler à un conseiller s'il vous plaît"),
        ("es", "Quiero hablar con una persona real"),
        ("pt", "Gostaria de falar com um atendente, por favor"),
        ("it", "Vorrei parlare con un operatore"),
        ("nl", "Ik wil graag met een medewerker spreken"),
        ("pl", "Chcę porozmawiać z konsultantem"),
        ("ja", "担当者につないでください。"),
        ("ar", "أريد التحدث مع موظف من فضلك"),
    ],
)
def test_who_asks_for_a_person_is_understood(language: str, message: str) -> None:
    answer = answer_small_talk(message)
    assert answer is not None
    assert (answer.kind, answer.language) == (SmallTalkKind.PERSON, language)


@pytest.mark.parametrize(
    ("signs", "kind"),
    [
        ("👍", SmallTalkKind.THANKS),
        ("👍🏽 ", SmallTalkKind.THANKS),
        ("❤️", SmallTalkKind.THANKS),
        (":-)", SmallTalkKind.THANKS),
        ("?", SmallTalkKind.GREETING),
        ("...", SmallTalkKind.GREETING),
        ("👋", SmallTalkKind.GREETING),
        ("👎", SmallTalkKind.GREETING),
    ],
)
def test_signs_without_a_word_are_answered_in_the_workspace_s_language(
    signs: str, kind: SmallTalkKind
) -> None:
    for language, spoken in (("de", "de"), ("xx", "en"), (None, "en")):
        answer = answer_small_talk(signs, language=language)
        assert answer is not None
        assert (answer.kind, answer.language) == (kind, spoken)


@pytest.mark.parametrize(
    "message",
    [
        "hi, where is my order?",
        "human",
        "no",
        "thanks but how do I return it",
        "Are you open on Sunday?",
        "Who are you delivering with?",
        "Danke, und was kostet der Versand?",
        "Hallo, bist du für Retouren zuständig?",
        "Bonjour, où est ma commande ?",
        "こんにちは、返品できますか",
        "مرحبا، أين طلبي؟",
        "goodbye gift cards",
        "Can I talk to you about a person?",
        "can I please",
        "Ich möchte mit jemandem zelten",
        "",
        "thanks " * 100,
    ],
)
def test_questions_wishes_and_noise_are_no_small_talk(message: str) -> None:
    assert answer_small_talk(message) is None


@pytest.mark.parametrize("language", ["en", "ja", "xx"])
@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("en", "could you put me through to someone about my invoice, please"),
        ("de", "Ich möchte mit einem Mitarbeiter über meine Rechnung sprechen"),
        ("pl", "Proszę mnie połączyć z konsultantem w sprawie faktury"),
        ("ar", "أريد التحدث مع موظف بخصوص الفاتورة من فضلك"),
        ("ja", "請求書について、担当者と直接話したいです。"),
    ],
)
def test_who_asks_for_a_person_is_understood_in_the_language_of_the_message(
    language: str, said: str, message: str
) -> None:
    answer = answer_small_talk(message, language=language)
    assert answer is not None
    assert (answer.kind, answer.language) == (SmallTalkKind.PERSON, said)


@pytest.mark.parametrize(("language", "said"), [("de", "de"), ("xx", "en")])
def test_who_asked_for_a_person_is_told_so_in_a_language_that_there_is(language: str, said: str) -> None:
    assert person_asked(language).language == said


def test_members_have_nobody_to_ask_for() -> None:
    assert answer_small_talk("Ich möchte mit einem Mitarbeiter über meine Rechnung sprechen") is None


def test_the_page_decides_where_languages_share_a_word() -> None:
    german, dutch = answer_small_talk("Hallo", language="de"), answer_small_talk("Hallo", language="nl")
    assert german is not None
    assert dutch is not None
    assert (german.language, dutch.language) == ("de", "nl")


def test_the_language_of_the_page_does_not_overrule_that_of_the_message() -> None:
    answer = answer_small_talk("Merci beaucoup", language="de")
    assert answer is not None
    assert answer.language == "fr"


def test_a_goodbye_with_thanks_is_a_goodbye() -> None:
    answer = answer_small_talk("ok thank you, bye!")
    assert answer is not None
    assert answer.kind is SmallTalkKind.GOODBYE


@pytest.mark.parametrize(
    ("language", "message"),
    [
        ("en", "I need to speak with your manager"),
        ("de", "Ich möchte mit Ihrem Chef sprechen"),
        ("fr", "Je veux un vrai humain, pas un robot"),
        ("es", "¿Hay alguien? Quiero hablar con una persona de verdad"),
        ("pt", "Prefiro falar com alguém do suporte"),
        ("it", "Vorrei assistenza da una persona reale"),
        ("nl", "Geef me de manager"),
        ("pl", "Proszę o kontakt z konsultantem"),
        ("ja", "オペレーターにつないでください"),
        ("ar", "أريد التحدث مع موظف من فريق الدعم"),
        ("en", "I want to talk to a human about my refund"),
        ("de", "Wo ist mein Paket? Ich möchte mit einem Mitarbeiter sprechen."),
    ],
)
def test_who_asks_for_a_person_in_other_words_is_understood_too(language: str, message: str) -> None:
    found = answer_small_talk(message, language=language)
    assert found is not None
    assert (found.kind, found.language) == (SmallTalkKind.PERSON, language)


@pytest.mark.parametrize(
    ("language", "message"),
    [
        ("en", "Can someone help me choose a tent?"),
        ("en", "Who is your manager?"),
        ("en", "Do I need a person to sign for the parcel?"),
        ("en", "Can I transfer my voucher to someone else's account?"),
        ("de", "Wer ist der Chef?"),
        ("de", "Kann jemand anderes das Paket annehmen?"),
        ("fr", "Combien de personnes dans la tente ?"),
        ("es", "¿Cómo hablo con el vendedor de la tienda?"),
        ("pt", "Quantos atendentes vocês têm?"),
        ("nl", "Hoeveel personen passen in de tent?"),
        ("ja", "この人は誰ですか"),
        ("ar", "كم شخصا يتسع في الخيمة؟"),
    ],
)
def test_what_only_speaks_of_people_asks_for_none(language: str, message: str) -> None:
    found = answer_small_talk(message, language=language)
    assert found is None or found.kind is not SmallTalkKind.PERSON
