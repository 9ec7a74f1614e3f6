"""How one's own account looks. The password's form is posted by the browser itself."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.screens.account.state import PATH, AccountState, DeletedRow, SessionRow
from helpninja_app.screens.account.two_factor import two_factor_section
from helpninja_app.screens.account.two_factor_state import TwoFactorState
from helpninja_app.screens.session import SignedInState
from helpninja_app.screens.shell.frame import as_it_opens, dashboard, once_loaded, this_form
from helpninja_app.screens.shell.state import ShellState
from helpninja_app.ui.actions import busy_button, button
from helpninja_app.ui.badges import badge
from helpninja_app.ui.forms import field, hidden_field, native_form
from helpninja_app.ui.notices import notice
from helpninja_app.ui.panels import card, page_header, section, skeleton_rows

_state: Any = AccountState


def account_page() -> rx.Component:
    return dashboard(
        page_header("Account", AccountState.email),
        once_loaded(
            AccountState,
            rx.cond(AccountState.error != "", notice(AccountState.error, tone="danger")),
            rx.cond(AccountState.notice != "", notice(AccountState.notice, tone="success")),
            rx.cond(AccountState.is_loaded & ~AccountState.is_verified, _unverified()),
            rx.cond(
                AccountState.deleted.length() > 0,
                section("Deleted workspaces", card(rx.el.ul(rx.foreach(AccountState.deleted, _deleted)))),
            ),
            section(
                "Your name",
                card(rx.cond(AccountState.is_loaded, _name(), skeleton_rows(1))),
                note="as colleagues see it",
            ),
            section("Password", card(_password())),
            rx.cond(ShellState.is_supabase, rx.fragment(), two_factor_section()),
            section(
                "Where you are signed in",
                card(
                    rx.cond(
                        AccountState.is_loaded,
                        rx.el.ul(rx.foreach(AccountState.sessions, _session)),
                        skeleton_rows(2),
                    )
                ),
                actions=native_form(
                    hidden_field("everywhere", "true"),
                    button("Sign out everywhere", type="submit", on_click=SignedInState.forget),
                    action="/api/auth/sign-out",
                    class_name="",
                ),
            ),
            section("New workspace", card(_new_workspace()), note="beside those you belong to"),
            again=(AccountState.open_account, TwoFactorState.open_two_factor),
        ),
        as_it_opens(TwoFactorState.put_codes_away),
        path=PATH,
    )


def _new_workspace() -> rx.Component:
    return rx.el.form(
        rx.el.div(
            field("Name of the workspace", name="name", id="workspace-name", required=True, max_length=100),
            class_name="min-w-0 flex-1",
        ),
        this_form(AccountState),
        busy_button(
            "Make it",
            is_busy=AccountState.is_busy,
            while_busy="Making…",
            emphasis="secondary",
            type="submit",
            size="large",
        ),
        on_submit=_state.make_workspace,
        class_name="flex max-w-reading items-end gap-3 p-4",
    )


def _unverified() -> rx.Component:
    return rx.el.div(
        notice("Your address is not confirmed yet. Open the link that we sent you.", tone="warning"),
        rx.cond(
            AccountState.has_mail,
            rx.fragment(),
            rx.el.p(
                "No mail server is set up here: the link stands in the server's log.",
                class_name="text-small text-muted",
            ),
        ),
        native_form(
            button("Send the link again", type="submit"),
            action="/api/auth/resend-verification",
            class_name="",
        ),
        class_name="flex flex-col items-start gap-2",
    )


def _name() -> rx.Component:
    return rx.el.form(
        rx.el.div(
            field(
                "Name",
                name="name",
                max_length=100,
                auto_complete="name",
                default_value=AccountState.name,
            ),
            class_name="min-w-0 flex-1",
        ),
        button("Save", type="submit", size="large"),
        on_submit=_state.rename,
        class_name="flex max-w-reading items-end gap-3 p-4",
    )


def _password() -> rx.Component:
    return native_form(
        field(
            "Present password",
            name="currentPassword",
            type="password",
            required=True,
            max_length=1000,
            auto_complete="current-password",
        ),
        field(
            "New password",
            name="password",
            type="password",
            required=True,
            max_length=1000,
            auto_complete="new-password",
            hint="You are signed out on your other devices.",
        ),
        rx.el.div(button("Change the password", type="submit", size="large")),
        action="/api/auth/update-password",
        class_name="flex max-w-form flex-col gap-4 p-4",
    )


def _deleted(workspace: DeletedRow) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.p(workspace.name, class_name="truncate text-table font-medium"),
            rx.el.p(workspace.gone, class_name="text-small text-muted"),
            class_name="min-w-0 flex-1",
        ),
        button("Bring it back", type="button", on_click=_state.bring_back(workspace.id)),
        key=workspace.id,
        class_name="flex items-center gap-4 border-b border-border px-4 py-3 last:border-b-0",
    )


def _session(session: SessionRow) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.p(session.device, class_name="truncate text-table font-medium"),
            rx.el.p(session.address, " · ", session.seen, class_name="text-small text-muted"),
            class_name="min-w-0 flex-1",
        ),
        rx.cond(
            session.is_current,
            badge("This device", "success"),
            button("Sign out", type="button", emphasis="quiet", on_click=_state.end(session.id)),
        ),
        key=session.id,
        class_name="flex items-center gap-4 border-b border-border px-4 py-3 last:border-b-0",
    )
