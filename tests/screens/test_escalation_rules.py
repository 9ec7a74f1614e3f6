"""The rules of the Escalation screen and their tester, called as anybody with a websocket can call them."""

from __future__ import annotations

from typing import Any

import pytest

from helpninja_app.accounts.callers import KeyCaller
from helpninja_app.accounts.models import Role
from helpninja_app.accounts.permissions import Permission
from helpninja_app.billing.plans import UNLIMITED
from helpninja_app.conversations.rules.conditions import read_group
from helpninja_app.conversations.rules.engine import Action
from helpninja_app.conversations.rules.service import RuleView, RuleWish, create_rule, list_rules
from helpninja_app.integrations.deleting import delete_integration
from helpninja_app.kernel.database import new_id
from helpninja_app.resources import Resources
from helpninja_app.screens.escalation.rule_editor_state import RuleEditorState
from helpninja_app.screens.escalation.rules_state import RulesState
from helpninja_app.screens.escalation.tester_state import RuleTrialState
from helpninja_app.screens.undo_state import UndoState
from tests.conftest import OpenResources
from tests.deliveries import ask_for_a_person, integrate
from tests.factories import Factory, Tenant
from tests.screens.events import fire, tab_at
from tests.screens.test_escalation import cookie_of, offered_by
from tests.screens.test_home import texts_in


def all_of(*conditions: dict[str, Any]) -> dict[str, Any]:
    return {"match": "all", "conditions": list(conditions)}


REFUND = all_of({"fact": "keyword", "operator": "any", "values": ["refund*"]})


@pytest.fixture
async def tenant(factory: Factory) -> Tenant:
    return await factory.tenant()


async def listed(cookie: str) -> RulesState:
    tab = await tab_at(RulesState, cookie)
    await fire(tab, "open_rules")
    return tab


async def trying(cookie: str) -> RuleTrialState:
    tab = await tab_at(RuleTrialState, cookie)
    await fire(tab, "open_tester")
    return tab


async def editor(cookie: str, rule_id: str = "") -> RuleEditorState:
    tab = await tab_at(RuleEditorState, cookie)
    await fire(tab, "edit", rule_id) if rule_id else await fire(tab, "begin")
    return tab


def caller_of(tenant: Tenant) -> KeyCaller:
    return KeyCaller(tenant.workspace, new_id(), "Tests", frozenset(Permission))


async def made(
    resources: Resources,
    tenant: Tenant,
    name: str = "Refunds",
    condition: dict[str, Any] = REFUND,
    **more: Any,
) -> str:
    wish = RuleWish(name, more.pop("action", Action.ESCALATE), read_group(condition), **more)
    async with resources.database.unit_of_work(tenant.scope) as session:
        return str((await create_rule(session, caller_of(tenant), UNLIMITED, wish)).id)


async def stored(resources: Resources, tenant: Tenant) -> tuple[RuleView, ...]:
    async with resources.database.unit_of_work(tenant.scope) as session:
        return await list_rules(session, caller_of(tenant))


def shape(tab: RuleEditorState) -> list[tuple[int, str, str]]:
    return [(line.depth, line.kind, line.operator) for line in tab.lines]


async def test_a_rule_with_a_group_in_a_group_is_put_together_and_stored(
    resources: Resources, factory: Factory, tenant: Tenant
) -> None:
    mail = await integrate(resources, tenant, "team@example.com", provider="email")
    tab = await editor(await cookie_of(factory, tenant, Role.ANALYST))
    assert shape(tab) == [(0, "group", "all"), (1, "keyword", "any")]
    await fire(tab, "add_group", "1")
    assert shape(tab)[2:] == [(1, "group", "any"), (2, "keyword", "any")]
    assert tab.focus.startswith("rule-line-3 ")
    await fire(tab, "choose_fact", "4", "confidence")
    await fire(tab, "add_condition", "3")
    await fire(tab, "choose_fact", "5", "time")
    await fire(tab, "choose_operator", "5", "between")
    await fire(tab, "choose_action", "notify")
    form = {
        "name": "Refunds",
        "words-2": "refund*, “money back”",
        "value-4": "62.5 %",
        "begin-5": "18:00",
        "end-5": "08:00",
        "sat-5": "yes",
        f"to-{mail}": "yes",
    }
    said = await fire(tab, "save", form)
    assert (tab.problem, tab.errors, tab.is_open) == ("", {}, False)
    assert RulesState.open_rules in said.events
    (rule,) = await stored(resources, tenant)
    assert rule.sentence == (
        "Tell its destinations when the question has “refund*” or “money back” and (the confidence is below"
        " 62 % or it is between 18:00 and 08:00 on Sat)."
    )
    assert (rule.action, rule.destinations) == (Action.NOTIFY, (mail,))
    (row,) = (await listed(await cookie_of(factory, tenant))).rows
    assert (row.place, row.goes) == ("1", "To Our email.")


async def test_what_is_wrong_stands_at_its_field_and_what_was_typed_stays(
    resources: Resources, factory: Factory, tenant: Tenant
) -> None:
    tab = await editor(await cookie_of(factory, tenant))
    await fire(tab, "add_condition", "1")
    await fire(tab, "choose_fact", "3", "confidence")
    await fire(tab, "choose_action", "route")
    await fire(tab, "save", {"name": "", "words-2": " , ", "value-3": "170"})
    assert set(tab.errors) == {"name", "condition", "destinations"}
    assert [line.problem for line in tab.lines] == ["", "Type a word.", "Type a number from 0 to 100."]
    assert tab.lines[2].value == "170"
    assert tab.is_open
    assert await stored(resources, tenant) == ()


async def test_a_rule_is_changed_from_what_is_there(
    resources: Resources, factory: Factory, tenant: Tenant
) -> None:
    inner = all_of(
        {"fact": "page", "operator": "is_not", "values": ["/a", "/b, c"]},
        {"fact": "message_count", "operator": "at_least", "value": 3},
    )
    nested = {"match": "any", "conditions": [*REFUND["conditions"], inner]}
    id = await made(resources, tenant, condition=nested)
    tab = await editor(await cookie_of(factory, tenant), id)
    assert tab.name == "Refunds"
    assert [(line.words, line.value) for line in tab.lines if line.kind != "group"] == [
        ("refund*", ""),
        ('/a, "/b, c"', ""),
        ("", "3"),
    ]
    form = {"name": "Other"} | {
        f"{field}-{line.id}": value
        for line in tab.lines
        for field, value in (("words", line.words), ("value", line.value))
    }
    await fire(tab, "save", form)
    (rule,) = await stored(resources, tenant)
    assert (rule.name, rule.condition) == ("Other", read_group(nested))


async def test_lines_come_and_go_within_what_a_rule_may_hold(factory: Factory, tenant: Tenant) -> None:
    tab = await editor(await cookie_of(factory, tenant))
    for group in ("1", "3", "5"):
        await fire(tab, "add_group", group)
    deepest = [line for line in tab.lines if line.kind == "group"][-1]
    assert (deepest.depth, deepest.may_nest) == (3, False)
    await fire(tab, "add_group", deepest.id)
    assert tab.errors["condition"] == "Groups can be nested 4 deep."
    await fire(tab, "remove", "5")
    assert [line.id for line in tab.lines] == ["1", "2", "3", "4"]
    assert (tab.errors, tab.focus.split()[0]) == ({}, "rule-line-3")
    await fire(tab, "remove", "1")
    assert "needs a condition" in tab.errors["condition"]
    for _ in range(60):
        await fire(tab, "add_condition", "1")
    assert sum(line.kind != "group" for line in tab.lines) == 50
    assert "at most 50" in tab.errors["condition"]


async def test_rules_are_moved_switched_off_and_deleted(
    resources: Resources, factory: Factory, tenant: Tenant
) -> None:
    first, second = await made(resources, tenant, "First"), await made(resources, tenant, "Second")
    tab = await listed(await cookie_of(factory, tenant))
    await fire(tab, "move", second, -1)
    assert [row.name for row in tab.rows] == ["Second", "First"]
    assert (tab.moved, tab.focus) == ("“Second” is number 1 of 2 now.", f"rule-down-{second} 1")
    await fire(tab, "move", second, -1)
    assert [row.name for row in tab.rows] == ["Second", "First"]
    await fire(tab, "switch", first, False)
    assert [row.is_on for row in tab.rows] == [True, False]
    said = await fire(tab, "delete", second)
    assert [row.name for row in tab.rows] == ["First"]
    assert offered_by(said) == ["Deleted: Second.", "rule", [second]]
    back = await fire(tab, "restore", second)
    assert [(row.name, row.is_on) for row in tab.rows] == [("Second", True), ("First", False)]
    assert UndoState.close in back.events
    assert (await fire(tab, "restore", second)).refusal == ""


async def test_a_destination_that_was_deleted_is_said(
    resources: Resources, factory: Factory, tenant: Tenant
) -> None:
    kept, gone = await integrate(resources, tenant), await integrate(resources, tenant)
    await made(resources, tenant, destinations=(kept, gone))
    async with resources.database.unit_of_work(tenant.scope) as session:
        await delete_integration(session, resources.queue, caller_of(tenant), gone)
    assert [row.goes for row in (await listed(await cookie_of(factory, tenant))).rows] == [
        "To Our slack, 1 deleted integration."
    ]


async def test_where_the_plan_has_no_rules_it_says_so_in_place(
    factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant(plan="starter")
    cookie = await cookie_of(factory, tenant)
    async with with_resources(unlimited=False):
        assert (await listed(cookie)).lacking.startswith("The starter plan has no escalation rules")
        assert "no escalation rules" in (await editor(cookie)).failure


@pytest.mark.parametrize("role", [Role.AGENT, Role.VIEWER])
async def test_roles_that_may_not_see_the_rules_and_try_them(
    resources: Resources, factory: Factory, tenant: Tenant, role: Role
) -> None:
    id = await made(resources, tenant)
    cookie = await cookie_of(factory, tenant, role)
    tab = await listed(cookie)
    assert (len(tab.rows), tab.may_manage) == (1, False)
    for handler, arguments in (("move", (id, 1)), ("switch", (id, False)), ("delete", (id,))):
        await fire(tab, handler, *arguments)
        assert "does not allow" in tab.problem, handler
    assert "does not allow" in (await editor(cookie, id)).failure
    tried = await trying(cookie)
    await fire(tried, "try_them", {"question": "A refund, please"})
    assert tried.outcome == "“Refunds” asks for a person."


async def test_rules_of_another_workspace_are_not_there(
    resources: Resources, factory: Factory, tenant: Tenant
) -> None:
    theirs = await factory.tenant()
    id = await made(resources, theirs, "Their rule")
    conversation = await ask_for_a_person(resources, theirs)
    cookie = await cookie_of(factory, tenant)
    tab = await listed(cookie)
    for handler, arguments in (("move", (id, 1)), ("switch", (id, False)), ("delete", (id,))):
        await fire(tab, handler, *arguments)
        assert tab.problem == "There is no such rule.", handler
    opened = await editor(cookie, id)
    assert opened.failure == "There is no such rule."
    tried = await trying(cookie)
    await fire(tried, "choose_kind", "stored")
    await fire(tried, "try_them", {"conversation": str(conversation.id)})
    assert tried.errors == {"conversation": "There is no such conversation."}
    assert "Their rule" not in texts_in(tab) + texts_in(opened) + texts_in(tried)


async def test_a_rule_never_goes_to_an_integration_of_another_workspace(
    resources: Resources, factory: Factory, tenant: Tenant
) -> None:
    foreign = await integrate(resources, await factory.tenant())
    tab = await editor(await cookie_of(factory, tenant))
    await fire(tab, "save", {"name": "x", "words-2": "x", f"to-{foreign}": "yes"})
    (rule,) = await stored(resources, tenant)
    assert rule.destinations == ()


async def test_the_tester_says_for_each_rule_why(
    resources: Resources, factory: Factory, tenant: Tenant
) -> None:
    unsure = {"fact": "confidence", "operator": "below", "value": 0.7}
    await made(resources, tenant, "Unsure refunds", all_of(*REFUND["conditions"], unsure))
    await made(
        resources, tenant, "Pricing", all_of({"fact": "page", "operator": "is", "values": ["/pricing"]})
    )
    tab = await trying(await cookie_of(factory, tenant))
    form = {"question": "Two refunds?", "confidence": "45", "page": "https://a.example/boots", "count": "2"}
    await fire(tab, "try_them", form)
    assert tab.outcome == "“Unsure refunds” asks for a person."
    first, second = tab.rows
    assert (first.matched, second.matched) == (True, False)
    assert [(each.depth, each.matched, each.found) for each in first.reasons] == [
        (0, True, "2 of 2 match."),
        (1, True, "It has “refund*”."),
        (1, True, "The confidence is 45 %."),
    ]
    assert [(each.depth, each.sentence, each.found) for each in second.reasons] == [
        (0, "The page is “/pricing”.", "The page is a.example/boots.")
    ]


async def test_the_tester_goes_by_the_clocks_of_the_workspace(
    resources: Resources, factory: Factory, tenant: Tenant
) -> None:
    night = {"fact": "time", "operator": "between", "from": "18:00", "to": "08:00"}
    await made(resources, tenant, "Night", all_of(night))
    tab = await trying(await cookie_of(factory, tenant))
    await fire(tab, "try_them", {"at": "2026-12-01T18:30"})
    assert tab.rows[0].matched
    assert f"18:30 in {tenant.workspace.time_zone}" in tab.rows[0].reasons[0].found
    await fire(tab, "try_them", {"at": "2026-12-01T12:00"})
    assert not tab.rows[0].matched


async def test_the_tester_takes_a_conversation_by_its_address_in_the_inbox(
    resources: Resources, factory: Factory, tenant: Tenant
) -> None:
    grinder = {"fact": "keyword", "operator": "any", "values": ["grinder"]}
    await made(resources, tenant, "Grinders", all_of(grinder))
    conversation = await ask_for_a_person(resources, tenant)
    tab = await trying(await cookie_of(factory, tenant))
    await fire(tab, "choose_kind", "stored")
    for given in (str(conversation.id), f"https://help.example/app/inbox?conversation={conversation.id}"):
        await fire(tab, "try_them", {"conversation": given})
        assert tab.about == "Tried on “Can I return a used grinder?”."
        assert [row.matched for row in tab.rows] == [True]
    await fire(tab, "try_them", {"conversation": "the latest one"})
    assert "copy the address" in tab.errors["conversation"]
    assert tab.rows == []


async def test_wrong_numbers_stand_at_their_fields(factory: Factory, tenant: Tenant) -> None:
    tab = await trying(await cookie_of(factory, tenant))
    await fire(tab, "try_them", {"confidence": "nan", "count": "0", "at": "yesterday"})
    assert set(tab.errors) == {"confidence", "count", "at"}
    assert (tab.problem, tab.outcome) == ("", "")


@pytest.mark.parametrize("value", [None, 7, ["x"], {"a": 1}, "x" * 5000, "\x00"])
async def test_nonsense_breaks_nothing(factory: Factory, tenant: Tenant, value: Any) -> None:
    cookie = await cookie_of(factory, tenant)
    tab, edited, tried = await listed(cookie), await editor(cookie), await trying(cookie)
    for handler, arguments in (("move", (value, value)), ("switch", (value, value)), ("delete", (value,))):
        await fire(tab, handler, *arguments)
        assert tab.problem, handler
    before = shape(edited)
    for handler in ("choose_fact", "choose_operator"):
        await fire(edited, handler, value, value)
        await fire(edited, handler, "2", value)
    for handler in ("add_condition", "add_group", "remove", "choose_action"):
        await fire(edited, handler, value)
    assert shape(edited) == before
    await fire(edited, "save", value)
    assert "name" in edited.errors
    await fire(tried, "choose_kind", value)
    await fire(tried, "try_them", value)
    assert tried.failure == ""
