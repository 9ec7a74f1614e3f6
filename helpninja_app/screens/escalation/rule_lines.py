"""How the lines look that a rule is put together from: groups, and conditions in them."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.conversations.rules.conditions import DEEPEST
from helpninja_app.screens.escalation.draft import DAYS, FACTS, GROUP, MAX_TYPED, OPERATORS, ROOT, Line
from helpninja_app.screens.escalation.rule_editor_state import RuleEditorState
from helpninja_app.ui.actions import button, icon_button
from helpninja_app.ui.forms import INVALID, field_error, select_box
from helpninja_app.ui.icons import icon

_state: Any = RuleEditorState
_BOX = f"h-8 rounded-control border border-border-strong bg-bg px-2.5 text-table text-text {INVALID}"
# Written out, since the style sheet is made of what stands here.
_INDENTS = ("", "ms-3 border-s border-border-strong ps-3", "ms-9 border-s border-border-strong ps-3")
_DEEPER = (
    "ms-15 border-s border-border-strong ps-3",
    "ms-21 border-s border-border-strong ps-3",
)


def rule_line(line: Line) -> rx.Component:
    indents = list(enumerate((*_INDENTS, *_DEEPER)[: DEEPEST + 1]))
    return rx.el.li(
        rx.cond(line.kind == GROUP, _group(line), _condition(line)),
        rx.el.div(field_error(f"rule-line-{line.id}", line.problem), class_name="has-[p:empty]:hidden"),
        key=line.id,
        class_name=rx.match(
            line.depth,
            *((depth, f"{indent} py-1.5") for depth, indent in indents),
            "py-1.5",
        ),
    )


def _group(line: Line) -> rx.Component:
    name = rx.cond(line.id == ROOT, "All conditions", f"Group {line.number}")
    return _removable(
        line,
        name,
        rx.el.div(
            select_box(
                f"{name}: how many have to match",
                *_options(GROUP),
                id=f"rule-line-{line.id}",
                value=line.operator,
                on_change=lambda operator: _state.choose_operator(line.id, operator),
                **_described(line),
            ),
            class_name="w-32",
        ),
        _adding("Condition", name, _state.add_condition(line.id)),
        rx.cond(line.may_nest, _adding("Group", name, _state.add_group(line.id))),
    )


def _adding(what: str, group: Any, on_click: Any) -> rx.Component:
    return button(
        icon("plus"),
        what,
        type="button",
        aria_label=f"{what}, in {group}",
        emphasis="quiet",
        size="small",
        on_click=on_click,
    )


def _condition(line: Line) -> rx.Component:
    name = f"Condition {line.number}"
    return _removable(
        line,
        name,
        rx.el.div(
            select_box(
                f"{name}: what it looks at",
                *(rx.el.option(label, value=value) for value, label in FACTS),
                id=f"rule-line-{line.id}",
                value=line.kind,
                on_change=lambda fact: _state.choose_fact(line.id, fact),
            ),
            class_name="w-36",
        ),
        rx.match(
            line.kind,
            *((kind, _operator(line, kind, name)) for kind, _ in FACTS),
            rx.fragment(),
        ),
        rx.match(
            line.kind,
            ("confidence", _number(line, name, "%", "70")),
            ("message_count", _number(line, name, "", "5")),
            ("time", rx.cond(line.operator == "between", _span(line, name))),
            _words(line, name),
        ),
    )


def _removable(line: Line, name: Any, *controls: rx.Component) -> rx.Component:
    """The controls of a line, and at its end what takes it out; all of the conditions cannot be."""
    return rx.el.div(
        rx.el.div(*controls, class_name="flex min-w-0 flex-1 flex-wrap items-center gap-1.5"),
        rx.cond(
            line.id != ROOT,
            rx.el.div(
                icon_button(
                    rx.cond(
                        line.kind == GROUP,
                        f"Remove group {line.number}",
                        f"Remove condition {line.number}",
                    ),
                    "x",
                    size="small",
                    on_click=_state.remove(line.id),
                ),
                class_name="flex h-8 items-center",
            ),
        ),
        role="group",
        aria_label=name,
        class_name="flex items-start gap-1.5",
    )


def _operator(line: Line, kind: str, name: Any) -> rx.Component:
    return rx.el.div(
        select_box(
            f"{name}: how it compares",
            *_options(kind),
            value=line.operator,
            on_change=lambda operator: _state.choose_operator(line.id, operator),
        ),
        class_name="w-52" if kind == "time" else "w-34",
    )


def _options(kind: str) -> tuple[rx.Component, ...]:
    return tuple(rx.el.option(label, value=value) for value, label in OPERATORS[kind])


def _words(line: Line, name: Any) -> rx.Component:
    is_page = line.kind == "page"
    return rx.el.input(
        name=f"words-{line.id}",
        default_value=line.words,
        placeholder=rx.cond(is_page, "/pricing, /checkout", "refund*, money back"),
        title=rx.cond(
            is_page,
            "Pages with commas between them; with the host in front, as in shop.example/pricing",
            "Words and phrases with commas between them; refund* also finds refunds and refunded",
        ),
        aria_label=rx.cond(is_page, f"{name}: pages", f"{name}: words"),
        max_length=MAX_TYPED,
        auto_complete="off",
        class_name=f"min-w-40 flex-1 placeholder:text-faint {_BOX}",
        **_described(line),
    )


def _number(line: Line, name: Any, unit: str, example: str) -> rx.Component:
    return rx.el.div(
        rx.el.input(
            name=f"value-{line.id}",
            default_value=line.value,
            placeholder=example,
            aria_label=f"{name}: number",
            input_mode="decimal",
            max_length=12,
            auto_complete="off",
            class_name=f"w-20 tabular-nums placeholder:text-faint {_BOX}",
            **_described(line),
        ),
        rx.el.span(unit, class_name="text-table text-muted empty:hidden"),
        class_name="flex items-center gap-1.5",
    )


def _span(line: Line, name: Any) -> rx.Component:
    return rx.el.div(
        _clock(line, "begin", f"{name}: from", line.begin),
        rx.el.span("and", class_name="text-table text-muted"),
        _clock(line, "end", f"{name}: to", line.end),
        rx.el.div(
            *(
                rx.el.label(
                    rx.el.input(
                        type="checkbox",
                        name=f"{day}-{line.id}",
                        value="yes",
                        default_checked=line.days.contains(day),  # type: ignore[attr-defined]
                        class_name="size-4 accent-accent",
                    ),
                    day.capitalize(),
                    class_name="flex min-h-6 items-center gap-1 text-small",
                )
                for day in DAYS
            ),
            rx.el.span("none chosen is every day", class_name="text-small text-muted"),
            role="group",
            aria_label=f"{name}: days",
            class_name="flex basis-full flex-wrap gap-x-2.5 gap-y-1",
        ),
        class_name="flex flex-wrap items-center gap-1.5",
    )


def _clock(line: Line, part: str, label: Any, value: Any) -> rx.Component:
    return rx.el.input(
        type="time",
        name=f"{part}-{line.id}",
        default_value=value,
        aria_label=label,
        class_name=f"tabular-nums {_BOX}",
        **_described(line),
    )


def _described(line: Line) -> dict[str, Any]:
    """What ties a control to what is wrong with its line."""
    return {
        "aria_invalid": rx.cond(line.problem != "", "true", "false"),
        "aria_describedby": f"rule-line-{line.id}-error",
    }
