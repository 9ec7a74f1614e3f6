"""Samples of what frames a page: headers, the bar that saves, whole pages as small pictures, what is said."""

from __future__ import annotations

from typing import Any

import reflex as rx
from reflex.experimental.client_state import ClientStateVar

from helpninja_app.screens.gallery.samples import ADDRESS, ARABIC, LONG, block, line, pictured
from helpninja_app.ui.actions import button, button_link
from helpninja_app.ui.avatars import avatar
from helpninja_app.ui.brand import brand_link, mark
from helpninja_app.ui.editing import save_bar, watched_form
from helpninja_app.ui.failures import failed_page
from helpninja_app.ui.forms import field, native_form
from helpninja_app.ui.icons import icon
from helpninja_app.ui.panels import card, page_header, section, skeleton_rows, stat
from helpninja_app.ui.public import page_width, public_page
from helpninja_app.ui.shell import Place, account_button, app_shell, shown_name, switcher_button
from helpninja_app.ui.toasts import said_toast

_PLACES = (
    ("", (Place("Home", "house", "/app", is_current=True), Place("Inbox", "inbox", "/app/inbox"))),
    ("Workspace", (Place("Team", "users", "/app/team"), Place("API", "code", "/api/docs", is_page=False))),
    # For somebody who may see nothing of it: the name goes too.
    ("For owners", (Place("Settings", "settings", "/app/settings", is_shown=False),)),
)
_SAVING = (
    ("Nothing to save", False, False, False, ""),
    ("Changed", True, False, False, ""),
    ("Being saved", True, False, True, ""),
    ("Saved", False, True, False, ""),
    ("Refused", True, False, False, "Please look at the 2 fields that are marked."),
)
_SAID = (
    ("Done", "Saved.", "success", "h-20"),
    ("Failed", "The file is too large. At most 20 MB are taken.", "danger", "h-24"),
    ("Neither", "Copied.", "neutral", "h-20"),
    ("Long", f"{LONG}: {ADDRESS}", "neutral", "h-44"),
)


def headers(_side: str) -> rx.Component:
    return rx.fragment(
        block("A page", _header("Knowledge", "What the assistant may answer from.")),
        block(
            "With actions",
            _header(
                "Knowledge",
                "What the assistant may answer from. 1,936 passages in 267 documents.",
                rx.el.div(
                    button(icon("upload"), "Upload files", type="button"),
                    button(icon("plus"), "Add source", type="button", emphasis="primary"),
                    class_name="flex flex-wrap gap-2",
                ),
            ),
        ),
        block("While its sentence loads", _header("Account", "")),
        block(
            "Long, and right to left", _header(LONG, ADDRESS), rx.el.div(_header(ARABIC, ARABIC), dir="rtl")
        ),
        section(
            "A section",
            card(rx.el.p("Its content.", class_name="p-4 text-table text-muted")),
            note="what it is about",
            actions=button("Do something", type="button"),
        ),
    )


def _header(title: str, subtitle: str, actions: rx.Component | None = None) -> rx.Component:
    # A picture: a page has one heading of the first rank, and this page has its own.
    return rx.el.div(
        page_header(title, subtitle, actions),
        aria_hidden="true",
        custom_attrs={"inert": True},
        class_name="min-w-0 break-words",
    )


def forms(side: str) -> rx.Component:
    return rx.fragment(
        *(
            block(
                name,
                watched_form(
                    save_bar(
                        is_changed=rx.Var.create(is_changed),
                        is_saved=rx.Var.create(is_saved),
                        is_busy=rx.Var.create(is_busy),
                        problem=rx.Var.create(problem),
                    ),
                    on_submit=rx.noop(),
                    on_change=rx.noop(),
                    class_name="",
                ),
            )
            for name, is_changed, is_saved, is_busy, problem in _SAVING
        ),
        _asking() if side == "light" else rx.fragment(),
        block(
            "Posted by the browser itself",
            native_form(
                field("E-mail address", name="email", id=f"{side}-native-email", type="email"),
                field("Password", name="password", id=f"{side}-native-password", type="password"),
                button("Sign in", type="button", emphasis="primary", size="large", wide=True),
                action="/dev/gallery",
            ),
        ),
    )


def _asking() -> rx.Component:
    # One form of a page may ask; so the dark half has none.
    is_changed: Any = ClientStateVar.create("isFormChanged", default=False)
    return block(
        "Asks before the page is left, once something is changed",
        is_changed,
        watched_form(
            field(
                "Name",
                name="asking",
                id="asking",
                default_value="Fernway Outdoor",
                on_change=is_changed.set_value(True),
            ),
            on_submit=is_changed.set_value(False),
            on_change=rx.noop(),
            is_changed=is_changed.value,
            class_name="flex flex-col gap-2",
        ),
    )


def said(_side: str) -> rx.Component:
    return rx.fragment(
        *(
            block(
                name,
                rx.el.div(
                    said_toast(rx.Var.create(sentence), tone=tone, on_close=rx.noop()),
                    # What is fixed stays in here.
                    class_name=f"-mx-5 contain-layout {height}",
                ),
            )
            for name, sentence, tone, height in _SAID
        ),
    )


def sidebar_parts(_side: str) -> rx.Component:
    nobody, workspace, person = (rx.Var.create(name) for name in ("", "Fernway Outdoor", "Mara Kessler"))
    long = rx.Var.create(ADDRESS)
    return rx.fragment(
        line("The brand", mark(), brand_link()),
        block("The workspace", *(_bounded(switcher_button(name)) for name in (workspace, long, nobody))),
        block(
            "Who is signed in",
            *(_bounded(account_button(name, avatar(name))) for name in (person, long, nobody)),
        ),
        line(
            "A name, and while it loads",
            shown_name(workspace, "text-body font-semibold"),
            shown_name(nobody, "text-body"),
        ),
    )


def _bounded(control: rx.Component) -> rx.Component:
    return rx.el.div(control, class_name="w-52 rounded-control bg-subtle")


def pages(_side: str) -> rx.Component:
    return rx.fragment(
        pictured(
            "The dashboard", _dashboard(rx.Var.create("Fernway Outdoor"), rx.Var.create("Mara Kessler"))
        ),
        pictured("The dashboard while it loads", _dashboard(rx.Var.create(""), rx.Var.create(""))),
        pictured(
            "A page that takes all the room",
            _dashboard(rx.Var.create("Fernway Outdoor"), rx.Var.create("Mara Kessler"), fills=True),
        ),
        pictured(
            "A public page",
            public_page(
                page_width(
                    rx.el.h2("Sign in", class_name="text-heading font-semibold tracking-title"),
                    rx.el.p("To your team's inbox, knowledge and settings.", class_name="text-muted"),
                    class_name="py-20",
                ),
                actions=(
                    button_link("Sign in", href="/sign-in", emphasis="quiet"),
                    button_link("Make an account", href="/sign-up"),
                ),
            ),
        ),
        pictured("A public page without actions", public_page(page_width(rx.el.p(LONG), class_name="py-20"))),
        pictured("A page that could not be drawn", failed_page("TypeError: hits is not iterable")),
    )


def _dashboard(workspace: Any, person: Any, *, fills: bool = False) -> rx.Component:
    is_there = workspace != ""
    return app_shell(
        page_header("Home", rx.cond(is_there, "What the assistant knows, and who talked to it.", "")),
        rx.cond(
            is_there,
            rx.el.dl(
                stat("Conversations", "1,284", "in the last 30 days"),
                stat("Documents", "267", "1,936 passages"),
                stat("Median confidence", "0.71", "where it answered"),
                class_name="grid gap-3 phone:grid-cols-3",
            ),
            card(skeleton_rows(3)),
        ),
        workspace=workspace,
        places=_PLACES,
        switcher=switcher_button(workspace),
        account=account_button(person, avatar(person)),
        fills=fills,
    )
