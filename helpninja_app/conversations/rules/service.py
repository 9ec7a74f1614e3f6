"""What members do about the rules of their workspace."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, Text, cast, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.audit import Actor, changes, record
from helpninja_app.accounts.callers import StaffCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.billing.plans import Feature, Plan, require_feature
from helpninja_app.conversations.rules.conditions import Group, read_group, text_in, write_group
from helpninja_app.conversations.rules.engine import Action, Rule
from helpninja_app.conversations.rules.models import StoredRule
from helpninja_app.conversations.rules.sentences import sentence_of
from helpninja_app.errors import Conflict, FieldError, Invalid, NotFound
from helpninja_app.integrations.models import Integration
from helpninja_app.integrations.service import those_of
from helpninja_app.kernel.columns import now

log = structlog.get_logger(__name__)

MOST_RULES = 100
MAX_NAME = 100
MOST_DESTINATIONS = 50
# Characters of words and pages in all rules of a workspace.
MOST_TEXT = 40_000
# A rule that is not stored has no id of its own.
DRAFT = UUID(int=0)

# Of two that add the last rule, or put all in order, the second waits and sees what the first did.
_LOCK = text("select pg_advisory_xact_lock(hashtextextended('rules:' || cast(:workspace as text), 0))")


@dataclass(frozen=True, slots=True)
class RuleWish:
    """``destinations`` are ids of integrations; none means all that are switched on."""

    name: str
    action: Action
    condition: Group
    destinations: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleView:
    id: UUID
    name: str
    is_on: bool
    action: Action
    condition: Group
    destinations: tuple[UUID, ...]
    sentence: str
    created_at: datetime
    updated_at: datetime

    @property
    def rule(self) -> Rule:
        return Rule(self.id, self.name, self.action, self.condition, self.destinations)


async def list_rules(session: AsyncSession, caller: StaffCaller) -> tuple[RuleView, ...]:
    """In the order in which they are tried."""
    require(caller, Permission.READ_CONVERSATIONS)
    return tuple(view_of(each) for each in await _all(session, caller.workspace.id))


async def get_rule(session: AsyncSession, caller: StaffCaller, rule_id: UUID) -> RuleView:
    """One rule, which nobody else changes until the transaction ends."""
    require(caller, Permission.READ_CONVERSATIONS)
    # In the order in which changing it takes them.
    await session.execute(_LOCK, {"workspace": str(caller.workspace.id)})
    return view_of(await find_rule(session, caller, rule_id))


async def create_rule(session: AsyncSession, caller: StaffCaller, plan: Plan, wish: RuleWish) -> RuleView:
    """As the last one. ``Forbidden`` without the plan's feature, ``Conflict`` when there are 100 already,
    ``Invalid`` for a destination that the workspace does not have."""
    require(caller, Permission.MANAGE_RULES)
    require_feature(plan, Feature.RULES)
    there = await make_room(session, caller, wish.condition)
    await _check_destinations(session, caller, wish)
    made = StoredRule(
        workspace_id=caller.workspace.id,
        name=wish.name,
        position=there[-1].position + 1 if there else 0,
        action=wish.action.value,
        condition=write_group(wish.condition),
        destinations=list(wish.destinations),
    )
    session.add(made)
    await session.flush()
    view = view_of(made)
    await record(session, Actor.of(caller), "rule.created", str(made.id), name=made.name, rule=view.sentence)
    return view


async def change_rule(session: AsyncSession, caller: StaffCaller, rule_id: UUID, wish: RuleWish) -> RuleView:
    """Everything but its place and whether it is on."""
    require(caller, Permission.MANAGE_RULES)
    await session.execute(_LOCK, {"workspace": str(caller.workspace.id)})
    found = await find_rule(session, caller, rule_id)
    others = [each for each in await _all(session, caller.workspace.id) if each.id != rule_id]
    _refuse_much(wish.condition, others)
    await _check_destinations(session, caller, wish, known=found.destinations)
    before = _logged(view_of(found))
    found.name, found.action = wish.name, wish.action.value
    found.condition, found.destinations = write_group(wish.condition), list(wish.destinations)
    return await _changed(session, caller, found, before)


async def rules_with_draft(
    session: AsyncSession, caller: StaffCaller, wish: RuleWish, rule_id: UUID | None, *, field: str
) -> list[tuple[Rule, bool]]:
    """All rules and whether each is on, as if ``wish`` were saved: in the place of ``rule_id``, or as the
    last one, under ``DRAFT``. Stores nothing, and raises what saving it would raise; ``field`` is where the
    wish stands in what was sent."""
    require(caller, Permission.READ_CONVERSATIONS)
    there = await _all(session, caller.workspace.id)
    changed = next((each for each in there if each.id == rule_id), None)
    if rule_id is not None and changed is None:
        raise NotFound("There is no such rule.")
    others = [each for each in there if each is not changed]
    if changed is None:
        _refuse_many(others)
    _refuse_much(wish.condition, others)
    known = changed.destinations if changed else ()
    await _check_destinations(session, caller, wish, known=known, field=f"{field}.destinations")
    draft = Rule(rule_id or DRAFT, wish.name, wish.action, wish.condition, wish.destinations)
    rules = [(draft if each is changed else view_of(each).rule, each.is_on) for each in there]
    return rules if changed else [*rules, (draft, True)]


async def switch_rule(session: AsyncSession, caller: StaffCaller, rule_id: UUID, *, is_on: bool) -> RuleView:
    require(caller, Permission.MANAGE_RULES)
    found = await find_rule(session, caller, rule_id)
    before = _logged(view_of(found))
    found.is_on = is_on
    return await _changed(session, caller, found, before)


async def order_rules(
    session: AsyncSession, caller: StaffCaller, ids: Sequence[UUID]
) -> tuple[RuleView, ...]:
    """Try them in this order; ``Conflict`` unless ``ids`` are all rules there are, each once."""
    require(caller, Permission.MANAGE_RULES)
    await session.execute(_LOCK, {"workspace": str(caller.workspace.id)})
    there = {each.id: each for each in await _all(session, caller.workspace.id)}
    if len(ids) != len(there) or set(ids) != set(there):
        raise Conflict("The rules have changed meanwhile. Load them again to put them in order.")
    before = [each.name for each in there.values()]
    for position, id in enumerate(ids):
        there[id].position = position
    await session.flush()
    ordered = [there[id] for id in ids]
    changed = changes({"order": before}, {"order": [each.name for each in ordered]})
    if changed:
        await record(session, Actor.of(caller), "rule.ordered", "", **changed)
    return tuple(view_of(each) for each in ordered)


async def load_rules(session: AsyncSession, workspace_id: UUID) -> tuple[Rule, ...]:
    """Those that are on, in the order in which they are tried. Needs the scope of members.

    A rule that cannot be read, of a later version of the product, is left out: it must not keep anybody from
    being answered.
    """
    # The condition as its text, by which it is known when it was read before.
    found = await session.execute(
        select(
            col(StoredRule.id),
            col(StoredRule.name),
            col(StoredRule.action),
            cast(col(StoredRule.condition), Text),
            col(StoredRule.destinations),
        )
        .where(*_there(workspace_id), col(StoredRule.is_on))
        .order_by(col(StoredRule.position), col(StoredRule.id))
    )
    rules = []
    for id, name, action, condition, destinations in found.tuples():
        try:
            rules.append(Rule(id, name, Action(action), read_stored(condition), tuple(destinations)))
        except Invalid:
            log.error("rule_unreadable", workspace=str(workspace_id), rule=str(id))
    return tuple(rules)


@lru_cache(maxsize=500)
def read_stored(condition: str) -> Group:
    """A condition from the text of its JSON; kept, since the same rules are read for every message."""
    return read_group(json.loads(condition))


async def make_room(session: AsyncSession, caller: StaffCaller, condition: Group) -> Sequence[StoredRule]:
    """All rules there are; until the commit nobody else adds one. ``Conflict`` when one more of this
    condition would be too much."""
    await session.execute(_LOCK, {"workspace": str(caller.workspace.id)})
    there = await _all(session, caller.workspace.id)
    _refuse_many(there)
    _refuse_much(condition, there)
    return there


def _there(workspace_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return col(StoredRule.workspace_id) == workspace_id, col(StoredRule.deleted_at).is_(None)


async def _all(session: AsyncSession, workspace_id: UUID) -> Sequence[StoredRule]:
    found = await session.execute(
        select(StoredRule).where(*_there(workspace_id)).order_by(col(StoredRule.position), col(StoredRule.id))
    )
    return found.scalars().all()


async def find_rule(session: AsyncSession, caller: StaffCaller, rule_id: UUID) -> StoredRule:
    """Nobody else changes it until the transaction ends; ``NotFound`` for one that was deleted."""
    found = await session.execute(
        select(StoredRule)
        .where(*_there(caller.workspace.id), col(StoredRule.id) == rule_id)
        .with_for_update()
    )
    rule = found.scalar_one_or_none()
    if rule is None:
        raise NotFound("There is no such rule.")
    return rule


async def _changed(
    session: AsyncSession, caller: StaffCaller, rule: StoredRule, before: dict[str, object]
) -> RuleView:
    view = view_of(rule)
    changed = changes(before, _logged(view))
    if changed:
        rule.updated_at = now()
        await session.flush()
        await record(session, Actor.of(caller), "rule.changed", str(rule.id), **changed)
    return view_of(rule)


async def _check_destinations(
    session: AsyncSession,
    caller: StaffCaller,
    wish: RuleWish,
    *,
    known: Sequence[UUID] = (),
    field: str = "body.destinations",
) -> None:
    """What was deleted since it was chosen (``known``) does not have to be taken out to change the rest."""
    wanted = set(wish.destinations) - set(known)
    if not wanted:
        return
    found = await session.execute(
        select(func.count()).where(*those_of(caller.workspace.id), col(Integration.id).in_(wanted))
    )
    if found.scalar_one() != len(wanted):
        raise Invalid(errors=(FieldError(field, "There is no such integration."),))


def _refuse_many(there: Sequence[StoredRule]) -> None:
    if len(there) >= MOST_RULES:
        raise Conflict(f"A workspace has at most {MOST_RULES} rules. Delete one first.")


def _refuse_much(condition: Group, others: Sequence[StoredRule]) -> None:
    """All of them are looked for in each question."""
    if text_in(condition) + sum(text_in(view_of(each).condition) for each in others) > MOST_TEXT:
        raise Conflict(f"The rules of a workspace have at most {MOST_TEXT:,} characters of words in all.")


def _logged(view: RuleView) -> dict[str, object]:
    return {
        "name": view.name,
        "is_on": view.is_on,
        "rule": view.sentence,
        "destinations": [str(each) for each in view.destinations],
    }


def view_of(rule: StoredRule) -> RuleView:
    action, condition = Action(rule.action), read_group(rule.condition)
    return RuleView(
        id=rule.id,
        name=rule.name,
        is_on=rule.is_on,
        action=action,
        condition=condition,
        destinations=tuple(rule.destinations),
        sentence=sentence_of(action, condition),
        created_at=rule.created_at,
        updated_at=rule.updated_at,
    )
