"""Samples of what opens above a page, and of what is said when something fails."""

from __future__ import annotations

from typing import Any

import reflex as rx
from reflex.experimental.client_state import ClientStateVar

from helpninja_app.screens.gallery.samples import LONG, block, line
from helpninja_app.ui.actions import button, icon_button
from helpninja_app.ui.dialogs import closes, confirm, dialog, opens, sheet
from helpninja_app.ui.failures import LOST, connection_bar
from helpninja_app.ui.forms import field, text_area
from helpninja_app.ui.icons import icon
from helpninja_app.ui.menus import (
    Placement,
    menu,
    menu_choice,
    menu_group,
    menu_item,
    menu_line,
    menu_link,
    menu_locked,
    opens_menu,
)
from helpninja_app.ui.palette import palette, palette_action, palette_button, palette_group, palette_link
from helpninja_app.ui.tooltips import tooltip

_PLACEMENTS: tuple[Placement, ...] = ("below start", "below end", "above start", "above end")


def dialogs(side: str) -> rx.Component:
    is_shown: Any = ClientStateVar.create(f"isShown{side}", default=False)
    is_sheet_shown: Any = ClientStateVar.create(f"isSheetShown{side}", default=False)
    is_question_shown: Any = ClientStateVar.create(f"isQuestionShown{side}", default=False)
    return rx.fragment(
        is_shown,
        is_sheet_shown,
        is_question_shown,
        line(
            "Press to open",
            button("Rename", type="button", **opens(f"{side}-dialog")),
            button("Delete the source", type="button", **opens(f"{side}-confirm")),
            button("Show details", type="button", **opens(f"{side}-sheet")),
            button("By a state", type="button", on_click=is_shown.set_value(True)),
            button("A sheet by a state", type="button", on_click=is_sheet_shown.set_value(True)),
            button("A question by a state", type="button", on_click=is_question_shown.set_value(True)),
            button("Help, also by ?", type="button", **opens(f"{side}-help")),
        ),
        dialog(
            rx.el.p("The question mark opens the first help of a page.", class_name="text-muted"),
            id=f"{side}-help",
            title="Keys",
            is_help=True,
        ),
        sheet(
            rx.el.p("The state opened this, and learns that it was closed.", class_name="text-muted"),
            id=f"{side}-sheet-by-state",
            title="Opened by a state",
            is_shown=is_sheet_shown.value,
            on_close=is_sheet_shown.set_value(False),
            insists=True,
            is_wide=True,
        ),
        confirm(
            id=f"{side}-confirm-by-state",
            title="Show “Opening hours” to visitors?",
            consequence="The state asks, and learns that the question was closed.",
            act="Make it public",
            on_confirm=rx.toast("It is public."),
            is_shown=is_question_shown.value,
            on_close=is_question_shown.set_value(False),
        ),
        dialog(
            rx.el.p("The state opened this, and learns that it was closed.", class_name="text-muted"),
            id=f"{side}-by-state",
            title="Opened by a state",
            is_shown=is_shown.value,
            on_close=is_shown.set_value(False),
        ),
        dialog(
            field("Name", name="name", id=f"{side}-dialog-name", default_value="Winter campaign ideas"),
            text_area("Note", name="note", id=f"{side}-dialog-note"),
            id=f"{side}-dialog",
            title="Rename the chat",
            actions=(
                button("Cancel", type="button", **closes()),
                button("Rename", type="button", emphasis="primary", **closes()),
            ),
        ),
        confirm(
            id=f"{side}-confirm",
            title="Delete “fernway.example/blog”?",
            consequence="Its 61 pages go with it, and the assistant answers from them no more. "
            "You can bring it back for seven days.",
            act="Delete",
            on_confirm=rx.toast("fernway.example/blog is deleted."),
        ),
        sheet(
            rx.el.p(LONG, class_name="text-body text-muted"),
            *(rx.el.p(f"Passage {number}", class_name="text-body") for number in range(1, 6)),
            id=f"{side}-sheet",
            title="Returns and exchanges",
            actions=(button("Done", type="button", emphasis="primary", **closes()),),
            is_read=True,
        ),
    )


def menus(side: str) -> rx.Component:
    return rx.fragment(
        line(
            "Press, or arrow down",
            button("Conversation", icon("chevron-down"), type="button", **opens_menu(f"{side}-menu")),
            icon_button("More", "ellipsis", **opens_menu(f"{side}-more")),
            *(
                button(placement.capitalize(), type="button", **opens_menu(_placed(side, placement)))
                for placement in _PLACEMENTS
            ),
        ),
        *(
            menu(
                menu_item("Copy", "copy"),
                id=_placed(side, placement),
                label=placement.capitalize(),
                placement=placement,
            )
            for placement in _PLACEMENTS
        ),
        menu(
            menu_item("Assign", "user-plus", hint="A"),
            menu_item("Resolve", "check", hint="E"),
            menu_link("Front page", "house", href="/"),
            menu_link("The API", "code", href="/api/docs", is_page=False),
            menu_item("Paste", "clipboard", disabled=True),
            menu_locked("Export", reason="The free plan has no export: it comes with the pro plan."),
            menu_line(),
            menu_group(
                "Show",
                menu_choice("Everything", is_chosen=True, on_choose=rx.noop()),
                menu_choice("Mine", is_chosen=False, on_choose=rx.noop()),
                menu_choice(
                    "Of a larger plan",
                    is_chosen=False,
                    on_choose=rx.noop(),
                    note="Part of the plan Pro",
                    is_locked=True,
                ),
            ),
            menu_line(),
            menu_item("Delete", "trash-2", tone="danger", **opens(f"{side}-confirm")),
            id=f"{side}-menu",
            label="Conversation",
        ),
        menu(
            menu_item(LONG, "text"),
            menu_item("Copy", "copy"),
            id=f"{side}-more",
            label="More",
            placement="below end",
        ),
    )


def _placed(side: str, placement: Placement) -> str:
    return f"{side}-{placement.replace(' ', '-')}"


def tooltips(side: str) -> rx.Component:
    return line(
        "Hover, or Tab",
        tooltip(icon_button("Regenerate", "refresh-cw"), "Costs 22 credits", id=f"{side}-tip"),
        tooltip(button("Send", type="button"), "Ctrl and Enter send too", id=f"{side}-tip-send"),
    )


def palettes(side: str) -> rx.Component:
    id = f"{side}-palette"
    return rx.fragment(
        rx.el.div(palette_button(id), class_name="w-52"),
        palette(
            palette_group(
                "Pages",
                palette_link("Gallery", "layout-grid", href="/dev/gallery#palettes", words="components"),
                palette_link("Front page", "house", href="/", words="home landing"),
                palette_link("Sign in", "log-in", href="/sign-in"),
                palette_link("The API", "code", href="/api/docs", is_page=False),
            ),
            palette_group(
                "Actions",
                palette_action("Say hello", "hand", on_click=rx.toast("Hello.")),
                palette_action("Show details", "panel-right", data_opens=f"{side}-sheet"),
                palette_action(LONG, "text"),
            ),
            id=id,
        ),
    )


def messages(_side: str) -> rx.Component:
    return rx.fragment(
        line(
            "Toasts",
            button("Plain", type="button", on_click=rx.toast("Copied.")),
            button("Done", type="button", on_click=rx.toast.success("The settings are saved.")),
            button("Note", type="button", on_click=rx.toast.info("61 pages were read.")),
            button("Careful", type="button", on_click=rx.toast.warning("3 pages could not be read.")),
            button(
                "Failed",
                type="button",
                on_click=rx.toast.error("The file is too large.", description="At most 20 MB are taken."),
            ),
        ),
        block("While the server does not answer", connection_bar(LOST)),
    )
