"""The outbox of escalations: to whom it goes, that it goes once, and what happens when it does not go."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from helpninja_app.conversations import delivering
from helpninja_app.conversations.delivery_records import Fallbacks
from helpninja_app.conversations.dispatch import release_held
from helpninja_app.conversations.handoff import escalate
from helpninja_app.conversations.models import Contact, Reason, Sender
from helpninja_app.conversations.threads import open_conversation
from helpninja_app.errors import DeliveryFailed
from helpninja_app.integrations.packet import Packet
from helpninja_app.integrations.retries import MAX_ATTEMPTS
from helpninja_app.kernel import outbox
from helpninja_app.kernel.rate_limits import Burst
from helpninja_app.kernel.scope import Scope
from helpninja_app.resources import Resources
from tests.deliveries import (
    HOOK,
    Channel,
    ask_for_a_person,
    courier_of,
    deliveries_of,
    integrate,
    integration_of,
    make_time_pass,
    say,
    waits_of,
)
from tests.factories import Factory

OTHER = "https://hooks.example/other-place-xyz"
NONE = Fallbacks()


async def _due(resources: Resources, workspace_id: UUID) -> list[UUID]:
    return [each.id for each in await deliveries_of(resources, workspace_id)]


async def test_an_escalation_goes_to_every_integration_that_is_switched_on(
    resources: Resources, factory: Factory
) -> None:
    tenant, channel = await factory.tenant(), Channel()
    await integrate(resources, tenant)
    await integrate(resources, tenant, OTHER, provider="teams", status="failing")
    await integrate(resources, tenant, "https://off.example/x", status="disabled")
    conversation = await ask_for_a_person(resources, tenant)
    await courier_of(resources, channel).deliver_due(await _due(resources, tenant.id))
    assert channel.about(conversation.id) == sorted([HOOK, OTHER])
    assert [each.status for each in await deliveries_of(resources, tenant.id)] == ["sent", "sent"]
    assert await waits_of(resources, tenant.id) == []


async def test_mails_to_one_address_are_so_many_an_hour_and_go_on_later(
    resources: Resources, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "PER_RECIPIENT", Burst(1, 3600))
    tenant, other, channel = await factory.tenant(), await factory.tenant(), Channel()
    victim = f"victim-{tenant.id.hex}@example.com"
    for each in (tenant, other):
        await integrate(resources, each, victim.upper() if each is other else victim, provider="email")
        await ask_for_a_person(resources, each)
        await courier_of(resources, channel).deliver_due(await _due(resources, each.id))
    assert channel.to(victim)
    assert channel.to(victim.upper()) == []
    [held] = await deliveries_of(resources, other.id)
    assert (held.status, held.last_error) == ("waiting", "Too many mails were sent in the last hour.")
    [minutes] = await waits_of(resources, other.id)
    assert 55 < minutes <= 61


async def test_our_own_limits_use_up_no_attempts_and_are_no_fault_of_the_destination(
    resources: Resources, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "PER_WORKSPACE", Burst(0, 3600))
    tenant, channel = await factory.tenant(), Channel()
    integration = await integrate(resources, tenant, "team@example.com", provider="email")
    await ask_for_a_person(resources, tenant)
    for _ in range(MAX_ATTEMPTS + 1):
        await courier_of(resources, channel).deliver_due(await _due(resources, tenant.id))
        await make_time_pass(resources, tenant.id, minutes=61)
    [held] = await deliveries_of(resources, tenant.id)
    assert (held.status, held.attempts) == ("waiting", 0)
    found = await integration_of(resources, tenant, integration)
    assert (found.status, found.failures, found.last_error) == ("active", 0, "")
    monkeypatch.setattr(delivering, "PER_WORKSPACE", Burst(1, 3600))
    await courier_of(resources, channel).deliver_due(await _due(resources, tenant.id))
    assert len(channel.to("team@example.com")) == 1


async def test_what_our_own_limits_hold_back_does_not_wait_for_ever_and_is_let_go_by_nobody(
    resources: Resources, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "PER_WORKSPACE", Burst(0, 3600))
    tenant, channel = await factory.tenant(), Channel()
    await integrate(resources, tenant, "team@example.com", provider="email")
    await ask_for_a_person(resources, tenant)
    await courier_of(resources, channel).deliver_due(await _due(resources, tenant.id))
    [held] = await deliveries_of(resources, tenant.id)
    async with resources.database.unit_of_work(tenant.scope) as session:
        await release_held(session, tenant.id, held.conversation_id)
    [minutes] = await waits_of(resources, tenant.id)
    assert minutes > 1
    async with resources.database.unit_of_work(tenant.scope) as session:
        await session.execute(
            text("update due_deliveries set since = now() - interval '25 hours' where workspace_id = :id"),
            {"id": tenant.id},
        )
    await make_time_pass(resources, tenant.id, minutes=61)
    await courier_of(resources, channel).deliver_due(await _due(resources, tenant.id))
    [held] = await deliveries_of(resources, tenant.id)
    assert (held.status, held.last_error) == ("failed", "Too many mails were sent in the last hour.")


@pytest.mark.parametrize("by", ["the destination", "our own limits"])
async def test_what_is_sent_again_after_days_is_tried_like_the_first_time(
    client: httpx.AsyncClient,
    resources: Resources,
    factory: Factory,
    monkeypatch: pytest.MonkeyPatch,
    by: str,
) -> None:
    tenant, channel = await factory.tenant(), Channel()
    await integrate(resources, tenant, "team@example.com", provider="email")
    await ask_for_a_person(resources, tenant)
    channel.plan["team@example.com"] = [DeliveryFailed("Gone.", is_final=True), DeliveryFailed("Busy.")]
    await courier_of(resources, channel).deliver_due(await _due(resources, tenant.id))
    async with resources.database.unit_of_work(tenant.scope) as session:
        await session.execute(text("update deliveries set created_at = now() - interval '3 days'"))
    [failed] = await deliveries_of(resources, tenant.id)
    resent = await client.post(f"/api/deliveries/{failed.id}/resend", headers=tenant.headers)
    assert resent.status_code == 200
    if by == "our own limits":
        monkeypatch.setattr(delivering, "PER_WORKSPACE", Burst(0, 3600))
    await courier_of(resources, channel).deliver_due(await _due(resources, tenant.id))
    [again] = await deliveries_of(resources, tenant.id)
    assert again.status == "waiting"


async def test_a_missing_key_is_no_fault_of_the_destination(resources: Resources, factory: Factory) -> None:
    tenant, channel = await factory.tenant(), Channel()
    integration = await integrate(resources, tenant)
    await ask_for_a_person(resources, tenant)
    for _ in range(MAX_ATTEMPTS):
        await courier_of(resources, channel, keys=[]).deliver_due(await _due(resources, tenant.id))
        await make_time_pass(resources, tenant.id, minutes=60)
    [failed] = await deliveries_of(resources, tenant.id)
    assert (failed.status, failed.attempts) == ("failed", MAX_ATTEMPTS)
    found = await integration_of(resources, tenant, integration)
    assert (found.status, found.failures, found.last_error) == ("active", 0, "")


async def test_a_rule_says_where_it_goes(resources: Resources, factory: Factory) -> None:
    tenant, channel = await factory.tenant(), Channel()
    await integrate(resources, tenant)
    other = await integrate(resources, tenant, OTHER, provider="teams")
    conversation = await ask_for_a_person(
        resources, tenant, reason=Reason.RULE, destinations=[other, uuid4()]
    )
    await courier_of(resources, channel).deliver_due(await _due(resources, tenant.id))
    assert channel.about(conversation.id) == [OTHER]


async def test_an_integration_of_another_workspace_is_no_destination(
    resources: Resources, factory: Factory
) -> None:
    tenant, theirs, channel = await factory.tenant(), await factory.tenant(), Channel()
    foreign = await integrate(resources, theirs, OTHER)
    await integrate(resources, tenant)
    conversation = await ask_for_a_person(resources, tenant, destinations=[foreign])
    await courier_of(resources, channel).deliver_due(await _due(resources, tenant.id))
    assert channel.about(conversation.id) == [HOOK]


async def test_without_integrations_it_goes_where_the_settings_say(
    resources: Resources, factory: Factory
) -> None:
    tenant, channel = await factory.tenant(), Channel()
    courier = courier_of(resources, channel, fallbacks=Fallbacks(HOOK, "team@example.com"))
    conversation = await ask_for_a_person(resources, tenant)
    while due := [each.id for each in await deliveries_of(resources, tenant.id) if each.status == "waiting"]:
        await courier.deliver_due(due)
    assert channel.about(conversation.id) == sorted([HOOK, "team@example.com"])
    found = {(each.destination, each.status) for each in await deliveries_of(resources, tenant.id)}
    assert found == {("env:slack", "sent"), ("env:email", "sent")}


async def test_where_nobody_is_to_be_told_nothing_waits_for_ever(
    resources: Resources, factory: Factory
) -> None:
    tenant, channel = await factory.tenant(), Channel()
    await ask_for_a_person(resources, tenant)
    await courier_of(resources, channel, fallbacks=NONE).deliver_due(await _due(resources, tenant.id))
    assert await deliveries_of(resources, tenant.id) == []
    assert await waits_of(resources, tenant.id) == []


async def test_it_waits_for_the_contact_until_it_is_released(resources: Resources, factory: Factory) -> None:
    tenant, channel = await factory.tenant(), Channel()
    courier = courier_of(resources, channel)
    await integrate(resources, tenant)
    conversation = await ask_for_a_person(resources, tenant, is_asked=True)
    await courier.deliver_due(await _due(resources, tenant.id))
    assert channel.about(conversation.id) == []
    visitor = Scope.visitors(tenant.id, conversation.session_id, is_proven=True)
    async with resources.database.unit_of_work(visitor) as session:
        await release_held(session, tenant.id, conversation.id)
        assert session.info["scope"] == visitor
    await courier.deliver_due(await _due(resources, tenant.id))
    assert channel.about(conversation.id) == [HOOK]


async def test_it_goes_out_after_two_minutes_when_nobody_answers(
    resources: Resources, factory: Factory
) -> None:
    tenant, channel = await factory.tenant(), Channel()
    await integrate(resources, tenant)
    conversation = await ask_for_a_person(resources, tenant, is_asked=True)
    await make_time_pass(resources, tenant.id, minutes=2)
    await courier_of(resources, channel).deliver_due(await _due(resources, tenant.id))
    assert channel.about(conversation.id) == [HOOK]


async def test_releasing_does_not_hurry_what_failed(resources: Resources, factory: Factory) -> None:
    tenant, channel = await factory.tenant(), Channel()
    await integrate(resources, tenant)
    channel.plan[HOOK] = [DeliveryFailed("hooks.slack.com answered 500, an error of its own.")]
    conversation = await ask_for_a_person(resources, tenant)
    await courier_of(resources, channel).deliver_due(await _due(resources, tenant.id))
    async with resources.database.unit_of_work(tenant.scope) as session:
        await release_held(session, tenant.id, conversation.id)
    (wait,) = await waits_of(resources, tenant.id)
    assert 1.9 < wait <= 2.0


async def test_it_is_tried_after_2_4_8_to_60_minutes_and_then_shown_as_failed(
    resources: Resources, factory: Factory
) -> None:
    tenant, channel = await factory.tenant(), Channel()
    courier = courier_of(resources, channel)
    integration = await integrate(resources, tenant)
    channel.plan[HOOK] = [DeliveryFailed("hooks.slack.com answered 500, an error of its own.")] * 20
    await ask_for_a_person(resources, tenant)
    waits = []
    for _ in range(MAX_ATTEMPTS):
        await courier.deliver_due(await _due(resources, tenant.id))
        waits += [round(each) for each in await waits_of(resources, tenant.id)]
        await make_time_pass(resources, tenant.id, minutes=60)
    (delivery,) = await deliveries_of(resources, tenant.id)
    assert waits == [2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert (delivery.status, delivery.attempts) == ("failed", MAX_ATTEMPTS)
    assert delivery.last_error == "hooks.slack.com answered 500, an error of its own."
    assert (await integration_of(resources, tenant, integration)).status == "failing"


async def test_it_waits_as_long_as_the_other_side_asks(resources: Resources, factory: Factory) -> None:
    tenant, channel = await factory.tenant(), Channel()
    await integrate(resources, tenant)
    channel.plan[HOOK] = [DeliveryFailed("Too many.", retry_after=600)]
    await ask_for_a_person(resources, tenant)
    await courier_of(resources, channel).deliver_due(await _due(resources, tenant.id))
    assert [round(each) for each in await waits_of(resources, tenant.id)] == [10]


async def test_a_final_refusal_is_not_tried_again(resources: Resources, factory: Factory) -> None:
    tenant, channel = await factory.tenant(), Channel()
    integration = await integrate(resources, tenant)
    channel.plan[HOOK] = [DeliveryFailed("It does not know this address any more.", is_final=True)]
    await ask_for_a_person(resources, tenant)
    await courier_of(resources, channel).deliver_due(await _due(resources, tenant.id))
    assert [each.status for each in await deliveries_of(resources, tenant.id)] == ["failed"]
    assert (await integration_of(resources, tenant, integration)).status == "failing"


async def test_the_first_message_that_arrives_makes_a_failing_integration_active(
    resources: Resources, factory: Factory
) -> None:
    tenant, channel = await factory.tenant(), Channel()
    integration = await integrate(resources, tenant, status="failing")
    await ask_for_a_person(resources, tenant)
    await courier_of(resources, channel).deliver_due(await _due(resources, tenant.id))
    assert (await integration_of(resources, tenant, integration)).status == "active"


async def test_two_couriers_at_once_send_each_message_once(resources: Resources, factory: Factory) -> None:
    tenant, channel = await factory.tenant(), Channel()
    await integrate(resources, tenant)
    asked = [await ask_for_a_person(resources, tenant) for _ in range(20)]
    due = await _due(resources, tenant.id)
    couriers = [courier_of(resources, channel) for _ in range(4)]
    await asyncio.gather(*(courier.deliver_due(due) for courier in couriers))
    assert sorted(str(packet.conversation_id) for packet in channel.to(HOOK)) == sorted(
        str(each.id) for each in asked
    )
    assert {each.status for each in await deliveries_of(resources, tenant.id)} == {"sent"}


async def test_who_lost_the_lease_does_not_undo_what_the_next_one_did(
    resources: Resources, factory: Factory
) -> None:
    tenant, channel = await factory.tenant(), Channel()
    await integrate(resources, tenant)
    goes_on, is_there = asyncio.Event(), asyncio.Event()

    async def hang(_: Packet) -> None:
        is_there.set()
        await goes_on.wait()
        raise DeliveryFailed("Broken off.", is_final=True)

    channel.plan[HOOK] = [hang]
    await ask_for_a_person(resources, tenant)
    due = await _due(resources, tenant.id)
    slow = asyncio.create_task(courier_of(resources, channel).deliver_due(due))
    await is_there.wait()
    await make_time_pass(resources, tenant.id, minutes=5)
    await courier_of(resources, channel).deliver_due(due)
    goes_on.set()
    await slow
    (delivery,) = await deliveries_of(resources, tenant.id)
    assert (delivery.status, delivery.attempts) == ("sent", 2)


async def test_a_courier_that_runs_hears_of_it_at_once(
    resources: Resources, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It is told, and does not find out by itself.
    monkeypatch.setattr(outbox, "POLL_SECONDS", 600)
    tenant, channel = await factory.tenant(), Channel()
    await integrate(resources, tenant)
    running = asyncio.create_task(courier_of(resources, channel).run())
    try:
        await asyncio.sleep(0.3)
        conversation = await ask_for_a_person(resources, tenant)
        async with asyncio.timeout(30):
            while not channel.about(conversation.id):
                await asyncio.sleep(0.02)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert channel.about(conversation.id) == [HOOK]


async def test_the_packet_is_written_when_it_is_sent(resources: Resources, factory: Factory) -> None:
    tenant, channel = await factory.tenant(), Channel()
    await integrate(resources, tenant)
    conversation = await ask_for_a_person(resources, tenant)
    async with resources.database.unit_of_work(tenant.scope) as session:
        found = await session.get(type(conversation), (tenant.id, conversation.id))
        assert found is not None
        found.visitor_name, found.visitor_email = "Ada", "ada@example.com"
    await courier_of(resources, channel).deliver_due(await _due(resources, tenant.id))
    (packet,) = channel.to(HOOK)
    (delivery,) = await deliveries_of(resources, tenant.id)
    assert packet.delivery_id == delivery.id
    assert (packet.visitor_name, packet.visitor_email) == ("Ada", "ada@example.com")
    assert (packet.question, packet.answer) == ("Can I return a used grinder?", "Perhaps within 30 days.")
    assert (packet.confidence, packet.page_url) == (0.31, "https://shop.example/grinders")
    assert packet.link == f"http://helpninja.test/app/inbox?conversation={conversation.id}"
    assert packet.thread_id == f"<{conversation.id}@helpninja.test>"


async def test_a_packet_has_no_confidence_of_words_that_rest_on_no_passage(
    resources: Resources, factory: Factory
) -> None:
    tenant, channel = await factory.tenant(), Channel()
    await integrate(resources, tenant)
    visitor, _ = factory.visitor(tenant)
    async with resources.database.unit_of_work(visitor.scope) as session:
        conversation = await open_conversation(session, visitor)
        await say(session, conversation, Sender.VISITOR, "A person, please")
        await say(session, conversation, Sender.BOT, "Passed on.", kind="person_asked", confidence=1.0)
        conversation.contact = Contact.DECLINED.value
        await escalate(session, conversation, Reason.VISITOR_REQUEST, topic="A person, please")
    await courier_of(resources, channel).deliver_due(await _due(resources, tenant.id))
    (packet,) = channel.to(HOOK)
    assert (packet.answer, packet.confidence) == ("Passed on.", None)
