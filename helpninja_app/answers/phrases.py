"""What the bot says in its own words, in the languages of the widget."""

from __future__ import annotations

DECLINED = {
    "en": "I could not find an answer to that in our pages. I have passed your question on to a person.",
    "de": "Dazu habe ich auf unseren Seiten keine Antwort gefunden. Ich habe Ihre Frage an einen Menschen"
    " weitergegeben.",
    "fr": "Je n’ai pas trouvé de réponse à cela dans nos pages. J’ai transmis votre question à une personne.",
    "es": "No he encontrado una respuesta a eso en nuestras páginas. He pasado su pregunta a una persona.",
    "pt": "Não encontrei uma resposta para isso nas nossas páginas. Passei a sua pergunta a uma pessoa.",
    "it": "Non ho trovato una risposta nelle nostre pagine. Ho inoltrato la sua domanda a una persona.",
    "nl": "Ik heb daar op onze pagina’s geen antwoord op gevonden. Ik heb uw vraag aan een medewerker"
    " doorgegeven.",
    "pl": "Nie znalazłem odpowiedzi na to na naszych stronach. Przekazałem pytanie człowiekowi.",
    "ja": "こちらのページには、その答えが見つかりませんでした。ご質問は担当者に引き継ぎました。",
    "ar": "لم أجد إجابة عن ذلك في صفحاتنا. لقد أحلتُ سؤالك إلى أحد الموظفين.",
}


def declined(language: str) -> str:
    """That nothing was found and a person was asked, in ``language`` (ISO 639-1) or else in English."""
    return DECLINED.get(language, DECLINED["en"])
