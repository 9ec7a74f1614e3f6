"""What people see when a page breaks or the server does not answer."""

from __future__ import annotations

import reflex as rx
from reflex_components_core.base.error_boundary import ErrorBoundary
from reflex_components_core.core.banner import has_hydration_payload_error, has_too_many_connection_errors

from helpninja_app.ui.actions import button
from helpninja_app.ui.brand import mark
from helpninja_app.ui.icons import icon
from helpninja_app.ui.links import document_link

_CAUSE = rx.Var("(event_args.error?.name + ': ' + event_args.error?.message)").to(str)

LOST = "The connection to the server is lost. We keep trying; what you see may be out of date."


def failure_boundary() -> rx.Component:
    """Around all pages: what is thrown while one is drawn ends here, and is reported to the server's log."""
    return ErrorBoundary.create(fallback_render=rx.Var.create(failed_page(_CAUSE)))


def failed_page(cause: rx.Var[str] | str) -> rx.Component:
    """The whole window, for a page that could not be drawn; ``cause`` is for who looks after the server."""
    return rx.el.main(
        rx.el.div(
            mark(),
            rx.el.h1(
                "This page could not be shown", class_name="mt-4 text-heading font-semibold tracking-title"
            ),
            rx.el.p(
                "Something in it failed. What you saved is kept; load the page again, and if that does "
                "not help, "
                "tell whoever looks after this installation what stands below.",
                class_name="max-w-prose text-body text-muted",
            ),
            rx.el.div(
                button(
                    icon("rotate-cw"),
                    "Load it again",
                    type="button",
                    emphasis="primary",
                    size="large",
                    data_reloads=True,
                ),
                document_link(
                    "Go to the front page",
                    href="/",
                    class_name="inline-flex h-10 items-center rounded-control px-3 text-body font-medium "
                    "text-muted "
                    "hover:text-text",
                ),
                class_name="flex flex-wrap gap-2 pt-3",
            ),
            rx.el.details(
                rx.el.summary(
                    "What went wrong",
                    class_name="cursor-pointer rounded-chip text-small font-medium text-muted",
                ),
                rx.el.pre(
                    cause,
                    class_name="mt-2 max-h-60 overflow-auto rounded-control border border-border "
                    "bg-subtle p-3 "
                    "font-mono text-small wrap-anywhere whitespace-pre-wrap",
                ),
                class_name="max-w-full pt-6",
            ),
            role="alert",
            class_name="mx-auto flex w-full max-w-reading flex-col items-start gap-2 px-5 py-20",
        ),
        class_name="min-h-dvh bg-bg text-body text-text",
    )


def connection_notice() -> rx.Component:
    """Over every page while the server does not answer; it goes by itself when that is over."""
    return rx.fragment(
        rx.cond(
            has_hydration_payload_error,
            _bar("This page holds more than the server takes. Load it again."),
            rx.cond(has_too_many_connection_errors, _bar(LOST)),
        )
    )


def _bar(sentence: str) -> rx.Component:
    return rx.el.div(
        connection_bar(sentence),
        role="status",
        class_name="fixed inset-x-4 bottom-4 z-20 mx-auto max-w-palette",
    )


def connection_bar(sentence: str) -> rx.Component:
    return rx.el.div(
        icon("wifi-off", class_name="mt-0.5 text-warning phone:mt-0"),
        rx.el.p(sentence, class_name="min-w-0 flex-1"),
        button("Load again", type="button", size="small", data_reloads=True),
        class_name="flex items-start gap-3 rounded-card border border-border-strong bg-raised p-3 text-table "
        "text-text shadow-float phone:items-center",
    )
