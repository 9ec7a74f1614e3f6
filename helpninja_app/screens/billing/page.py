"""How billing looks: the plan, what is used of it, what can be bought, and what was."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.screens.billing.buying import credits_section, plans_section
from helpninja_app.screens.billing.credit_table import history_section
from helpninja_app.screens.billing.credits_state import CreditsState
from helpninja_app.screens.billing.invoices import invoices_section
from helpninja_app.screens.billing.invoices_state import InvoicesState
from helpninja_app.screens.billing.state import LATE, OVER, PATH, PLAN, UNSURE, BillingState
from helpninja_app.screens.billing.used import UsedRow
from helpninja_app.screens.shell.frame import dashboard, once_loaded
from helpninja_app.ui.actions import Emphasis, busy_button, button
from helpninja_app.ui.badges import badge
from helpninja_app.ui.dialogs import confirm, opens
from helpninja_app.ui.following import follower
from helpninja_app.ui.notices import notice
from helpninja_app.ui.panels import card, empty_state, page_header, section, skeleton, skeleton_rows
from helpninja_app.ui.progress import counted_progress

# Reflex' types do not know what the decorated handlers can do.
_state: Any = BillingState
_CANCEL = "cancel-plan"


def billing_page() -> rx.Component:
    return dashboard(
        page_header("Billing", "The plan of this workspace, what is used of it, and what was paid."),
        rx.cond(
            BillingState.who_can != "",
            card(empty_state("lock", "Only owners see billing", BillingState.who_can)),
            once_loaded(
                BillingState,
                _messages(),
                _plan(),
                _used(),
                plans_section(),
                credits_section(),
                invoices_section(),
                history_section(),
                again=(BillingState.open_billing, InvoicesState.open_invoices, CreditsState.open_credits),
            ),
        ),
        path=PATH,
        # The bars stand right here.
        with_usage=False,
    )


def _messages() -> rx.Component:
    waiting = "Your payment is being confirmed. This page shows it by itself as soon as Stripe tells us."
    return rx.fragment(
        rx.match(
            BillingState.confirmation,
            ("waiting", notice(waiting, tone="info")),
            ("late", rx.fragment(notice(LATE, tone="warning"), _looking_on())),
            ("unsure", rx.fragment(notice(UNSURE, tone="info"), _looking_on())),
            ("over", notice(OVER, tone="warning")),
            rx.fragment(),
        ),
        rx.cond(BillingState.problem != "", notice(BillingState.problem, tone="danger")),
    )


def _looking_on() -> rx.Component:
    return follower(BillingState, _state.follow_payment)


def _plan() -> rx.Component:
    return section(
        "Plan",
        card(
            rx.cond(
                BillingState.is_loaded,
                rx.el.div(
                    rx.el.div(
                        rx.el.div(
                            rx.el.p(BillingState.plan, class_name="text-title font-semibold tracking-title"),
                            # The free plan's would say its name again.
                            rx.cond(
                                BillingState.badge != BillingState.plan,
                                badge(BillingState.badge, BillingState.tone),
                            ),
                            class_name="flex flex-wrap items-center gap-x-3 gap-y-1",
                        ),
                        rx.el.p(
                            BillingState.sentence, class_name="max-w-prose text-body text-balance text-muted"
                        ),
                        rx.el.p(
                            BillingState.agreed,
                            class_name="max-w-prose text-body text-pretty text-muted empty:hidden",
                        ),
                        _without_payments(),
                        class_name="flex min-w-0 flex-1 basis-72 flex-col gap-1",
                    ),
                    rx.el.div(
                        rx.cond(BillingState.has_customer, _portal()),
                        rx.cond(BillingState.has_payments & (BillingState.keep != ""), _keep()),
                        rx.cond(BillingState.may_cancel, _cancel()),
                        class_name="flex flex-wrap items-center gap-2",
                    ),
                    class_name="flex flex-wrap items-start justify-between gap-x-6 gap-y-4 p-4",
                ),
                rx.el.div(skeleton("h-6 w-32"), skeleton("h-4 w-80"), class_name="flex flex-col gap-2 p-4"),
            )
        ),
        heading_id=PLAN,
    )


def _without_payments() -> rx.Component:
    """Where nobody pays, or nothing is limited, it says so."""
    return rx.el.p(
        rx.cond(
            BillingState.is_unlimited,
            rx.cond(
                BillingState.has_payments,
                "Nothing is limited on this installation, whatever the plan.",
                "No payments are set up on this installation, so nothing is limited.",
            ),
            rx.cond(
                BillingState.has_payments,
                "",
                "No payments are set up on this installation, so the plan cannot be changed here. Whoever "
                "runs HelpNinja can set up Stripe.",
            ),
        ),
        class_name="max-w-prose text-body text-pretty text-muted empty:hidden",
    )


def _portal() -> rx.Component:
    """The one thing to do while a payment has failed."""
    return rx.cond(BillingState.is_unpaid, _portal_button("primary"), _portal_button("secondary"))


def _portal_button(emphasis: Emphasis) -> rx.Component:
    return busy_button(
        "Cards and addresses",
        is_busy=BillingState.going_to == "portal",
        while_busy="Opening Stripe…",
        emphasis=emphasis,
        type="button",
        on_click=_state.open_portal,
    )


def _keep() -> rx.Component:
    return busy_button(
        BillingState.keep,
        is_busy=BillingState.going_to == "keep",
        while_busy="One moment…",
        type="button",
        on_click=_state.keep_plan,
    )


def _cancel() -> rx.Component:
    return rx.fragment(
        button(
            "Cancel plan",
            type="button",
            emphasis="quiet",
            disabled=BillingState.going_to != "",
            **opens(_CANCEL),
        ),
        confirm(
            id=_CANCEL,
            title=rx.el.span("Cancel ", BillingState.plan, "?"),
            consequence=BillingState.losses,
            act="Cancel plan",
            keep="Keep it",
            on_confirm=_state.cancel_plan,
        ),
    )


def _used() -> rx.Component:
    return section(
        "This month",
        rx.foreach(
            BillingState.notices,
            lambda said: rx.cond(
                BillingState.is_used_up, notice(said, tone="danger"), notice(said, tone="warning")
            ),
        ),
        card(
            rx.cond(
                BillingState.is_loaded,
                rx.el.ul(
                    rx.foreach(BillingState.used, _bar),
                    class_name="grid gap-x-8 gap-y-5 p-4 tablet:grid-cols-2",
                ),
                skeleton_rows(3),
            )
        ),
        note=BillingState.month,
    )


def _bar(used: UsedRow) -> rx.Component:
    return rx.el.li(
        rx.cond(
            used.is_limited,
            counted_progress(used.label, used.counts, used.percent, tone=used.tone),
            rx.el.div(
                rx.el.span(used.label, class_name="truncate font-medium"),
                rx.el.span(used.counts, class_name="shrink-0 text-muted tabular-nums"),
                class_name="flex justify-between gap-4 text-table",
            ),
        ),
        rx.el.p(used.note, class_name="mt-1 text-small text-muted empty:hidden"),
        class_name="min-w-0",
    )
