"""The members' chat of the product as it is served, before providers over real HTTP, with their faults."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import psycopg
import pytest
from llmock.pytest_plugin import LLMock
from llmock.scenarios import Reply
from llmock.testing import LLMockServer

from helpninja_app.kernel.database import new_id
from helpninja_app.kernel.embedded_postgres import EmbeddedPostgres
from tests.e2e.demo_server import DemoServer, running_demo
from tests.e2e.member_chat_steps import MODELS, Served, is_problem, question, spend
from tests.e2e.slow_provider import SlowProvider, running_slow_provider
from tests.e2e.test_accounts import PASSWORD

# Those that the free plan has not.
pytestmark = pytest.mark.timeout(300)

DEARER = {"openai": "gpt-4o", "anthropic": "claude-sonnet-5-5"}
ANSWER = "A kestrel is a small falcon that hovers above its prey."
KEY = "sk-test-0123456789"
# Chunks before the first text: the role; or message_start, content_block_start and a ping.
PREAMBLE = {"openai": 1, "anthropic": 3}
BREAK = """create function fail() returns trigger language plpgsql as
$$ begin raise exception 'secret of the database'; end $$;
create trigger fails before insert on chat_messages for each row execute function fail()"""
MEND = "drop trigger fails on chat_messages; drop function fail()"

Fault = Callable[[LLMock, int], LLMock]


@pytest.fixture(scope="module")
def product() -> Iterator[tuple[DemoServer, LLMockServer]]:
    with (
        LLMockServer() as provider,
        running_demo(
            OPENAI_API_KEY=KEY,
            OPENAI_BASE_URL=provider.base_url("openai"),
            ANTHROPIC_API_KEY=KEY,
            ANTHROPIC_BASE_URL=provider.base_url("anthropic"),
            HELPNINJA_EMBEDDER="minilm",
            HELPNINJA_ANSWER_MODEL="offline",
            HELPNINJA_UNLIMITED="0",
            HELPNINJA_FIRST_BYTE_TIMEOUT="10",
            HELPNINJA_IDLE_TIMEOUT="6",
        ) as demo,
    ):
        yield demo, provider


@pytest.fixture
def served(product: tuple[DemoServer, LLMockServer]) -> Iterator[Served]:
    demo, provider = product
    headers = {"authorization": f"Bearer {demo.api_key}"}
    with httpx.Client(base_url=demo.url, headers=headers, timeout=30) as client:
        yield Served(demo, LLMock(provider).reset(), client)


@pytest.mark.parametrize("provider", MODELS)
def test_an_answer_streams_and_is_paid_for(served: Served, provider: str) -> None:
    served.llmock.reply(ANSWER)
    before = served.credits()
    response = served.ask(provider)
    answer = served.latest()
    assert (response.status_code, response.text) == (200, ANSWER)
    assert (answer["content"], answer["state"], answer["finish"]) == (ANSWER, "complete", "stop")
    assert answer["inputTokens"] > 0
    assert before - served.credits() == answer["credits"] == 1


@pytest.fixture
def free(served: Served) -> Iterator[Served]:
    """A workspace of its own on the free plan, whose owner asks."""
    with httpx.Client(base_url=served.demo.url, headers={"origin": served.demo.url}, timeout=30) as client:
        made = client.post(
            "/api/auth/sign-up",
            json={"email": f"owner-{new_id()}@bakery.example", "password": PASSWORD, "workspace": "Bakery"},
        )
        assert made.status_code == 201, made.text
        yield Served(served.demo, served.llmock, client, granted=100)


@pytest.mark.parametrize("credential", [None, "Bearer hn_sk_of_nobody"])
@pytest.mark.parametrize("provider", MODELS)
def test_who_is_not_known_is_401_and_no_provider_is_asked(
    served: Served, provider: str, credential: str | None
) -> None:
    headers = {"authorization": credential} if credential else {}
    response = httpx.post(f"{served.demo.url}/api/chat", json=question(provider), headers=headers, timeout=30)
    is_problem(response, 401)
    assert served.asked_nobody()


@pytest.mark.parametrize("provider", MODELS)
def test_without_credits_it_is_402_with_the_way_on_and_no_provider_is_asked(
    free: Served, provider: str
) -> None:
    free.llmock.reply(ANSWER, times=None)
    spend(free)
    free.llmock.reset()
    chats = free.chats()
    problem = is_problem(free.ask(provider), 402)
    assert (problem["limit"], problem["used"]) == (100, 100)
    assert "top up credits" in problem["detail"]
    assert free.asked_nobody()
    assert (free.chats(), free.credits()) == (chats, 0)


@pytest.mark.parametrize("provider", MODELS)
def test_a_model_beyond_the_plan_is_403_and_no_provider_is_asked(free: Served, provider: str) -> None:
    response = free.client.post("/api/chat", json=question(provider) | {"modelId": DEARER[provider]})
    problem = is_problem(response, 403)
    assert "plan" in problem["detail"]
    assert free.asked_nobody()
    assert (free.chats(), free.credits()) == (0, 100)


UNREADABLE: dict[str, tuple[dict[str, Any], str]] = {
    "no message": ({"messages": []}, "body.messages"),
    "a role that is none": ({"messages": [{"role": "tool", "content": "x"}]}, "body.messages.0.role"),
    "an unknown model": ({"modelId": "gpt-9"}, "modelId"),
    "a chat that is no id": ({"chatId": "x"}, "body.chatId"),
    "a document that is not there": ({"documentIds": [str(new_id())]}, "body.documentIds"),
}


@pytest.mark.parametrize("wrong", UNREADABLE)
@pytest.mark.parametrize("provider", MODELS)
def test_a_wrong_body_is_422_naming_the_field_and_no_provider_is_asked(
    served: Served, provider: str, wrong: str
) -> None:
    change, field = UNREADABLE[wrong]
    before = served.credits(), served.chats()
    problem = is_problem(served.client.post("/api/chat", json=question(provider) | change), 422)
    assert field in [each["field"] for each in problem["errors"]]
    assert served.asked_nobody()
    assert (served.credits(), served.chats()) == before


@contextmanager
def mistaken(demo: DemoServer) -> Iterator[None]:
    """Nothing can be stored of a chat meanwhile, as by a mistake of ours."""
    with (
        EmbeddedPostgres(demo.data / "postgres") as postgres,
        psycopg.connect(postgres.urls.owner, autocommit=True) as database,
    ):
        database.execute(BREAK)
        try:
            yield
        finally:
            database.execute(MEND)


@pytest.mark.parametrize("provider", MODELS)
def test_a_mistake_of_ours_is_500_that_tells_nothing_and_costs_nothing(served: Served, provider: str) -> None:
    served.llmock.reply(ANSWER, times=None)
    before = served.credits(), served.chats()
    with mistaken(served.demo):
        response = served.ask(provider)
    problem = is_problem(response, 500)
    assert problem["detail"] == "Something went wrong on our side. Please try again."
    assert "secret" not in response.text
    assert served.asked_nobody()
    assert (served.credits(), served.chats()) == before
    assert served.ask(provider).text == ANSWER


ENDS = {"length": "length", "content_filter": "refusal"}


@pytest.mark.parametrize("told", ENDS)
@pytest.mark.parametrize("provider", MODELS)
def test_what_a_limit_or_a_refusal_ends_is_kept_as_far_as_it_came_and_paid_for(
    served: Served, provider: str, told: str
) -> None:
    served.llmock.add(Reply(text="A kestrel is a", finish_reason=told, times=None))
    before = served.credits()
    plain = served.ask(provider)
    answer = served.latest()
    paid = before - served.credits()
    events = served.ask(provider, is_sse=True).text.strip().split("\n\n")
    assert (plain.status_code, plain.text) == (200, "A kestrel is a")
    assert (answer["state"], answer["content"]) == ("complete", "A kestrel is a")
    assert answer["finish"] == ENDS[told]
    assert answer["outputTokens"] > 0
    assert paid == answer["credits"] == 1
    assert events[-1].startswith("event: done\n")
    done = json.loads(events[-1].partition("data: ")[2])
    assert (done["finish"], done["credits"]) == (ENDS[told], 1)


@pytest.mark.parametrize("provider", MODELS)
def test_a_refusal_without_a_word_is_kept_as_one_and_costs_nothing(served: Served, provider: str) -> None:
    served.llmock.add(Reply(text="", finish_reason="content_filter", times=None))
    before = served.credits()
    events = served.ask(provider, is_sse=True).text.strip().split("\n\n")
    answer = served.latest()
    assert (answer["state"], answer["content"], answer["finish"]) == ("complete", "", "refusal")
    assert (answer["credits"], served.credits()) == (0, before)
    done = json.loads(events[-1].partition("data: ")[2])
    assert (done["finish"], done["credits"]) == ("refusal", 0)


@pytest.mark.parametrize("provider", MODELS)
def test_a_limit_that_leaves_no_word_is_a_problem_and_costs_nothing(served: Served, provider: str) -> None:
    served.llmock.add(Reply(text="", finish_reason="length", times=None))
    before = served.credits()
    problem = is_problem(served.ask(provider), 502)
    answer = served.latest()
    assert (answer["state"], answer["content"], answer["reason"]) == ("failed", "", problem["detail"])
    assert served.credits() == before


BEFORE_THE_FIRST_WORD: dict[str, tuple[Fault, int]] = {
    "429 without end": (lambda mock, _: mock.rate_limit(times=None, retry_after=0.05), 503),
    "429 for a long time": (lambda mock, _: mock.rate_limit(times=None, retry_after=60), 503),
    "500": (lambda mock, _: mock.fail(500, times=None), 502),
    "529": (lambda mock, _: mock.fail(529, times=None), 503),
    "a refused key": (lambda mock, _: mock.fail(401, times=None), 503),
    "too late": (lambda mock, _: mock.delay(30, times=None), 504),
    "cut off at once": (lambda mock, _: mock.disconnect(after_chunks=0, times=None), 503),
}


@pytest.mark.parametrize("fault", BEFORE_THE_FIRST_WORD)
@pytest.mark.parametrize("provider", MODELS)
def test_what_fails_before_the_first_word_is_a_problem_and_costs_nothing(
    served: Served, provider: str, fault: str
) -> None:
    break_it, status = BEFORE_THE_FIRST_WORD[fault]
    break_it(served.llmock, PREAMBLE[provider])
    before = served.credits()
    response = served.ask(provider)
    problem = response.json()
    assert response.status_code == status, problem
    assert response.headers["content-type"] == "application/problem+json"
    assert KEY not in response.text
    answer = served.latest()
    assert (answer["state"], answer["content"]) == ("failed", "")
    assert answer["reason"] == problem["detail"]
    assert served.credits() == before


@pytest.mark.parametrize("provider", MODELS)
def test_a_limit_that_passes_is_waited_for(served: Served, provider: str) -> None:
    served.llmock.rate_limit(retry_after=0.1).reply(ANSWER)
    assert served.ask(provider).text == ANSWER


ON_THE_WAY: dict[str, Fault] = {
    "silence": lambda mock, preamble: mock.stall(after_chunks=preamble + 2, seconds=30, times=None),
    "a broken connection": lambda mock, preamble: mock.disconnect(after_chunks=preamble + 2, times=None),
    "an end that is none": lambda mock, preamble: mock.truncate(after_chunks=preamble + 2, times=None),
    "nonsense": lambda mock, preamble: mock.corrupt(after_chunks=preamble + 2, times=None),
}


@pytest.mark.parametrize("fault", ON_THE_WAY)
@pytest.mark.parametrize("provider", MODELS)
def test_what_fails_on_the_way_breaks_the_connection_off_and_costs_nothing(
    served: Served, provider: str, fault: str
) -> None:
    ON_THE_WAY[fault](served.llmock.reply(ANSWER, times=None), PREAMBLE[provider])
    before = served.credits()
    with pytest.raises(httpx.RemoteProtocolError):
        served.ask(provider)
    answer = served.latest()
    assert answer["state"] == "failed"
    assert answer["content"]
    assert ANSWER.startswith(answer["content"])
    assert served.credits() == before


@pytest.mark.parametrize("fault", ON_THE_WAY)
def test_what_fails_on_the_way_is_an_event_where_events_were_asked_for(served: Served, fault: str) -> None:
    ON_THE_WAY[fault](served.llmock.reply(ANSWER, times=None), PREAMBLE["openai"])
    response = served.ask("openai", is_sse=True)
    last = response.text.strip().split("\n\n")[-1]
    assert last.startswith("event: error\n")
    assert json.loads(last.partition("data: ")[2])["status"] in {502, 503, 504}


@pytest.fixture
def slow(product: tuple[DemoServer, LLMockServer]) -> Iterator[tuple[httpx.Client, SlowProvider]]:
    """A product of its own, before a provider that says a word every quarter of a second, for minutes."""
    with (
        running_slow_provider(words=1_000, pause=0.25) as provider,
        running_demo(
            OPENAI_API_KEY=KEY,
            OPENAI_BASE_URL=provider.url,
            HELPNINJA_EMBEDDER="minilm",
            HELPNINJA_ANSWER_MODEL="offline",
        ) as demo,
        httpx.Client(
            base_url=demo.url, headers={"authorization": f"Bearer {demo.api_key}"}, timeout=30
        ) as client,
    ):
        yield client, provider


def test_words_arrive_as_they_are_said_and_whoever_leaves_stops_them(
    slow: tuple[httpx.Client, SlowProvider],
) -> None:
    client, provider = slow
    with client.stream("POST", "/api/chat", json=question("openai")) as warm:
        next(warm.iter_text())
    assert provider.was_left.wait(30)
    provider.waits_for_readers = True
    provider.next_word.release()
    with client.stream("POST", "/api/chat", json=question("openai")) as response:
        pieces = response.iter_text()
        for number in range(5):
            assert next(pieces).split() == [f"word{number}"]
            # The next word is not said before this one is read.
            provider.next_word.release()
    provider.waits_for_readers = False
    provider.next_word.release()
    # Long before the whole answer is said.
    assert provider.was_left.wait(30)
    chat = client.get(f"/api/chats/{response.headers['x-chat-id']}").json()
    until = time.monotonic() + 30
    while chat["messages"][-1]["state"] == "writing" and time.monotonic() < until:
        time.sleep(0.1)
        chat = client.get(f"/api/chats/{response.headers['x-chat-id']}").json()
    answer = chat["messages"][-1]
    assert answer["state"] == "interrupted"
    assert answer["content"].startswith("word0 word1 word2")


def test_many_answers_at_once_all_come_to_their_end(served: Served) -> None:
    served.llmock.reply(ANSWER, times=None)
    texts: list[str] = []

    def one() -> None:
        with httpx.Client(base_url=served.demo.url, headers=served.client.headers, timeout=60) as client:
            texts.append(client.post("/api/chat", json=question("openai")).text)

    threads = [threading.Thread(target=one) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == [ANSWER] * 30
