"""Endpoints that fail for days are disabled and their workspace is told; secrets that are given anew."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from helpninja_app.accounts.audit import Actor
from helpninja_app.accounts.models import Role
from helpninja_app.errors import Conflict, NotFound, Unavailable
from helpninja_app.integrations.retries import MAX_ATTEMPTS
from helpninja_app.integrations.signatures import verify
from helpninja_app.integrations.webhooks.endpoints import (
    EndpointChange,
    EndpointView,
    change_endpoint,
    list_endpoints,
    rotate_secret,
)
from helpninja_app.integrations.webhooks.log import resend
from helpninja_app.integrations.webhooks.models import WebhookEndpoint
from helpninja_app.integrations.webhooks.secrets import rotate_webhook_secrets, secrets_in_use
from helpninja_app.resources import Resources
from tests.factories import Factory
from tests.hooks import Hook, hooked
from tests.mailbox import Mailbox
from tests.twins.webhook_peer import status

FAILS = status("500 Internal Server Error")
BUSY = status("503 Service Unavailable", **{"retry-after": "86400"})


@pytest.fixture
async def hook(resources: Resources, factory: Factory) -> AsyncIterator[Hook]:
    async with hooked(resources, await factory.tenant()) as hook:
        yield hook


def _actor(hook: Hook) -> Actor:
    return Actor.system(hook.tenant.id, "tests")


async def _view(hook: Hook) -> EndpointView:
    async with hook.resources.database.unit_of_work(hook.tenant.scope) as session:
        [view] = await list_endpoints(session, hook.tenant.id)
    return view


async def _fail(hook: Hook, *, since: str = "0 days", attempt: int = MAX_ATTEMPTS) -> None:
    """An attempt, the last one of an event, fails at an endpoint that has failed for so long."""
    hook.peer.faults = [FAILS]
    await hook.say()
    await hook.run(
        "update webhook_endpoints set failing_since = now() - cast(:since as interval) where id = :endpoint",
        since=since,
    )
    await hook.run(
        "update webhook_deliveries set attempts = :before"
        " where endpoint_id = :endpoint and status = 'waiting'",
        before=attempt - 1,
    )
    await hook.deliver()


async def _let_pass(hook: Hook, days: int) -> None:
    """So many days since what happened to the endpoint."""
    await hook.run(
        "update webhook_attempts set created_at = created_at - make_interval(days => :days)"
        " where endpoint_id = :endpoint",
        days=days,
    )
    await hook.run(
        "update webhook_endpoints set failing_since = failing_since - make_interval(days => :days)"
        " where id = :endpoint",
        days=days,
    )


async def _switch(hook: Hook, *, is_on: bool) -> None:
    async with hook.resources.database.unit_of_work(hook.tenant.scope) as session:
        await change_endpoint(session, _actor(hook), hook.id, EndpointChange(is_on=is_on))


async def test_one_that_fails_says_since_when_and_why_until_it_works(hook: Hook) -> None:
    hook.peer.faults = [FAILS]
    await hook.say()
    await hook.deliver()
    view = await _view(hook)
    assert (view.status, view.failing_since is not None) == ("failing", True)
    assert "500" in view.last_error
    await hook.make_due()
    await hook.deliver()
    view = await _view(hook)
    assert (view.status, view.failing_since, view.last_error) == ("active", None, "")


async def test_one_that_fails_for_less_than_three_days_is_kept(hook: Hook) -> None:
    await _fail(hook, since="2 days 23 hours")
    assert (await _view(hook)).status == "failing"


async def test_after_three_days_it_is_disabled_and_hears_nothing_more(hook: Hook) -> None:
    await _fail(hook, since="3 days")
    view = await _view(hook)
    assert view.status == "disabled"
    assert "three days" in view.disabled_because
    assert {(each.status, each.next_at) for each in await hook.log()} == {("failed", None)}
    await hook.say()
    await hook.deliver()
    assert len(hook.peer.requests) == 1


@pytest.mark.parametrize("attempt", [1, 2, MAX_ATTEMPTS - 1])
async def test_an_event_that_may_still_arrive_disables_nothing(hook: Hook, attempt: int) -> None:
    # The one before failed for good on Monday, and nothing happened until Friday.
    await _fail(hook, since="4 days", attempt=attempt)
    assert (await _view(hook)).status == "failing"
    assert [each.status for each in await hook.log()] == ["waiting"]


@pytest.mark.parametrize(("days", "status_then"), [(3, "disabled"), (2, "failing")])
async def test_one_that_asks_to_wait_each_time_is_disabled_once_an_event_has_failed_for_three_days(
    hook: Hook, days: int, status_then: str
) -> None:
    hook.peer.faults = [BUSY, BUSY]
    await hook.say()
    await hook.deliver()
    await _let_pass(hook, days)
    await hook.make_due()
    await hook.deliver()
    assert (await _view(hook)).status == status_then


async def test_an_event_that_is_sent_again_after_days_begins_anew(hook: Hook) -> None:
    await _fail(hook)
    await _let_pass(hook, 4)
    [view] = await hook.log()
    async with hook.resources.database.unit_of_work(hook.tenant.scope) as session:
        await resend(session, _actor(hook), hook.id, view.event_id)
    hook.peer.faults = [BUSY]
    await hook.deliver()
    assert (await _view(hook)).status == "failing"


@pytest.mark.parametrize("is_new", [True, False])
async def test_a_new_address_has_not_failed_yet(hook: Hook, is_new: bool) -> None:
    await _fail(hook)
    url = "https://elsewhere.example/hook" if is_new else f"{hook.peer.site.url}/hook"
    async with hook.resources.database.unit_of_work(hook.tenant.scope) as session:
        view = await change_endpoint(session, _actor(hook), hook.id, EndpointChange(url=url))
    assert view.status == ("active" if is_new else "failing")
    assert (view.failing_since is None) is is_new
    assert (view.last_error == "") is is_new


@pytest.mark.usefixtures("worker")
async def test_owners_and_admins_are_told_by_mail_and_nobody_else(
    hook: Hook, factory: Factory, mailbox: Mailbox
) -> None:
    told = [(await factory.member(hook.tenant, role))[0] for role in (Role.OWNER, Role.ADMIN)]
    others = [(await factory.member(hook.tenant, role))[0] for role in (Role.AGENT, Role.VIEWER)]
    await _fail(hook, since="3 days")
    mails = [await mailbox.next(email) for email in told]
    assert {mail.subject for mail in mails} == {"A webhook endpoint of Test workspace was disabled"}
    assert all(hook.peer.site.host in mail.text for mail in mails)
    assert not any("/hook" in mail.text for mail in mails)
    assert [len(mailbox.of(email)) for email in (*told, *others)] == [1, 1, 0, 0]


async def test_one_that_says_it_is_gone_is_disabled_at_once(hook: Hook) -> None:
    hook.peer.is_gone = True
    await hook.say()
    await hook.deliver()
    view = await _view(hook)
    assert (view.status, "410" in view.disabled_because) == ("disabled", True)


async def test_one_that_is_not_found_is_tried_again(hook: Hook) -> None:
    hook.peer.faults = [status("404 Not Found")]
    await hook.say()
    await hook.deliver()
    assert (await _view(hook)).status == "failing"
    assert [each.status for each in await hook.log()] == ["waiting"]


async def test_switched_on_again_it_hears_what_comes_and_can_be_sent_what_was_missed(hook: Hook) -> None:
    await _fail(hook, since="3 days")
    [missed] = await hook.log()
    await _switch(hook, is_on=True)
    assert (await _view(hook)).status == "active"
    await hook.deliver()
    assert hook.peer.taken == []
    async with hook.resources.database.unit_of_work(hook.tenant.scope) as session:
        await resend(session, _actor(hook), hook.id, missed.event_id)
    await hook.say("after it")
    await hook.deliver()
    ids = [request.headers["webhook-id"] for request, _ in hook.peer.taken]
    assert str(missed.event_id) in ids
    assert len(ids) == 2


async def test_what_was_sent_can_be_sent_again_with_its_id(hook: Hook) -> None:
    await hook.say()
    await hook.deliver()
    [sent] = await hook.log()
    async with hook.resources.database.unit_of_work(hook.tenant.scope) as session:
        await resend(session, _actor(hook), hook.id, sent.event_id)
    await hook.deliver()
    assert [request.headers["webhook-id"] for request, _ in hook.peer.taken] == [str(sent.event_id)] * 2
    recorded = await hook.run(
        "select count(*) from audit_events where workspace_id = :workspace and action = 'webhook.resent'"
    )
    assert recorded.scalar_one() == 1


async def test_what_waits_is_not_sent_twice(hook: Hook) -> None:
    await hook.say()
    [waiting] = await hook.log()
    async with hook.resources.database.unit_of_work(hook.tenant.scope) as session:
        with pytest.raises(Conflict, match="on its way"):
            await resend(session, _actor(hook), hook.id, waiting.event_id)


async def test_nothing_is_sent_again_to_one_that_is_disabled(hook: Hook) -> None:
    await hook.say()
    [view] = await hook.log()
    await _switch(hook, is_on=False)
    async with hook.resources.database.unit_of_work(hook.tenant.scope) as session:
        with pytest.raises(Conflict, match="disabled"):
            await resend(session, _actor(hook), hook.id, view.event_id)


async def test_an_event_of_another_workspace_is_not_there(hook: Hook, factory: Factory) -> None:
    await hook.say()
    [view] = await hook.log()
    async with (
        hooked(hook.resources, await factory.tenant()) as theirs,
        hook.resources.database.unit_of_work(theirs.tenant.scope) as session,
    ):
        for endpoint in (hook.id, theirs.id):
            with pytest.raises(NotFound):
                await resend(session, _actor(theirs), endpoint, view.event_id)


async def test_for_a_day_both_secrets_sign(hook: Hook) -> None:
    keys = hook.resources.settings.keys_for_encryption()
    async with hook.resources.database.unit_of_work(hook.tenant.scope) as session:
        _, new = await rotate_secret(session, _actor(hook), keys, hook.id)
    await hook.say()
    await hook.deliver()
    [(request, _)] = hook.peer.taken
    for secret in (hook.secret, new):
        assert verify([secret], request.headers, request.body, now=datetime.now(UTC))
    await hook.run("update webhook_endpoints set old_secret_until = now() where id = :endpoint")
    hook.peer.secret = new
    await hook.say()
    await hook.deliver()
    request, _ = hook.peer.taken[-1]
    assert not verify([hook.secret], request.headers, request.body, now=datetime.now(UTC))


async def test_a_secret_is_encrypted_and_follows_new_keys(hook: Hook) -> None:
    stored = await hook.run("select row_to_json(e)::text from webhook_endpoints e where id = :endpoint")
    assert hook.secret not in stored.scalar_one()
    keys = hook.resources.settings.keys_for_encryption()
    database = hook.resources.database
    async with database.unit_of_work(hook.tenant.scope) as session:
        assert await rotate_webhook_secrets(session, hook.tenant.id, ("another key",)) == (0, 1)
        await rotate_secret(session, _actor(hook), keys, hook.id)
        assert await rotate_webhook_secrets(session, hook.tenant.id, ("new key", *keys)) == (1, 0)
        assert await rotate_webhook_secrets(session, hook.tenant.id, ("new key", *keys)) == (0, 0)
    async with database.unit_of_work(hook.tenant.scope) as session:
        endpoint = await session.get(WebhookEndpoint, (hook.tenant.id, hook.id))
        assert endpoint is not None
        assert secrets_in_use(("new key",), endpoint, datetime.now(UTC))[1] == hook.secret
        with pytest.raises(Unavailable):
            secrets_in_use(keys, endpoint, datetime.now(UTC))


async def test_a_missing_key_is_said_in_the_log_and_shows_no_secret(hook: Hook) -> None:
    await hook.run("update webhook_endpoints set secret = 'gAAAAno' where id = :endpoint")
    await hook.say()
    await hook.deliver()
    [view] = await hook.log()
    assert "encryption key" in view.last_error
    assert view.status == "waiting"


async def test_a_fault_of_ours_is_none_of_the_endpoint(hook: Hook) -> None:
    await hook.run("update webhook_endpoints set secret = 'gAAAAno' where id = :endpoint")
    await _fail(hook, since="4 days")
    assert [each.status for each in await hook.log()] == ["failed"]
    await hook.run("update webhook_endpoints set failing_since = null where id = :endpoint")
    await _fail(hook, attempt=1)
    await hook.run("update webhook_endpoints set failing_since = null where id = :endpoint")
    await hook.make_due()
    await hook.deliver()
    view = await _view(hook)
    assert (view.status, view.failing_since, view.last_error) == ("active", None, "")


async def test_an_endpoint_that_is_deleted_takes_all_of_its_own_along(hook: Hook) -> None:
    await hook.say()
    await hook.run("delete from webhook_endpoints where id = :endpoint")
    async with hook.resources.database.unit_of_work(hook.tenant.scope) as session:
        for table in ("webhook_deliveries", "webhook_subscribers", "due_webhooks"):
            found = await session.execute(
                text(f"select count(*) from {table} where endpoint_id = :id"), {"id": hook.id}
            )
            assert found.scalar_one() == 0
    await hook.deliver()
    assert hook.peer.requests == []
