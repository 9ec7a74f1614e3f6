"""What endpoints answer: its beginning is kept with each attempt, as text that harms nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from helpninja_app.errors import NotFound
from helpninja_app.integrations.webhooks.log import MAX_ATTEMPTS_SHOWN, AttemptView, SentView, read_sent
from helpninja_app.resources import Resources
from tests.factories import Factory
from tests.hooks import Hook, hooked
from tests.loopback_site import Request, answer
from tests.twins.webhook_peer import Fault, silence, taken_with_an_endless_body


@pytest.fixture
async def hook(resources: Resources, factory: Factory) -> AsyncIterator[Hook]:
    async with hooked(resources, await factory.tenant()) as hook:
        yield hook


def _says(body: str | bytes, status: str = "200 OK") -> Fault:
    async def fault(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(body, status=status))

    return fault


async def _sent(hook: Hook) -> SentView:
    [view] = await hook.log()
    async with hook.resources.database.unit_of_work(hook.tenant.scope) as session:
        return await read_sent(session, hook.tenant.id, hook.id, view.event_id)


async def _answered(hook: Hook, fault: Fault) -> AttemptView:
    hook.peer.faults = [fault]
    await hook.say()
    await hook.deliver()
    [attempt] = (await _sent(hook)).log
    return attempt


@pytest.mark.parametrize("status", ["202 Accepted", "400 Bad Request", "429 Too Many Requests", "503 Away"])
async def test_status_and_answer_are_kept_however_it_ended(hook: Hook, status: str) -> None:
    attempt = await _answered(hook, _says('{"error": "no such contact"}', status))
    assert (attempt.status, attempt.answer) == (int(status[:3]), '{"error": "no such contact"}')
    assert bool(attempt.error) is not status.startswith("2")


async def test_of_a_long_answer_the_beginning_is_kept(hook: Hook) -> None:
    assert (await _answered(hook, _says("\u00e9" * 5000))).answer == "\u00e9" * 500


async def test_an_endless_answer_is_one_too(hook: Hook) -> None:
    attempt = await _answered(hook, taken_with_an_endless_body)
    assert (attempt.status, attempt.error, attempt.answer) == (200, "", "x" * 500)


async def test_what_cannot_be_shown_is_left_out(hook: Hook) -> None:
    said = "a\x00b\x1b[31m\u202ec\td\n".encode() + b"\xff"
    assert (await _answered(hook, _says(said))).answer == "ab[31mc\td\n\ufffd"


async def test_where_nothing_came_back_nothing_is_said_to_have(hook: Hook) -> None:
    attempt = await _answered(hook, silence)
    assert (attempt.status, attempt.answer) == (None, "")
    assert attempt.error


async def test_headers_are_not_kept(hook: Hook) -> None:
    async def says(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(answer("ok", **{"set-cookie": "session=canary"}))

    await _answered(hook, says)
    stored = await hook.run("select a::text from webhook_attempts a where endpoint_id = :endpoint")
    assert "canary" not in stored.scalar_one()


async def test_what_was_sent_is_of_the_endpoint_it_was_sent_to(hook: Hook, factory: Factory) -> None:
    await hook.say("mine")
    sent = await _sent(hook)
    assert '"text": "mine"' in sent.body
    assert len(sent.body) == sent.length
    async with (
        hooked(hook.resources, hook.tenant) as later,
        hook.resources.database.unit_of_work(hook.tenant.scope) as session,
    ):
        with pytest.raises(NotFound):
            await read_sent(session, hook.tenant.id, later.id, sent.event_id)
    other = await factory.tenant()
    async with hook.resources.database.unit_of_work(other.scope) as session:
        with pytest.raises(NotFound):
            await read_sent(session, other.id, hook.id, sent.event_id)


async def test_of_many_attempts_the_latest_are_shown(hook: Hook) -> None:
    await _answered(hook, _says("first"))
    await hook.run(
        "insert into webhook_attempts (workspace_id, endpoint_id, event_id, id, error, milliseconds, answer)"
        " select workspace_id, endpoint_id, event_id, gen_random_uuid(), '', 1, number::text"
        " from webhook_attempts, generate_series(1, 30) as number where endpoint_id = :endpoint"
    )
    log = (await _sent(hook)).log
    assert len(log) == MAX_ATTEMPTS_SHOWN
    [view] = await hook.log()
    assert view.log == log


async def test_what_nobody_would_see_is_shown_by_its_number(hook: Hook) -> None:
    await hook.say("pay \u202e100\u2066 é 返品 \U000e0041")
    await hook.deliver()
    body = (await _sent(hook)).body
    assert r"pay \u202e100\u2066 é 返品 \udb40\udc41" in body
    assert "\n" in body
