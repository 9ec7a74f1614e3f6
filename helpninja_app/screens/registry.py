"""Every page there is, in one list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import reflex as rx

from helpninja_app.screens.home.documents_state import DocumentsState
from helpninja_app.screens.home.page import home_page
from helpninja_app.screens.home.state import PATH, HomeState
from helpninja_app.screens.landing.page import landing_page
from helpninja_app.screens.not_found.page import not_found_page
from helpninja_app.screens.session import SignedInState
from helpninja_app.screens.sign_in.page import sign_in_page
from helpninja_app.screens.sign_in.state import SignInState


@dataclass(frozen=True, slots=True)
class Screen:
    """A page: its route, what draws it, and what search engines and tabs show."""

    route: str
    page: Callable[[], rx.Component]
    title: str
    description: str
    on_load: Any = None


SCREENS = (
    Screen(
        "/",
        landing_page,
        "HelpNinja: support that answers from your own pages",
        "Paste one line into your website. HelpNinja answers visitors from your own pages and documents, "
        "shows where each answer comes from, and hands over to a person when it is not sure.",
    ),
    Screen(
        "/sign-in",
        sign_in_page,
        "Sign in to HelpNinja",
        "Sign in to your HelpNinja workspace.",
        # Whoever signs in here must not be shown what this tab knew of somebody else.
        on_load=[SignedInState.forget, SignInState.read_address],
    ),
    Screen(
        PATH,
        home_page,
        "Home · HelpNinja",
        "Your workspace: what the assistant knows, what it would find, and who talked to it.",
        on_load=[HomeState.open_page, DocumentsState.open_documents],
    ),
    Screen("404", not_found_page, "Page not found", "There is no page at this address."),
)
