"""The integrations and the outbox of the Escalation screen, called as anybody with a websocket can."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import pytest

from helpninja_app.accounts.models import Role
from helpninja_app.conversations.trials import TRIALS
from helpninja_app.integrations.credentials import still_known
from helpninja_app.resources import Resources
from helpninja_app.screens.escalation.deliveries_state import DeliveriesState
from helpninja_app.screens.escalation.integration_editor_state import IntegrationEditorState
from helpninja_app.screens.escalation.integrations_state import IntegrationsState
from helpninja_app.screens.undo_state import UndoState
from tests.conftest import OpenResources, OpenSite
from tests.deliveries import ask_for_a_person, deliveries_of, integrate, integration_of
from tests.factories import Factory, Tenant
from tests.loopback_site import answer
from tests.screens.events import Answer, fire, tab_at
from tests.screens.test_home import texts_in

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PATH = "/services/T000/B000/abcdefghijklmnop"
MAIL = {"name": "Support", "to": "team@example.com"}


@pytest.fixture
async def tenant(factory: Factory) -> Tenant:
    return await factory.tenant()


async def cookie_of(factory: Factory, tenant: Tenant, role: Role = Role.OWNER) -> str:
    _, headers = await factory.member(tenant, role)
    return headers["cookie"]


async def listed(cookie: str) -> IntegrationsState:
    tab = await tab_at(IntegrationsState, cookie)
    await fire(tab, "open_integrations")
    return tab


async def outbox(cookie: str) -> DeliveriesState:
    tab = await tab_at(DeliveriesState, cookie)
    await fire(tab, "open_deliveries")
    return tab


async def adding(cookie: str, provider: str, **form: str) -> IntegrationEditorState:
    tab = await tab_at(IntegrationEditorState, cookie)
    await fire(tab, "begin", provider)
    await fire(tab, "save", form)
    return tab


async def test_an_integration_is_added_and_listed_with_what_is_secret_left_out(
    factory: Factory, tenant: Tenant, open_site: OpenSite
) -> None:
    site, cookie = await open_site(), await cookie_of(factory, tenant)
    tab = await tab_at(IntegrationEditorState, cookie)
    await fire(tab, "begin", "webhook")
    said = await fire(tab, "save", {"name": "Our server", "url": f"{site.url}{PATH}", "secret": SECRET})
    assert (tab.problem, tab.errors, tab.is_open) == ("", {}, False)
    assert SECRET not in said.said
    assert "mnop" not in said.said
    (row,) = (await listed(cookie)).rows
    assert (row.name, row.kind, row.status) == ("Our server", "Webhook", "Active")
    assert row.place == f"{site.url}/…mnop"
    assert row.last == "No escalation was sent to it yet."


@pytest.mark.parametrize(
    ("provider", "form", "wrong"),
    [
        ("slack", {"name": "x"}, {"webhook_url"}),
        ("teams", {"name": "", "webhook_url": "https://127.0.0.1/x"}, {"name", "webhook_url"}),
        ("email", {"name": "x", "to": "nobody"}, {"to"}),
        ("webhook", {"name": "x", "url": "https://10.0.0.1/x", "secret": "short"}, {"url", "secret"}),
        ("discord", {"name": "x", "webhook_url": "https://" + "x" * 3000}, {"webhook_url"}),
        ("email", {}, {"name", "to"}),
    ],
)
async def test_what_is_wrong_stands_at_its_field_and_nothing_is_stored(
    factory: Factory, tenant: Tenant, provider: str, form: dict[str, str], wrong: set[str]
) -> None:
    cookie = await cookie_of(factory, tenant)
    tab = await adding(cookie, provider, **form)
    assert set(tab.errors) == wrong
    assert tab.is_open
    assert "at its field" in tab.problem
    assert (await listed(cookie)).rows == []


async def test_a_change_keeps_the_secrets_that_are_not_given_anew(
    resources: Resources, factory: Factory, tenant: Tenant, open_site: OpenSite
) -> None:
    site, cookie = await open_site(), await cookie_of(factory, tenant)
    await adding(cookie, "slack", name="Slack", webhook_url=f"{site.url}{PATH}", channel="#help")
    (row,) = (await listed(cookie)).rows
    tab = await tab_at(IntegrationEditorState, cookie)
    await fire(tab, "edit", row.id)
    assert (tab.name, tab.provider) == ("Slack", "slack")
    assert tab.shown == {"webhook_url": f"{site.url}/…mnop", "channel": "#help"}
    await fire(tab, "save", {"name": "Team", "webhook_url": "", "channel": "", "username": "Ninja"})
    assert (tab.problem, tab.is_open) == ("", False)
    stored = await integration_of(resources, tenant, uuid.UUID(row.id))
    kept = still_known(resources.courier.keys, stored)
    assert stored.name == "Team"
    assert dict(kept) == {"webhook_url": f"{site.url}{PATH}", "username": "Ninja"}


async def test_what_was_typed_stays_when_a_change_is_refused(
    resources: Resources, factory: Factory, tenant: Tenant
) -> None:
    id = await integrate(resources, tenant, "team@example.com", provider="email")
    tab = await tab_at(IntegrationEditorState, await cookie_of(factory, tenant))
    await fire(tab, "edit", str(id))
    drawn = tab.drawn
    await fire(tab, "save", {"name": "x", "to": "nobody"})
    assert tab.errors == {"to": "This needs one to 10 e-mail addresses."}
    assert tab.drawn == drawn


async def test_a_test_message_says_what_became_of_it(
    resources: Resources, factory: Factory, tenant: Tenant, open_site: OpenSite
) -> None:
    site = await open_site({"/good": answer("ok"), "/bad": answer("no", status="404 Not Found")})
    good = await integrate(resources, tenant, f"{site.url}/good")
    bad = await integrate(resources, tenant, f"{site.url}/bad")
    tab = await listed(await cookie_of(factory, tenant))
    await fire(tab, "send_test", str(good))
    assert (tab.tried, tab.has_arrived, tab.trying) == (str(good), True, "")
    await fire(tab, "send_test", str(bad))
    assert (tab.tried, tab.has_arrived) == (str(bad), False)
    assert "404" in tab.outcome
    assert next(row.problem for row in tab.rows if row.id == str(bad)) == tab.outcome


async def test_tests_are_counted_for_each_workspace(
    resources: Resources, factory: Factory, tenant: Tenant
) -> None:
    tab = await listed(await cookie_of(factory, tenant))
    for _ in range(TRIALS.amount):
        await fire(tab, "send_test", str(uuid.uuid4()))
        assert "no such integration" in tab.problem
    await fire(tab, "send_test", str(uuid.uuid4()))
    assert "Too many" in tab.problem
    assert tab.trying == ""


def offered_by(said: Answer) -> list[Any]:
    """What the corner of the page offers to undo."""
    [offer] = [event for event in said.events if getattr(event, "handler", None) is UndoState.offer]
    return [json.loads(str(value)) for _, value in offer.args]


async def test_an_integration_is_switched_off_on_deleted_and_brought_back(
    resources: Resources, factory: Factory, tenant: Tenant
) -> None:
    id = str(await integrate(resources, tenant))
    tab = await listed(await cookie_of(factory, tenant))
    await fire(tab, "switch", id, False)
    assert [(row.status, row.is_on) for row in tab.rows] == [("Switched off", False)]
    await fire(tab, "switch", id, True)
    assert [row.status for row in tab.rows] == ["Active"]
    said = await fire(tab, "delete", id)
    assert tab.rows == []
    assert DeliveriesState.open_deliveries in said.events
    assert offered_by(said) == ["Deleted: Our slack.", "integration", [id]]
    back = await fire(tab, "restore", id)
    assert [(row.status, row.is_on) for row in tab.rows] == [("Active", True)]
    assert UndoState.close in back.events
    # Neither what is listed nor what is said holds what opens the destination.
    assert [part for part in ("T000", "secret-part") if part in said.said + back.said] == []
    assert (await fire(tab, "restore", id)).refusal == ""


async def test_an_integration_does_not_come_back_where_the_plan_has_no_room_by_now(
    resources: Resources, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant(plan="free")
    tab, id = await listed(await cookie_of(factory, tenant)), str(await integrate(resources, tenant))
    await fire(tab, "delete", id)
    await integrate(resources, tenant)
    async with with_resources(unlimited=False):
        refused = await fire(tab, "restore", id)
    assert "The free plan has 1 integration" in refused.refusal
    assert tab.is_at_limit
    assert len(tab.rows) == 1


async def test_where_the_plan_has_no_room_it_says_so_in_place(
    factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant(plan="free")
    cookie = await cookie_of(factory, tenant)
    async with with_resources(unlimited=False):
        assert (await listed(cookie)).limit == ""
        await adding(cookie, "email", **MAIL)
        tab = await listed(cookie)
        assert tab.limit.startswith("The free plan has 1 integration, and 1 is there.")
        refused = await adding(cookie, "email", **MAIL)
    assert refused.is_at_limit
    assert refused.problem == tab.limit


@pytest.mark.parametrize("role", [Role.AGENT, Role.ANALYST, Role.VIEWER])
async def test_roles_that_manage_nothing_see_the_list_alone(
    resources: Resources, factory: Factory, tenant: Tenant, role: Role
) -> None:
    id = await integrate(resources, tenant)
    cookie = await cookie_of(factory, tenant, role)
    tab = await listed(cookie)
    assert (len(tab.rows), tab.may_manage) == (1, False)
    for handler, arguments in (
        ("switch", (str(id), False)),
        ("send_test", (str(id),)),
        ("delete", (str(id),)),
    ):
        await fire(tab, handler, *arguments)
        assert "does not allow" in tab.problem, handler
    refused = await adding(cookie, "email", **MAIL)
    assert "does not allow" in refused.problem
    editor = await tab_at(IntegrationEditorState, cookie)
    await fire(editor, "edit", str(id))
    assert "does not allow" in editor.failure
    assert (await integration_of(resources, tenant, id)).status == "active"


async def test_what_is_of_another_workspace_is_not_there(
    resources: Resources, factory: Factory, tenant: Tenant
) -> None:
    theirs = await factory.tenant()
    id = str(await integrate(resources, theirs))
    await ask_for_a_person(resources, theirs)
    (delivery,) = await deliveries_of(resources, theirs.id)
    cookie = await cookie_of(factory, tenant)
    tab, box = await listed(cookie), await outbox(cookie)
    assert (tab.rows, box.rows, box.total) == ([], [], 0)
    for handler, arguments in (("switch", (id, False)), ("send_test", (id,)), ("delete", (id,))):
        await fire(tab, handler, *arguments)
        assert tab.problem == "There is no such integration.", handler
    await fire(box, "resend", str(delivery.id))
    assert box.problem == "There is no such delivery."
    assert "Our slack" not in texts_in(tab) + texts_in(box)


async def test_the_outbox_shows_what_failed_and_sends_it_again(
    resources: Resources, factory: Factory, tenant: Tenant, open_site: OpenSite
) -> None:
    site = await open_site({"/hook": answer("gone", status="410 Gone")})
    await integrate(resources, tenant, f"{site.url}/hook")
    await ask_for_a_person(resources, tenant)
    cookie = await cookie_of(factory, tenant, Role.AGENT)
    box = await outbox(cookie)
    assert [(row.status, row.note) for row in box.rows] == [("Waiting", "It goes out now.")]
    ids = [each.id for each in await deliveries_of(resources, tenant.id)]
    await resources.courier.deliver_due(ids)
    await fire(box, "open_deliveries")
    (row,) = box.rows
    assert (row.name, row.kind, row.status, row.reason) == ("Our slack", "Slack", "Failed", "low confidence")
    assert "410" in row.problem
    assert (row.may_resend, box.failed) == (True, "1 failed")
    (integration,) = (await listed(cookie)).rows
    assert integration.last.startswith("The last escalation could not be sent")
    assert integration.status == "Failing"
    said = await fire(box, "resend", row.id)
    assert "It is sent again." in str(said.events)
    assert [(row.status, row.may_resend) for row in box.rows] == [("Waiting", False)]
    site.routes["/hook"] = answer("ok")
    await resources.courier.deliver_due(ids)
    await fire(box, "choose_status", "sent")
    assert [row.status for row in box.rows] == ["Sent"]
    assert (await listed(cookie)).rows[0].last.startswith("The last escalation arrived")
    await fire(box, "choose_status", "failed")
    assert (box.rows, box.failed) == ([], "")


async def test_a_viewer_sees_the_outbox_and_sends_nothing(
    resources: Resources, factory: Factory, tenant: Tenant
) -> None:
    await integrate(resources, tenant)
    await ask_for_a_person(resources, tenant)
    box = await outbox(await cookie_of(factory, tenant, Role.VIEWER))
    (row,) = box.rows
    await fire(box, "resend", row.id)
    assert "does not allow" in box.problem
    assert not row.may_resend


@pytest.mark.parametrize("value", [None, 7, ["x"], {"a": 1}, "x" * 5000, "\x00"])
async def test_nonsense_breaks_nothing(factory: Factory, tenant: Tenant, value: Any) -> None:
    cookie = await cookie_of(factory, tenant)
    box, tab = await outbox(cookie), await listed(cookie)
    await fire(box, "choose_status", value)
    assert box.failure == ""
    for handler, arguments in (("switch", (value, value)), ("send_test", (value,)), ("delete", (value,))):
        await fire(tab, handler, *arguments)
        assert tab.problem, handler
    editor = await tab_at(IntegrationEditorState, cookie)
    await fire(editor, "begin", value)
    assert editor.provider == "slack"
    await fire(editor, "save", value)
    assert set(editor.errors) == {"name", "webhook_url"}


async def test_both_lists_hear_of_what_was_sent(
    resources: Resources, factory: Factory, tenant: Tenant, open_site: OpenSite
) -> None:
    site = await open_site({"/hook": answer("ok")})
    await integrate(resources, tenant, f"{site.url}/hook")
    cookie = await cookie_of(factory, tenant)
    tab, box = await listed(cookie), await outbox(cookie)
    following = [asyncio.create_task(fire(each, "follow")) for each in (tab, box)]
    try:
        async with asyncio.timeout(60):
            while resources.live.count(f"inbox:{tenant.id}") < 2:
                await asyncio.sleep(0.01)
            await ask_for_a_person(resources, tenant)
            await resources.courier.deliver_due(
                [each.id for each in await deliveries_of(resources, tenant.id)]
            )
            while [row.status for row in box.rows] != ["Sent"]:
                await asyncio.sleep(0.01)
            while "arrived just now" not in tab.rows[0].last:
                await asyncio.sleep(0.01)
    finally:
        for task in following:
            task.cancel()
