"""What the tests of the API run with: plain logs, a crawler that does not wait, and a Supabase project."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import structlog

from api_routes import ingest as ingest_routes
from helpninja_app.knowledge.crawl import fetcher as crawl_fetcher
from tests.api.supabase import Installation, installation
from tests.buying import Buyer, make_buyer
from tests.conftest import OpenResources
from tests.factories import Factory
from tests.twins.gotrue import Gotrue, running_gotrue
from tests.twins.stripe import StripeTwin


@pytest.fixture(scope="session", autouse=True)
def plain_logs() -> Iterator[None]:
    """A traceback with all locals takes seconds to print."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ]
    )
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session", autouse=True)
def patient_ingests() -> Iterator[None]:
    """A busy machine reads a site more slowly than a caller waits; the tests of that say so themselves."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ingest_routes, "WAIT_SECONDS", 300)
        yield


@pytest.fixture
def no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crawl_fetcher, "_FIRST_BACKOFF", 0.01)


@pytest.fixture
def gotrue() -> Iterator[Gotrue]:
    """A twin of Supabase's auth server."""
    with running_gotrue() as running:
        yield running


@pytest.fixture
async def here(gotrue: Gotrue, with_resources: OpenResources) -> AsyncIterator[Installation]:
    """HelpNinja with it."""
    async with installation(gotrue, with_resources) as made:
        yield made


@pytest.fixture
async def browser(here: Installation) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody's browser, signed in as nobody."""
    async with here.browser() as made:
        yield made


@pytest.fixture
async def buyer(
    factory: Factory, with_resources: OpenResources, stripe_twin: StripeTwin
) -> AsyncIterator[Buyer]:
    """Who may buy where limits count."""
    async with with_resources(unlimited=False) as limited:
        yield await make_buyer(factory, limited, stripe_twin)
