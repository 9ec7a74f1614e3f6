"""Stripe's events in an installation at work: a handler that fails, a database that is away, the command."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
import uvicorn
from procrastinate.retry import RetryStrategy
from sqlalchemy import text
from typer.testing import CliRunner

from api_routes.app import create_api
from helpninja_app import billing_commands, runtime
from helpninja_app.accounts.users import confirm_address, find_user_id
from helpninja_app.answers.answerers import Answerers
from helpninja_app.billing import stripe_gateway, stripe_inbox
from helpninja_app.billing.stripe_inbox import HANDLED, MOST_ATTEMPTS
from helpninja_app.cli import cli
from helpninja_app.errors import Unavailable
from helpninja_app.jobs import MAX_ATTEMPTS, fetch_stripe_events, tasks
from helpninja_app.kernel.embedded_postgres import Urls
from helpninja_app.kernel.queue import stop
from helpninja_app.knowledge.embedders import Embedders
from helpninja_app.knowledge.embedding.hashing import HashingEmbedder
from helpninja_app.resources import Resources, open_resources
from helpninja_app.screens.operations.state import OperationsState
from tests.buying import Buyer, NoQueue, make_buyer
from tests.conftest import make_settings
from tests.factories import Factory
from tests.screens.test_home import call, tab
from tests.stripe_shop import settings_of
from tests.twins.stripe import StripeTwin

PAID = "checkout.session.completed"
AWAY = "Stripe cannot be reached right now"


@pytest.fixture
def urls(file_urls: Urls) -> Urls:
    """Nothing came and nothing is to be done yet; nobody else works on its jobs, and it may go away."""
    with psycopg.connect(file_urls.superuser, autocommit=True) as connection:
        connection.execute("truncate stripe_events, procrastinate_jobs cascade")
    return file_urls


@pytest.fixture
async def own(
    urls: Urls, twin: StripeTwin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Resources]:
    """An installation that sells there; it tries again without waiting."""
    monkeypatch.setattr(stripe_gateway, "RETRIES", 0)
    monkeypatch.setattr(runtime, "RESTART_SECONDS", 0.1)
    settings = make_settings(urls, tmp_path, **settings_of(twin) | {"unlimited": False})
    async with open_resources(
        settings, urls.app, tasks=tasks, embedder=HashingEmbedder(), answerers=Answerers()
    ) as opened:
        at_once = RetryStrategy(max_attempts=MAX_ATTEMPTS, wait=0)
        monkeypatch.setattr(opened.queue.app.tasks["helpninja:stripe_event"], "retry_strategy", at_once)
        yield opened


@pytest.fixture
async def buyer(own: Resources, twin: StripeTwin) -> Buyer:
    return await make_buyer(Factory(own), own, twin)


@pytest.fixture
async def served(own: Resources) -> AsyncIterator[str]:
    """The address of the API, which answers over HTTP there."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(create_api(), lifespan="off", ws="none", log_config=None)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await serving


@contextlib.asynccontextmanager
async def working(own: Resources) -> AsyncIterator[None]:
    worker = asyncio.create_task(runtime.keep_working(own))
    try:
        yield
    finally:
        await stop(worker)


async def pay(served: str, buyer: Buyer, plan: str = "pro") -> dict[str, Any]:
    """Buy a plan over HTTP; the event that says that it is paid, not told yet."""
    async with httpx.AsyncClient(base_url=served) as client:
        buyer.twin.complete_checkout(await buyer.checkout(client, plan))
    [paid] = [each for each in await buyer.events() if each["type"] == PAID]
    return paid


async def tell(served: str, buyer: Buyer, event: dict[str, Any]) -> list[int]:
    """Have the twin deliver one event."""
    buyer.twin.deliver_to = f"{served}/api/webhooks/stripe"
    return await asyncio.to_thread(buyer.twin.deliver, event)


async def state_of(buyer: Buyer, event: dict[str, Any]) -> str:
    return (await buyer.detail(event))[0]


async def until(buyer: Buyer, event: dict[str, Any], state: str) -> None:
    """Wait until an event is in that state, also while nobody can say."""
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(Unavailable):
                if await state_of(buyer, event) == state:
                    return
            await asyncio.sleep(0.05)


async def operations(own: Resources, buyer: Buyer, monkeypatch: pytest.MonkeyPatch) -> OperationsState:
    """The page of whoever runs the installation."""
    email, headers = await Factory(own).member(buyer.tenant)
    monkeypatch.setattr(own.settings, "operators", frozenset({email}))
    async with own.database.unit_of_work() as session:
        user_id = await find_user_id(session, email)
        assert user_id is not None
        await confirm_address(session, user_id, email)
    page = await tab(OperationsState, headers["cookie"])
    await call(page, "open_events")
    return page


def row_of(page: OperationsState, event: dict[str, Any]) -> tuple[str, str, bool]:
    [row] = [each for each in page.rows if each.id == event["id"]]
    return row.state, row.detail, row.may_retry


def times_read(twin: StripeTwin, event: dict[str, Any]) -> int:
    """How often somebody asked Stripe for what an event is about."""
    return sum(call.path.endswith(event["data"]["object"]["id"]) for call in twin.state.calls)


@pytest.mark.parametrize(("is_away", "said"), [(True, AWAY), (False, "KeyError")])
async def test_an_event_whose_handler_fails_each_time_is_parked_and_can_be_worked_on_later(
    own: Resources,
    served: str,
    buyer: Buyer,
    twin: StripeTwin,
    monkeypatch: pytest.MonkeyPatch,
    is_away: bool,
    said: str,
) -> None:
    paid = await pay(served, buyer)
    checkout = twin.state.sessions[paid["data"]["object"]["id"]]
    if is_away:
        twin.fail_next(10 * MAX_ATTEMPTS, status=500)
    else:
        # Nothing that a handler foresees.
        del checkout["currency"]
    assert await tell(served, buyer, paid) == [200]
    async with working(own):
        await until(buyer, paid, "parked")
        assert times_read(twin, paid) == MAX_ATTEMPTS
        assert await buyer.plan() == "free"
        page = await operations(own, buyer, monkeypatch)
        state, detail, may_retry = row_of(page, paid)
        assert (state, may_retry, page.parked) == ("Parked", True, 1)
        assert detail.startswith(said)
        twin.api.faults.clear()
        checkout["currency"] = "usd"
        await call(page, "work_on_parked")
        await until(buyer, paid, "done")
    assert await buyer.plan() == "pro"
    await call(page, "open_events")
    assert (row_of(page, paid)[0], page.parked) == ("Done", 0)


async def test_what_was_parked_is_tried_again_by_itself_until_somebody_has_to_look(
    own: Resources, served: str, buyer: Buyer, twin: StripeTwin
) -> None:
    paid = await pay(served, buyer)
    assert await tell(served, buyer, paid) == [200]
    async with working(own):
        await until(buyer, paid, "done")
    await put_away(own, paid, attempts=MOST_ATTEMPTS)
    await fetch_stripe_events(own)
    assert await state_of(buyer, paid) == "parked"
    await put_away(own, paid, attempts=MOST_ATTEMPTS - 1)
    await fetch_stripe_events(own)
    assert await state_of(buyer, paid) == "waiting"
    async with working(own):
        await until(buyer, paid, "done")


async def put_away(own: Resources, event: dict[str, Any], *, attempts: int) -> None:
    """As it is eleven minutes after the event was parked."""
    async with own.database.unit_of_work() as session:
        await session.execute(
            text(
                "update stripe_events set state = 'parked', attempts = :attempts,"
                " finished_at = now() - interval '11 minutes' where id = :id"
            ),
            {"id": event["id"], "attempts": attempts},
        )


async def replay(monkeypatch: pytest.MonkeyPatch, own: Resources, *arguments: str) -> tuple[int, list[str]]:
    """What the command ends with and says."""
    monkeypatch.setattr(
        "helpninja_app.resources.make_embedders", lambda _settings: Embedders(HashingEmbedder())
    )
    monkeypatch.setattr(billing_commands, "get_settings", lambda: own.settings)
    result = await asyncio.to_thread(CliRunner().invoke, cli, ["webhooks", "replay", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    # Between what it says stands what is logged, in either form.
    is_logged = re.compile(r"^\{.*\}$|event='").search
    return result.exit_code, [line for line in result.output.splitlines() if not is_logged(line)]


async def test_the_command_works_on_what_is_parked_and_fetches_what_never_came(
    own: Resources, served: str, buyer: Buyer, twin: StripeTwin, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid = await pay(served, buyer)
    assert await tell(served, buyer, paid) == [200]
    await put_away(own, paid, attempts=MAX_ATTEMPTS)
    status, lines = await replay(monkeypatch, own)
    told = sum(each["type"] in HANDLED and each["id"] != paid["id"] for each in twin.events())
    assert (status, lines[0], lines[-1]) == (
        0,
        f"{told} events were missing.",
        f"{told + 1} events were worked on.",
    )
    assert f"{paid['id']}: done. active: the pro plan counts." in lines
    assert await buyer.plan() == "pro"
    assert await replay(monkeypatch, own) == (0, ["0 events were missing.", "0 events were worked on."])


async def test_the_command_works_on_the_named_events_alone_and_says_what_is_not_done(
    own: Resources, served: str, buyer: Buyer, twin: StripeTwin, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid = await pay(served, buyer)
    [created] = twin.events("customer.subscription.created")
    for event in (paid, created):
        assert await tell(served, buyer, event) == [200]
        await put_away(own, event, attempts=MAX_ATTEMPTS)
    twin.fail_next(1, status=500)
    status, lines = await replay(monkeypatch, own, "--event", paid["id"])
    assert (status, len(lines), lines[1]) == (1, 2, "1 events were worked on.")
    assert lines[0].startswith(f"{paid['id']}: not done. {AWAY}")
    assert (await state_of(buyer, paid), await state_of(buyer, created)) == ("waiting", "parked")
    await replay(monkeypatch, own, "-e", paid["id"])
    assert (await state_of(buyer, paid), await state_of(buyer, created)) == ("done", "parked")


async def test_the_command_works_on_what_was_refused_while_the_key_was_another_accounts(
    own: Resources, served: str, buyer: Buyer, twin: StripeTwin, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid = await pay(served, buyer)
    assert await tell(served, buyer, paid) == [200]
    checkout = twin.state.sessions.pop(paid["data"]["object"]["id"])
    async with working(own):
        await until(buyer, paid, "refused")
    twin.state.sessions[checkout["id"]] = checkout
    status, lines = await replay(monkeypatch, own)
    assert f"{paid['id']}: done. active: the pro plan counts." in lines
    assert (status, await buyer.plan()) == (0, "pro")


async def test_the_command_works_on_an_event_of_the_other_mode_only_when_the_key_is_of_it(
    own: Resources, served: str, buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid = await pay(served, buyer)
    assert await tell(served, buyer, paid | {"livemode": True}) == [200]
    for arguments in ((), ("-e", paid["id"])):
        status, lines = await replay(monkeypatch, own, *arguments)
        assert (status, lines[-1].startswith(f"{paid['id']}: done")) == (0, False)
        assert await state_of(buyer, paid) == "refused"
    async with own.database.unit_of_work() as session:
        assert await stripe_inbox.replay(session, NoQueue(), is_live=True) == 1
    assert await state_of(buyer, paid) == "waiting"
    # The key is another one again before somebody came to it.
    await own.effects_of_stripe().work_on(paid["id"])
    assert await state_of(buyer, paid) == "refused"


async def test_what_nobody_works_on_is_ignored_in_either_mode_and_never_worked_on(
    own: Resources, served: str, buyer: Buyer, twin: StripeTwin
) -> None:
    await pay(served, buyer)
    [created] = [each for each in twin.events() if each["type"] == "customer.created"][:1]
    for is_live in (True, False):
        assert await tell(served, buyer, created | {"livemode": is_live}) == [200]
        assert await state_of(buyer, created) == "ignored"
    async with own.database.unit_of_work() as session:
        assert await stripe_inbox.replay(session, NoQueue(), [created["id"]], is_live=True) == 0


async def test_the_command_goes_on_after_an_event_that_nothing_can_be_made_of(
    own: Resources, served: str, buyer: Buyer, twin: StripeTwin, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid = await pay(served, buyer)
    [created] = twin.events("customer.subscription.created")
    for event in (paid, created):
        assert await tell(served, buyer, event) == [200]
    await age(own, paid)
    del twin.state.sessions[paid["data"]["object"]["id"]]["currency"]
    status, lines = await replay(monkeypatch, own, "-e", paid["id"], "-e", created["id"])
    assert (status, lines[0]) == (1, f"{paid['id']}: not done. KeyError")
    assert lines[1].startswith(f"{created['id']}: done.")


async def test_the_command_says_what_is_unknown_or_parked_and_ends_with_1(
    own: Resources, served: str, buyer: Buyer, twin: StripeTwin, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await replay(monkeypatch, own, "-e", "evt_unknown") == (
        1,
        ["evt_unknown: unknown here.", "0 events were worked on."],
    )
    paid = await pay(served, buyer)
    assert await tell(served, buyer, paid) == [200]
    twin.state.prices["price_pro_monthly"]["unit_amount"] = 1
    for subscription in twin.state.subscriptions.values():
        subscription["items"]["data"][0]["price"]["unit_amount"] = 1
    status, lines = await replay(monkeypatch, own, "-e", paid["id"])
    assert (status, lines[0].startswith(f"{paid['id']}: parked. The pro plan costs")) == (1, True)


async def age(own: Resources, event: dict[str, Any]) -> None:
    """Make an event the oldest."""
    async with own.database.unit_of_work() as session:
        await session.execute(
            text("update stripe_events set created_at = now() - interval '1 day' where id = :id"),
            {"id": event["id"]},
        )


async def test_what_comes_while_the_database_is_away_is_refused_and_taken_when_it_is_sent_again(
    own: Resources, urls: Urls, served: str, buyer: Buyer, twin: StripeTwin
) -> None:
    paid = await pay(served, buyer)
    assert await tell(served, buyer, paid) == [200]
    twin.attempts.clear()
    twin.retries = 1
    later = next(each for each in twin.events() if each["type"] == "customer.subscription.created")
    twin.held[:] = [later]
    async with working(own):
        await until(buyer, paid, "done")
        with database_away(urls):
            await asyncio.to_thread(twin.flush)
            assert [each.status for each in twin.attempts] == [503, 503]
        # Stripe sends again what was refused.
        await asyncio.to_thread(twin.flush)
        assert [each.status for each in twin.attempts] == [503, 503, 200]
        await until(buyer, later, "done")


async def test_what_was_taken_before_the_database_went_away_is_worked_on_when_it_is_back(
    own: Resources, urls: Urls, served: str, buyer: Buyer, twin: StripeTwin
) -> None:
    paid = await pay(served, buyer)
    assert await tell(served, buyer, paid) == [200]
    twin.hang(0.5, paid["data"]["object"]["id"])
    async with working(own):
        while not times_read(twin, paid):
            await asyncio.sleep(0.01)
        # What the handler has to write now, it cannot.
        with database_away(urls):
            await asyncio.sleep(1.5)
        await until(buyer, paid, "done")
    assert await buyer.plan() == "pro"
    assert await buyer.mistakes() == []


@contextlib.contextmanager
def database_away(urls: Urls) -> Iterator[None]:
    """Nobody has or gets a connection to it; ends what there was."""
    name = urlsplit(urls.superuser).path.removeprefix("/")
    elsewhere = urls.superuser.replace(f"/{name}", "/postgres")
    with psycopg.connect(elsewhere, autocommit=True) as connection:
        connection.execute(f'alter database "{name}" allow_connections false')
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name,)
        )
        try:
            yield
        finally:
            connection.execute(f'alter database "{name}" allow_connections true')
