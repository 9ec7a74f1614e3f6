"""A member whose question is for a curated answer gets that, in its own words and for nothing."""

from __future__ import annotations

import httpx
import pytest

from helpninja_app.answers.providers.fake import FakeProvider, spoken
from tests.api.chatting import answering
from tests.api.member_chatting import MODEL, ask, credits_left, saved
from tests.api.test_curated_answers import ANSWER, QUESTION, written
from tests.conftest import OpenResources
from tests.factories import Factory


async def author_of(client: httpx.AsyncClient, headers: dict[str, str], response: httpx.Response) -> str:
    """What the answer is said to be written by."""
    chat = await saved(client, headers, response)
    author: str = chat["messages"][-1]["model"]
    return author


@pytest.mark.parametrize("audience", ["members", "visitors"])
async def test_a_curated_answer_wins_where_all_documents_are_asked(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources, audience: str
) -> None:
    tenant = await factory.tenant()
    await written(client, tenant, audience=audience)
    fake = FakeProvider([spoken("The model's own words.")])
    async with with_resources(answerers=answering(fake), unlimited=False) as limited:
        before = await credits_left(limited, tenant)
        response = await ask(client, tenant.headers, QUESTION, is_sse=True, allKnowledge=True)
        chat = await saved(client, tenant.headers, response)
        assert await credits_left(limited, tenant) == before
    assert fake.requests == []
    answer = chat["messages"][-1]
    assert (chat["model"], answer["model"], answer["credits"]) == (MODEL, "curated", 0)
    assert (answer["content"], answer["state"]) == (ANSWER, "complete")
    assert '"model": "curated"' in response.text


async def test_a_model_is_asked_where_documents_are_chosen_or_none_are_asked(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant()
    await written(client, tenant)
    document = str(await factory.document(tenant, f"# Islands\n\n{QUESTION} By ship."))
    async with with_resources(answerers=answering(FakeProvider([spoken("By ship."), spoken("Who knows.")]))):
        about = await ask(client, tenant.headers, QUESTION, documentIds=[document], allKnowledge=True)
        alone = await ask(client, tenant.headers, QUESTION)
        authors = [await author_of(client, tenant.headers, each) for each in (about, alone)]
    assert authors == [MODEL, MODEL]


async def test_what_another_workspace_curated_is_not_said(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant, other = await factory.tenant(), await factory.tenant()
    await written(client, other, audience="members")
    async with with_resources(answerers=answering(FakeProvider([spoken("Who knows.")]))):
        response = await ask(client, tenant.headers, QUESTION, allKnowledge=True)
        assert await author_of(client, tenant.headers, response) == MODEL
