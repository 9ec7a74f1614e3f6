"""How the rules look: in the order in which they are tried, each as a sentence."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.screens.escalation.rule_editor_state import RuleEditorState
from helpninja_app.screens.escalation.rules_state import RULES, RuleRow, RulesState
from helpninja_app.screens.shell.frame import larger_plan, refused
from helpninja_app.ui.actions import button
from helpninja_app.ui.icons import icon
from helpninja_app.ui.menus import menu_item
from helpninja_app.ui.notices import notice
from helpninja_app.ui.panels import card, empty_state, failed_state, section, skeleton_rows
from helpninja_app.ui.rows import actions_column, order_column, row_menu, row_order, row_switch
from helpninja_app.ui.tables import Column, cell, row, table

# Reflex' types do not know what the decorated handlers can do.
_state: Any = RulesState
_editor: Any = RuleEditorState

_WIDE_ONLY = "hidden tablet:table-cell"
_COLUMNS = (
    order_column(),
    Column("Rule"),
    Column("On", f"w-18 {_WIDE_ONLY}"),
    actions_column(),
)


def rules_tab() -> rx.Component:
    return section(
        "Rules",
        refused(RulesState),
        rx.el.p(RulesState.moved, role="status", data_focuses=RulesState.focus, class_name="sr-only"),
        rx.cond(
            RulesState.lacking != "",
            notice(rx.fragment(RulesState.lacking, " ", larger_plan()), tone="info"),
        ),
        card(
            rx.cond(
                RulesState.failure != "",
                failed_state(RulesState.failure, retry=RulesState.open_rules),
                rx.cond(
                    RulesState.is_loaded,
                    rx.cond(
                        RulesState.rows.length() > 0,
                        table("Rules", _COLUMNS, rx.foreach(RulesState.rows, _rule)),
                        _nothing(),
                    ),
                    skeleton_rows(3),
                ),
            )
        ),
        note="tried from the top on every question",
        actions=rx.cond(
            RulesState.may_manage & RulesState.is_loaded & (RulesState.lacking == ""),
            button(
                icon("plus"),
                "Add a rule",
                type="button",
                emphasis="primary",
                aria_haspopup="dialog",
                on_click=_editor.begin,
            ),
        ),
        heading_id=RULES,
    )


def _rule(rule: RuleRow) -> rx.Component:
    return row(
        cell(_order(rule)),
        cell(
            rx.el.p(rule.name, class_name="font-medium break-words"),
            rx.el.p(rule.sentence, class_name="mt-0.5 break-words"),
            rx.el.p(rule.goes, class_name="mt-0.5 text-small break-words text-muted"),
            rx.el.div(_switch(rule), class_name="mt-1.5 tablet:hidden"),
        ),
        cell(_switch(rule), class_name=_WIDE_ONLY),
        cell(rx.cond(RulesState.may_manage, _actions(rule)), class_name="text-right"),
        key=rule.id,
    )


def _switch(rule: RuleRow) -> rx.Component:
    return row_switch(
        "Use the rule",
        rule.name,
        is_on=rule.is_on,
        may_switch=RulesState.may_manage,
        on_switch=lambda is_on: _state.switch(rule.id, is_on),
    )


def _order(rule: RuleRow) -> rx.Component:
    return row_order(
        rule.place,
        kind="rule",
        id=rule.id,
        name=rule.name,
        is_first=rule.is_first,
        is_last=rule.is_last,
        may_move=RulesState.may_manage,
        on_up=_state.move(rule.id, -1),
        on_down=_state.move(rule.id, 1),
    )


def _actions(rule: RuleRow) -> rx.Component:
    return row_menu(
        menu_item("Change", "pencil", on_click=_editor.edit(rule.id)),
        kind="rule",
        id=rule.id,
        name=rule.name,
        question=f"Delete the rule “{rule.name}”?",
        consequence="It counts no more from the next message on. You can undo it for an hour; to pause it, "
        "switch it off.",
        on_delete=_state.delete(rule.id),
    )


def _nothing() -> rx.Component:
    return empty_state(
        "split",
        "There are no rules yet",
        rx.cond(
            RulesState.may_manage,
            "Without rules a person is asked for when the assistant is unsure or the visitor wants one, and "
            "all integrations hear of it. A rule can ask for one sooner, such as whenever somebody writes "
            "about a refund, or choose who hears of it.",
            "An owner, admin or analyst of this workspace can write rules.",
        ),
    )
