"""The webhooks of a workspace on their screen, called as anybody with a websocket can."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from typing import Any

import pytest

from helpninja_app.accounts.models import Role
from helpninja_app.errors import Unavailable
from helpninja_app.integrations.webhooks.endpoints import MAX_ENDPOINTS, create_endpoint
from helpninja_app.integrations.webhooks.models import EventType
from helpninja_app.resources import Resources
from helpninja_app.screens.webhooks import editor_state
from helpninja_app.screens.webhooks.editor_state import WebhookEditorState
from helpninja_app.screens.webhooks.log_state import SENT, SentEvent, WebhookLogState
from helpninja_app.screens.webhooks.state import WebhooksState
from helpninja_app.screens.webhooks.words import error_at
from tests.conftest import OpenResources, OpenSite
from tests.factories import Factory, Tenant
from tests.hooks import Hook, hooked
from tests.screens.events import fire, tab_at
from tests.twins.webhook_peer import status

ALL = {event.value: "yes" for event in EventType}


@pytest.fixture
async def tenant(factory: Factory) -> Tenant:
    return await factory.tenant()


@pytest.fixture
async def cookie(factory: Factory, tenant: Tenant) -> str:
    return await cookie_of(factory, tenant)


@pytest.fixture
async def url(open_site: OpenSite) -> str:
    """An address that may be posted to."""
    return f"{(await open_site()).url}/hook"


async def cookie_of(factory: Factory, tenant: Tenant, role: Role = Role.OWNER) -> str:
    _, headers = await factory.member(tenant, role)
    return headers["cookie"]


async def listed(cookie: str) -> WebhooksState:
    tab = await tab_at(WebhooksState, cookie)
    await fire(tab, "open_webhooks")
    return tab


async def adding(cookie: str, form: dict[str, str]) -> WebhookEditorState:
    tab = await tab_at(WebhookEditorState, cookie)
    await fire(tab, "begin")
    await fire(tab, "save", form)
    return tab


async def log_of(cookie: str, hook: Hook) -> WebhookLogState:
    tab = await tab_at(WebhookLogState, cookie)
    await fire(tab, "open_log", str(hook.id), "https://x.example/hook")
    return tab


async def test_a_webhook_is_added_with_its_secret_shown_once(cookie: str, url: str) -> None:
    editor = await adding(cookie, {"url": url, "description": " CRM "} | ALL)
    assert editor.secret.startswith("whsec_")
    [row] = (await listed(cookie)).rows
    assert (row.url, row.description, row.status) == (url, "CRM", "Active")
    assert row.events == "Hears of everything"
    await fire(editor, "close")
    assert (editor.is_open, editor.secret) == (False, "")
    said = await fire(editor, "edit", row.id)
    assert "whsec_" not in said.said
    assert (editor.url, editor.description, set(editor.events)) == (url, "CRM", set(EventType))


async def test_it_is_changed_and_keeps_its_secret(cookie: str, url: str) -> None:
    await adding(cookie, {"url": url} | ALL)
    tab = await listed(cookie)
    editor = await tab_at(WebhookEditorState, cookie)
    await fire(editor, "edit", tab.rows[0].id)
    await fire(editor, "save", {"url": f"{url}/2", "description": "", "message.created": "yes"})
    assert (editor.is_open, editor.secret, editor.problem) == (False, "", "")
    [row] = (await listed(cookie)).rows
    assert (row.url, row.events) == (f"{url}/2", "Hears when a message is written")


@pytest.mark.parametrize(
    ("form", "wrong"),
    [
        ({}, {"url", "events"}),
        ({"url": "https://10.0.0.8/hook"} | ALL, {"url"}),
        ({"url": "not an address", "conversation.deleted": "yes"}, {"url", "events"}),
        ({"url": "https://" + "x" * 3000} | ALL, {"url"}),
    ],
)
async def test_what_is_wrong_stands_at_its_field_and_nothing_is_stored(
    cookie: str, form: dict[str, str], wrong: set[str]
) -> None:
    editor = await adding(cookie, form)
    assert set(editor.errors) == wrong
    assert (editor.is_open, editor.secret) == (True, "")
    assert (await listed(cookie)).rows == []


async def test_a_new_secret_is_shown_once_and_the_old_one_counts_for_a_day(cookie: str, url: str) -> None:
    first = (await adding(cookie, {"url": url} | ALL)).secret
    tab = await listed(cookie)
    editor = await tab_at(WebhookEditorState, cookie)
    await fire(editor, "rotate", tab.rows[0].id)
    assert editor.secret.startswith("whsec_")
    assert editor.secret != first
    assert (await listed(cookie)).rows[0].note.startswith("The old secret counts beside the new one until")


async def test_it_is_switched_off_and_on_and_deleted(cookie: str, url: str) -> None:
    await adding(cookie, {"url": url} | ALL)
    tab = await listed(cookie)
    await fire(tab, "switch", tab.rows[0].id, False)
    assert (tab.rows[0].is_on, tab.rows[0].problem) == (False, "")
    assert tab.rows[0].note == "Switched off by a member."
    await fire(tab, "switch", tab.rows[0].id, True)
    assert (tab.rows[0].is_on, tab.rows[0].note) == (True, "")
    await fire(tab, "delete", tab.rows[0].id)
    assert tab.rows == []


async def test_ten_are_enough(cookie: str, url: str) -> None:
    for number in range(MAX_ENDPOINTS):
        await adding(cookie, {"url": f"{url}/{number}"} | ALL)
    tab = await listed(cookie)
    assert (len(tab.rows), tab.limit) == (10, "A workspace has at most 10 webhooks.")
    assert (await adding(cookie, {"url": url} | ALL)).problem.startswith("A workspace has at most 10")


async def test_a_plan_without_webhooks_says_so_and_takes_none(
    with_resources: OpenResources, url: str
) -> None:
    async with with_resources(unlimited=False) as limited:
        factory = Factory(limited)
        cookie = await cookie_of(factory, await factory.tenant(plan="free"))
        assert (await listed(cookie)).lacking.startswith("The free plan has no outbound webhooks")
        editor = await adding(cookie, {"url": url} | ALL)
        assert editor.is_at_limit
        assert editor.secret == ""
        assert (await listed(cookie)).rows == []


async def test_a_second_click_makes_no_second_webhook(cookie: str, url: str) -> None:
    tab = await tab_at(WebhookEditorState, cookie)
    await fire(tab, "begin")
    await asyncio.gather(*(fire(tab, "save", {"url": url} | ALL) for _ in range(2)))
    assert tab.secret.startswith("whsec_")
    assert len((await listed(cookie)).rows) == 1


async def test_a_secret_goes_with_the_page_and_is_not_shown_again(cookie: str, url: str) -> None:
    editor = await adding(cookie, {"url": url} | ALL)
    assert (editor.place, editor.is_open) == (url, True)
    # As when the page is loaded.
    await fire(editor, "close")
    await fire(editor, "begin")
    assert (editor.secret, editor.place, editor.is_open) == ("", "", True)


async def test_a_secret_that_comes_after_its_sheet_was_closed_is_shown_all_the_same(
    cookie: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab: Any = await tab_at(WebhookEditorState, cookie)
    await fire(tab, "begin")

    async def and_meanwhile_it_is_closed(*given: Any, **more: Any) -> Any:
        made = await create_endpoint(*given, **more)
        tab.close()
        return made

    monkeypatch.setattr(editor_state, "create_endpoint", and_meanwhile_it_is_closed)
    await fire(tab, "save", {"url": url} | ALL)
    assert (tab.is_open, tab.secret[:6], tab.place) == (True, "whsec_", url)


async def test_what_was_refused_for_a_closed_sheet_stands_in_no_other(
    cookie: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab: Any = await tab_at(WebhookEditorState, cookie)
    await fire(tab, "begin")

    async def and_meanwhile_another_is_opened(form: object) -> Any:
        tab.close()
        tab.is_open = True
        return await checked(form)

    checked = editor_state._checked
    monkeypatch.setattr(editor_state, "_checked", and_meanwhile_another_is_opened)
    said = await fire(tab, "save", {})
    assert (tab.problem, tab.errors) == ("", {})
    assert said.refusal != ""


async def test_a_secret_that_could_not_be_made_leaves_the_form_as_the_webhook_is(
    cookie: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await adding(cookie, {"url": url, "description": "CRM", "message.created": "yes"})
    tab = await listed(cookie)

    async def away(*_: Any) -> Any:
        raise Unavailable("The database is away.")

    monkeypatch.setattr(editor_state, "rotate_secret", away)
    editor = await tab_at(WebhookEditorState, cookie)
    await fire(editor, "rotate", tab.rows[0].id)
    assert (editor.problem, editor.secret) == ("The database is away.", "")
    assert (editor.url, editor.description, editor.events) == (url, "CRM", ["message.created"])


async def test_its_log_tells_each_attempt_and_an_event_is_sent_again(
    resources: Resources, factory: Factory, tenant: Tenant, cookie: str
) -> None:
    async with hooked(resources, tenant) as hook:
        hook.peer.faults = [status("500 Internal Server Error")]
        await hook.say()
        await hook.deliver()
        tab = await log_of(cookie, hook)
        [row] = [each for each in tab.rows if each.type == "message.created"]
        assert (row.event, row.status) == ("A message is written", "Waiting")
        assert row.note.startswith("Tried once. The next attempt is in")
        assert not row.may_resend
        await fire(tab, "look_into", row.id)
        [attempt] = tab.sent.log
        assert attempt.took.endswith(" ms")
        assert attempt.became.endswith("answered 500, an error of its own.")
        assert attempt.answer == "no"
        [failing] = (await listed(cookie)).rows
        assert failing.problem.startswith("Nothing has arrived for 1 min. The last attempt failed: ")
        await hook.make_due()
        await hook.deliver()
        await fire(tab, "read_again")
        [row] = [each for each in tab.rows if each.type == "message.created"]
        assert (row.status, row.may_resend, row.problem) == ("Sent", True, "")
        assert (row.note, tab.sent.log[1].became) == ("Tried 2 times.", "It was taken (200).")
        assert tab.sent.log[1].answer == "ok"
        await fire(tab, "send_again", row.id)
        [row] = [each for each in tab.rows if each.type == "message.created"]
        assert (row.status, tab.said) == ("Waiting", "It is sent again.")
        assert row.note.startswith("Not tried again yet.")
        await fire(tab, "choose_status", "failed")
        assert tab.rows == []
        await fire(tab, "close")
        assert (tab.is_open, tab.endpoint_id) == (False, "")


async def test_what_was_sent_of_an_event_is_shown_and_put_away_again(
    resources: Resources, factory: Factory, tenant: Tenant, cookie: str
) -> None:
    async with hooked(resources, tenant) as hook:
        await hook.say("Do you ship to <b>Malta</b>?")
        await hook.deliver()
        tab = await log_of(cookie, hook)
        [row] = tab.rows
        await fire(tab, "look_into", row.id)
        assert (tab.opened, tab.sent.id, tab.sent.cut) == (row.id, row.id, "")
        [(request, message)] = hook.peer.taken
        assert json.loads(tab.sent.body) == message
        assert request.headers["webhook-id"] == row.id
        assert '\n    "text": "Do you ship to <b>Malta</b>?"' in tab.sent.body
        await fire(tab, "look_into", row.id)
        assert (tab.opened, tab.sent) == ("", SentEvent())


async def test_a_long_body_is_cut_and_says_so(
    resources: Resources, factory: Factory, tenant: Tenant, cookie: str
) -> None:
    async with hooked(resources, tenant) as hook:
        await hook.say("x" * 20_000)
        tab = await log_of(cookie, hook)
        await fire(tab, "look_into", tab.rows[0].id)
        assert len(tab.sent.body) == 20_000
        assert re.fullmatch(r"Of its 20,\d{3} characters the first 20,000 are shown\.", tab.sent.cut)


async def test_what_is_none_of_the_webhook_s_events_is_not_looked_into(
    resources: Resources, factory: Factory, tenant: Tenant, cookie: str
) -> None:
    other = await factory.tenant()
    async with hooked(resources, tenant) as hook, hooked(resources, other) as theirs:
        await hook.say("ours")
        await theirs.say("theirs")
        [foreign] = await theirs.log()
        tab = await log_of(cookie, hook)
        for wanted in (str(foreign.event_id), str(uuid.uuid4()), "no id"):
            said = await fire(tab, "look_into", wanted)
            assert said.refusal != ""
            assert "theirs" not in said.said
            assert (tab.opened, tab.sent, tab.failure) == ("", SentEvent(), "")


async def test_a_test_event_opens_the_log_and_shows_what_becomes_of_it(
    resources: Resources, factory: Factory, tenant: Tenant, cookie: str
) -> None:
    async with hooked(resources, tenant) as hook:
        hook.peer.faults = [status("500 Internal Server Error")]
        tab = await tab_at(WebhookLogState, cookie)
        await fire(tab, "send_test", str(hook.id), "https://x.example/hook")
        [row] = tab.rows
        assert (row.event, row.type, row.status) == ("A test", "webhook.test", "Waiting")
        assert (tab.is_open, tab.place, tab.opened, tab.said) == (
            True,
            "https://x.example/hook",
            row.id,
            SENT,
        )
        await hook.deliver()
        await fire(tab, "read_again")
        [attempt] = tab.sent.log
        assert attempt.became.endswith("answered 500, an error of its own.")
        await fire(tab, "choose_status", "sent")
        await fire(tab, "send_test", str(hook.id), "https://x.example/hook")
        await hook.deliver()
        await fire(tab, "read_again")
        assert [row.status for row in tab.rows] == ["Sent", "Waiting"]
        assert (tab.status, tab.opened) == ("", tab.rows[0].id)
        [(request, message)] = hook.peer.taken
        assert (message["type"], message["data"]["endpointId"]) == ("webhook.test", str(hook.id))
        assert request.headers["webhook-id"] == tab.rows[0].id


async def test_a_webhook_that_is_switched_off_says_so_when_it_is_tested(
    resources: Resources, factory: Factory, tenant: Tenant, cookie: str
) -> None:
    async with hooked(resources, tenant) as hook:
        await fire(await listed(cookie), "switch", str(hook.id), False)
        tab = await tab_at(WebhookLogState, cookie)
        await fire(tab, "send_test", str(hook.id), "https://x.example/hook")
        assert tab.problem == "This webhook is switched off (disabled). Switch it on first."
        assert (tab.is_open, tab.rows, tab.said) == (True, [], "")


async def test_a_second_click_sends_no_second_test(
    resources: Resources, factory: Factory, tenant: Tenant, cookie: str
) -> None:
    async with hooked(resources, tenant) as hook:
        tab = await log_of(cookie, hook)
        await asyncio.gather(*(fire(tab, "send_test", str(hook.id), "x") for _ in range(2)))
        assert len(await hook.log()) == 1


async def test_the_log_shows_fifty_and_then_more(
    resources: Resources, factory: Factory, tenant: Tenant, cookie: str
) -> None:
    async with hooked(resources, tenant, [EventType.MESSAGE_CREATED]) as hook:
        for number in range(120):
            await hook.say(f"Hello {number}", "one")
        tab = await log_of(cookie, hook)
        shown = [(len(tab.rows), tab.has_more)]
        for _ in range(2):
            await fire(tab, "show_more")
            shown.append((len(tab.rows), tab.has_more))
        assert shown == [(50, True), (100, True), (120, False)]
        assert len({row.id for row in tab.rows}) == 120


async def test_a_webhook_of_another_workspace_is_not_there(
    resources: Resources, factory: Factory, tenant: Tenant
) -> None:
    stranger = await cookie_of(factory, await factory.tenant())
    async with hooked(resources, tenant) as hook:
        await hook.say()
        log = await log_of(stranger, hook)
        assert (log.rows, log.failure) == ([], "There is no such webhook endpoint.")
        tab = await listed(stranger)
        assert tab.rows == []
        refused: list[Any] = [
            (await fire(tab, "switch", str(hook.id), False)).refusal,
            (await fire(tab, "delete", str(hook.id))).refusal,
        ]
        assert refused == ["There is no such webhook endpoint."] * 2
        editor = await tab_at(WebhookEditorState, stranger)
        await fire(editor, "rotate", str(hook.id))
        assert editor.secret == ""
        await fire(editor, "edit", str(uuid.uuid4()))
        assert editor.url == ""


def test_an_error_names_no_host_that_is_to_be_seen_anyway() -> None:
    url = "https://crm.example:8443/hook"
    assert error_at(url, "crm.example answered 503.") == "It answered 503."
    assert error_at(url, "crm.example.evil.example answered 503.") == "crm.example.evil.example answered 503."
