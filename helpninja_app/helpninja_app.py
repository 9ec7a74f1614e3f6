"""The composition root: puts pages, API and lifespan together; nothing else happens here."""

from __future__ import annotations

from typing import cast

import reflex as rx
from reflex.state import FrontendEventExceptionState

from api_routes.app import create_api
from api_routes.middleware import PublicPreflight
from helpninja_app.kernel.draining import Draining
from helpninja_app.kernel.failure_pages import FailurePages
from helpninja_app.kernel.frontend import FrontEnd
from helpninja_app.kernel.log_redaction import redact_all_logs
from helpninja_app.kernel.web import ASGIApp, ByPrefix, SecurityHeaders, inline_script_hashes
from helpninja_app.kernel.websockets import GuardedEvents
from helpninja_app.runtime import running
from helpninja_app.screens.registry import DEVELOPMENT_ONLY, SCREENS
from helpninja_app.settings import get_settings
from helpninja_app.ui.failures import connection_notice, failure_boundary
from helpninja_app.ui.toasts import toaster

API_PREFIXES = ("/api", "/widget", "/demo", "/metrics")

# Its patterns take quadratic time on a text that any stranger may send.
FrontendEventExceptionState.auto_reload_on_errors = []

draining = Draining()

# Their files; nothing that our policy would have to allow stands in the pages themselves.
BEHAVIOURS = (
    *("early", "behaviours", "forms", "links", "sessions", "unsaved"),
    *("chat", "chat_uploads", "knowledge_uploads", "inbox", "canned"),
)


class App(rx.App):
    """Reflex' app with our own middleware around all of it, its CORS layer included."""

    def __call__(self) -> ASGIApp:
        redact_all_logs()
        settings = get_settings()
        guarded = GuardedEvents(super().__call__(), settings)
        # The pages are built once for both; in production some of them are not there.
        hidden = () if settings.is_development else DEVELOPMENT_ONLY
        answering = FailurePages(guarded, hidden=hidden)
        protected = SecurityHeaders(answering, settings, script_hashes=inline_script_hashes(FrontEnd().pages))
        return draining.around(PublicPreflight(protected))


def _with_api(pages: ASGIApp) -> ASGIApp:
    return ByPrefix(
        API_PREFIXES, cast(ASGIApp, create_api(is_supabase=get_settings().is_supabase_sign_in)), pages
    )


app = App(
    api_transformer=_with_api,
    html_lang="en",
    stylesheets=["/styles/tokens.css", "/styles/components.css"],
    head_components=[
        rx.el.link(rel="icon", type="image/svg+xml", href="/brand/mark.svg"),
        *(rx.el.script(src=f"/behaviours/{name}.js", defer=True) for name in BEHAVIOURS),
    ],
    toaster=toaster(),
    # In place of Reflex' own, which name the framework and speak of websockets.
    app_wraps={
        (55, "ErrorBoundary"): lambda _: failure_boundary(),
        (5, "Overlay"): lambda _: rx.fragment(rx.memo(connection_notice)()),
    },
)
for screen in SCREENS:
    app.add_page(
        screen.page,
        route=screen.route,
        title=screen.title,
        description=screen.description,
        on_load=screen.on_load,
        meta=[{"name": "theme-color", "content": "#0b7a64"}],
    )
app.register_lifespan_task(draining.listening)
app.register_lifespan_task(running)
