"""How two-factor sign-in looks on one's own account's page: off, begun, on, and its recovery codes."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.screens.account.two_factor_state import LONGEST_CODE, TwoFactorState
from helpninja_app.screens.shell.frame import this_form
from helpninja_app.ui.actions import busy_button, button
from helpninja_app.ui.badges import badge
from helpninja_app.ui.code import copied_line
from helpninja_app.ui.forms import check_box, field, native_form
from helpninja_app.ui.icons import icon
from helpninja_app.ui.links import document_link
from helpninja_app.ui.notices import notice
from helpninja_app.ui.panels import card, failed_state, section, skeleton_rows

_state: Any = TwoFactorState
_FORM = "flex max-w-form flex-col gap-4"
_PART = "flex flex-col gap-4 border-b border-border p-4 last:border-b-0"
_LINK = "inline-flex items-center gap-2 rounded-chip font-medium text-accent-text underline-offset-4 "
_LINK += "hover:underline"


def two_factor_section() -> rx.Component:
    return section(
        "Two-factor sign-in",
        rx.cond(TwoFactorState.error != "", notice(TwoFactorState.error, tone="danger")),
        rx.cond(TwoFactorState.notice != "", notice(TwoFactorState.notice, tone="success")),
        card(
            rx.cond(
                TwoFactorState.failure != "",
                failed_state(TwoFactorState.failure, retry=TwoFactorState.open_two_factor),
                rx.cond(
                    TwoFactorState.is_loaded,
                    rx.cond(
                        TwoFactorState.codes.length() > 0,
                        _codes(),
                        rx.cond(
                            TwoFactorState.is_on,
                            _on(),
                            rx.cond(TwoFactorState.secret != "", _begun(), _off()),
                        ),
                    ),
                    skeleton_rows(1),
                ),
            )
        ),
        note="a code of your phone after the password",
        id="two-factor",
    )


def _off() -> rx.Component:
    return rx.el.div(
        _text(
            "It is off. Switch it on, and whoever learns your password still needs your phone to sign in. "
            "You need an authenticator app: any of them does."
        ),
        native_form(
            _own_password("two-factor-password"),
            rx.el.div(button("Set it up", type="submit", size="large")),
            action="/api/auth/two-factor",
            class_name=_FORM,
        ),
        class_name=_PART,
    )


def _begun() -> rx.Component:
    return rx.el.div(
        _text("Scan this picture with your authenticator app."),
        rx.el.img(
            src=TwoFactorState.qr,
            alt="QR code for your authenticator app; the same as the secret below",
            class_name="size-48 rounded-control border border-border",
        ),
        rx.el.div(
            _text(
                "Or, on this device, ",
                document_link("open the app", href=TwoFactorState.uri, class_name=f"{_LINK} underline"),
                ".",
            ),
            _text("Or type this secret into it:"),
            copied_line(TwoFactorState.secret, label="The secret", note="Copied."),
            class_name="flex max-w-reading flex-col gap-2",
        ),
        rx.el.form(
            _code(
                "Code that the app shows",
                id="two-factor-code",
                auto_focus=True,
                hint="Six digits. It is on once this is right.",
            ),
            this_form(TwoFactorState),
            rx.el.div(
                busy_button(
                    "Switch it on",
                    is_busy=TwoFactorState.is_busy,
                    while_busy="Checking…",
                    type="submit",
                    size="large",
                ),
            ),
            on_submit=_state.confirm_code,
            class_name=_FORM,
        ),
        class_name=_PART,
    )


def _codes() -> rx.Component:
    return rx.el.div(
        notice(
            "These are your recovery codes. Store them now, apart from your phone: they are not shown again.",
            tone="warning",
        ),
        _text("Each of them signs you in once, instead of a code of the app."),
        rx.el.ul(
            rx.foreach(
                TwoFactorState.codes,
                lambda code: rx.el.li(rx.el.code(code, class_name="font-mono text-table")),
            ),
            aria_label="Recovery codes",
            class_name="grid max-w-form grid-cols-1 gap-x-6 gap-y-1 rounded-control border border-border "
            "bg-subtle px-4 py-3 select-all phone:grid-cols-2",
        ),
        rx.el.div(
            button(
                icon("copy"),
                "Copy",
                type="button",
                size="large",
                on_click=[rx.set_clipboard(TwoFactorState.text_of_codes), rx.toast("Copied.")],
            ),
            document_link(
                icon("download"),
                "Download",
                href=TwoFactorState.file_of_codes,
                download="helpninja-recovery-codes.txt",
                class_name=_LINK,
            ),
            class_name="flex flex-wrap items-center gap-4",
        ),
        rx.el.form(
            check_box("I have stored these codes", name="stored", value="yes", required=True),
            rx.el.div(button("Done", type="submit", emphasis="primary", size="large")),
            on_submit=_state.keep_codes,
            class_name=_FORM,
        ),
        class_name=_PART,
    )


def _on() -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.el.div(badge("on", "success")),
            rx.cond(
                TwoFactorState.codes_left == 1,
                _text("1 recovery code is left. Choose new ones below."),
                _text(
                    TwoFactorState.codes_left,
                    " recovery codes are left.",
                    rx.cond(TwoFactorState.codes_left < 4, " Choose new ones below.", ""),
                ),
            ),
            class_name=_PART,
        ),
        rx.el.form(
            _code(
                "Code that the app shows",
                id="two-factor-code",
                hint="For ten new recovery codes; the old ones count no more.",
            ),
            this_form(TwoFactorState),
            rx.el.div(
                busy_button(
                    "Choose new recovery codes",
                    is_busy=TwoFactorState.is_busy,
                    while_busy="Checking…",
                    emphasis="secondary",
                    type="submit",
                    size="large",
                ),
            ),
            on_submit=_state.renew_codes,
            reset_on_submit=True,
            class_name=f"{_PART} [&>*]:max-w-form",
        ),
        native_form(
            _own_password("two-factor-password"),
            rx.el.div(button("Switch it off", type="submit", size="large")),
            action="/api/auth/two-factor/remove",
            class_name=f"{_PART} [&>*]:max-w-form",
        ),
    )


def _text(*parts: Any) -> rx.Component:
    return rx.el.p(*parts, class_name="max-w-reading text-body text-muted")


def _code(label: str, **attributes: Any) -> rx.Component:
    return field(
        label,
        name="code",
        required=True,
        input_mode="numeric",
        auto_complete="one-time-code",
        max_length=LONGEST_CODE,
        error=TwoFactorState.problem,
        **attributes,
    )


def _own_password(id: str) -> rx.Component:
    return field(
        "Your password",
        name="currentPassword",
        id=id,
        type="password",
        required=True,
        max_length=1000,
        auto_complete="current-password",
    )
