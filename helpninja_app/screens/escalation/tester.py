"""How the tester looks: something to try the rules on, and for each rule why it matches or not."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.screens.escalation.tester_state import (
    MAX_PAGE,
    MAX_QUESTION,
    STORED,
    TYPED,
    Reason,
    RuleTrialState,
    TriedRow,
)
from helpninja_app.screens.shell.frame import refused
from helpninja_app.ui.actions import busy_button
from helpninja_app.ui.badges import badge
from helpninja_app.ui.forms import field, segments, text_area
from helpninja_app.ui.icons import icon
from helpninja_app.ui.panels import card, empty_state, failed_state, section

# Reflex' types do not know what the decorated handlers can do.
_state: Any = RuleTrialState

_INDENTS = ("", "ps-6", "ps-12", "ps-18", "ps-24")


def tester_tab() -> rx.Component:
    return section(
        "Tester",
        rx.cond(
            RuleTrialState.failure != "",
            card(failed_state(RuleTrialState.failure, retry=RuleTrialState.open_tester)),
            rx.fragment(refused(RuleTrialState), card(_form()), trial_result(RuleTrialState)),
        ),
        note="nothing is changed, and nobody is told",
        actions=trial_kinds(RuleTrialState, name="tester-kind", on_choose=_state.choose_kind),
    )


def trial_kinds(state: Any, *, name: str, on_choose: Any) -> rx.Component:
    """Whether it is a question that is typed or a conversation, of a state that is ``TrialShown``."""
    return segments(
        "What is tried",
        name=name,
        options=((TYPED, "A question"), (STORED, "A conversation")),
        chosen=state.kind,
        on_choose=on_choose,
    )


def _form() -> rx.Component:
    return rx.el.form(
        trial_fields(_state, prefix="tester"),
        rx.el.div(
            busy_button(
                "Try the rules",
                is_busy=RuleTrialState.is_busy,
                while_busy="Trying…",
                type="submit",
            ),
        ),
        on_submit=_state.try_them,
        no_validate=True,
        class_name="flex flex-col gap-4 p-4",
    )


def trial_fields(state: Any, *, prefix: str) -> rx.Component:
    """What the rules are tried on; ``prefix`` is that of the fields' ids."""
    return rx.cond(state.kind == STORED, _stored(state, prefix), _typed(state, prefix))


def _typed(state: Any, prefix: str) -> rx.Component:
    return rx.fragment(
        text_area(
            "The visitor's question",
            name="question",
            id=f"{prefix}-question",
            rows="2",
            max_length=MAX_QUESTION,
            placeholder="I want my money back. Who can help me?",
        ),
        rx.el.div(
            field(
                "Confidence in per cent",
                name="confidence",
                id=f"{prefix}-confidence",
                input_mode="decimal",
                max_length=12,
                auto_complete="off",
                hint="Empty: no answer was judged.",
                error=state.errors["confidence"],
            ),
            field(
                "Page",
                name="page",
                id=f"{prefix}-page",
                max_length=MAX_PAGE,
                auto_complete="off",
                placeholder="https://shop.example/checkout",
                hint="Where the visitor writes.",
            ),
            field(
                "Day and time",
                name="at",
                id=f"{prefix}-at",
                type="datetime-local",
                hint=f"In {state.zone}. Empty: now.",
                error=state.errors["at"],
            ),
            field(
                "Messages so far",
                name="count",
                id=f"{prefix}-count",
                input_mode="numeric",
                default_value="1",
                max_length=12,
                auto_complete="off",
                hint="Of the visitor, this one too.",
                error=state.errors["count"],
            ),
            class_name="grid gap-4 phone:grid-cols-2 wide:grid-cols-4",
        ),
    )


def _stored(state: Any, prefix: str) -> rx.Component:
    return field(
        "Conversation",
        name="conversation",
        id=f"{prefix}-conversation",
        max_length=MAX_PAGE,
        auto_complete="off",
        hint="Its address in the inbox, or its id. The rules see its last question, as if it were asked now.",
        error=state.errors["conversation"],
    )


def trial_result(state: Any) -> rx.Component:
    """What the rules would do, and for each why it matches or not."""
    return rx.fragment(
        rx.el.div(
            rx.cond(
                state.outcome != "",
                rx.el.div(
                    rx.el.p(state.outcome, class_name="text-body font-medium"),
                    rx.el.p(state.about, class_name="text-small break-words text-muted empty:hidden"),
                    class_name="flex flex-col gap-0.5",
                ),
            ),
            role="status",
        ),
        rx.cond(
            state.outcome != "",
            card(
                rx.cond(
                    state.rows.length() > 0,
                    rx.el.ol(rx.foreach(state.rows, _tried), aria_label="Rules that were tried"),
                    empty_state("split", "There are no rules to try", "Add one under Rules."),
                )
            ),
        ),
    )


def _tried(rule: TriedRow) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.p(rule.name, class_name="min-w-0 text-table font-medium break-words"),
            rx.cond(rule.matched, badge("Matches", "success"), badge("Does not match", "neutral")),
            rx.cond(rule.is_on, rx.fragment(), badge("Switched off", "neutral")),
            class_name="flex flex-wrap items-center gap-x-2.5 gap-y-1",
        ),
        rx.el.ul(rx.foreach(rule.reasons, _reason), class_name="flex flex-col gap-1"),
        class_name="flex flex-col gap-2 border-b border-border px-4 py-3 last:border-b-0",
    )


def _reason(reason: Reason) -> rx.Component:
    return rx.el.li(
        rx.cond(
            reason.matched,
            icon("check", class_name="mt-px text-success"),
            icon("x", class_name="mt-px text-muted"),
        ),
        rx.el.span(rx.cond(reason.matched, "Holds: ", "Does not hold: "), class_name="sr-only"),
        rx.el.span(
            reason.sentence,
            " ",
            rx.el.span(reason.found, class_name="text-muted"),
            class_name="min-w-0 break-words",
        ),
        class_name=rx.match(
            reason.depth,
            *((depth, f"flex gap-2 text-table {indent}") for depth, indent in enumerate(_INDENTS)),
            "flex gap-2 text-table",
        ),
    )
