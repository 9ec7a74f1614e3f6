"""A button that is pressed twice makes one thing, also where the second press comes late."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

import pytest
from reflex.state import BaseState
from sqlalchemy import text

from helpninja_app.resources import Resources
from helpninja_app.screens.account.state import AccountState
from helpninja_app.screens.api_keys.state import KeysState
from helpninja_app.screens.escalation.integration_editor_state import IntegrationEditorState
from helpninja_app.screens.escalation.rule_editor_state import RuleEditorState
from helpninja_app.screens.inbox.canned_state import CannedState
from helpninja_app.screens.inbox.sharing_state import SharingState
from helpninja_app.screens.knowledge.adding_state import AddingState
from helpninja_app.screens.knowledge.curated_editor_state import CuratedEditorState
from helpninja_app.screens.knowledge.note_editor_state import NoteEditorState
from helpninja_app.screens.team.state import TeamState
from helpninja_app.screens.webhooks.editor_state import WebhookEditorState
from tests.conftest import OpenSite
from tests.deliveries import ask_for_a_person, integrate
from tests.factories import Factory, Tenant
from tests.screens.events import Answer, fire, tab_at
from tests.screens.test_escalation import MAIL, cookie_of, outbox
from tests.screens.test_escalation_rules import REFUND, made
from tests.screens.test_inbox import waiting
from tests.screens.test_inbox_canned import GREETING
from tests.screens.test_knowledge_writing import ISLANDS, NOTE
from tests.screens.test_webhooks import ALL

pytestmark = pytest.mark.usefixtures("no_waiting")


RULE = {"name": "Refunds", "words-2": "refund*"}


class Making(NamedTuple):
    """An event that makes something: what comes before it, its form, and the table of what it makes."""

    state: type[BaseState]
    before: tuple[Any, ...]
    handler: str
    form: dict[str, Any]
    table: str


MAKINGS = [
    Making(KeysState, ("open_keys",), "make_key", {"name": "CI", "knowledge:read": "yes"}, "api_keys"),
    Making(IntegrationEditorState, ("begin", "email"), "save", MAIL, "integrations"),
    Making(WebhookEditorState, ("begin",), "save", ALL, "webhook_endpoints"),
    Making(TeamState, ("open_team",), "send_invite", {"role": "viewer"}, "invites"),
    Making(TeamState, ("open_team",), "send_invite", {"role": "viewer", "email": "a@x.example"}, "invites"),
    Making(
        SharingState, ("open_shares", "<conversation>"), "make_link", {"days": "7"}, "conversation_shares"
    ),
    Making(SharingState, ("begin_mail",), "send_transcript", {"email": "a@x.example"}, "transcript_mails"),
    Making(CannedState, ("begin",), "save", GREETING, "canned_replies"),
    Making(NoteEditorState, ("begin",), "save", NOTE, "sources"),
    Making(CuratedEditorState, ("begin", ""), "save", ISLANDS, "curated_answers"),
    Making(RuleEditorState, ("begin",), "save", RULE, "rules"),
]


@pytest.fixture
async def tenant(factory: Factory) -> Tenant:
    return await factory.tenant()


@pytest.fixture
async def cookie(factory: Factory, tenant: Tenant) -> str:
    return await cookie_of(factory, tenant)


async def counted(resources: Resources, tenant: Tenant, table: str, where: str = "true") -> int:
    async with resources.database.unit_of_work(tenant.scope) as session:
        return int((await session.execute(text(f"select count(*) from {table} where {where}"))).scalar_one())


async def pressed_twice(tab: BaseState, handler: str, *given: Any) -> list[Answer]:
    """Both are there before the first is answered."""
    return list(await asyncio.gather(*(fire(tab, handler, *given) for _ in range(2))))


async def begun(
    making: Making, factory: Factory, tenant: Tenant, cookie: str, open_site: OpenSite
) -> tuple[Any, dict[str, Any]]:
    """A tab in which the form stands, and what is typed into it."""
    conversation = str(await waiting(factory, tenant))
    tab: Any = await tab_at(making.state, cookie)
    await fire(tab, *(conversation if each == "<conversation>" else each for each in making.before))
    form = making.form | {"conversation": conversation}
    if making.state is WebhookEditorState:
        form["url"] = f"{(await open_site()).url}/hook"
    if making.state is CuratedEditorState:
        await fire(tab, "choose_audience", "members")
    return tab, form


@pytest.mark.parametrize("making", MAKINGS, ids=lambda making: f"{making.state.__name__} {making.table}")
async def test_two_clicks_before_the_first_answer_make_one(
    resources: Resources,
    factory: Factory,
    tenant: Tenant,
    cookie: str,
    open_site: OpenSite,
    making: Making,
) -> None:
    tab, form = await begun(making, factory, tenant, cookie, open_site)
    before = await counted(resources, tenant, making.table)
    answers = await pressed_twice(tab, making.handler, form)
    assert [answer.refusal for answer in answers] == ["", ""]
    assert await counted(resources, tenant, making.table) == before + 1
    assert (tab.problem, tab.is_busy) == ("", False)


@pytest.mark.parametrize("making", MAKINGS, ids=lambda making: f"{making.state.__name__} {making.table}")
async def test_a_second_click_that_comes_when_the_first_is_done_makes_nothing(
    resources: Resources,
    factory: Factory,
    tenant: Tenant,
    cookie: str,
    open_site: OpenSite,
    making: Making,
) -> None:
    """On a slow line: it was pressed before the browser heard of the first."""
    tab, form = await begun(making, factory, tenant, cookie, open_site)
    before = await counted(resources, tenant, making.table)
    form["drawn"] = str(tab.drawn)
    await fire(tab, making.handler, form)
    shown = [getattr(tab, name) for name in tab.base_vars]
    said = await fire(tab, making.handler, form)
    assert (said.refusal, said.events) == ("", [])
    assert await counted(resources, tenant, making.table) == before + 1
    assert [getattr(tab, name) for name in tab.base_vars] == shown


async def test_of_two_clicks_the_secret_of_the_one_key_is_shown(
    resources: Resources, tenant: Tenant, cookie: str
) -> None:
    tab = await tab_at(KeysState, cookie)
    await pressed_twice(tab, "make_key", {"name": "CI", "knowledge:read": "yes"})
    [row] = [row for row in tab.keys if row.name == "CI"]
    assert tab.secret.startswith(row.prefix.rstrip("…"))


async def test_an_invite_that_is_sent_again_twice_shows_the_link_that_counts(
    resources: Resources, tenant: Tenant, cookie: str
) -> None:
    tab = await tab_at(TeamState, cookie)
    await fire(tab, "send_invite", {"role": "viewer"})
    await pressed_twice(tab, "resend_invite", tab.invites[0].id)
    assert await counted(resources, tenant, "audit_events", "action = 'member.invited_again'") == 1


async def test_an_invite_leaves_the_form_as_it_was_when_it_is_refused_and_empties_it_when_it_is_made(
    tenant: Tenant, cookie: str
) -> None:
    tab = await tab_at(TeamState, cookie)
    await fire(tab, "send_invite", {"role": "viewer", "email": "nobody"})
    assert (tab.drawn, tab.problem == "") == (0, False)
    await fire(tab, "send_invite", {"role": "viewer", "email": "a@x.example"})
    assert (tab.drawn, tab.problem) == (1, "")


async def test_a_website_is_asked_for_once(
    resources: Resources, tenant: Tenant, cookie: str, open_site: OpenSite
) -> None:
    tab = await tab_at(AddingState, cookie)
    url = f"{(await open_site()).url}/"
    await pressed_twice(tab, "add", url, "visitors", "page")
    assert await counted(resources, tenant, "sources") == 1
    assert await counted(resources, tenant, "audit_events", "action = 'source.ingested'") == 1


async def test_what_becomes_public_does_so_once(resources: Resources, tenant: Tenant, cookie: str) -> None:
    tab = await tab_at(CuratedEditorState, cookie)
    await fire(tab, "begin", "")
    await fire(tab, "save", ISLANDS)
    answers = await pressed_twice(tab, "publish")
    assert [answer.refusal for answer in answers] == ["", ""]
    assert await counted(resources, tenant, "curated_answers") == 1


@pytest.mark.parametrize("is_late", [False, True])
async def test_a_workspace_is_made_once(
    resources: Resources, factory: Factory, cookie: str, is_late: bool
) -> None:
    tab = await tab_at(AccountState, cookie)
    await fire(tab, "open_account")
    form = {"name": "Another one", "drawn": "0"}
    if is_late:
        answers = [await fire(tab, "make_workspace", form), await fire(tab, "make_workspace", form)]
    else:
        answers = await pressed_twice(tab, "make_workspace", form)
    assert [bool(answer.events) for answer in answers].count(True) == 1
    assert not tab.is_busy


async def test_what_failed_to_arrive_is_sent_again_once_and_nobody_is_refused(
    resources: Resources, tenant: Tenant, cookie: str
) -> None:
    await integrate(resources, tenant)
    await ask_for_a_person(resources, tenant)
    async with resources.database.unit_of_work(tenant.scope) as session:
        await session.execute(text("update deliveries set status = 'failed'"))
        await session.execute(text("delete from due_deliveries where workspace_id = :id"), {"id": tenant.id})
    box = await outbox(cookie)
    answers = await pressed_twice(box, "resend", box.rows[0].id)
    assert [answer.refusal for answer in answers] == ["", ""]


async def test_a_rule_that_is_there_is_changed_and_none_is_added(
    resources: Resources, tenant: Tenant, cookie: str
) -> None:
    rule_id = await made(resources, tenant, "Refunds", REFUND)
    tab: Any = await tab_at(RuleEditorState, cookie)
    await fire(tab, "edit", rule_id)
    form = RULE | {"drawn": str(tab.drawn)}
    await fire(tab, "save", form)
    await fire(tab, "save", form)
    assert await counted(resources, tenant, "rules") == 1
