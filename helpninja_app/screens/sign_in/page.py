"""Where a member signs in. The browser posts the form itself, so no script ever sees password or session."""

from __future__ import annotations

import reflex as rx

from helpninja_app.screens.sign_in.state import SignInState
from helpninja_app.ui.actions import button
from helpninja_app.ui.forms import field, hidden_field, native_form
from helpninja_app.ui.notices import notice
from helpninja_app.ui.public import page_width, public_page


def sign_in_page() -> rx.Component:
    return public_page(
        page_width(
            rx.el.div(
                rx.el.h1("Sign in", class_name="text-heading font-semibold tracking-title"),
                rx.el.p(
                    "To your team's inbox, knowledge and settings.",
                    class_name="mt-1 mb-6 text-body text-muted",
                ),
                rx.cond(
                    SignInState.error != "",
                    rx.el.div(notice(SignInState.error, tone="danger"), class_name="mb-4"),
                ),
                native_form(
                    hidden_field("next", SignInState.next_path),
                    field(
                        "E-mail address",
                        name="email",
                        type="email",
                        auto_complete="username",
                        required=True,
                        max_length=320,
                        auto_focus=True,
                    ),
                    field(
                        "Password",
                        name="password",
                        type="password",
                        auto_complete="current-password",
                        required=True,
                        max_length=1000,
                    ),
                    button("Sign in", type="submit", emphasis="primary", size="large", wide=True),
                    action="/api/auth/sign-in",
                ),
                class_name="mx-auto w-full max-w-form py-10 tablet:py-20",
            )
        )
    )
