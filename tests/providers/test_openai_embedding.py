"""Embeddings over the OpenAI protocol, against a server on loopback."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import numpy as np
import pytest

from helpninja_app.errors import HelpNinjaError, ProviderFailed, ProviderTimedOut, ProviderUnavailable
from helpninja_app.knowledge.embedding.openai import OpenAIEmbedder
from tests.loopback_site import Handler, LoopbackSite, Request, answer

PATH = "/v1/embeddings"
Change = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]


def server(change: Change = lambda rows: rows) -> Handler:
    """Answers like the API: the vector of the text "N ..." points N steps away from the first axis."""

    async def handle(request: Request, writer: asyncio.StreamWriter) -> None:
        asked = json.loads(request.body)
        rows = [
            {"object": "embedding", "index": index, "embedding": [2.0, float(text.split()[0]), 0.0]}
            for index, text in enumerate(asked["input"])
        ]
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        body = {"object": "list", "data": change(rows), "model": asked["model"], "usage": usage}
        writer.write(answer(json.dumps(body), content_type="application/json"))
        await writer.drain()

    return handle


@pytest.fixture
async def site() -> AsyncIterator[LoopbackSite]:
    async with LoopbackSite({PATH: server()}) as running:
        yield running


def embedder_of(site: LoopbackSite, *, timeout: float = 5.0, max_retries: int = 0) -> OpenAIEmbedder:
    base_url = f"http://127.0.0.1:{site.port}/v1"
    return OpenAIEmbedder(
        api_key="sk-test", base_url=base_url, dimension=3, timeout=timeout, max_retries=max_retries
    )


async def failure_of(site: LoopbackSite, *, timeout: float = 5.0) -> HelpNinjaError:
    async with aclosing(embedder_of(site, timeout=timeout)) as embedder:
        with pytest.raises(HelpNinjaError) as caught:
            await embedder.embed_query("1")
    return caught.value


async def test_passages_are_sent_in_batches_and_come_back_in_order(site: LoopbackSite) -> None:
    async with aclosing(embedder_of(site)) as embedder:
        vectors = await embedder.embed_passages([f"{n} passage" for n in range(300)])
    assert [len(json.loads(request.body)["input"]) for request in site.requests] == [128, 128, 44]
    assert vectors.shape == (300, 3)
    assert vectors.dtype == np.float32
    assert np.allclose(vectors[:, 1] / vectors[:, 0] * 2, range(300), rtol=1e-5)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


async def test_the_model_and_the_dimension_are_asked_for_and_named(site: LoopbackSite) -> None:
    async with aclosing(embedder_of(site)) as embedder:
        await embedder.embed_query("1")
        name = embedder.name
    asked = json.loads(site.requests[0].body)
    assert (asked["model"], asked["dimensions"]) == ("text-embedding-3-small", 3)
    assert name == "text-embedding-3-small@3"
    assert site.requests[0].headers["authorization"] == "Bearer sk-test"


async def test_rows_in_another_order_are_put_right(site: LoopbackSite) -> None:
    site.routes[PATH] = server(lambda rows: rows[::-1])
    async with aclosing(embedder_of(site)) as embedder:
        vectors = await embedder.embed_passages(["0", "2"])
    assert vectors[0, 1] == 0 < vectors[1, 1]


async def test_a_busy_server_is_asked_again(site: LoopbackSite) -> None:
    busy = answer("{}", status="429 Too Many Requests", content_type="application/json", retry_after="0")
    served = server()
    answers = iter([busy])

    async def first_busy(request: Request, writer: asyncio.StreamWriter) -> None:
        if refusal := next(answers, None):
            writer.write(refusal)
            await writer.drain()
        else:
            await served(request, writer)

    site.routes[PATH] = first_busy
    async with aclosing(embedder_of(site, max_retries=1)) as embedder:
        assert (await embedder.embed_query("0"))[0] == 1


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("429 Too Many Requests", ProviderUnavailable),
        ("503 Service Unavailable", ProviderUnavailable),
        ("500 Internal Server Error", ProviderFailed),
        ("401 Unauthorized", ProviderFailed),
    ],
)
async def test_a_refusal_becomes_our_own_error(
    site: LoopbackSite, status: str, error: type[HelpNinjaError]
) -> None:
    site.routes[PATH] = answer(
        '{"error": {"message": "secret detail"}}', status=status, content_type="application/json"
    )
    failure = await failure_of(site)
    assert type(failure) is error
    assert "secret detail" not in failure.detail


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: [],
        lambda rows: [{**rows[0], "index": 7}],
        lambda rows: [{**rows[0], "embedding": [1.0]}],
        lambda rows: [{**rows[0], "embedding": [0.0, 0.0, 0.0]}],
        lambda rows: [{"object": "embedding", "index": 0}],
    ],
    ids=["nothing", "wrong index", "wrong dimension", "no direction", "no vector"],
)
async def test_an_answer_that_does_not_fit_is_refused(site: LoopbackSite, change: Change) -> None:
    site.routes[PATH] = server(change)
    assert type(await failure_of(site)) is ProviderFailed


async def test_an_answer_that_is_no_json_is_refused(site: LoopbackSite) -> None:
    site.routes[PATH] = answer("<html>gateway</html>")
    assert type(await failure_of(site)) is ProviderFailed


async def test_a_server_that_stays_silent_times_out(site: LoopbackSite) -> None:
    async def silent(request: Request, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    site.routes[PATH] = silent
    assert type(await failure_of(site, timeout=0.2)) is ProviderTimedOut


async def test_a_server_that_is_gone_is_unavailable() -> None:
    async with LoopbackSite({}) as site:
        pass
    assert type(await failure_of(site)) is ProviderUnavailable
