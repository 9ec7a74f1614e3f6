"""A rule being put together: its lines are kept here, what is typed into them stands in the form alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.billing.plans import Feature, require_feature
from helpninja_app.conversations.rules.conditions import read_group
from helpninja_app.conversations.rules.engine import Action
from helpninja_app.conversations.rules.service import (
    DRAFT,
    MAX_NAME,
    RuleView,
    RuleWish,
    change_rule,
    create_rule,
    get_rule,
)
from helpninja_app.conversations.rules.trials import Draft, Trial
from helpninja_app.errors import FieldError, Invalid
from helpninja_app.integrations.service import IntegrationView, list_integrations
from helpninja_app.resources import current_resources
from helpninja_app.screens.escalation.draft import (
    Line,
    as_json,
    changed,
    lines_of,
    new_draft,
    typed,
    with_line,
    without,
)
from helpninja_app.screens.escalation.rules_state import RulesState
from helpninja_app.screens.escalation.tester_state import STORED, TYPED, TrialShown, try_on_form
from helpninja_app.screens.session import SignedInState, id_from, text_in


@dataclass(frozen=True)
class Destination:
    """An integration that a rule can name."""

    id: str
    name: str
    is_chosen: bool


class RuleEditorState(TrialShown, SignedInState):
    """``edited`` is the id of what is changed, empty for something new. ``is_trying`` while and after it is
    tried unsaved; of that trial ``rows`` has this rule alone.

    ``focus`` is the control that is to have the focus, with a number that makes it another value each time.
    """

    is_open: bool = False
    edited: str = ""
    name: str = ""
    action: str = Action.ESCALATE.value
    lines: rx.Field[list[Line]] = rx.field(default_factory=list)
    destinations: rx.Field[list[Destination]] = rx.field(default_factory=list)
    focus: str = ""
    is_trying: bool = False

    _focused: int = 0

    @rx.event(background=True)
    async def begin(self) -> Any:
        """Open it with one empty condition."""
        return await self._open("")

    @rx.event(background=True)
    async def edit(self, rule_id: str) -> Any:
        """Open it with what is there."""
        return await self._open(str(rule_id)[:40])

    @rx.event
    def close(self) -> None:
        """The sheet was closed."""
        self._empty()

    @rx.event
    def choose_action(self, action: str) -> None:
        """What the rule does."""
        self.action = action if isinstance(action, str) and action in set(Action) else self.action

    @rx.event
    def add_condition(self, group_id: str) -> None:
        """One more at the end of a group."""
        self._put(lambda lines: with_line(lines, str(group_id), is_group=False))

    @rx.event
    def add_group(self, group_id: str) -> None:
        """A group inside a group, with a condition to begin with."""
        self._put(lambda lines: with_line(lines, str(group_id), is_group=True))

    @rx.event
    def remove(self, line_id: str) -> None:
        """Take a condition out, or a group with all that is in it."""
        self._put(lambda lines: without(lines, str(line_id)))

    @rx.event
    def choose_fact(self, line_id: str, fact: str) -> None:
        """What a condition looks at."""
        self._put(lambda lines: (changed(lines, str(line_id), kind=str(fact)), ""))

    @rx.event
    def choose_operator(self, line_id: str, operator: str) -> None:
        """How a condition compares, or a group joins its conditions."""
        self._put(lambda lines: (changed(lines, str(line_id), operator=str(operator)), ""))

    @rx.event(background=True)
    async def save(self, form: dict[str, Any]) -> Any:
        """Store the rule, or say at each field what is wrong."""
        edited, lines, drawn = self.edited, typed(self.lines, form), self.drawn
        wished = self._wished(form, lines)

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            require(caller, Permission.MANAGE_RULES)
            if edited:
                await change_rule(session, caller, id_from(edited), wished())
            else:
                plan = current_resources().plan_of(caller.workspace)
                await create_rule(session, caller, plan, wished())

        def then(_: None) -> Any:
            if self.drawn == drawn:
                self._empty()
            return RulesState.open_rules

        return await self._answer(work, then, once=form, errors={}, lines=lines, is_trying=False)

    @rx.event
    def choose_trial_kind(self, kind: str) -> None:
        """Whether the rule is tried on something typed or on a conversation."""
        self._choose_kind(kind)

    @rx.event(background=True)
    async def try_draft(self, form: dict[str, Any], rule: dict[str, Any]) -> Any:
        """Say what the rules would do if this one were saved as it stands in its form, ``rule``."""
        edited, lines, is_stored = self.edited, typed(self.lines, rule), self.kind == STORED
        wished = self._wished(rule, lines)

        async def work(session: AsyncSession, caller: MemberCaller) -> Trial:
            require(caller, Permission.MANAGE_RULES)
            draft = Draft(wished(), id_from(edited) if edited else None)
            return await try_on_form(session, caller, form, is_stored=is_stored, draft=draft)

        def then(trial: Trial) -> None:
            self._show_trial(trial)
            # Of the others the sentence says what counts; why they match stands in the tester.
            self.rows = [row for row in self.rows if row.id == (edited or str(DRAFT))]

        return await self._answer(
            work, then, is_trying=True, lines=lines, errors={}, outcome="", about="", rows=[]
        )

    def _wished(self, form: object, lines: Sequence[Line]) -> Callable[[], RuleWish]:
        action, name = Action(self.action), text_in(form, "name", MAX_NAME)
        chosen = [each.id for each in self.destinations if text_in(form, f"to-{each.id}")]
        return lambda: _wish(name, action, lines, chosen)

    async def _open(self, edited: str) -> Any:
        if self.is_open and self.edited == edited and not self.failure:
            # By the first of two presses on a slow line: what is written stays.
            return None
        return await self._answer(
            edited=edited, is_open=True, is_loaded=False, is_trying=False, failure="", errors={}
        )

    async def _read(
        self, session: AsyncSession, caller: MemberCaller
    ) -> tuple[RuleView | None, Sequence[IntegrationView]] | None:
        require(caller, Permission.MANAGE_RULES)
        # What was put together stays in the form when it was refused or tried; once it is saved, nothing is
        # shown.
        if not self.is_open or self.problem or self.is_trying:
            return None
        resources = current_resources()
        if not self.edited:
            require_feature(resources.plan_of(caller.workspace), Feature.RULES)
        rule = await get_rule(session, caller, id_from(self.edited)) if self.edited else None
        return rule, await list_integrations(session, caller, resources.courier.keys)

    def _show(
        self, found: tuple[RuleView | None, Sequence[IntegrationView]] | None, caller: MemberCaller
    ) -> None:
        if found is None:
            return
        rule, integrations = found
        self._choose_kind(TYPED)
        self.zone = caller.workspace.time_zone
        self.name = rule.name if rule else ""
        self.action = (rule.action if rule else Action.ESCALATE).value
        self.lines = lines_of(rule.condition) if rule else new_draft()
        chosen = rule.destinations if rule else ()
        self.destinations = [Destination(str(each.id), each.name, each.id in chosen) for each in integrations]
        self.drawn += 1

    def _refuse(self, error: Exception) -> Any:
        wrong = error.errors if isinstance(error, Invalid) else ()
        self.errors = {item.field.removeprefix("body.").split(".")[0]: item.message for item in wrong}
        super()._refuse(error)
        if self.errors:
            wish = "tried" if self.is_trying else "saved"
            self.problem = f"This cannot be {wish} yet. What is wrong stands at its field."

    def _put(self, change: Callable[[list[Line]], tuple[list[Line], str]]) -> None:
        """Change the lines; what cannot be done is said at the conditions."""
        try:
            lines, focused = change(list(self.lines))
        except Invalid as refused:
            self.errors = self.errors | {"condition": refused.detail}
            return
        self.errors = {name: said for name, said in self.errors.items() if name != "condition"}
        self.lines = lines
        if focused:
            self._focused += 1
            self.focus = f"rule-line-{focused} {self._focused}"

    def _empty(self) -> None:
        self.is_open, self.edited, self.is_loaded, self.name = False, "", False, ""
        self.problem, self.is_at_limit, self.failure, self.focus = "", False, "", ""
        self.lines, self.destinations, self.errors = [], [], {}
        self.action = Action.ESCALATE.value
        self._choose_kind(TYPED)
        self.is_trying = False
        self.drawn += 1


def _wish(name: str, action: Action, lines: Sequence[Line], chosen: Sequence[str]) -> RuleWish:
    """Raises ``Invalid`` with everything that is wrong."""
    errors = []
    if not name:
        errors.append(FieldError("body.name", "Give it a name, so that people know why it asked."))
    # Without a line the sheet was never opened.
    if not lines or any(line.problem for line in lines):
        errors.append(FieldError("body.condition", "Look at the conditions again."))
    if action is Action.ROUTE and not chosen:
        errors.append(FieldError("body.destinations", "Choose where escalations go."))
    if errors:
        raise Invalid(errors=tuple(errors))
    return RuleWish(name, action, read_group(as_json(lines)), tuple(map(id_from, chosen)))
