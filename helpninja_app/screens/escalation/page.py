"""How the Escalation screen looks: where escalations go, by which rules, and what became of each message."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.screens.escalation.deliveries import deliveries_tab
from helpninja_app.screens.escalation.deliveries_state import TAB, DeliveriesState
from helpninja_app.screens.escalation.integration_editor import integration_editor
from helpninja_app.screens.escalation.integrations import integrations_tab
from helpninja_app.screens.escalation.integrations_state import PATH, IntegrationsState
from helpninja_app.screens.escalation.rule_editor import rule_editor
from helpninja_app.screens.escalation.rules import rules_tab
from helpninja_app.screens.escalation.rules_state import RulesState
from helpninja_app.screens.escalation.tester import tester_tab
from helpninja_app.screens.escalation.tester_state import RuleTrialState
from helpninja_app.screens.shell.frame import dashboard, once_loaded
from helpninja_app.screens.undo import undo_toast
from helpninja_app.screens.undo_state import UndoState
from helpninja_app.ui.following import follower
from helpninja_app.ui.panels import page_header
from helpninja_app.ui.tabs import Tab, tabs

_integrations: Any = IntegrationsState
_rules: Any = RulesState
# What is read when the page loads.
OPENING: tuple[Any, ...] = (
    IntegrationsState.open_integrations,
    RulesState.open_rules,
    RuleTrialState.open_tester,
    DeliveriesState.open_deliveries,
)


def escalation_page() -> rx.Component:
    return dashboard(
        rx.el.div(
            page_header(
                "Escalation", "What happens when a visitor needs a person: who hears of it, and when."
            ),
            once_loaded(IntegrationsState, _tabs(), again=OPENING),
            # The tabs stand closer to the head than parts of a page do.
            class_name="flex flex-col gap-3",
        ),
        rx.cond(IntegrationsState.may_manage, integration_editor()),
        rx.cond(RulesState.may_manage, rule_editor()),
        undo_toast(
            {
                "integration": _integrations.restore(UndoState.ids[0]),
                "rule": _rules.restore(UndoState.ids[0]),
            }
        ),
        follower(IntegrationsState),
        follower(DeliveriesState),
        path=PATH,
    )


def _tabs() -> rx.Component:
    return tabs(
        "Escalation",
        Tab("integrations", "Integrations", integrations_tab(), count=IntegrationsState.counted),
        Tab("rules", "Rules", rules_tab(), count=RulesState.counted),
        Tab("tester", "Tester", tester_tab()),
        Tab(TAB, "Outbox", deliveries_tab(), count=DeliveriesState.failed),
    )
