"""What comes to a webhook of Stripe's: what Stripe sends, also again, and each tenth of it forged."""

from __future__ import annotations

import copy
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tests.twins.stripe import StripeTwin

SEED = 20_261_128
# Those that are kept, since their signature is right, and what becomes of them.
KEPT = {
    "mode": ("refused", "Of live mode; the key is not."),
    "customer": ("done", "Not paid yet."),
    "workspace": ("refused", "The checkout is for another workspace than its customer."),
}
FORGERIES = ("signature", "empty", "old", "future", *KEPT)


@dataclass(frozen=True, slots=True)
class Posted:
    """``kind`` is empty for what Stripe sent; ``wanted`` is the status that it has to be answered with."""

    id: str
    kind: str
    body: bytes
    headers: dict[str, str]
    wanted: int


@dataclass(frozen=True, slots=True)
class Checkouts:
    """Ids of what the forgeries are about: one that nobody paid, and a paid one that names a workspace which
    is not its customer's. ``customer`` is the one of another workspace."""

    unpaid: str
    misdirected: str
    customer: str


def mixed(
    twin: StripeTwin, sent: Sequence[dict[str, Any]], about: Checkouts, count: int, *, new: float = 0
) -> Iterator[Posted]:
    """``count`` deliveries; a share of ``new`` among the true ones has an id that did not come before."""
    chance = random.Random(SEED)
    paid = [each for each in sent if each["type"] == "checkout.session.completed"]
    for number in range(count):
        if number % 10 == 0:
            kind = FORGERIES[number // 10 % len(FORGERIES)]
            yield _forged(twin, copy.deepcopy(chance.choice(paid)), kind, f"evt_forged_{number}", about)
            continue
        event = chance.choice(sent)
        if chance.random() < new:
            event = event | {"id": f"evt_new_{number}"}
        yield Posted(event["id"], "", *twin.signed(event), 200)


def _forged(twin: StripeTwin, event: dict[str, Any], kind: str, id: str, about: Checkouts) -> Posted:
    event["id"] = id
    now = int(time.time())
    wrong: dict[str, dict[str, Any]] = {
        "signature": {"secret": "whsec_forged"},
        "empty": {"secret": ""},
        "old": {"timestamp": now - 400},
        # Far enough ahead for all that is posted before it.
        "future": {"timestamp": now + 4_000},
    }
    paid = event["data"]["object"]
    if kind == "mode":
        event["livemode"] = True
    elif kind == "customer":
        # It says that the other one paid. That is not believed but read from Stripe.
        event["data"]["object"] = paid | {"id": about.unpaid, "customer": about.customer}
    elif kind == "workspace":
        event["data"]["object"] = paid | {"id": about.misdirected}
    return Posted(id, kind, *twin.signed(event, **wrong.get(kind, {})), 200 if kind in KEPT else 400)
