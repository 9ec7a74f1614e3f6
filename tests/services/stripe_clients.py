"""Stripe's own client against the twin, and something that listens for webhooks."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import stripe

from tests.twins.stripe import StripeTwin

SUCCESS = "http://helpninja.test/billing?session={CHECKOUT_SESSION_ID}"
CANCEL = "http://helpninja.test/billing?status=cancel"
ALL_FEATURES: dict[str, Any] = {
    "invoice_history": {"enabled": True},
    "payment_method_update": {"enabled": True},
    "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
    "subscription_update": {
        "enabled": True,
        "default_allowed_updates": ["price"],
        "proration_behavior": "always_invoice",
        "products": [{"product": "prod_plans", "prices": ["price_small", "price_big", "price_year"]}],
        "schedule_at_period_end": {"conditions": [{"type": "decreasing_item_amount"}]},
    },
}


@contextmanager
def running_shop() -> Iterator[StripeTwin]:
    """A twin that sells a small and a big plan (20 and 50 dollars a month), and a pack for 15 dollars."""
    with StripeTwin() as twin:
        twin.add_price("price_small", 2000, name="Small plan")
        twin.add_price("price_big", 5000, name="Big plan")
        twin.add_price("price_year", 50000, "year", name="Big plan")
        twin.add_price("price_pack", 1500, None, name="1,000 credits")
        yield twin


@contextmanager
def open_client(
    twin: StripeTwin, *, key: str | None = None, retries: int = 0, timeout: float = 5
) -> Iterator[stripe.StripeClient]:
    http = stripe.HTTPXClient(timeout=timeout, allow_sync_methods=True)
    try:
        yield stripe.StripeClient(
            key or twin.api_key,
            base_addresses={"api": twin.url},
            max_network_retries=retries,
            http_client=http,
        )
    finally:
        http.close()  # type: ignore[no-untyped-call]


@dataclass
class Listener:
    """Keeps what is posted to `url`; answers with `statuses` while there are some, then with 200."""

    url: str
    bodies: list[bytes] = field(default_factory=list)
    signatures: list[str] = field(default_factory=list)
    statuses: deque[int] = field(default_factory=deque)
    on_post: Callable[[bytes], None] = lambda body: None


@contextmanager
def listening() -> Iterator[Listener]:
    listener = Listener("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            listener.bodies.append(body)
            listener.signatures.append(self.headers["stripe-signature"])
            listener.on_post(body)
            self.send_response(listener.statuses.popleft() if listener.statuses else 200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        listener.url = f"http://127.0.0.1:{server.server_address[1]}/webhook"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield listener
        finally:
            server.shutdown()
            thread.join()
