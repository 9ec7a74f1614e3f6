"""The browser of the end-to-end tests: the system's own Chromium when there is one, else Playwright's."""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.demo_server import DemoServer, running_demo
from tests.twins.widget_backend import WidgetBackend, serve_widget_backend

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--lang=en-US",
]

# A busy machine takes more than the five seconds that Playwright gives; what passes takes no longer by it.
expect.set_options(timeout=20_000)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    system = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    return {
        **browser_type_launch_args,
        "args": CHROMIUM_FLAGS,
        # Dates are typed and told as there, wherever the machine stands.
        "env": {**os.environ, "TZ": "UTC", "LANGUAGE": "en_US", "LC_ALL": "C.UTF-8"},
        **({"executable_path": system} if system else {}),
    }


@pytest.fixture
def widget_backend() -> Iterator[WidgetBackend]:
    """The widget's backend with scripted answers, on a free loopback port."""
    with serve_widget_backend() as backend:
        yield backend


@pytest.fixture(scope="session")
def demo_server() -> Iterator[DemoServer]:
    """The whole product with its demo workspace, started once for all tests."""
    with running_demo() as server:
        yield server
