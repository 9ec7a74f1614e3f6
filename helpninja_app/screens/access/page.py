"""The pages before the dashboard. The browser posts their forms: no script sees password or session."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.screens.access.state import AccessState, Way
from helpninja_app.ui.actions import button, button_link
from helpninja_app.ui.forms import field, field_from_address, hidden_field, native_form
from helpninja_app.ui.links import document_link
from helpninja_app.ui.notices import notice
from helpninja_app.ui.panels import skeleton
from helpninja_app.ui.public import page_width, public_page
from helpninja_app.ui.sessions import renewal

LONGEST_PASSWORD = 1000
_LINK = "rounded-chip font-medium text-accent-text underline-offset-4 hover:underline"


def sign_in_page() -> rx.Component:
    return _page(
        "Sign in",
        "To your team's inbox, knowledge and settings.",
        _way_on(),
        native_form(
            field_from_address("next"),
            _email(auto_focus=True),
            _password("Password", auto_complete="current-password"),
            _submit("Sign in"),
            rx.cond(
                AccessState.is_supabase,
                button(
                    "Mail me a link instead",
                    type="submit",
                    size="large",
                    wide=True,
                    form_action="/api/auth/magic-link",
                    form_no_validate=True,
                ),
            ),
            action="/api/auth/sign-in",
        ),
        _other_ways(),
        renewal(AccessState.is_supabase & (AccessState.next_path != ""), then_to=AccessState.next_path),
        _aside(
            _document_way("Forgot your password?", "/forgot"), _document_way("Make an account", "/sign-up")
        ),
    )


def code_page() -> rx.Component:
    return _page(
        "Enter your code",
        "Open your authenticator app: it shows a code of six digits for HelpNinja.",
        native_form(
            field_from_address("next"),
            _code("Code", auto_complete="one-time-code", input_mode="numeric"),
            _submit("Sign in"),
            action="/api/auth/sign-in-code",
        ),
        _aside(
            _document_way("Use a recovery code", "/sign-in/recovery"),
            _document_way("Back to the sign-in", "/sign-in"),
        ),
    )


def recovery_page() -> rx.Component:
    # A page of its own: a field that appears as the state changes loses what was typed before.
    return _page(
        "Enter a recovery code",
        "One of those that you stored. Each of them counts once.",
        native_form(
            field_from_address("next"),
            hidden_field("recovery", "1"),
            _code("Recovery code", auto_complete="off", spell_check=False),
            _submit("Sign in"),
            action="/api/auth/sign-in-code",
        ),
        _aside(
            _document_way("Use a code of the app", "/sign-in/code"),
            _document_way("Back to the sign-in", "/sign-in"),
        ),
    )


def sign_up_page() -> rx.Component:
    return _page(
        "Make an account",
        "It takes a minute, and no card.",
        _way_on(),
        rx.cond(
            AccessState.is_open | (AccessState.token != ""),
            native_form(
                field_from_address("invite"),
                field_from_address("next"),
                _email(auto_focus=True, default_value=AccessState.email),
                _password(
                    "Password",
                    auto_complete="new-password",
                    hint="At least 8 characters. Four words that do not belong together do well.",
                ),
                rx.cond(
                    AccessState.token == "",
                    field(
                        "Name of your workspace",
                        name="workspace",
                        max_length=100,
                        auto_complete="organization",
                        default_value=AccessState.workspace,
                        hint="Your company, for instance. It can be changed later.",
                    ),
                ),
                _submit("Make an account"),
                action="/api/auth/sign-up",
            ),
            rx.el.p("Signing up needs an invite here. Please ask your team for one.", class_name="text-body"),
        ),
        rx.cond(AccessState.is_open, _other_ways()),
        _aside(_document_way("You have an account? Sign in", "/sign-in", data_comes_back=True)),
    )


def _way_on() -> rx.Component:
    """For whoever is signed in already; an invite leads to a page of its own."""
    return rx.cond(
        (AccessState.signed_in_as != "") & (AccessState.token == ""),
        rx.el.p(
            "You are signed in as ",
            AccessState.signed_in_as,
            ". ",
            rx.el.a(
                "Go on",
                href=rx.cond(AccessState.next_path != "", AccessState.next_path, "/app"),
                class_name=_LINK,
            ),
            role="status",
            class_name="mb-4 break-words text-table text-muted",
        ),
    )


def _other_ways() -> rx.Component:
    """Other services to sign in through, where there are any."""
    return rx.cond(
        AccessState.ways.length() > 0,
        rx.el.div(
            rx.el.p("or", aria_hidden="true", class_name="text-center text-small text-muted"),
            rx.foreach(AccessState.ways, _other_way),
            class_name="mt-4 flex flex-col gap-3",
        ),
    )


def _other_way(way: Way) -> rx.Component:
    return button_link("Continue with ", way.label, href=way.href, size="large", is_page=False)


def forgot_page() -> rx.Component:
    return _page(
        "Choose a new password",
        "We send you a link to choose one.",
        rx.cond(
            AccessState.is_done,
            rx.el.div(
                notice(
                    "If there is an account with this address, a link is on its way. It counts for one hour.",
                    tone="success",
                ),
                rx.cond(AccessState.has_mail, rx.fragment(), _without_mail()),
                class_name="flex flex-col gap-3",
            ),
            native_form(
                _email(auto_focus=True),
                _submit("Send the link"),
                action="/api/auth/reset-password",
            ),
        ),
        _aside(_document_way("Back to the sign-in", "/sign-in")),
    )


def reset_page() -> rx.Component:
    return _page(
        "Choose a new password",
        "You are signed out everywhere when you do.",
        native_form(
            field_from_address("token"),
            _password(
                "New password",
                auto_complete="new-password",
                auto_focus=True,
                hint="At least 8 characters. Four words that do not belong together do well.",
            ),
            _submit("Change the password"),
            action="/api/auth/update-password",
        ),
        _aside(_way("Ask for a new link", "/forgot")),
    )


def verify_page() -> rx.Component:
    return _page(
        "Confirm your address",
        "So that we can reach you when something needs your attention.",
        rx.cond(
            AccessState.is_done,
            rx.el.div(
                notice("Thank you. Your address is confirmed.", tone="success"),
                button_link("Go to the dashboard", href="/app", emphasis="primary", size="large"),
                class_name="flex flex-col gap-4",
            ),
            native_form(
                field_from_address("token"),
                _submit("Confirm my address"),
                action="/api/auth/verify-email",
                data_needs_token=True,
            ),
        ),
    )


def invite_page() -> rx.Component:
    return _page(
        "Join a workspace",
        "You were invited.",
        rx.cond(
            AccessState.is_offer_read,
            rx.cond(
                AccessState.offer_failure != "",
                notice(AccessState.offer_failure, tone="danger"),
                rx.el.div(
                    rx.el.p(AccessState.offer, class_name="text-chat"),
                    rx.cond(AccessState.signed_in_as != "", _accept(), _join()),
                    class_name="flex flex-col gap-5",
                ),
            ),
            skeleton("h-6 w-full"),
        ),
    )


def _accept() -> rx.Component:
    return native_form(
        hidden_field("token", AccessState.token),
        rx.el.p("You are signed in as ", AccessState.signed_in_as, ".", class_name="text-table text-muted"),
        _submit("Join"),
        action="/api/invites/accept",
    )


def _join() -> rx.Component:
    return rx.el.div(
        native_form(
            hidden_field("invite", AccessState.token),
            _email(default_value=AccessState.offer_email, key=AccessState.offer_email),
            _password(
                "Choose a password",
                auto_complete="new-password",
                hint="At least 8 characters. Four words that do not belong together do well.",
            ),
            _submit("Make an account and join"),
            action="/api/auth/sign-up",
        ),
        _aside(
            rx.el.a(
                "You have an account? Sign in and come back",
                href="/sign-in?next=" + _encoded("/invite?token=") + AccessState.token,
                class_name=_LINK,
            )
        ),
        class_name="flex flex-col gap-5",
    )


def _encoded(path: str) -> str:
    return path.replace("?", "%3F").replace("=", "%3D")


def _page(title: str, subtitle: str, *content: rx.Component) -> rx.Component:
    return public_page(
        page_width(
            rx.el.div(
                rx.el.h1(title, class_name="text-heading font-semibold tracking-title"),
                rx.el.p(subtitle, class_name="mt-1 mb-6 text-body text-muted"),
                rx.cond(
                    AccessState.error != "",
                    rx.el.div(notice(AccessState.error, tone="danger"), class_name="mb-4"),
                ),
                rx.cond(
                    AccessState.notice != "",
                    rx.el.div(notice(AccessState.notice, tone="success"), class_name="mb-4"),
                ),
                *content,
                class_name="mx-auto w-full max-w-form py-10 tablet:py-20",
            )
        )
    )


def _email(**attributes: Any) -> rx.Component:
    return field(
        "E-mail address",
        name="email",
        type="email",
        auto_complete="username",
        required=True,
        max_length=320,
        **attributes,
    )


def _password(label: str, **attributes: Any) -> rx.Component:
    return field(
        label, name="password", type="password", required=True, max_length=LONGEST_PASSWORD, **attributes
    )


def _code(label: str, **attributes: Any) -> rx.Component:
    return field(label, name="code", required=True, auto_focus=True, max_length=64, **attributes)


def _submit(label: str) -> rx.Component:
    return button(label, type="submit", emphasis="primary", size="large", wide=True)


def _aside(*ways: rx.Component) -> rx.Component:
    return rx.el.p(*ways, class_name="mt-5 flex flex-wrap justify-between gap-x-6 gap-y-2 text-table")


def _way(label: str, href: str) -> rx.Component:
    return rx.el.a(label, href=href, class_name=_LINK)


def _document_way(label: str, href: str, **attributes: Any) -> rx.Component:
    # The browser loads the page anew, which reads its address and puts the focus into the field; where one
    # wanted to go is known from the address (forms.js), also before the page's first event.
    return document_link(label, href=href, data_keeps_address="next", class_name=_LINK, **attributes)


def _without_mail() -> rx.Component:
    return notice(
        "No mail server is set up here, so the link stands in the server's log. Ask who runs this server.",
        tone="info",
    )
