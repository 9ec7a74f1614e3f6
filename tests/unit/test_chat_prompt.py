"""A member's question fits into the model's context, whatever that is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from helpninja_app.answers.catalogue import Model, find_model
from helpninja_app.answers.passages import Passage
from helpninja_app.answers.standalone import Turn
from helpninja_app.chats.prompts import ANSWER_TOKENS, build_chat_prompt, fitting_passages, tokens_of
from helpninja_app.errors import Invalid

SMALLEST = 2_048
PASSAGES = tuple(Passage(f"Page {n}", "Free within thirty days. " * 60, None) for n in range(8))
HISTORY = tuple(
    Turn("user" if n % 2 == 0 else "assistant", "Something said before. " * 30) for n in range(20)
)


def model_of(context: int) -> Model:
    return replace(find_model("gpt-4o-mini"), context=context)


@pytest.mark.parametrize("context", [SMALLEST, 4_096, 8_192, 32_768, 128_000])
def test_question_passages_and_answer_fit_into_the_context(context: int) -> None:
    model = model_of(context)
    passages = fitting_passages(PASSAGES, model)
    prompt = build_chat_prompt(
        "How long do I have?", HISTORY, passages, preference="", workspace_name="Pine & Co", model=model
    )
    assert passages
    assert passages == PASSAGES[: len(passages)]
    assert tokens_of(prompt) + prompt.tokens <= context
    assert 256 < prompt.tokens <= ANSWER_TOKENS


def test_a_large_context_has_room_for_all_passages_and_the_whole_answer() -> None:
    assert fitting_passages(PASSAGES, model_of(32_768)) == PASSAGES
    prompt = build_chat_prompt(
        "How long?", (), PASSAGES, preference="", workspace_name="Pine & Co", model=model_of(32_768)
    )
    assert prompt.tokens == ANSWER_TOKENS


def test_a_question_that_is_longer_than_the_context_is_refused() -> None:
    with pytest.raises(Invalid):
        build_chat_prompt(
            "word " * SMALLEST, (), (), preference="", workspace_name="Pine & Co", model=model_of(SMALLEST)
        )
