"""The gallery shows every component of the design system in every state it can be in."""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from types import ModuleType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
import reflex as rx
from reflex_base.vars.base import LiteralVar

from helpninja_app import ui
from helpninja_app.screens import gallery
from helpninja_app.screens.gallery.page import SAMPLES
from helpninja_app.ui.badges import BadgeTone
from tests.screens.test_gallery import UNSEEN, components

Calls = dict[str, list[dict[str, Any]]]

UI = f"{ui.__name__}."
# Beside those whose name begins with is_, and those that are True or False.
STATES = {"error", "problem", "checked"}
# Literals that a parameter takes which may be a Var as well.
ALSO_LITERAL: dict[tuple[str, str], tuple[Any, ...]] = {
    ("badge", "tone"): get_args(BadgeTone),
    ("said_toast", "tone"): ("success", "danger", "neutral"),
}
CHECKED = ("check_box", "switch")
# They take further attributes of an element, but cannot be disabled.
NEVER_DISABLED = {
    "busy_button": "not pressed while it is busy",
    "button_link": "a link",
    "document_link": "a link",
    "menu_choice": "locked instead, with a reason",
    "native_form": "a form; its fields can be",
    "palette_action": "what cannot be done is not offered",
    "switcher_button": "there is always a workspace to leave",
    "account_button": "one can always sign out",
}


def modules(package: ModuleType) -> Iterator[ModuleType]:
    for found in pkgutil.iter_modules(package.__path__):
        yield importlib.import_module(f"{package.__name__}.{found.name}")


def drawable() -> dict[str, Callable[..., Any]]:
    """The components, and the values that are given to them and have states of their own, such as a tab."""
    shown = components().keys() - UNSEEN.keys()
    return {
        name: value
        for module in modules(ui)
        for name, value in vars(module).items()
        if name in shown
        or (inspect.isclass(value) and is_dataclass(value) and value.__module__ == module.__name__)
    }


def parameters() -> Iterator[tuple[str, str, Any]]:
    """Of all that is drawable: its name, the name of a parameter, and the type of that one."""
    for name, made in sorted(drawable().items()):
        hints = get_type_hints(made if not inspect.isclass(made) else made.__init__)
        for parameter in inspect.signature(made).parameters.values():
            yield name, parameter.name, hints.get(parameter.name)


LITERALS = [
    (name, parameter, value)
    for name, parameter, kind in parameters()
    for value in (get_args(kind) if get_origin(kind) is Literal else ALSO_LITERAL.get((name, parameter), ()))
]
BOTH_WAYS = [
    (name, parameter)
    for name, parameter, kind in parameters()
    if kind is bool or parameter.startswith("is_") or parameter in STATES
]
DISABLED = sorted(
    name
    for name, made in drawable().items()
    for parameter in inspect.signature(made).parameters.values()
    if parameter.kind is parameter.VAR_KEYWORD and name not in NEVER_DISABLED
)


@pytest.fixture(scope="module")
def calls() -> Calls:
    """With which arguments the gallery itself calls each component when it is drawn."""
    seen: Calls = defaultdict(list)
    with pytest.MonkeyPatch.context() as patch:
        for module in modules(gallery):
            for name, value in list(vars(module).items()):
                if inspect.isfunction(value) and value.__module__.startswith(UI):
                    patch.setattr(module, name, _noting(value, seen))
        for _, samples in SAMPLES:
            for sample in samples:
                sample.draw("light")
    return seen


def _noting(function: Callable[..., Any], seen: Calls) -> Callable[..., Any]:
    @functools.wraps(function)
    def noting(*arguments: Any, **named: Any) -> Any:
        bound = inspect.signature(function).bind(*arguments, **named)
        bound.apply_defaults()
        given = dict(bound.arguments)
        given |= given.pop("attributes", {})
        seen[function.__name__].append(given)
        for value in _values(list(given.values())):
            seen[type(value).__name__].append(
                {field.name: getattr(value, field.name) for field in fields(value)}
            )
        return function(*arguments, **named)

    return noting


def _values(given: Any) -> Iterator[Any]:
    """The dataclasses of ``ui/`` in what a component is given."""
    if isinstance(given, list | tuple):
        for item in given:
            yield from _values(item)
    elif is_dataclass(given) and type(given).__module__.startswith(UI):
        yield given


def truths(values: list[Any]) -> set[bool]:
    """As what each value counts where a state is asked for."""
    found: set[bool] = set()
    for value in values:
        if isinstance(value, LiteralVar):
            found.add(bool(value._var_value))
        elif isinstance(value, rx.Var):
            # The gallery turns over what has a hook; any other expression stays as it is, unknown to us.
            data = value._get_all_var_data()
            found |= {True, False} if data and data.hooks else set()
        else:
            found.add(bool(value))
    return found


def test_states_are_found() -> None:
    assert ("button", "emphasis", "danger") in LITERALS
    assert ("icon", "size", 20) in LITERALS
    assert {("busy_button", "is_busy"), ("field", "error"), ("Tab", "is_disabled")} <= set(BOTH_WAYS)
    assert {"button", "field", "menu_item"} <= set(DISABLED)
    assert drawable().keys() >= NEVER_DISABLED.keys()


@pytest.mark.parametrize(("name", "parameter", "value"), LITERALS)
def test_every_variant_of_a_component_is_shown(calls: Calls, name: str, parameter: str, value: Any) -> None:
    assert value in [given[parameter] for given in calls[name]]


@pytest.mark.parametrize(("name", "parameter"), BOTH_WAYS)
def test_every_state_is_shown_both_ways(calls: Calls, name: str, parameter: str) -> None:
    assert truths([given[parameter] for given in calls[name]]) == {True, False}


@pytest.mark.parametrize("name", DISABLED)
def test_every_control_is_shown_disabled_and_not(calls: Calls, name: str) -> None:
    assert truths([given.get("disabled") for given in calls[name]]) == {True, False}


@pytest.mark.parametrize("name", CHECKED)
def test_every_box_is_shown_checked_and_not(calls: Calls, name: str) -> None:
    assert truths([given.get("default_checked") for given in calls[name]]) == {True, False}
