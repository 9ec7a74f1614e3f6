"""Samples of lists in all their states, of tables, and of text that does not fit."""

from __future__ import annotations

from typing import Any

import reflex as rx
from reflex.experimental.client_state import ClientStateVar

from helpninja_app.screens.gallery.samples import ADDRESS, ARABIC, LONG, block, line
from helpninja_app.ui.actions import button, icon_button
from helpninja_app.ui.avatars import avatar
from helpninja_app.ui.badges import badge
from helpninja_app.ui.forms import search_field, select_box
from helpninja_app.ui.menus import menu_item
from helpninja_app.ui.panels import card, empty_state, failed_state, skeleton, skeleton_rows
from helpninja_app.ui.rows import actions_column, order_column, row_menu, row_order, row_switch
from helpninja_app.ui.tables import Column, Sorting, cell, choice, chosen_rows, filters, pages, row, table

_SOURCES = (
    ("fernway.example/sitemap.xml", 214, "Up to date", "success"),
    ("Opening hours", 1, "Ready", "success"),
    ("Returns policy 2026.pdf", 12, "Indexing", "accent"),
    ("Warranty handbook.docx", 0, "Failed", "danger"),
)
_NAMES = ("Mara Kessler", "Jonas Weber", "Amélie Roux", "Tomás Silva", "Priya N.", "lena@example.com")


def people(_side: str) -> rx.Component:
    return rx.fragment(
        line("The same name has the same colour", *(avatar(name) for name in _NAMES)),
        line(
            "Sizes",
            avatar("Mara Kessler", size="small"),
            avatar("Mara Kessler"),
            avatar("Mara Kessler", size="large"),
        ),
        rx.el.div(
            avatar(ADDRESS),
            rx.el.p(ADDRESS, class_name="truncate text-table font-medium"),
            class_name="flex min-w-0 items-center gap-2.5",
        ),
    )


def states(_side: str) -> rx.Component:
    return rx.fragment(
        block("Loading", card(skeleton_rows(2))),
        line("Skeletons", skeleton("h-4 w-40"), skeleton("size-7"), skeleton("h-8 w-24")),
        block(
            "Empty",
            card(empty_state("inbox", "Nobody is waiting", "New conversations appear here by themselves.")),
        ),
        block("Failed", card(failed_state("The documents could not be loaded.", retry=rx.noop()))),
    )


def tables(side: str) -> rx.Component:
    order: Any = ClientStateVar.create(f"order_{side}", default="source up")
    chosen: Any = ClientStateVar.create(f"chosen_{side}", default=False)

    def turned(key: str) -> Any:
        return order.set_value(rx.cond(order.value == f"{key} up", f"{key} down", f"{key} up"))

    return rx.fragment(
        order,
        chosen,
        card(
            filters(
                search_field("Filter sources", name="filter", placeholder="Filter by name"),
                rx.el.div(
                    select_box("Status", rx.el.option("Every status"), rx.el.option("Failed")),
                    class_name="w-36",
                ),
            ),
            rx.cond(
                chosen.value,
                chosen_rows(
                    "1 source is chosen",
                    button("Read again", type="button", size="small"),
                    button("Delete", type="button", size="small", emphasis="danger"),
                ),
            ),
            table(
                f"Sources, {side}",
                (
                    Column(
                        choice("Choose all", is_chosen=False, is_mixed=chosen.value, on_choose=rx.noop()),
                        "w-12",
                    ),
                    Column("Source", sort="source"),
                    Column("Pages", "w-28", sort="pages"),
                    Column("Status", "w-36"),
                    Column(rx.el.span("Actions", class_name="sr-only"), "w-16"),
                ),
                rx.match(
                    order.value,
                    ("source down", _rows(side, chosen, 0, is_descending=True)),
                    ("pages up", _rows(side, chosen, 1)),
                    ("pages down", _rows(side, chosen, 1, is_descending=True)),
                    _rows(side, chosen, 0),
                ),
                sorting=Sorting(order.value.split(" ")[0], order.value.contains("down"), turned),
                width="min-w-160",
            ),
            pages(
                "1–4 of 267",
                is_first=True,
                is_last=False,
                back=rx.noop(),
                on=rx.noop(),
                name=f"Pages, {side}",
            ),
        ),
        block("Wider than its place", card(_wide(side))),
        block(
            "In the middle of a list, and at its end",
            *(
                card(_turning(side, shown, is_last=is_last))
                for shown, is_last in (("51–100 of 267", False), ("251–267 of 267", True))
            ),
        ),
    )


def ordered_rows(side: str) -> rx.Component:
    names = ("Refunds at night", LONG, "Large orders")
    return card(
        table(
            f"Rules in order, {side}",
            (order_column(), Column("Rule"), Column("On", "w-18"), actions_column()),
            rx.fragment(*(_in_order(side, at, name, len(names)) for at, name in enumerate(names))),
        )
    )


def _in_order(side: str, at: int, name: str, total: int) -> rx.Component:
    id = f"{side}-{at}"
    return row(
        cell(
            row_order(
                f"{at + 1}",
                kind="sample",
                id=id,
                name=name,
                is_first=at == 0,
                is_last=at == total - 1,
                may_move=True,
                on_up=rx.noop(),
                on_down=rx.noop(),
            )
        ),
        cell(rx.el.p(name, class_name="font-medium break-words")),
        # Whoever may not change it sees a word.
        cell(row_switch("Use the rule", name, is_on=at != 1, may_switch=at < total - 1, on_switch=rx.noop())),
        cell(
            row_menu(
                menu_item("Change", "pencil"),
                kind="sample",
                id=id,
                name=name,
                question=f"Delete “{name}”?",
                consequence="You can undo it for an hour.",
                on_delete=rx.noop(),
            ),
            class_name="text-right",
        ),
    )


def _wide(side: str) -> rx.Component:
    columns = ("Document", "Language", "Pages", "Passages", "Read")
    values = ("Returns policy 2026.pdf", "English", "12", "96", "5 min ago")
    return table(
        f"Documents, {side}",
        tuple(Column(name) for name in columns),
        row(*(cell(value) for value in values)),
        width="min-w-200",
    )


def _turning(side: str, shown: str, *, is_last: bool) -> rx.Component:
    return pages(
        shown, is_first=False, is_last=is_last, back=rx.noop(), on=rx.noop(), name=f"{shown}, {side}"
    )


def _rows(side: str, chosen: Any, by: int, *, is_descending: bool = False) -> rx.Component:
    ordered = sorted(_SOURCES, key=lambda source: str(source[by]).zfill(4).lower(), reverse=is_descending)
    return rx.fragment(*(_source(side, source, chosen) for source in ordered))


def _source(side: str, source: tuple[str, int, str, str], chosen: Any) -> rx.Component:
    name, count, status, tone = source
    is_first = name == _SOURCES[0][0]
    return row(
        cell(
            choice(
                f"Choose {name}",
                is_chosen=chosen.value if is_first else False,
                on_choose=chosen.set_value(rx.cond(chosen.value, False, True)) if is_first else rx.noop(),
            )
        ),
        cell(rx.el.p(name, class_name="truncate font-medium")),
        cell(str(count) if count else "—", class_name="text-muted tabular-nums"),
        cell(badge(status, tone)),
        cell(icon_button(f"More about {name}", "ellipsis", size="small"), class_name="py-2"),
        is_chosen=chosen.value if is_first else False,
    )


def long_lists(side: str) -> rx.Component:
    return rx.fragment(
        card(
            table(
                f"Long texts, {side}",
                (Column("What"), Column("Who", "w-40")),
                row(
                    cell(rx.el.p(LONG, class_name="break-words")),
                    cell(rx.el.p(ADDRESS, class_name="truncate", title=ADDRESS)),
                ),
            )
        ),
        rx.el.div(card(empty_state("inbox", ARABIC, ARABIC)), dir="rtl", lang="ar"),
    )
