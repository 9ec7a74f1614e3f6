"""What Stripe sends is checked, kept once and answered at once; what is forged changes nothing."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.billing.stripe_inbox import EVENT_TASK
from tests.buying import Buyer, make_buyer
from tests.conftest import OpenResources
from tests.factories import Factory
from tests.mixed_deliveries import KEPT, Checkouts, mixed
from tests.twins.stripe import StripeTwin, sign

PATHS = ["/api/webhooks/stripe", "/api/stripe/webhook"]


@pytest.fixture
async def paid(client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin) -> dict[str, Any]:
    """The event of a plan that was paid, not told yet."""
    stripe_twin.complete_checkout(await buyer.checkout(client, "pro"))
    return next(each for each in await buyer.events() if each["type"] == "checkout.session.completed")


async def post(client: httpx.AsyncClient, body: bytes, headers: dict[str, str], path: str = PATHS[0]) -> int:
    answer = await client.post(path, content=body, headers=headers)
    return answer.status_code


async def kept(buyer: Buyer, event_id: str) -> int:
    async with buyer.resources.database.unit_of_work() as session:
        found = await session.execute(
            text("select count(*) from stripe_events where id = :id"), {"id": event_id}
        )
        return int(found.scalar_one())


@pytest.mark.parametrize("path", PATHS)
async def test_an_event_is_answered_and_kept_once(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin, paid: dict[str, Any], path: str
) -> None:
    body, headers = stripe_twin.signed(paid)
    answers = [await client.post(path, content=body, headers=headers) for _ in range(3)]
    assert [answer.json() for answer in answers] == [{"received": True}] * 3
    assert await kept(buyer, paid["id"]) == 1


async def test_jobs_for_an_event_are_as_many_as_events(
    client: httpx.AsyncClient,
    buyer: Buyer,
    stripe_twin: StripeTwin,
    paid: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    queue, jobs = buyer.resources.queue, list[str]()
    enqueue = queue.enqueue

    async def counted(session: AsyncSession, task: str, **arguments: Any) -> None:
        jobs.append(task)
        await enqueue(session, task, **arguments)

    monkeypatch.setattr(queue, "enqueue", counted)
    body, headers = stripe_twin.signed(paid)
    for _ in range(3):
        await post(client, body, headers)
    assert jobs == [EVENT_TASK]


@pytest.mark.parametrize("secret", ["whsec_other", ""])
async def test_a_wrong_secret_is_refused(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin, paid: dict[str, Any], secret: str
) -> None:
    body, headers = stripe_twin.signed(paid, secret=secret)
    assert await post(client, body, headers) == 400
    assert await kept(buyer, paid["id"]) == 0


@pytest.mark.parametrize(("off", "status"), [(-301, 400), (-290, 200), (290, 200), (310, 400)])
async def test_a_signature_may_be_five_minutes_off_both_ways(
    client: httpx.AsyncClient, stripe_twin: StripeTwin, paid: dict[str, Any], off: int, status: int
) -> None:
    body, headers = stripe_twin.signed(paid, timestamp=int(time.time()) + off)
    assert await post(client, body, headers) == status


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "t=1",
        "v1=00",
        "t=abc,v1=00",
        "t=1,v0=00",
        "t=,v1=",
        "nonsense",
        "t=1,v1=ü".encode(),
    ],
)
async def test_a_signature_that_is_none_is_refused(
    client: httpx.AsyncClient, stripe_twin: StripeTwin, paid: dict[str, Any], signature: str | bytes
) -> None:
    body, _ = stripe_twin.signed(paid)
    answer = await client.post(
        PATHS[0],
        content=body,
        headers=[(b"stripe-signature", signature if isinstance(signature, bytes) else signature.encode())],
    )
    assert answer.status_code == 400


@pytest.mark.parametrize("off", [0, 400])
@pytest.mark.parametrize("more", ["t={now}", "t=nan", "t=inf", "t=x", "t="])
async def test_the_first_time_of_a_signature_is_the_one_that_was_signed(
    client: httpx.AsyncClient, stripe_twin: StripeTwin, paid: dict[str, Any], more: str, off: int
) -> None:
    now = int(time.time())
    body, headers = stripe_twin.signed(paid, timestamp=now + off)
    signature = f"{headers['Stripe-Signature']},{more.format(now=now)}"
    assert await post(client, body, {"Stripe-Signature": signature}) == (400 if off else 200)


@pytest.mark.parametrize("written", ["+{now}", " {now}", "{now}.0", "1_{now}", "-1", "x"])
async def test_a_time_of_anything_but_digits_is_refused(
    client: httpx.AsyncClient, stripe_twin: StripeTwin, paid: dict[str, Any], written: str
) -> None:
    body, headers = stripe_twin.signed(paid)
    at, _, digest = headers["Stripe-Signature"].partition(",")
    signature = f"t={written.format(now=at.removeprefix('t='))},{digest}"
    assert await post(client, body, {"Stripe-Signature": signature}) == 400


async def test_a_body_that_was_changed_is_refused(
    client: httpx.AsyncClient, stripe_twin: StripeTwin, paid: dict[str, Any]
) -> None:
    body, headers = stripe_twin.signed(paid)
    assert await post(client, body.replace(b"pro", b"agency") + b" ", headers) == 400


@pytest.mark.parametrize("body", [b"[]", b"null", b"{}", b'{"id": 1}', b"\xff", b'{"id":"e","data":3}'])
async def test_what_is_signed_but_no_event_is_refused(
    client: httpx.AsyncClient, stripe_twin: StripeTwin, body: bytes
) -> None:
    moment = int(time.time())
    headers = {"stripe-signature": sign(body, stripe_twin.webhook_secret, moment)}
    assert await post(client, body, headers) == 400


@pytest.mark.parametrize("path", PATHS)
async def test_a_body_of_ten_megabytes_that_says_so_is_413_before_any_of_it_is_read(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin, path: str
) -> None:
    sent = list[int]()
    headers = {"content-length": str(10_000_000), "stripe-signature": "t=1,v1=00"}
    answer = await client.post(path, content=_large_body(sent), headers=headers)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert sum(sent) == 0


@pytest.mark.parametrize("path", PATHS)
async def test_a_body_of_ten_megabytes_that_does_not_say_so_is_413_after_the_first_of_them(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin, path: str
) -> None:
    sent = list[int]()
    answer = await client.post(path, content=_large_body(sent), headers={"stripe-signature": "t=1,v1=00"})
    assert answer.status_code == 413
    assert sum(sent) <= 1_200_000


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
async def test_another_method_is_405_and_says_which_there_is(
    client: httpx.AsyncClient, buyer: Buyer, method: str, path: str
) -> None:
    answer = await client.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.headers["content-type"] == "application/problem+json"


async def _large_body(sent: list[int]) -> AsyncIterator[bytes]:
    for _ in range(100):
        sent.append(100_000)
        yield b"x" * 100_000


async def test_while_a_secret_is_replaced_both_count(
    client: httpx.AsyncClient, stripe_twin: StripeTwin, with_resources: OpenResources, paid: dict[str, Any]
) -> None:
    secrets = ["whsec_new", stripe_twin.webhook_secret]
    async with with_resources(stripe_webhook_secret=SecretStr(f" {secrets[0]}, {secrets[1]} ,")):
        statuses = []
        for secret in secrets:
            body, headers = stripe_twin.signed(paid, secret=secret)
            statuses.append(await post(client, body, headers))
    assert statuses == [200, 200]


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        ({"stripe_webhook_secret": None}, "STRIPE_WEBHOOK_SECRET"),
        ({"stripe_webhook_secret": SecretStr(" , ")}, "STRIPE_WEBHOOK_SECRET"),
        ({"stripe_secret_key": None}, "STRIPE_SECRET_KEY"),
    ],
)
async def test_without_a_secret_nothing_is_taken(
    client: httpx.AsyncClient,
    stripe_twin: StripeTwin,
    with_resources: OpenResources,
    paid: dict[str, Any],
    missing: dict[str, Any],
    named: str,
) -> None:
    body, headers = stripe_twin.signed(paid, secret="")
    async with with_resources(**missing):
        answer = await client.post(PATHS[0], content=body, headers=headers)
    assert answer.status_code == 503
    assert named in answer.json()["detail"]


async def test_an_event_of_the_other_mode_is_kept_and_does_nothing(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin, paid: dict[str, Any]
) -> None:
    live = paid | {"livemode": True}
    body, headers = stripe_twin.signed(live)
    assert await post(client, body, headers) == 200
    await buyer.resources.effects_of_stripe().work_on(live["id"])
    assert (await buyer.detail(live))[0] == "refused"
    assert await buyer.plan() == "free"


async def test_an_unknown_type_is_kept_and_ignored(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin, paid: dict[str, Any]
) -> None:
    other = paid | {"type": "radar.early_fraud_warning.created"}
    body, headers = stripe_twin.signed(other)
    assert await post(client, body, headers) == 200
    assert (await buyer.detail(other))[0] == "ignored"


@pytest.mark.timeout(300)
async def test_two_thousand_deliveries_of_which_a_tenth_is_forged(
    client: httpx.AsyncClient, factory: Factory, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    """Bad signature, empty secret, old and future times, the other mode, another workspace's customer."""
    other = await make_buyer(factory, buyer.resources, stripe_twin)
    for each in (buyer, other):
        stripe_twin.complete_checkout(await each.top_up(client, 1000))
    sent = [*await buyer.events(), *await other.events()]
    unpaid, misdirected = await buyer.top_up(client, 5000), await other.top_up(client, 5000)
    stripe_twin.state.sessions[misdirected]["client_reference_id"] = str(buyer.tenant.id)
    stripe_twin.complete_checkout(misdirected)
    about = Checkouts(unpaid, misdirected, await other.customer())
    posted = list(mixed(stripe_twin, sent, about, 2_000))
    wrong = [
        (status, each.kind)
        for each in posted
        if (status := await post(client, each.body, each.headers)) != each.wanted
    ]
    assert wrong == []
    effects = buyer.resources.effects_of_stripe()
    for id in {each.id for each in posted}:
        await effects.work_on(id)
    for forged in (each for each in posted if each.kind):
        became = await buyer.detail({"id": forged.id}) if await kept(buyer, forged.id) else None
        assert became == KEPT.get(forged.kind), forged.kind
    for each in (buyer, other):
        assert (await each.usage()).topped_up == 1_000
        assert await each.plan() == "free"
        assert await each.mistakes() == []


async def test_a_checkout_for_another_workspace_than_its_customers_is_refused(
    client: httpx.AsyncClient, factory: Factory, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    other = await make_buyer(factory, buyer.resources, stripe_twin)
    checkout = await buyer.top_up(client)
    stripe_twin.state.sessions[checkout]["client_reference_id"] = str(other.tenant.id)
    stripe_twin.complete_checkout(checkout)
    await buyer.hear()
    told = [await buyer.detail(each) for each in await buyer.events() if "checkout" in each["type"]]
    assert told == [("refused", "The checkout is for another workspace than its customer.")]
    assert (await buyer.usage()).topped_up == 0


async def test_a_price_that_is_not_ours_is_parked(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    stripe_twin.add_price("price_strange", 100, "month", name="Strange")
    stripe_twin.complete_checkout(await buyer.checkout(client, "pro"))
    # Of two that are live the later one counts.
    stripe_twin.advance(seconds=2)
    subscription = stripe_twin.add_subscription(await buyer.customer(), "price_strange")
    await buyer.hear()
    told = [
        await buyer.detail(each)
        for each in await buyer.events()
        if each["data"]["object"]["id"] == subscription["id"]
    ]
    assert ("parked", "The price price_strange belongs to no plan in the settings.") in told
