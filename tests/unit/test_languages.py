"""Language detection and the text that PostgreSQL is given."""

from __future__ import annotations

import pytest

from helpninja_app.knowledge.languages import CONFIGS, detect_language, language_of, search_text

QUESTIONS = {
    "en": "How long does it take until my order arrives?",
    "de": "Wie lange dauert es, bis meine Bestellung ankommt?",
    "fr": "Combien de temps faut-il pour recevoir ma commande ?",
    "es": "¿Cuánto tiempo tarda en llegar mi pedido?",
    "pt": "Quanto tempo demora até a minha encomenda chegar?",
    "it": "Quanto tempo ci vuole prima che arrivi il mio ordine?",
    "nl": "Hoe lang duurt het voordat mijn bestelling aankomt?",
    "pl": "Jak długo trzeba czekać na moje zamówienie?",
    "ru": "Сколько времени займёт доставка моего заказа?",
    "ja": "注文はいつ届きますか。",
    "zh": "我的订单什么时候到？",
    "ko": "제 주문은 언제 도착하나요?",
    "th": "คำสั่งซื้อของฉันจะมาถึงเมื่อไหร่",
    "ar": "متى يصل طلبي؟",
}


@pytest.mark.parametrize(("code", "question"), QUESTIONS.items())
def test_questions_are_told_apart_by_language(code: str, question: str) -> None:
    language = detect_language(question)
    assert (language.code, language.config) == (code, CONFIGS.get(code, "simple"))


def test_a_product_name_in_a_japanese_question_does_not_hide_its_language() -> None:
    assert detect_language("iPhone 15 Pro Maxの返品はできますか").code == "ja"


def test_a_short_word_is_taken_for_a_language_that_is_expected() -> None:
    assert detect_language("refund?").code == "und"
    assert detect_language("refund?", expected={"en", "ja"}).config == "english"


def test_a_page_is_not_believed_where_its_text_clearly_says_otherwise() -> None:
    assert detect_language(QUESTIONS["de"], hint="en").code == "de"
    assert detect_language("HDMI 2.1", hint="de-AT").config == "german"


@pytest.mark.parametrize("text", ["", "12345", "🙂🙂", "x" * 100_000, "\ud800 a"])
def test_text_that_tells_nothing_is_unknown_or_settled_by_the_hint(text: str) -> None:
    assert detect_language(text).config in {"simple", *CONFIGS.values()}
    assert detect_language("12345").code == "und"
    assert detect_language("12345", hint="fr").code == "fr"


def test_codes_come_with_regions_and_old_names() -> None:
    assert language_of("pt-BR").config == "portuguese"
    assert language_of("nb_NO").config == "norwegian"
    assert language_of("tlh").config == "simple"
    assert language_of("").code == "und"


def test_writing_without_spaces_is_cut_into_overlapping_pairs() -> None:
    assert search_text("返品できますか").split() == ["返品", "品で", "でき", "きま", "ます", "すか"]
    assert search_text("iPhone送料5円").split() == ["iphone", "送料", "5", "円"]


def test_full_and_half_width_letters_are_searched_as_the_same() -> None:
    assert search_text("ＡＰＩキー").split() == search_text("APIｷｰ").split()


def test_texts_with_spaces_keep_their_words() -> None:
    assert search_text(QUESTIONS["en"]) == QUESTIONS["en"]
    assert search_text(QUESTIONS["de"]) == QUESTIONS["de"]
    assert search_text(QUESTIONS["ar"]).split() == QUESTIONS["ar"].replace("؟", "").split()


def test_punctuation_beyond_ascii_separates_words_whatever_the_database_thinks_of_it() -> None:
    assert search_text("دفاع البانثرز؟").split() == ["دفاع", "البانثرز"]
    assert search_text("the “Broncos”—champions").split() == ["the", "broncos", "champions"]
    assert search_text("It’s Über-regional").split() == ["it's", "über-regional"]
    assert search_text("Plain ASCII?") == "Plain ASCII?"
