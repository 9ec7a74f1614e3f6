"""The frame that all pages of the dashboard share."""

from __future__ import annotations

import dataclasses
from typing import Any

import reflex as rx

from helpninja_app.screens.once import DRAWN
from helpninja_app.screens.session import SignedInState
from helpninja_app.screens.shell.menus import account_menu, workspace_menu
from helpninja_app.screens.shell.overlays import command_palette, shortcuts
from helpninja_app.screens.shell.state import NOT_UPLOADED, UPLOADED, ShellState
from helpninja_app.ui.forms import hidden_field
from helpninja_app.ui.notices import notice
from helpninja_app.ui.panels import card, failed_state
from helpninja_app.ui.sessions import renewal, whose_page
from helpninja_app.ui.shell import Place, app_shell
from helpninja_app.ui.toasts import said_toast

SIGN_OUT = "/api/auth/sign-out"
BILLING = "/app/billing"

PLACES: tuple[tuple[str, tuple[Place, ...]], ...] = (
    (
        "",
        (
            Place("Home", "house", "/app"),
            Place(
                "Inbox",
                "inbox",
                "/app/inbox",
                is_shown=ShellState.may_read_conversations,
                count=ShellState.waiting,
            ),
            Place("Chat", "message-circle", "/app/chat", is_shown=ShellState.may_use_chat),
            Place("Knowledge", "book-open", "/app/knowledge"),
            Place("Escalation", "workflow", "/app/escalation", is_shown=ShellState.may_read_conversations),
        ),
    ),
    (
        "Workspace",
        (
            Place("Team", "users", "/app/team"),
            Place("API keys & webhooks", "key-round", "/app/keys", is_shown=ShellState.may_manage_keys),
            Place("Billing", "credit-card", BILLING, is_shown=ShellState.may_manage_billing),
            Place("Settings", "settings", "/app/settings", is_shown=ShellState.may_manage_workspace),
            Place("Audit log", "scroll-text", "/app/audit", is_shown=ShellState.may_read_audit),
        ),
    ),
    (
        "Developers",
        (
            Place("Demo shop", "store", "/demo", is_page=False, is_shown=ShellState.has_demo),
            Place("Stripe events", "webhook", "/app/operations", is_shown=ShellState.is_operator),
            Place("API docs", "file-code", "/api/docs", is_page=False),
        ),
    ),
)
_ACCOUNT = Place("Account", "circle-user", "/app/account")


def _all_overlays() -> rx.Component:
    places = (*(place for _, group in PLACES for place in group), _ACCOUNT)
    return rx.fragment(command_palette(places), shortcuts())


def _own_menu() -> rx.Component:
    forget: Any = SignedInState.forget
    return account_menu(sign_out_action=SIGN_OUT, on_sign_out=forget)


def _what_is_said() -> rx.Component:
    tell: Any = ShellState.tell
    return rx.fragment(
        said_toast(ShellState.said, tone=ShellState.said_tone, on_close=tell("", "neutral")),
        # What the browser has said of files whose page was left meanwhile (chat_uploads.js).
        rx.el.button(id="say-uploaded", type="button", hidden=True, on_click=tell(UPLOADED, "neutral")),
        rx.el.button(
            id="say-not-uploaded", type="button", hidden=True, on_click=tell(NOT_UPLOADED, "danger")
        ),
    )


def refused(state: Any) -> rx.Component:
    """Why something was not done, where it was tried; with the way to a larger plan if that would help."""
    return rx.cond(
        state.problem != "",
        notice(
            rx.fragment(state.problem, rx.cond(state.is_at_limit, rx.fragment(" ", larger_plan()))),
            tone="danger",
        ),
    )


def this_form(state: Any) -> rx.Component:
    """Unseen in a form that makes something: by it a second click is told from another form."""
    return hidden_field(DRAWN, state.drawn.to_string())


def larger_plan() -> rx.Component:
    """The way to billing for owners; whom to ask for everybody else; nothing on the largest plan."""
    way = rx.cond(
        ShellState.may_manage_billing,
        rx.el.a(
            "See the plans", href=f"{BILLING}#plans", class_name="rounded-chip underline underline-offset-4"
        ),
        "Ask an owner of this workspace for a larger plan.",
    )
    return rx.cond(ShellState.has_larger_plan, way, "")


def _usage() -> rx.Component:
    said = rx.fragment(ShellState.usage, " ", ShellState.usage_more, larger_plan())
    return rx.fragment(
        _plan(),
        rx.cond(
            ShellState.usage != "",
            rx.cond(ShellState.is_used_up, notice(said, tone="danger"), notice(said, tone="warning")),
        ),
    )


def _plan() -> rx.Component:
    way = rx.cond(
        ShellState.may_manage_billing,
        rx.el.a("Go to billing", href=BILLING, class_name="rounded-chip underline underline-offset-4"),
        "Ask an owner of this workspace to look at it.",
    )
    said = rx.fragment(ShellState.plan_notice, " ", way)
    return rx.cond(
        ShellState.plan_notice != "",
        rx.cond(ShellState.is_plan_lost, notice(said, tone="danger"), notice(said, tone="warning")),
    )


# The same on every page, so they are built, and loaded by a browser, once.
_overlays: Any = rx.memo(_all_overlays)
_account_menu: Any = rx.memo(_own_menu)
_said: Any = rx.memo(_what_is_said)
_used: Any = rx.memo(_usage)
_workspace_menu: Any = rx.memo(workspace_menu)


def could_not_be_read(state: Any, *, again: tuple[Any, ...]) -> rx.Component:
    """Why the vars of ``state`` could not be read, and "Try again" with ``again``, the events that load them.

    What stands around the page may have failed with it, and is loaded again too.
    """
    return failed_state(state.failure, retry=[ShellState.open_shell, *again])


def once_loaded(state: Any, *content: rx.Component, again: tuple[Any, ...]) -> rx.Component:
    """What the vars of ``state`` fill; in its place, when they could not be read, why and "Try again".

    Content that was there before stays: what somebody typed is in it.
    """
    return rx.fragment(
        rx.cond(state.failure != "", card(could_not_be_read(state, again=again))),
        rx.cond((state.failure == "") | state.is_loaded, rx.fragment(*content)),
    )


def as_it_opens(*events: Any) -> rx.Component:
    """Sends ``events`` once a page has been loaded or come to.

    Its ``on_load`` runs also when a connection was lost and found, with the same page still in the browser.
    """
    return rx.el.span(hidden=True, on_mount=list(events))


def dashboard(
    *content: rx.Component,
    path: str,
    with_usage: bool = True,
    fills: bool = False,
    count: Any = None,
) -> rx.Component:
    """A page of the dashboard at ``path``, whose entry in the sidebar is marked.

    It begins with what owners and admins have to know of this month's use, unless the page says that itself.
    One that ``fills`` takes all the room beside the sidebar, and scrolls inside. ``count`` is how many things
    wait there, of a page that knows it better than the sidebar does.
    """
    places = tuple((name, tuple(_marked(place, path, count) for place in group)) for name, group in PLACES)
    return app_shell(
        _used() if with_usage else rx.fragment(),
        *content,
        fills=fills,
        workspace=ShellState.workspace_name,
        places=places,
        switcher=_workspace_menu(),
        account=_account_menu(),
        overlays=(
            _overlays(),
            _said(),
            renewal(ShellState.is_supabase),
            whose_page(ShellState.email, ShellState.workspace_id),
            # By it the browser knows when to say again what it may have said to nobody (behaviours.js).
            rx.el.span(hidden=True, data_connections=f"{ShellState.connections}"),
        ),
    )


def _marked(place: Place, path: str, count: Any) -> Place:
    if place.href != path:
        return place
    return dataclasses.replace(place, is_current=True, count=place.count if count is None else count)
