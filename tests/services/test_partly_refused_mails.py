"""Mails of which the server takes some addresses: nobody gets one twice, nobody is forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from helpninja_app.conversations.delivering import Courier
from helpninja_app.conversations.delivery_records import Fallbacks
from helpninja_app.conversations.escalating import first_results
from helpninja_app.integrations.retries import MAX_ATTEMPTS
from helpninja_app.kernel.background import Background
from helpninja_app.kernel.database import new_id
from helpninja_app.kernel.mail import SmtpMailer
from helpninja_app.resources import Resources
from tests.deliveries import (
    ask_for_a_person,
    deliveries_of,
    integrate,
    integration_of,
    make_time_pass,
    waits_of,
)
from tests.factories import Factory, Tenant
from tests.mail_server import MailServer, mail_server


@pytest.fixture
def server() -> Iterator[tuple[MailServer, SmtpMailer]]:
    with mail_server() as found:
        yield found


def names() -> tuple[str, str]:
    """Two addresses that no other test mails to."""
    mark = new_id().hex[-12:]
    return f"a-{mark}@example.com", f"b-{mark}@example.com"


async def carry(resources: Resources, courier: Courier, tenant: Tenant) -> None:
    await courier.deliver_due([each.id for each in await deliveries_of(resources, tenant.id)])


async def shown(resources: Resources, tenant: Tenant) -> list[tuple[str, str]]:
    return [(each.name, each.status) for each in await deliveries_of(resources, tenant.id)]


async def test_who_was_refused_for_now_is_sent_it_alone(
    resources: Resources, factory: Factory, server: tuple[MailServer, SmtpMailer]
) -> None:
    handler, mailer = server
    a, b = names()
    tenant, courier = await factory.tenant(), replace(resources.courier, mailer=mailer)
    integration = await integrate(resources, tenant, f"{a}, {b}", provider="email")
    handler.refused_addresses = {b: "450 greylisted"}
    await ask_for_a_person(resources, tenant)
    await carry(resources, courier, tenant)
    assert await shown(resources, tenant) == [("Our email", "sent"), (f"Our email: {b}", "waiting")]
    assert [round(each) for each in await waits_of(resources, tenant.id)] == [2]
    handler.refused_addresses = {}
    await make_time_pass(resources, tenant.id, minutes=2)
    await carry(resources, courier, tenant)
    assert [each.rcpt_tos for each in handler.received] == [[a], [b]]
    assert [each for _, each in await shown(resources, tenant)] == ["sent", "sent"]
    found = await integration_of(resources, tenant, integration)
    assert (found.status, found.failures) == ("active", 0)


async def test_who_is_never_taken_is_shown_as_failed_by_name(
    resources: Resources, factory: Factory, server: tuple[MailServer, SmtpMailer]
) -> None:
    handler, mailer = server
    a, b = names()
    tenant, courier = await factory.tenant(), replace(resources.courier, mailer=mailer)
    integration = await integrate(resources, tenant, f"{a}, {b}", provider="email")
    handler.refused_addresses = {b: "450 greylisted"}
    await ask_for_a_person(resources, tenant)
    for _ in range(MAX_ATTEMPTS):
        await carry(resources, courier, tenant)
        await make_time_pass(resources, tenant.id, minutes=60)
    assert await shown(resources, tenant) == [("Our email", "sent"), (f"Our email: {b}", "failed")]
    assert [each.rcpt_tos for each in handler.received] == [[a]]
    assert (await deliveries_of(resources, tenant.id))[-1].attempts == MAX_ATTEMPTS
    assert (await integration_of(resources, tenant, integration)).status == "failing"


async def test_who_is_refused_for_good_is_not_tried_again(
    resources: Resources, factory: Factory, server: tuple[MailServer, SmtpMailer]
) -> None:
    handler, mailer = server
    a, b = names()
    tenant, courier = await factory.tenant(), replace(resources.courier, mailer=mailer)
    integration = await integrate(resources, tenant, f"{a}, {b}", provider="email")
    handler.refused_addresses = {b: "550 secret words of the server"}
    await ask_for_a_person(resources, tenant)
    await carry(resources, courier, tenant)
    [_, refused] = await deliveries_of(resources, tenant.id)
    assert (refused.status, refused.last_error) == ("failed", f"The mail server did not take it for {b}.")
    assert await waits_of(resources, tenant.id) == []
    assert (await integration_of(resources, tenant, integration)).status == "failing"


async def test_an_address_that_was_taken_out_meanwhile_is_given_up(
    resources: Resources, factory: Factory, server: tuple[MailServer, SmtpMailer]
) -> None:
    handler, mailer = server
    a, b = names()
    tenant = await factory.tenant()
    courier = replace(resources.courier, mailer=mailer, fallbacks=Fallbacks(email=f"{a}, {b}"))
    handler.refused_addresses = {b: "450 greylisted"}
    await ask_for_a_person(resources, tenant)
    for _ in range(2):
        await carry(resources, courier, tenant)
    # The addresses of the settings are not for the members of a workspace.
    assert await shown(resources, tenant) == [("", "sent"), ("", "waiting")]
    assert b not in "".join(each.last_error for each in await deliveries_of(resources, tenant.id))
    await make_time_pass(resources, tenant.id, minutes=2)
    handler.refused_addresses = {}
    await carry(resources, replace(courier, fallbacks=Fallbacks(email=a)), tenant)
    assert await shown(resources, tenant) == [("", "sent"), ("", "failed")]
    assert [each.rcpt_tos for each in handler.received] == [[a]]


async def test_who_asks_for_a_person_is_told_of_each(
    resources: Resources, factory: Factory, server: tuple[MailServer, SmtpMailer]
) -> None:
    handler, mailer = server
    a, b = names()
    tenant, courier = await factory.tenant(), replace(resources.courier, mailer=mailer)
    integration = await integrate(resources, tenant, f"{a}, {b}", provider="email")
    handler.refused_addresses = {b: "450 greylisted"}
    await ask_for_a_person(resources, tenant)
    [delivery] = await deliveries_of(resources, tenant.id)
    found = await first_results(courier, Background(), tenant.id, delivery.escalation_id)
    assert [(each.integration_id, each.is_ok) for each in found] == [
        (str(integration), True),
        (str(integration), False),
    ]
