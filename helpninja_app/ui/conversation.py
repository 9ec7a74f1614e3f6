"""Messages of a conversation, as bubbles."""

from __future__ import annotations

import reflex as rx


def asked(text: str) -> rx.Component:
    """What the visitor wrote."""
    return rx.el.p(
        text,
        class_name="max-w-[85%] self-end rounded-bubble rounded-br-tail bg-bubble px-3.5 py-2 text-chat "
        "text-on-bubble",
    )


def answered(*content: rx.Component) -> rx.Component:
    """What was answered, by the assistant or by a person."""
    return rx.el.div(
        *content,
        class_name="max-w-[92%] self-start rounded-bubble rounded-bl-tail border border-border bg-subtle "
        "px-3.5 py-2.5 text-chat",
    )


def citation(number: str) -> rx.Component:
    """The number of a source, in the text it supports."""
    return rx.el.span(
        number,
        class_name="ml-px rounded-chip bg-accent-soft px-1 py-px align-[1px] text-small font-semibold "
        "text-accent-text",
    )
