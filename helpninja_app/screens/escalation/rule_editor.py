"""How the sheet looks in which a rule is put together."""

from __future__ import annotations

from typing import Any

import reflex as rx
from reflex_components_core.el.elements.forms import Form

from helpninja_app.conversations.rules.engine import Action
from helpninja_app.conversations.rules.service import MAX_NAME
from helpninja_app.screens.escalation.rule_editor_state import Destination, RuleEditorState
from helpninja_app.screens.escalation.rule_lines import rule_line
from helpninja_app.screens.escalation.tester import trial_fields, trial_kinds, trial_result
from helpninja_app.screens.shell.frame import refused, this_form
from helpninja_app.ui.actions import busy_button, button
from helpninja_app.ui.choices import chip, chips
from helpninja_app.ui.dialogs import closes, sheet
from helpninja_app.ui.forms import field, field_error, select_field
from helpninja_app.ui.panels import failed_state, skeleton_rows

# Reflex' types do not know what the decorated handlers can do.
_state: Any = RuleEditorState
_ID = "rule-editor"
_FORM = f"{_ID}-form"
# Read by the browser when the rule is tried.
_AS_IT_STANDS: Any = rx.Var(
    f"Object.fromEntries(new FormData(document.getElementById('{_FORM}')))", _var_type=dict[str, Any]
)
_ACTIONS = (
    (Action.ESCALATE.value, "Ask for a person"),
    (Action.ROUTE.value, "Say where escalations go"),
    (Action.NOTIFY.value, "Tell people, without asking for one"),
)


def rule_editor() -> rx.Component:
    return sheet(
        rx.cond(
            RuleEditorState.failure != "",
            failed_state(RuleEditorState.failure, retry=_state.edit(RuleEditorState.edited)),
            rx.cond(RuleEditorState.is_loaded, rx.fragment(_form(), _trial()), skeleton_rows(4)),
        ),
        id=_ID,
        title=rx.cond(RuleEditorState.edited != "", "Change a rule", "Add a rule"),
        actions=(
            button("Cancel", type="button", **closes()),
            busy_button(
                "Save",
                is_busy=RuleEditorState.is_busy & ~RuleEditorState.is_trying,
                while_busy="Saving…",
                type="submit",
                form=_FORM,
            ),
        ),
        is_shown=RuleEditorState.is_open,
        on_close=_state.close,
        insists=True,
        is_wide=True,
    )


def _form() -> rx.Component:
    return rx.fragment(
        refused(RuleEditorState),
        Form.create(
            rx.el.div(
                field(
                    "Name",
                    name="name",
                    id="rule-name",
                    default_value=RuleEditorState.name,
                    placeholder="Refunds at night",
                    max_length=MAX_NAME,
                    auto_complete="off",
                    error=_state.errors["name"],
                ),
                key=_state.drawn.to_string(),
            ),
            rx.el.div(
                select_field(
                    "What it does",
                    name="action",
                    id="rule-action",
                    options=_ACTIONS,
                    value=RuleEditorState.action,
                    on_change=_state.choose_action,
                ),
                rx.el.p(
                    rx.match(
                        RuleEditorState.action,
                        (
                            Action.ROUTE.value,
                            "It asks for nobody itself. Whenever a person is asked for and it matches, its "
                            "destinations are told instead of all.",
                        ),
                        (
                            Action.NOTIFY.value,
                            "The assistant goes on answering; the conversation is told to its destinations.",
                        ),
                        "The visitor is told that somebody looks at it, although the assistant was sure.",
                    ),
                    class_name="text-small text-muted",
                ),
                class_name="flex flex-col gap-1.5",
            ),
            _conditions(),
            _destinations(),
            this_form(RuleEditorState),
            id=_FORM,
            on_submit=_state.save,
            no_validate=True,
            class_name="flex flex-col gap-5",
        ),
    )


def _trial() -> rx.Component:
    """A form of its own, so that Enter in it saves nothing."""
    return rx.el.section(
        rx.el.div(
            rx.el.h3("Try it before it is saved", class_name="text-table font-medium"),
            trial_kinds(RuleEditorState, name="draft-kind", on_choose=_state.choose_trial_kind),
            class_name="flex flex-wrap items-center justify-between gap-3",
        ),
        Form.create(
            trial_fields(_state, prefix="draft"),
            rx.el.div(
                busy_button(
                    "Try this rule",
                    is_busy=RuleEditorState.is_busy & RuleEditorState.is_trying,
                    while_busy="Trying…",
                    emphasis="secondary",
                    type="submit",
                ),
            ),
            key=_state.drawn.to_string(),
            on_submit=lambda form: _state.try_draft(form, _AS_IT_STANDS),
            no_validate=True,
            class_name="flex flex-col gap-4",
        ),
        trial_result(RuleEditorState),
        aria_label="Try it before it is saved",
        class_name="flex flex-col gap-4 border-t border-border pt-4",
    )


def _conditions() -> rx.Component:
    return rx.el.fieldset(
        rx.el.legend("When", class_name="mb-1.5 text-table font-medium text-text"),
        rx.el.p(data_focuses=RuleEditorState.focus, hidden=True),
        rx.el.ul(
            rx.foreach(RuleEditorState.lines, rule_line),
            key=_state.drawn.to_string(),
            class_name="flex flex-col rounded-control border border-border bg-subtle py-1.5 pr-2.5 pl-2.5",
        ),
        field_error("rule-condition", _state.errors["condition"]),
        class_name="flex min-w-0 flex-col gap-1.5",
    )


def _destinations() -> rx.Component:
    return rx.cond(
        RuleEditorState.destinations.length() > 0,
        rx.el.div(
            chips(
                "Send it to",
                rx.foreach(RuleEditorState.destinations, _destination),
                name="rule-destinations",
                hint="None chosen means all integrations that are switched on.",
                error=_state.errors["destinations"],
            ),
            key=_state.drawn.to_string(),
        ),
        rx.el.div(
            field_error("rule-destinations", _state.errors["destinations"]),
            rx.el.p(
                "There is no integration yet that it could be sent to.", class_name="text-small text-muted"
            ),
        ),
    )


def _destination(each: Destination) -> rx.Component:
    return chip(each.name, name=f"to-{each.id}", value="yes", checked=each.is_chosen)
