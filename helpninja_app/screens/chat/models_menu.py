"""The choice of the model, with prices, and what keeps one from being chosen."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.screens.chat.rows import ModelRow
from helpninja_app.screens.chat.state import ChatState
from helpninja_app.screens.shell.frame import BILLING
from helpninja_app.screens.shell.state import ShellState
from helpninja_app.ui.actions import button
from helpninja_app.ui.icons import icon
from helpninja_app.ui.menus import menu, menu_choice, menu_link, opens_menu

_MENU = "models"
_choose: Any = ChatState.choose_model


def models_menu() -> rx.Component:
    return rx.fragment(
        button(
            icon("sparkles"),
            rx.el.span(ChatState.model_label, class_name="max-w-24 truncate tablet:max-w-40"),
            rx.el.span(ChatState.model_price, class_name="hidden text-small text-muted wide:inline"),
            icon("chevron-down"),
            type="button",
            title="Choose the model",
            **opens_menu(_MENU),
        ),
        menu(
            rx.foreach(ChatState.models, _model),
            rx.cond(
                ShellState.may_manage_billing, menu_link("See the plans", "lock", href=f"{BILLING}#plans")
            ),
            id=_MENU,
            label="Models",
            placement="below end",
        ),
    )


def _model(model: ModelRow) -> rx.Component:
    return menu_choice(
        model.label,
        is_chosen=model.id == ChatState.model_id,
        on_choose=_choose(model.id),
        note=rx.cond(model.reason != "", f"{model.price}. {model.reason}", model.price),
        is_locked=model.reason != "",
        key=model.id,
    )
