"""How Reflex builds and serves the pages."""

import reflex as rx

from helpninja_app.kernel.any_origin import AnyOriginPlugin
from helpninja_app.ui.theme import TAILWIND

config = rx.Config(
    app_name="helpninja_app",
    telemetry_enabled=False,
    show_built_with_reflex=False,
    plugins=[rx.plugins.TailwindV4Plugin(TAILWIND), AnyOriginPlugin()],
    disable_plugins=[rx.plugins.SitemapPlugin],
    # Pages, API and websocket share one origin, so nobody else gets an answer to a pre-flight. The Origin of
    # the websocket is checked in helpninja_app.kernel.web, which knows the address people really use.
    cors_allowed_origins=[],
)
