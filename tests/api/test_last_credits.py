"""Hundreds of members' questions at once for the last credits: as many reach the model as there are.

All twenty repeats are ``python -m bench.last_credits``; each takes five seconds of processor time.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from llmock.pytest_plugin import LLMock

from bench.last_credits import ANSWER, EXACT, answering, api_over_http, one_credit_each, spend_the_last
from helpninja_app.resources import Resources
from tests.conftest import OpenResources


@pytest.fixture
async def limited(with_resources: OpenResources, llmock: LLMock) -> AsyncIterator[Resources]:
    answerers = answering(llmock.reply(ANSWER, times=None))
    with one_credit_each():
        async with with_resources(answerers=answerers, unlimited=False) as resources:
            yield resources


@pytest.mark.parametrize("_repeat", range(2))
async def test_of_five_hundred_questions_at_once_for_seven_credits_seven_reach_the_model(
    limited: Resources, llmock: LLMock, _repeat: int
) -> None:
    async with api_over_http() as url:
        assert await spend_the_last(limited, url, llmock) == EXACT
