"""Trying a rule in its editor before it is saved, called as anybody with a websocket can call it."""

from __future__ import annotations

from typing import Any

import pytest

from helpninja_app.accounts.models import Role
from helpninja_app.resources import Resources
from helpninja_app.screens.escalation.rule_editor_state import RuleEditorState
from tests.deliveries import ask_for_a_person, integrate
from tests.factories import Factory, Tenant
from tests.screens.events import fire, tab_at
from tests.screens.test_escalation import cookie_of
from tests.screens.test_escalation_rules import editor, made, stored

RETURNS = {"name": "Returns", "words-2": "return*"}


@pytest.fixture
async def tenant(factory: Factory) -> Tenant:
    return await factory.tenant()


async def test_a_new_rule_is_tried_as_it_is_written_and_stays_unsaved(
    resources: Resources, factory: Factory, tenant: Tenant
) -> None:
    tab = await editor(await cookie_of(factory, tenant))
    await fire(tab, "try_draft", {"question": "Can I return them?"}, RETURNS)
    assert tab.outcome == "“Returns” asks for a person."
    assert [(row.name, row.matched) for row in tab.rows] == [("Returns", True)]
    assert (tab.is_open, tab.problem, tab.lines[1].words) == (True, "", "return*")
    await fire(tab, "try_draft", {"question": "Where are you?"}, RETURNS)
    assert tab.outcome == "No rule does anything here."
    assert [row.matched for row in tab.rows] == [False]
    assert await stored(resources, tenant) == ()
    await fire(tab, "save", RETURNS)
    assert [rule.name for rule in await stored(resources, tenant)] == ["Returns"]
    assert (tab.is_open, tab.outcome, tab.rows) == (False, "", [])


async def test_a_rule_is_tried_in_its_place_among_the_others(
    resources: Resources, factory: Factory, tenant: Tenant
) -> None:
    first = await made(resources, tenant, "First")
    await made(resources, tenant, "Second")
    tab = await editor(await cookie_of(factory, tenant), first)
    question = {"question": "A refund, please."}
    await fire(tab, "try_draft", question, {"name": "Renamed", "words-2": "refund"})
    assert tab.outcome == "“Renamed” asks for a person."
    await fire(tab, "try_draft", question, {"name": "Renamed", "words-2": "parcel"})
    assert tab.outcome == "“Second” asks for a person."
    assert [(row.id, row.matched) for row in tab.rows] == [(first, False)]
    assert [rule.name for rule in await stored(resources, tenant)] == ["First", "Second"]


async def test_what_could_not_be_saved_is_not_tried_and_says_why_at_its_field(
    factory: Factory, tenant: Tenant
) -> None:
    tab = await editor(await cookie_of(factory, tenant))
    await fire(tab, "try_draft", {"confidence": "x"}, {"name": "", "words-2": " , "})
    assert set(tab.errors) == {"name", "condition"}
    assert tab.problem == "This cannot be tried yet. What is wrong stands at its field."
    await fire(tab, "try_draft", {"confidence": "x"}, RETURNS)
    assert set(tab.errors) == {"confidence"}
    assert tab.is_open


async def test_a_rule_is_tried_on_a_conversation_of_this_workspace_alone(
    resources: Resources, factory: Factory, tenant: Tenant
) -> None:
    await integrate(resources, tenant)
    own = await ask_for_a_person(resources, tenant)
    foreign = await ask_for_a_person(resources, await factory.tenant())
    tab = await editor(await cookie_of(factory, tenant))
    await fire(tab, "choose_trial_kind", "stored")
    await fire(tab, "try_draft", {"conversation": str(own.id)}, RETURNS)
    assert tab.outcome == "“Returns” asks for a person."
    assert tab.about == "Tried on “Can I return a used grinder?”."
    await fire(tab, "try_draft", {"conversation": str(foreign.id)}, RETURNS)
    assert tab.errors == {"conversation": "There is no such conversation."}


@pytest.mark.parametrize("role", [Role.AGENT, Role.VIEWER])
async def test_who_may_not_write_rules_tries_none(factory: Factory, tenant: Tenant, role: Role) -> None:
    tab = await tab_at(RuleEditorState, await cookie_of(factory, tenant, role))
    assert (await fire(tab, "try_draft", {}, RETURNS)).refusal
    assert tab.rows == []


async def test_a_rule_of_another_workspace_is_not_tried(
    resources: Resources, factory: Factory, tenant: Tenant
) -> None:
    foreign = await made(resources, await factory.tenant())
    tab = await editor(await cookie_of(factory, tenant))
    tab.edited = foreign
    answer = await fire(tab, "try_draft", {"question": "refund"}, RETURNS)
    assert "There is no such rule." in answer.refusal


async def test_without_an_open_sheet_there_is_nothing_to_try_or_to_save(
    resources: Resources, factory: Factory, tenant: Tenant
) -> None:
    tab = await tab_at(RuleEditorState, await cookie_of(factory, tenant))
    await fire(tab, "try_draft", {}, RETURNS)
    assert set(tab.errors) == {"condition"}
    await fire(tab, "save", RETURNS)
    assert set(tab.errors) == {"condition"}
    assert await stored(resources, tenant) == ()


@pytest.mark.parametrize("value", [None, "x", 3, [["a"]], {"question": ["x"], "name": {}}])
async def test_nonsense_breaks_nothing(factory: Factory, tenant: Tenant, value: Any) -> None:
    tab = await editor(await cookie_of(factory, tenant))
    await fire(tab, "try_draft", value, value)
    assert "name" in tab.errors
    await fire(tab, "choose_trial_kind", value)
    assert tab.kind == "typed"
