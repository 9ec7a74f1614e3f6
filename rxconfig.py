"""How Reflex builds and serves the pages."""

import os

import reflex as rx
from reflex_base.constants import StateManagerMode

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
    # Reflex' default writes each tab's state, the cookie of its websocket included, to files in the clear.
    state_manager_mode=StateManagerMode.REDIS if os.environ.get("REDIS_URL") else StateManagerMode.MEMORY,
)
