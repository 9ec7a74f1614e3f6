"""Whatever destinations do and whoever dies: an escalation reaches each of them, or is shown as failed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpninja_app.errors import DeliveryFailed
from helpninja_app.integrations.packet import Packet
from helpninja_app.integrations.retries import MAX_ATTEMPTS
from helpninja_app.resources import Resources
from tests.deliveries import (
    Act,
    Channel,
    ask_for_a_person,
    courier_of,
    deliveries_of,
    integrate,
    make_time_pass,
)
from tests.factories import Factory


@dataclass(frozen=True, slots=True)
class Step:
    """``refuses`` for now or for good, or the sender ``dies`` before or after it was taken."""

    kind: str


STEPS = st.lists(
    st.sampled_from(["refuses", "refuses for good", "dies before", "dies after", "breaks"]).map(Step),
    max_size=14,
)


def _play(channel: Channel, place: str, steps: list[Step]) -> None:
    async def die(_: Packet) -> None:
        raise asyncio.CancelledError

    async def die_after(packet: Packet) -> None:
        channel.sent.append((place, packet))
        raise asyncio.CancelledError

    async def break_down(_: Packet) -> None:
        raise ZeroDivisionError

    acts: dict[str, DeliveryFailed | Act] = {
        "refuses": DeliveryFailed("Not now."),
        "refuses for good": DeliveryFailed("Never.", is_final=True),
        "dies before": die,
        "dies after": die_after,
        "breaks": break_down,
    }
    channel.plan[place] = [acts[step.kind] for step in steps]


@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(plans=st.lists(STEPS, min_size=1, max_size=3))
async def test_each_escalation_reaches_every_destination_or_is_shown_as_failed(
    resources: Resources, factory: Factory, plans: list[list[Step]]
) -> None:
    tenant, channel = await factory.tenant(), Channel()
    places = [f"https://hooks.example/destination-{number}" for number in range(len(plans))]
    for place, steps in zip(places, plans, strict=True):
        await integrate(resources, tenant, place)
        _play(channel, place, list(steps))
    conversation = await ask_for_a_person(resources, tenant)
    for _ in range(MAX_ATTEMPTS + 1):
        for delivery in await deliveries_of(resources, tenant.id):
            await asyncio.gather(
                *(courier_of(resources, channel).deliver_due([delivery.id]) for _ in range(2)),
                return_exceptions=True,
            )
        await make_time_pass(resources, tenant.id, minutes=61)
    found = await deliveries_of(resources, tenant.id)
    reached = set(channel.about(conversation.id))
    assert len(found) == len(places)
    assert {each.status for each in found} <= {"sent", "failed"}
    assert all(each.status == "failed" or place in reached for place, each in zip(places, found, strict=True))
    assert all(each.last_error for each in found if each.status == "failed")
    for place, steps in zip(places, plans, strict=True):
        deaths = sum(step.kind == "dies after" for step in steps)
        assert len(channel.to(place)) <= 1 + deaths
