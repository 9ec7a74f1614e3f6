"""The rules of the workspace in their order: moved, switched on and off, and deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.billing.plans import Feature, why_lacking
from helpninja_app.conversations.rules.deleting import delete_rule, restore_rule
from helpninja_app.conversations.rules.engine import Action
from helpninja_app.conversations.rules.service import RuleView, list_rules, order_rules, switch_rule
from helpninja_app.errors import NotFound
from helpninja_app.integrations.service import list_integrations
from helpninja_app.resources import current_resources
from helpninja_app.screens.page_state import PageState
from helpninja_app.screens.session import SignedInState, id_from
from helpninja_app.screens.undo_state import deleted, restored

# The heading that the focus goes to when what had it is gone.
RULES = "rules"
_WITHOUT_DESTINATIONS = {
    Action.ESCALATE: "To where another rule sends it, or else to all integrations.",
    Action.ROUTE: "To nowhere in particular: it has no destination.",
    Action.NOTIFY: "To all integrations.",
}


@dataclass(frozen=True)
class RuleRow:
    """``place`` counts from 1; ``sentence`` is the rule in plain words, ``goes`` says where to."""

    id: str
    place: str
    name: str
    sentence: str
    goes: str
    is_on: bool
    is_first: bool
    is_last: bool


class RulesState(PageState, SignedInState):
    """``lacking`` says that the plan has no rules, empty when it has.

    ``moved`` says where a rule went; ``focus`` is the button that is to have the focus then.
    """

    rows: rx.Field[list[RuleRow]] = rx.field(default_factory=list)
    may_manage: bool = False
    counted: str = ""
    lacking: str = ""
    moved: str = ""
    focus: str = ""

    _moves: int = 0
    _just_moved: tuple[str, str] | None = None

    @rx.event(background=True)
    async def open_rules(self) -> Any:
        """Run when the page loads, to try again, and when one was written."""
        return await self._answer(moved="", focus="")

    @rx.event(background=True)
    async def move(self, rule_id: str, by: int) -> Any:
        """One place up (-1) or down (1): of rules that match, the first one counts."""
        step = (by > 0) - (by < 0) if isinstance(by, int) else 0

        async def work(session: AsyncSession, caller: MemberCaller) -> tuple[str, int, int]:
            require(caller, Permission.MANAGE_RULES)
            wanted, rules = id_from(rule_id), await list_rules(session, caller)
            at = next((place for place, rule in enumerate(rules) if rule.id == wanted), None)
            if at is None:
                raise NotFound("There is no such rule.")
            place = min(max(at + step, 0), len(rules) - 1)
            ids = [rule.id for rule in rules if rule.id != wanted]
            await order_rules(session, caller, [*ids[:place], wanted, *ids[place:]])
            return rules[at].name, place + 1, len(rules)

        def then(done: tuple[str, int, int]) -> None:
            name, place, total = done
            self._moves += 1
            # The button that was pressed, unless there is nowhere further to go; each time another value.
            way = "down" if place == 1 else "up" if place == total or step < 0 else "down"
            self._just_moved = (
                f"“{name}” is number {place} of {total} now.",
                f"rule-{way}-{rule_id} {self._moves}",
            )

        return await self._answer(work, then)

    @rx.event(background=True)
    async def switch(self, rule_id: str, is_on: bool) -> Any:
        """Try a rule on every question, or no longer."""

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            require(caller, Permission.MANAGE_RULES)
            await switch_rule(session, caller, id_from(rule_id), is_on=is_on is True)

        return await self._answer(work)

    @rx.event(background=True)
    async def delete(self, rule_id: str) -> Any:
        """Take a rule away; for an hour it can be brought back."""

        async def work(session: AsyncSession, caller: MemberCaller) -> str:
            require(caller, Permission.MANAGE_RULES)
            return await delete_rule(session, current_resources().queue, caller, id_from(rule_id))

        def then(name: str) -> Any:
            return [rx.set_focus(RULES), deleted("rule", name, [str(rule_id)])]

        return await self._answer(work, then)

    @rx.event(background=True)
    async def restore(self, rule_id: str) -> Any:
        """Bring a deleted rule back to its place."""

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            require(caller, Permission.MANAGE_RULES)
            await restore_rule(session, caller, id_from(rule_id))

        return await self._answer(work, lambda _: [rx.set_focus(RULES), restored()])

    async def _read(
        self, session: AsyncSession, caller: MemberCaller
    ) -> tuple[Sequence[RuleView], Mapping[UUID, str]]:
        keys = current_resources().courier.keys
        names = {each.id: each.name for each in await list_integrations(session, caller, keys)}
        return await list_rules(session, caller), names

    def _show(self, found: tuple[Sequence[RuleView], Mapping[UUID, str]], caller: MemberCaller) -> None:
        rules, names = found
        self.rows = [_row(rule, at, len(rules), names) for at, rule in enumerate(rules)]
        self.counted = f"{len(rules):,}" if rules else ""
        self.may_manage = Permission.MANAGE_RULES in caller.permissions
        self.lacking = why_lacking(current_resources().plan_of(caller.workspace), Feature.RULES)
        # Together with the rows: before them, the button would be somewhere else.
        if self._just_moved:
            (self.moved, self.focus), self._just_moved = self._just_moved, None


def _row(rule: RuleView, at: int, total: int, names: Mapping[UUID, str]) -> RuleRow:
    return RuleRow(
        id=str(rule.id),
        place=f"{at + 1:,}",
        name=rule.name,
        sentence=rule.sentence,
        goes=_goes(rule, names),
        is_on=rule.is_on,
        is_first=at == 0,
        is_last=at == total - 1,
    )


def _goes(rule: RuleView, names: Mapping[UUID, str]) -> str:
    if not rule.destinations:
        return _WITHOUT_DESTINATIONS[rule.action]
    known = [names[each] for each in rule.destinations if each in names]
    gone = len(rule.destinations) - len(known)
    deleted = f"{gone} deleted integration{'' if gone == 1 else 's'}"
    return f"To {', '.join([*known, *[deleted] * bool(gone)])}."
