"""Pages that could not be loaded, as the database was away, and what "Try again" makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from playwright.sync_api import Page, expect

from helpninja_app.kernel.embedded_postgres import EmbeddedPostgres
from tests.e2e.accessibility import findings
from tests.e2e.dashboard_steps import sign_in
from tests.e2e.demo_server import DemoServer, running_demo

pytestmark = pytest.mark.timeout(300)

# A page, and what stands on it once it is loaded.
PAGES = (
    ("", "to answer from"),
    ("/inbox", "Nobody waits"),
    ("/chat", "No chats yet"),
    ("/knowledge", "Sitemap"),
    ("/escalation", "Escalations stand in the inbox alone"),
    ("/team", "(you)"),
    ("/keys", "Revoke"),
    ("/billing", "Agency was given"),
    ("/settings", "Websites that may show the widget"),
    ("/audit", "There is nothing yet"),
    ("/account", "This device"),
)
AWAY = "The database is not available right now."
# One after the other: until the first is committed, who was thrown out may come in again.
_SHUT = (
    "alter role hn_app nologin",
    "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'hn_app'",
)


@pytest.fixture(scope="module")
def server() -> Iterator[DemoServer]:
    """One of its own: other tests are not to lose their database."""
    with running_demo() as running:
        yield running


@contextmanager
def database_away(server: DemoServer) -> Iterator[None]:
    """The product's role is thrown out and let in no more, for the time of a block."""
    with (
        EmbeddedPostgres(server.data / "postgres") as postgres,
        psycopg.connect(postgres.urls.superuser, autocommit=True) as connection,
    ):
        for statement in _SHUT:
            connection.execute(statement)
        try:
            yield
        finally:
            connection.execute("alter role hn_app login")


@pytest.mark.parametrize(("path", "content"), PAGES, ids=lambda value: value or "home")
def test_a_page_that_could_not_be_loaded_is_there_after_try_again(
    page: Page, server: DemoServer, path: str, content: str
) -> None:
    sign_in(page, server)
    # A tab that was shown nothing yet.
    page = page.context.new_page()
    main = page.get_by_role("main")
    again = main.get_by_role("button", name="Try again")
    with database_away(server):
        page.goto(f"{server.url}/app{path}")
        expect(main.get_by_role("alert").first).to_contain_text(AWAY)
        expect(main.get_by_text("Loading", exact=True).filter(visible=True)).to_have_count(0)
        expect(main).not_to_contain_text(content)
        assert findings(page) == []
    # The last, of a page whose parts stand side by side: it loads what is before it too.
    again.last.click()
    expect(again).to_have_count(0)
    expect(main).to_contain_text(content)
    # What stands around the page was not loaded either.
    expect(page.locator("#sidebar")).to_contain_text("Fernway")
    expect(page.locator("#sidebar").get_by_role("link", name="Audit log")).to_be_visible()
    expect(page.get_by_text(AWAY)).to_have_count(0)


def test_a_search_that_failed_is_repeated_by_try_again(page: Page, server: DemoServer) -> None:
    sign_in(page, server)
    field = page.get_by_label("A question as a visitor would ask it")
    with database_away(server):
        field.fill("How long do I have to return a jacket?")
        field.press("Enter")
        expect(page.get_by_role("main").get_by_role("alert")).to_contain_text(AWAY)
    page.get_by_role("main").get_by_role("button", name="Try again").click()
    expect(page.locator("ol > li").first).to_be_visible()
