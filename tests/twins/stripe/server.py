"""The twin itself: Stripe's API and hosted pages over real HTTP, with the controls that tests need."""

from __future__ import annotations

import copy
import functools
import secrets
import socket
import threading
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Literal, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.twins.stripe import (
    catalogue,
    checkout,
    customers,
    payments,
    portal_page,
    renewals,
    routes,
    schedules,
    subscriptions,
)
from tests.twins.stripe.api import Api, Fault
from tests.twins.stripe.core import Card, Core, Interval
from tests.twins.stripe.delivery import Delivery
from tests.twins.stripe.shapes import Obj

DAY = 24 * 3600


class StripeTwin(Core, Delivery):
    """A running twin, as a context manager.

    Clients are `stripe.StripeClient(twin.api_key, base_addresses={"api": twin.url})`.

    `state` is everything it knows, `cards` what customers' cards do ("good" or "declining"); how webhooks go
    out is told by the fields of `Delivery`, `deliver_to` above all.
    """

    def __init__(self) -> None:
        Core.__init__(self)
        Delivery.__init__(self)
        self.api_key = f"sk_test_{secrets.token_hex(12)}"
        self.on_event = self.take
        self.api = Api(self, self.api_key, routes.doors())
        self._running = ExitStack()

    def __enter__(self) -> Self:
        listener = self._running.enter_context(socket.create_server(("127.0.0.1", 0)))
        # asyncio sets it only where a socket names its protocol; without it each answer waits 40 ms for an
        # acknowledgement between its head and its body.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        pages = [Route(path, self._served(page), methods=[method]) for method, path, page in routes.PAGES]
        self.api.pages = Starlette(routes=pages)
        # Faults reach for the transport of asyncio's own loop; uvicorn must not wrap the application.
        server = uvicorn.Server(
            uvicorn.Config(
                self.api,
                loop="asyncio",
                http="h11",
                ws="none",
                lifespan="off",
                interface="asgi3",
                proxy_headers=False,
                log_config=None,
                log_level="critical",
                timeout_graceful_shutdown=1,
            )
        )
        for run, stop in (
            (functools.partial(server.run, sockets=[listener]), lambda: setattr(server, "should_exit", True)),
            (self.send_forever, self.stop_sending),
        ):
            thread = threading.Thread(target=run, daemon=True)
            thread.start()
            self._running.callback(thread.join, timeout=10)
            self._running.callback(stop)
        return self

    def _served(self, page: routes.Page) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            if request.method == "POST":
                return await page(self, request)
            with self.lock:
                return await page(self, request)

        return serve

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()

    # What is on sale, and who has bought it.

    def add_price(
        self,
        id: str,
        unit_amount: int,
        interval: Interval | None = "month",
        currency: str = "usd",
        *,
        product: str | None = None,
        name: str | None = None,
    ) -> Obj:
        """A price; it has a product of its own, called `name`, unless `product` is one's id."""
        with self.lock:
            return catalogue.add_price(self, id, unit_amount, interval, currency, product=product, name=name)

    def add_customer(self, email: str | None = None, metadata: Obj | None = None) -> Obj:
        with self.lock:
            return customers.make(self, email=email, metadata=dict(metadata or {}))

    def delete_customer(self, customer: str) -> None:
        """As somebody does at Stripe; what the customer pays for ends with it."""
        with self.lock:
            customers.delete(self, {}, customer)

    def add_subscription(
        self, customer: str, price: str, *, metadata: Obj | None = None, trial_days: int = 0
    ) -> Obj:
        """A subscription as checkout makes it, with its first invoice, without a call."""
        with self.lock:
            orders = [(self.price(price), 1)]
            return subscriptions.begin(self, self.customer(customer), orders, metadata or {}, trial_days)

    def update_subscription(self, subscription: str, params: Obj) -> Obj:
        """What `POST /v1/subscriptions/{id}` does with those parameters, without a call."""
        with self.lock:
            return subscriptions.update(self, params, subscription)

    def set_status(self, subscription: str, status: str) -> None:
        """Puts a subscription into any state, with the event but without what would lead there."""
        with self.lock, self.changing(subscriptions.UPDATED, self.subscription(subscription)) as changed:
            changed["status"] = status

    def schedule(self, subscription: str, price: str) -> Obj:
        """Another price from the end of the period on."""
        with self.lock:
            return schedules.plan_change(self, self.subscription(subscription), self.price(price))

    def attach_schedule(self, subscription: str) -> Obj:
        """A schedule in which nothing is planned yet."""
        with self.lock:
            return schedules.attach(self, self.subscription(subscription))

    def plan_next(self, schedule: str, price: str) -> None:
        """Another price after the phase that runs, as the dashboard changes it."""
        with self.lock:
            schedules.plan_next(self, schedules.retrieve(self, {}, schedule), self.price(price))

    # What people do in their browsers, for tests that need none.

    def complete_checkout(
        self, session: str, *, card: Card = "good", email: str | None = None, is_delayed: bool = False
    ) -> bool:
        """Pays on the checkout page; False where the card is declined or the session over."""
        with self.lock:
            found, is_good = checkout.retrieve(self, {}, session), card == "good"
            return checkout.complete(self, found, is_good=is_good, email=email, is_delayed=is_delayed)

    def localize_checkout(self, session: str, currency: str, amount: int) -> None:
        """The page is opened where the price has an amount of its own in the money of the country."""
        with self.lock:
            checkout.localize(self, checkout.retrieve(self, {}, session), currency, amount)

    def settle_checkout(self, session: str) -> None:
        """The money of a delayed payment arrives."""
        with self.lock:
            checkout.settle(self, checkout.retrieve(self, {}, session))

    def use_portal(
        self,
        url: str,
        action: Literal["confirm", "update", "cancel", "renew", "save-card"],
        *,
        card: Card = "good",
        price: str = "",
    ) -> None:
        """Clicks in the portal session with that address; `price` is what an update changes to."""
        with self.lock:
            session = portal_page.find(self, url)
            if session is None:
                raise KeyError(url)
            chosen = "declined" if card == "declining" else card
            portal_page.perform(self, session, action, card=chosen, price=price)

    def pay_invoice(self, invoice: str) -> None:
        """Somebody pays on the invoice's own page."""
        with self.lock:
            subscriptions.pay_invoice(self, {}, invoice)

    # What banks and the dashboard do.

    def refund(self, charge: str, amount: int | None = None) -> Obj:
        with self.lock:
            return payments.refund(self, payments.retrieve_charge(self, {}, charge), amount)

    def settle_refund(self, refund: str) -> None:
        """The bank says by which number it knows the refund."""
        with self.lock:
            payments.settle_refund(self, payments.retrieve_refund(self, {}, refund))

    def fail_refund(
        self, refund: str, *, status: Literal["failed", "canceled"] = "failed", still_counts: bool = False
    ) -> None:
        """The money comes back; whether the charge `still_counts` it is not documented."""
        with self.lock:
            found = payments.retrieve_refund(self, {}, refund)
            payments.fail_refund(self, found, status, still_counts=still_counts)

    def dispute(self, charge: str, amount: int | None = None) -> Obj:
        """Of all that was not paid back, or of a part."""
        with self.lock:
            return payments.dispute(self, payments.retrieve_charge(self, {}, charge), amount)

    def close_dispute(self, dispute: str, outcome: Literal["won", "lost"]) -> Obj:
        with self.lock:
            return payments.close_dispute(self, payments.retrieve_dispute(self, {}, dispute), outcome)

    def advance(self, *, days: float = 0, seconds: float = 0) -> None:
        """Moves the twin's clock and does everything that falls due on the way."""
        with self.lock:
            renewals.advance(self, int(days * DAY + seconds))

    def events(self, kind: str | None = None) -> list[Obj]:
        """All events, or those of that type, oldest first."""
        with self.lock:
            found = [one for one in self.state.events.values() if kind in (None, one["type"])]
            return copy.deepcopy(found)

    # Faults, each for the next calls whose path matches.

    def fail_next(
        self, n: int = 1, *, status: Literal[429, 500, 503] = 500, path: str = "", is_kept: bool = False
    ) -> None:
        """The calls are answered so, and nothing happens; ``is_kept`` for a day to the same key."""
        self.api.faults.extend(Fault("status", path, status, is_kept=is_kept) for _ in range(n))

    def hang(self, seconds: float, path: str = "") -> None:
        """The call waits, and is worked on whether or not the client still waits for it."""
        self.api.faults.append(Fault("hang", path, seconds=seconds))

    def hold(self, n: int = 1, path: str = "") -> threading.Event:
        """The calls wait until this is set, and are worked on whether or not the client still waits."""
        goes_on = threading.Event()
        self.api.faults.extend(Fault("hang", path, goes_on=goes_on) for _ in range(n))
        return goes_on

    def drop_connection_after_commit(self, path: str = "") -> None:
        """The change is made, but the client gets no answer: what idempotency keys are for."""
        self.api.faults.append(Fault("drop", path))
