"""Events for customers' webhooks: stored with what they tell, and brought to those who asked for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from helpninja_app.conversations.handoff import change_status, escalate
from helpninja_app.conversations.models import Reason, Status
from helpninja_app.conversations.outgoing_events import tell_feedback
from helpninja_app.conversations.threads import open_conversation
from helpninja_app.integrations.signatures import verify
from helpninja_app.integrations.webhooks.models import EventType
from helpninja_app.kernel import outbox
from helpninja_app.kernel.scope import Scope
from helpninja_app.resources import Resources
from tests.factories import Factory
from tests.hooks import Hook, hooked, visitor_of
from tests.loopback_site import Request, answer
from tests.twins.webhook_peer import status


@pytest.fixture
async def hook(resources: Resources, factory: Factory) -> AsyncIterator[Hook]:
    async with hooked(resources, await factory.tenant(), tuple(EventType)) as hook:
        yield hook


def _types(hook: Hook) -> list[str]:
    return sorted(message["type"] for _, message in hook.peer.taken)


async def test_what_a_visitor_writes_is_told_and_signed(hook: Hook) -> None:
    await hook.say("Do you ship to <b>Malta</b>?")
    await hook.deliver()
    assert _types(hook) == ["conversation.started", "message.created"]
    [(request, message)] = [taken for taken in hook.peer.taken if taken[1]["type"] == "message.created"]
    assert message["data"]["text"] == "Do you ship to <b>Malta</b>?"
    assert message["data"]["role"] == "visitor"
    assert verify([hook.secret], request.headers, request.body, now=datetime.now(UTC))
    assert request.headers["webhook-id"] in {str(view.event_id) for view in await hook.log()}


async def test_each_event_of_a_conversation_is_told(hook: Hook) -> None:
    visitor = visitor_of(hook.tenant)
    async with hook.resources.database.unit_of_work(visitor.scope) as session:
        conversation = await open_conversation(session, visitor)
        assert await escalate(session, conversation, Reason.VISITOR_REQUEST, topic="A person, please")
        await tell_feedback(session, conversation, csat=4, comment="Good.")
        await change_status(session, conversation, Status.RESOLVED, actor="bot", reason="resolved")
    await hook.deliver()
    assert _types(hook) == [
        "conversation.ended",
        "conversation.started",
        "escalation.created",
        "feedback.created",
    ]
    told = {message["type"]: message["data"] for _, message in hook.peer.taken}
    assert {data["conversationId"] for data in told.values()} == {str(conversation.id)}
    assert told["escalation.created"]["question"] == "A person, please"
    assert told["feedback.created"]["csat"] == 4


async def test_a_document_that_is_indexed_is_told(hook: Hook, factory: Factory) -> None:
    document = await factory.document(hook.tenant, "# Boots\n\nBoots come back within sixty days.")
    await hook.deliver()
    [(_, message)] = hook.peer.taken
    assert (message["type"], message["data"]["documentId"]) == ("document.indexed", str(document))


async def test_what_is_rolled_back_is_not_told(hook: Hook) -> None:
    visitor = visitor_of(hook.tenant)
    async with hook.resources.database.unit_of_work(visitor.scope) as session:
        await open_conversation(session, visitor)
        await session.rollback()
    await hook.deliver()
    assert await hook.log() == []
    assert hook.peer.requests == []


async def test_nobody_hears_what_they_did_not_ask_for(resources: Resources, factory: Factory) -> None:
    async with hooked(resources, await factory.tenant(), (EventType.DOCUMENT_INDEXED,)) as hook:
        await hook.say()
        stored = await hook.run("select count(*) from webhook_events where workspace_id = :workspace")
        assert stored.scalar_one() == 0


async def test_another_workspace_hears_nothing(hook: Hook, factory: Factory) -> None:
    async with hooked(hook.resources, await factory.tenant()) as theirs:
        await theirs.say("a secret")
        await theirs.deliver()
        assert len(theirs.peer.taken) == 1
    assert hook.peer.requests == []


async def test_a_visitor_reads_no_event_and_no_endpoint(hook: Hook) -> None:
    await hook.say("mine", session_id="visitor-1")
    scope = Scope.visitors(hook.tenant.id, "visitor-1", is_proven=True)
    for table in ("webhook_endpoints", "webhook_events", "webhook_deliveries", "webhook_attempts"):
        async with hook.resources.database.unit_of_work(scope) as session:
            assert (await session.execute(text(f"select count(*) from {table}"))).scalar_one() == 0
            changed = await session.execute(text(f"delete from {table}"))
            assert changed.rowcount == 0  # type: ignore[attr-defined]
    assert len(await hook.log()) == 2


async def test_a_failure_is_noted_and_tried_again_with_the_same_id(hook: Hook) -> None:
    await _ask_for_messages(hook)
    hook.peer.faults = [status("500 Internal Server Error")]
    await hook.say()
    await hook.deliver()
    [view] = await hook.log()
    assert (view.status, view.attempts) == ("waiting", 1)
    assert view.next_at is not None
    assert timedelta(minutes=1) < view.next_at - datetime.now(UTC) <= timedelta(minutes=2)
    await hook.deliver()
    assert len(hook.peer.requests) == 1
    await hook.make_due()
    await hook.deliver()
    [view] = await hook.log()
    assert (view.status, view.attempts, view.next_at) == ("sent", 2, None)
    assert [bool(attempt.error) for attempt in view.log] == [True, False]
    assert len({request.headers["webhook-id"] for request in hook.peer.requests}) == 1


async def test_as_long_as_the_endpoint_asks_is_waited(hook: Hook) -> None:
    await _ask_for_messages(hook)
    hook.peer.faults = [status("429 Too Many Requests", retry_after="7200")]
    await hook.say()
    await hook.deliver()
    [view] = await hook.log()
    assert view.next_at is not None
    assert view.next_at - datetime.now(UTC) > timedelta(minutes=119)


async def test_after_ten_attempts_it_has_failed(hook: Hook) -> None:
    await _ask_for_messages(hook)
    hook.peer.faults = [status("500 Internal Server Error")] * 20
    await hook.say()
    for _ in range(12):
        await hook.make_due()
        await hook.deliver()
    [view] = await hook.log()
    assert (view.status, view.attempts, len(hook.peer.requests)) == ("failed", 10, 10)


async def test_of_two_couriers_one_delivers(hook: Hook) -> None:
    await _ask_for_messages(hook)
    for number in range(12):
        await hook.say(f"message {number}")
    await asyncio.gather(*(hook.courier.deliver_due() for _ in range(4)))
    texts = sorted(message["data"]["text"] for _, message in hook.peer.taken)
    assert texts == sorted(f"message {number}" for number in range(12))


async def test_what_a_killed_process_had_taken_is_sent_by_another(hook: Hook) -> None:
    await _ask_for_messages(hook)
    await hook.say()
    assert await hook.courier.claim(16)
    await hook.deliver()
    assert hook.peer.requests == []
    await hook.run("update due_webhooks set leased_until = now() where endpoint_id = :endpoint")
    await hook.deliver()
    assert len(hook.peer.taken) == 1


async def test_an_endpoint_that_is_slow_holds_up_nobody_else(hook: Hook, factory: Factory) -> None:
    await _ask_for_messages(hook)
    for number in range(20):
        await hook.say(f"message {number}")
    async with hooked(hook.resources, await factory.tenant()) as other:
        await other.say()
        taken = await hook.courier.claim(16)
        assert [each.endpoint_id for each in taken].count(hook.id) == 4
        assert other.id in {each.endpoint_id for each in taken}
        # Those four are under way: it gets no more until one of them ends.
        assert hook.id not in {each.endpoint_id for each in await hook.courier.claim(16)}


async def test_a_running_courier_delivers_what_is_told(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    # It does not find out by itself.
    monkeypatch.setattr(outbox, "POLL_SECONDS", 600)
    running = asyncio.create_task(hook.courier.run())
    try:
        await asyncio.sleep(0.3)
        await hook.say()
        async with asyncio.timeout(30):
            while len(hook.peer.taken) < 2:
                await asyncio.sleep(0.02)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_what_is_being_sent_when_the_process_ends_is_noted(
    hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "SHUTDOWN_SECONDS", 60)
    await _ask_for_messages(hook)
    is_there = asyncio.Event()

    async def slow(_: Request, writer: asyncio.StreamWriter) -> None:
        is_there.set()
        await asyncio.sleep(0.2)
        writer.write(answer("ok"))

    hook.peer.faults = [slow]
    await hook.say()
    running = asyncio.create_task(hook.courier.run())
    await asyncio.wait_for(is_there.wait(), 60)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert [view.status for view in await hook.log()] == ["sent"]


async def test_old_events_are_forgotten(hook: Hook) -> None:
    await _ask_for_messages(hook)
    await hook.say("old")
    await hook.deliver()
    await hook.run(
        "update webhook_events set created_at = now() - interval '31 days' where workspace_id = :workspace"
    )
    await hook.say("new")
    await hook.deliver()
    assert len(await hook.log()) == 1


async def test_old_events_are_forgotten_also_where_nothing_arrives_and_the_one_that_is_sent_is_not(
    hook: Hook,
) -> None:
    await _ask_for_messages(hook)
    await hook.say("old")
    await hook.deliver()
    await hook.say("sent")
    await hook.run(
        "update webhook_events set created_at = now() - interval '31 days' where workspace_id = :workspace"
    )
    hook.peer.faults = [status("500 Internal Server Error")]
    await hook.deliver()
    assert [(each.status, each.attempts) for each in await hook.log()] == [("waiting", 1)]


async def _ask_for_messages(hook: Hook) -> None:
    await hook.run(
        "delete from webhook_subscribers where endpoint_id = :endpoint and event_type <> 'message.created'"
    )
