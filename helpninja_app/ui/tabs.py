"""Tabs: parts of one page of which one is shown, and links to pages that belong together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import reflex as rx

_LIST = "flex gap-6 overflow-x-auto border-b border-border"
_TAB = (
    "-mb-px flex h-10 shrink-0 items-center gap-1.5 border-b-2 border-transparent text-body font-medium "
    "text-muted outline-offset-[-2px] hover:text-text disabled:cursor-not-allowed disabled:opacity-60 "
)


@dataclass(frozen=True, slots=True)
class Tab:
    """A part of a page: its name, what it shows, and how many things are in it."""

    id: str
    label: str
    panel: rx.Component
    count: Any = ""
    is_disabled: bool = False


def panel_of(tab_id: str) -> str:
    """The id of a tab's panel: a link that ends with it opens the tab."""
    return f"{tab_id}-panel"


def tabs(label: str, *all_tabs: Tab) -> rx.Component:
    """One of the panels at a time, the first to begin with; the arrow keys go from tab to tab."""
    return rx.el.div(
        rx.el.div(
            *(
                rx.el.button(
                    tab.label,
                    _count(tab.count),
                    id=f"{tab.id}-tab",
                    type="button",
                    role="tab",
                    disabled=tab.is_disabled,
                    tab_index=-1 if at else 0,
                    aria_selected="false" if at else "true",
                    aria_controls=panel_of(tab.id),
                    class_name=_TAB + "aria-selected:border-accent aria-selected:text-text",
                )
                for at, tab in enumerate(all_tabs)
            ),
            role="tablist",
            aria_label=label,
            data_panels=True,
            class_name=_LIST,
        ),
        *(
            rx.el.div(
                tab.panel,
                id=panel_of(tab.id),
                role="tabpanel",
                aria_labelledby=f"{tab.id}-tab",
                tab_index=0,
                hidden=at > 0,
                class_name="pt-4",
            )
            for at, tab in enumerate(all_tabs)
        ),
    )


def tab_links(label: str, *places: tuple[str, str, Any], current: str) -> rx.Component:
    """Links (label, address, count) that look like tabs; ``current`` is the address one is at."""
    return rx.el.nav(
        *(
            rx.el.a(
                name,
                _count(count),
                href=href,
                aria_current="page" if href == current else "false",
                class_name=_TAB + "aria-[current=page]:border-accent aria-[current=page]:text-text",
            )
            for name, href, count in places
        ),
        aria_label=label,
        class_name=_LIST,
    )


def _count(count: Any) -> rx.Component:
    return rx.el.span(count, class_name="text-small font-normal text-muted tabular-nums empty:hidden")
