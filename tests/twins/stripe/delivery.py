"""Webhooks: signed as Stripe signs, sent from a thread of its own, late, twice or out of order on demand."""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
import random
import secrets
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

import httpx

from tests.twins.stripe.shapes import Obj

Event = Obj | bytes


def sign(payload: bytes, secret: str, timestamp: int) -> str:
    """`Stripe-Signature` for that body: https://docs.stripe.com/webhooks#verify-manually."""
    return f"t={timestamp},v1={_digest(payload, secret, timestamp)}"


def _digest(payload: bytes, secret: str, timestamp: int) -> str:
    return hmac.new(secret.encode(), b"%d." % timestamp + payload, hashlib.sha256).hexdigest()


def payload_of(event: Event) -> bytes:
    return event if isinstance(event, bytes) else json.dumps(event, indent=2).encode()


@dataclass(frozen=True)
class Attempt:
    """A webhook that was sent; `status` is 0 where nobody answered."""

    event: str
    type: str
    url: str
    status: int

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 300


@dataclass
class Delivery:
    """Sends events to `deliver_to`; without an address, or with a `reorder`, they wait for `flush`.

    `duplicates` is how often each event is sent again, `delay` how many seconds late, `retries` how often
    after an answer that is no success. What still failed is held, and sent again by the next flush.
    `webhook_secrets` sign all at once, as while a secret is rolled.
    """

    deliver_to: str | None = None
    webhook_secrets: list[str] = field(default_factory=lambda: [f"whsec_{secrets.token_hex(16)}"])
    duplicates: int = 0
    delay: float = 0.0
    retries: int = 3
    retry_pause: float = 0.05
    attempts: list[Attempt] = field(default_factory=list)
    shuffle: random.Random | None = None
    held: list[Obj] = field(default_factory=list)
    waiting: deque[tuple[float, Obj]] = field(default_factory=deque)
    busy: int = 0
    is_hurried: bool = False
    is_over: bool = False
    changed: threading.Condition = field(default_factory=threading.Condition)

    def take(self, event: Obj) -> None:
        """A new event: on its way, or held."""
        with self.changed:
            if self.deliver_to is None or self.shuffle is not None:
                self.held.append(event)
            else:
                late = time.monotonic() + self.delay
                self.waiting.extend([(late, event)] * (1 + self.duplicates))
                self.changed.notify_all()

    @property
    def webhook_secret(self) -> str:
        return self.webhook_secrets[0]

    def reorder(self, seed: int | None) -> None:
        """Holds events until `flush`, which shuffles them; None ends that."""
        self.shuffle = None if seed is None else random.Random(seed)

    def held_events(self) -> list[Obj]:
        """What nobody has got yet, oldest first."""
        with self.changed:
            return copy.deepcopy([*self.held, *(event for _, event in self.waiting)])

    def flush(self, timeout: float = 30.0) -> list[Attempt]:
        """Sends everything that is held or late, and returns what came of it."""
        if self.deliver_to is None:
            raise RuntimeError("Nobody to deliver to: set deliver_to")
        with self.changed:
            since = len(self.attempts)
            batch = [event for event in self.held for _ in range(1 + self.duplicates)]
            if self.shuffle is not None:
                self.shuffle.shuffle(batch)
            self.held.clear()
            self.waiting.extend((0.0, event) for event in batch)
            self.is_hurried = True
            self.changed.notify_all()
            is_done = self.changed.wait_for(lambda: not self.waiting and not self.busy, timeout)
            self.is_hurried = False
            if not is_done:
                raise TimeoutError(f"{len(self.waiting)} webhooks were not sent within {timeout} s")
            return self.attempts[since:]

    def send_forever(self) -> None:
        """The sender's loop, until `stop_sending`."""
        with httpx.Client(timeout=10) as http:
            while (event := self._next()) is not None:
                is_good = self._send_until_good(http, event)
                with self.changed:
                    self.busy -= 1
                    if not is_good and event not in self.held:
                        self.held.append(event)
                    self.changed.notify_all()

    def stop_sending(self) -> None:
        with self.changed:
            self.is_over = True
            self.changed.notify_all()

    def _next(self) -> Obj | None:
        with self.changed:
            while not self.is_over:
                left = self.waiting[0][0] - time.monotonic() if self.waiting else None
                if left is not None and (left <= 0 or self.is_hurried):
                    self.busy += 1
                    return self.waiting.popleft()[1]
                self.changed.wait(left)
            return None

    def _send_until_good(self, http: httpx.Client, event: Obj) -> bool:
        for again in range(1 + self.retries):
            if again:
                time.sleep(self.retry_pause)
            if self.is_over:
                return False
            if self._send(http, event, *self.signed(event)).is_good:
                event["pending_webhooks"] = 0
                return True
        return False

    def _send(self, http: httpx.Client, event: Event, body: bytes, headers: dict[str, str]) -> Attempt:
        url = self.deliver_to or ""
        try:
            status = http.post(url, content=body, headers=headers).status_code
        except (httpx.HTTPError, httpx.InvalidURL):
            status = 0
        named = event if isinstance(event, dict) else {}
        attempt = Attempt(named.get("id", ""), named.get("type", ""), url, status)
        self.attempts.append(attempt)
        return attempt

    def signed(
        self, event: Event, *, secret: str | None = None, timestamp: int | None = None
    ) -> tuple[bytes, dict[str, str]]:
        """The body and headers of a webhook, signed with that secret or with all of the endpoint's, now."""
        body = payload_of(event)
        at = int(time.time()) if timestamp is None else timestamp
        keys: Iterable[str] = self.webhook_secrets if secret is None else [secret]
        signature = ",".join([f"t={at}", *(f"v1={_digest(body, key, at)}" for key in keys)])
        return body, {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature,
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }

    def deliver(
        self, event: Event, *, secret: str | None = None, timestamp: int | None = None, times: int = 1
    ) -> list[int]:
        """Sends one event (or raw bytes) now, in the caller's thread; returns the statuses."""
        body, headers = self.signed(event, secret=secret, timestamp=timestamp)
        with httpx.Client(timeout=10) as http:
            return [self._send(http, event, body, headers).status for _ in range(times)]
