"""What most turns do to an account, as one statement each: the functions that revision 0012 made.

They change nothing and give ``null`` where anything is out of the ordinary; see ``reservations.py`` for that.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from helpninja_app.billing.models import Unit
from helpninja_app.kernel.database import Statement, new_id

# Longer than any answer may take; after that its process is gone, and the reservation with it.
LIFETIME = timedelta(minutes=15)
# Per cent of a month's allowance that owners are told of, the lowest first.
THRESHOLDS = (75, 90, 100)
GIVEN_BACK = "Reservation given back"

_RESERVE = """
select reserve_at_once(%(workspace)s, %(unit)s, %(allowance)s::int, %(wanted)s::int, %(least)s::int,
                       %(reservation)s, %(entry)s, %(description)s, %(lifetime)s) as taken
"""
_SETTLE = """
select settle_at_once(%(workspace)s, %(unit)s, %(reservation)s, %(used)s::int, %(description)s,
                      %(release_entry)s, %(usage_entry)s, %(given_back)s, %(thresholds)s::int[]) as taken
"""
_COUNT = """
update ledger_accounts set used = used + %(used)s where workspace_id = %(workspace)s and unit = %(unit)s
returning 0 as taken
"""


def reservation_at_once(
    workspace_id: UUID,
    reservation_id: UUID,
    unit: Unit,
    allowance: int,
    *,
    wanted: int,
    at_least: int,
    description: str,
) -> Statement:
    """Gives ``taken``: what was reserved, or ``null``."""
    return Statement(
        _RESERVE,
        {
            "workspace": workspace_id,
            "unit": unit.value,
            "allowance": allowance,
            "wanted": wanted,
            "least": at_least,
            "reservation": reservation_id,
            "entry": new_id(),
            "description": description,
            "lifetime": LIFETIME,
        },
    )


def settlement_at_once(
    workspace_id: UUID, reservation_id: UUID, unit: Unit, used: int, *, description: str
) -> Statement:
    """Gives ``taken``: what was charged, or ``null``."""
    return Statement(
        _SETTLE,
        {
            "workspace": workspace_id,
            "unit": unit.value,
            "reservation": reservation_id,
            "used": used,
            "description": description,
            "release_entry": new_id(),
            "usage_entry": new_id(),
            "given_back": GIVEN_BACK,
            "thresholds": list(THRESHOLDS),
        },
    )


def count_at_once(workspace_id: UUID, unit: Unit, used: int) -> Statement:
    """Counts what is free or not limited; gives nothing where there is no account yet."""
    return Statement(_COUNT, {"workspace": workspace_id, "unit": unit.value, "used": used})
