"""What both providers make of good streams and of every way a stream goes wrong."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from llmock.scenarios import Reply

from helpninja_app.answers.providers.base import Timeouts, TokenUsage
from helpninja_app.errors import ProviderFailed, ProviderTimedOut, ProviderUnavailable
from tests.providers.conftest import KEY, MODELS, PREAMBLE, Heard, Talk

ANSWER = "Returns are free within 30 days."


async def test_an_answer_arrives_in_pieces_and_ends_with_its_usage(talk: Talk) -> None:
    # What arrives together goes on together.
    talk.llmock.reply(ANSWER).pace(50)

    heard = await talk.listen()

    assert heard.text == ANSWER
    assert len(heard.pieces) > 1
    assert heard.finished is not None
    assert heard.finished.reason == "stop"
    assert heard.finished.usage.input > 0
    assert heard.finished.usage.output > 0
    assert not heard.finished.usage.is_estimate
    assert talk.calls == 1


async def test_the_request_carries_model_system_turns_and_limit(talk: Talk) -> None:
    await talk.listen()

    sent = talk.llmock.last_request.body
    turns = [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi"},
        {"role": "user", "content": "What is new?"},
    ]
    assert sent["model"] == MODELS[talk.name]
    assert sent["max_tokens"] == 200
    assert not {"temperature", "top_p", "top_k", "reasoning_effort", "output_config"} & sent.keys()
    if talk.name == "openai":
        assert sent["messages"] == [{"role": "system", "content": "You answer."}, *turns]
        assert sent["stream_options"] == {"include_usage": True}
    else:
        assert sent["system"] == "You answer."
        assert sent["messages"] == turns


async def test_a_reasoning_model_is_told_how_much_to_think(talk: Talk) -> None:
    async with contextlib.aclosing(talk.provider.stream(talk.request(effort="low"))) as events:
        _ = [event async for event in events]

    sent = talk.llmock.last_request.body
    if talk.name == "openai":
        assert sent["reasoning_effort"] == "low"
        assert sent["max_completion_tokens"] == 200
        assert "max_tokens" not in sent
    else:
        assert sent["output_config"] == {"effort": "low"}
        assert sent["max_tokens"] == 200


@pytest.mark.parametrize(
    ("told", "reason"), [("length", "length"), ("content_filter", "refusal"), ("stop", "stop")]
)
async def test_the_reason_for_the_end_is_passed_on(talk: Talk, told: str, reason: str) -> None:
    talk.llmock.add(Reply(text="Some words", finish_reason=told))

    heard = await talk.listen()

    assert heard.finished is not None
    assert heard.finished.reason == reason


async def test_a_tool_call_nobody_offered_is_an_error(talk: Talk) -> None:
    talk.llmock.call_tool("delete_everything", times=None)

    with pytest.raises(ProviderFailed):
        await talk.listen()


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 529, 408])
async def test_a_passing_failure_before_the_first_token_is_tried_once_more(talk: Talk, status: int) -> None:
    talk.llmock.fail(status, retry_after=0.02).reply(ANSWER)

    heard = await talk.listen()

    assert heard.text == ANSWER
    assert talk.calls == 2


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (429, ProviderUnavailable),
        (500, ProviderFailed),
        (503, ProviderUnavailable),
        (504, ProviderTimedOut),
        (529, ProviderUnavailable),
    ],
)
async def test_the_second_failure_is_final(talk: Talk, status: int, kind: type[ProviderFailed]) -> None:
    talk.llmock.fail(status, retry_after=0.02, times=None, message=f"secret {KEY}")

    with pytest.raises(kind) as caught:
        await talk.listen()

    assert type(caught.value) is kind
    assert "secret" not in caught.value.detail
    assert KEY not in caught.value.detail
    assert talk.calls == 2


async def test_retry_after_is_waited_for(talk: Talk) -> None:
    talk.llmock.rate_limit(retry_after=0.2).reply(ANSWER)

    await talk.listen()

    first, second = talk.llmock.requests
    assert second.started_at - first.started_at >= 0.19


async def test_a_retry_after_beyond_the_cap_is_not_waited_for(talk: Talk) -> None:
    talk.llmock.rate_limit(retry_after=60)

    with pytest.raises(ProviderUnavailable, match="limits our requests") as caught:
        await talk.listen()

    assert talk.calls == 1
    assert caught.value.headers == {"retry-after": "60"}


@pytest.mark.parametrize("status", [400, 404, 413, 422])
async def test_a_request_that_is_refused_is_not_repeated(talk: Talk, status: int) -> None:
    talk.llmock.fail(status, times=None)

    with pytest.raises(ProviderFailed) as caught:
        await talk.listen()

    assert caught.value.status == 502
    assert talk.calls == 1


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_key_names_the_setting_and_not_the_key(talk: Talk, status: int) -> None:
    talk.llmock.fail(status, times=None, message=f"Incorrect API key provided: {KEY}")

    with pytest.raises(ProviderUnavailable) as caught:
        await talk.listen()

    setting = "OPENAI_API_KEY" if talk.name == "openai" else "ANTHROPIC_API_KEY"
    assert caught.value.detail.endswith(f"was refused. Check {setting}.")
    assert KEY not in caught.value.detail
    assert talk.calls == 1


async def test_an_account_without_credit_is_said_to_be_one(talk: Talk) -> None:
    if talk.name == "openai":
        talk.llmock.fail(429, code="insufficient_quota", times=None)
    else:
        talk.llmock.fail(402, times=None)

    with pytest.raises(ProviderUnavailable, match="no credit left"):
        await talk.listen()

    assert talk.calls == 1


async def test_a_stall_before_the_first_byte_runs_into_its_own_limit(talk: Talk) -> None:
    talk.llmock.delay(30)
    hasty = talk.remake(Timeouts(first_byte=0.2, idle=20, total=20))

    with pytest.raises(ProviderTimedOut):
        await talk.listen(provider=hasty)


async def test_a_stall_in_the_middle_runs_into_the_idle_limit(talk: Talk) -> None:
    talk.llmock.reply(ANSWER).stall(after_chunks=PREAMBLE[talk.name] + 2, seconds=30)
    hasty = talk.remake(Timeouts(first_byte=20, idle=5, total=20))
    heard = Heard()

    with pytest.raises(ProviderTimedOut):
        await talk.listen(heard, hasty)

    assert heard.text == "Returns are "
    assert talk.calls == 1


async def test_a_trickle_runs_into_the_total_limit(talk: Talk) -> None:
    talk.llmock.reply("word " * 200).pace(100)
    hasty = talk.remake(Timeouts(first_byte=20, idle=20, total=5))
    heard = Heard()

    with pytest.raises(ProviderTimedOut):
        await talk.listen(heard, hasty)

    assert heard.pieces


async def test_the_total_limit_includes_the_wait_before_the_retry(talk: Talk) -> None:
    talk.llmock.rate_limit(retry_after=20)
    hasty = talk.remake(Timeouts(first_byte=5, idle=5, total=2))

    with pytest.raises(ProviderTimedOut):
        await talk.listen(provider=hasty)

    assert talk.calls == 1


@pytest.mark.parametrize("fault", ["disconnect", "truncate", "corrupt"])
async def test_a_stream_that_breaks_before_the_first_token_is_tried_once_more(talk: Talk, fault: str) -> None:
    getattr(talk.llmock, fault)(after_chunks=PREAMBLE[talk.name])
    talk.llmock.reply(ANSWER, times=2)

    heard = await talk.listen()

    assert heard.text == ANSWER
    assert talk.calls == 2


@pytest.mark.parametrize("fault", ["disconnect", "truncate", "corrupt"])
async def test_a_stream_that_breaks_after_the_first_token_is_an_error_and_not_an_answer(
    talk: Talk, fault: str
) -> None:
    talk.llmock.reply(ANSWER, times=2)
    getattr(talk.llmock, fault)(after_chunks=PREAMBLE[talk.name] + 2)
    heard = Heard()

    with pytest.raises(ProviderFailed) as caught:
        await talk.listen(heard)

    assert isinstance(caught.value, ProviderUnavailable) == (fault == "disconnect")
    assert heard.text == "Returns are "
    assert heard.finished is None
    assert talk.calls == 1


async def test_a_server_nobody_listens_at_is_unavailable(talk: Talk, unused_tcp_port: int) -> None:
    nowhere = talk.remake(Timeouts(), f"http://127.0.0.1:{unused_tcp_port}")

    with pytest.raises(ProviderUnavailable, match="connection"):
        await talk.listen(provider=nowhere)


async def test_cancelling_closes_the_connection_at_once(talk: Talk) -> None:
    talk.llmock.reply(ANSWER).stall(after_chunks=PREAMBLE[talk.name] + 1, seconds=30)
    heard = Heard()
    task = asyncio.create_task(talk.listen(heard))
    while not heard.pieces:
        await asyncio.sleep(0.01)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    # The journal holds ended requests only: the server saw the connection go.
    record = await asyncio.to_thread(lambda: talk.llmock.last_request)
    assert not record.completed
    assert record.stall_waited is not None
    assert record.stall_waited < 25


async def test_a_listener_who_leaves_closes_the_connection_at_once(talk: Talk) -> None:
    talk.llmock.reply("word " * 500).pace(20)

    async with contextlib.aclosing(talk.provider.stream(talk.request())) as events:
        await anext(events)

    record = await asyncio.to_thread(lambda: talk.llmock.last_request)
    assert not record.completed
    assert record.chunks_sent < 400


async def test_a_check_passes_with_a_good_key_and_a_closed_provider_opens_again(talk: Talk) -> None:
    await talk.provider.check()
    await talk.provider.aclose()
    await talk.provider.check()

    assert [record.path.endswith("/models") for record in talk.llmock.requests] == [True, True]


@pytest.mark.parametrize(("status", "kind"), [(401, ProviderUnavailable), (500, ProviderFailed)])
async def test_a_check_tells_what_is_wrong(talk: Talk, status: int, kind: type[ProviderFailed]) -> None:
    talk.llmock.fail(status, times=None)

    with pytest.raises(kind):
        await talk.provider.check()

    assert talk.calls == 1


async def test_a_check_does_not_wait_for_ever(talk: Talk) -> None:
    talk.llmock.delay(30)

    with pytest.raises(ProviderTimedOut):
        await talk.remake(Timeouts(first_byte=0.2)).check()


def test_usage_adds_up() -> None:
    assert TokenUsage(input=3, output=4).total == 7
