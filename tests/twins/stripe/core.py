"""The twin's memory and clock, and how a change of an object becomes an event."""

from __future__ import annotations

import copy
import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.twins.stripe.errors import StripeError, missing
from tests.twins.stripe.shapes import API_VERSION, Obj, changes, make_id, new

Card = Literal["good", "declining"]
Interval = Literal["month", "year"]
AfterRetries = Literal["canceled", "unpaid", "past_due"]
Store = dict[str, Obj]
EVENTS_KEPT = 30 * 24 * 3600


@dataclass(frozen=True)
class Call:
    """A request to the API as it arrived; `key` is its idempotency key."""

    method: str
    path: str
    params: Obj
    key: str | None
    version: str | None


@dataclass
class State:
    """All objects by id, oldest first, and what arrived."""

    customers: Store = field(default_factory=dict)
    products: Store = field(default_factory=dict)
    prices: Store = field(default_factory=dict)
    sessions: Store = field(default_factory=dict)
    subscriptions: Store = field(default_factory=dict)
    schedules: Store = field(default_factory=dict)
    invoices: Store = field(default_factory=dict)
    invoice_payments: Store = field(default_factory=dict)
    payment_intents: Store = field(default_factory=dict)
    charges: Store = field(default_factory=dict)
    refunds: Store = field(default_factory=dict)
    disputes: Store = field(default_factory=dict)
    portal_configurations: Store = field(default_factory=dict)
    portal_sessions: Store = field(default_factory=dict)
    events: Store = field(default_factory=dict)
    # What checkout was asked to do but does not show in a session: by session.
    orders: dict[str, Obj] = field(default_factory=dict)
    # Proration lines that wait for the next invoice: by subscription.
    pending_lines: dict[str, list[Obj]] = field(default_factory=lambda: defaultdict(list))
    calls: list[Call] = field(default_factory=list)
    posts_without_key: list[Call] = field(default_factory=list)
    # The SDK invents a random key where the caller names none; such a call is not safe to repeat by hand.
    posts_with_random_key: list[Call] = field(default_factory=list)

    def stores(self) -> Iterator[Store]:
        for value in list(vars(self).values()):
            if isinstance(value, dict):
                yield value


@dataclass
class Clock:
    """The twin's own time in whole seconds: the real one, shifted; still while the twin renews."""

    shift: int = 0
    still: int | None = None

    def now(self) -> int:
        return self.still if self.still is not None else int(time.time()) + self.shift


@dataclass
class Core:
    """Everything the twin knows. `cards` holds what a customer's card does; unknown ones are good."""

    url: str = ""
    state: State = field(default_factory=State)
    clock: Clock = field(default_factory=Clock)
    cards: dict[str, Card] = field(default_factory=dict)
    after_retries: AfterRetries = "canceled"
    has_default_portal: bool = False
    # Accounts in flexible billing mode see the portal's cancellations as a date, not as a flag.
    portal_cancels_by: Literal["cancel_at_period_end", "cancel_at"] = "cancel_at_period_end"
    lock: threading.RLock = field(default_factory=threading.RLock)
    on_event: Callable[[Obj], None] = lambda event: None
    request: Obj = field(default_factory=lambda: {"id": None, "idempotency_key": None})

    def now(self) -> int:
        return self.clock.now()

    def has_good_card(self, customer: str | None) -> bool:
        return customer is None or self.cards.get(customer, "good") == "good"

    def find(self, store: Store, kind: str, id: str, param: str | None = None) -> Obj:
        """An object of the store; 404 where the path names it, 400 where the parameter `param` does."""
        if id not in store:
            raise missing(kind, id, param=param or "id", status=400 if param else 404)
        return store[id]

    def customer(self, id: str, param: str | None = None) -> Obj:
        found = self.find(self.state.customers, "customer", id, param)
        if param and found.get("deleted"):
            raise missing("customer", id, param=param, status=400)
        return found

    def price(self, id: str, param: str | None = None) -> Obj:
        return self.find(self.state.prices, "price", id, param)

    def subscription(self, id: str, param: str | None = None) -> Obj:
        return self.find(self.state.subscriptions, "subscription", id, param)

    def emit(self, kind: str, obj: Obj, before: Obj | None = None) -> Obj:
        """Writes an event down with the object as it is now, and hands it on for delivery."""
        data: Obj = {"object": copy.deepcopy(obj)}
        if before is not None:
            data["previous_attributes"] = changes(before, obj)
        event = new(
            "event",
            id=make_id("evt"),
            api_version=API_VERSION,
            created=self.now(),
            data=data,
            type=kind,
            pending_webhooks=1,
            request=dict(self.request),
        )
        self.state.events[event["id"]] = event
        self.on_event(event)
        return event

    @contextmanager
    def changing(self, kind: str, obj: Obj) -> Iterator[Obj]:
        """A change of an object, with one event of that kind if anything is different afterwards."""
        before = copy.deepcopy(obj)
        yield obj
        if before != obj:
            self.emit(kind, obj, before)

    def lookup(self, id: str) -> Obj | None:
        """The object with that id, whatever it is."""
        for store in self.state.stores():
            found = store.get(id)
            if isinstance(found, dict) and found.get("id") == id:
                return found
        return None

    def page(self, store: Store, params: Obj, url: str, keep: Callable[[Obj], bool] = bool) -> Obj:
        """A page of a list, newest first, as `limit`, `starting_after` and `ending_before` ask."""
        limit = _limit(params)
        rows = [obj for obj in reversed(store.values()) if keep(obj) and _in_range(obj, params)]
        ids = [obj["id"] for obj in rows]
        for cursor in ("starting_after", "ending_before"):
            if cursor in params and params[cursor] not in ids:
                raise missing("object", params[cursor], param=cursor, status=400)
        if "starting_after" in params:
            rows = rows[ids.index(params["starting_after"]) + 1 :]
        elif "ending_before" in params:
            rows = rows[: ids.index(params["ending_before"])]
            return {"object": "list", "data": rows[-limit:], "has_more": len(rows) > limit, "url": url}
        return {"object": "list", "data": rows[:limit], "has_more": len(rows) > limit, "url": url}


def _limit(params: Obj) -> int:
    given = str(params.get("limit", "10"))
    if not re.fullmatch("[0-9]+", given) or not 1 <= int(given) <= 100:
        raise StripeError("Invalid integer: limit must be between 1 and 100", param="limit")
    return int(given)


def _in_range(obj: Obj, params: Obj) -> bool:
    asked: Any = params.get("created", {})
    if isinstance(asked, str):
        return bool(obj["created"] == int(asked))
    tests: dict[str, Callable[[int, int], bool]] = {
        "gt": int.__gt__,
        "gte": int.__ge__,
        "lt": int.__lt__,
        "lte": int.__le__,
    }
    return all(tests[name](obj["created"], int(value)) for name, value in asked.items() if name in tests)
