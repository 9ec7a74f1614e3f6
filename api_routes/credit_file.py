"""The history of credits as comma-separated values (RFC 4180), safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator

from helpninja_app.accounts.callers import StaffCaller
from helpninja_app.billing.history import entries_before
from helpninja_app.billing.models import EntryKind
from helpninja_app.kernel.database import Database

COLUMNS = ("date", "type", "credits", "left", "description")
BATCH = 1_000
# A spreadsheet takes a cell that begins so for a formula (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


async def history_lines(
    database: Database, caller: StaffCaller, kinds: tuple[EntryKind, ...]
) -> AsyncIterator[str]:
    """The heading, then batches of lines: neither memory nor a transaction holds all of them."""
    yield _lines([COLUMNS])
    position: int | None = None
    while True:
        async with database.unit_of_work(caller.scope) as session:
            entries = await entries_before(session, caller.workspace.id, position, kinds=kinds, limit=BATCH)
        if entries:
            yield _lines(
                [
                    (
                        each.created_at.isoformat(),
                        each.kind.value,
                        each.amount,
                        each.balance_after,
                        harmless(each.description),
                    )
                    for each in entries
                ]
            )
        if len(entries) < BATCH:
            return
        position = entries[-1].position


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def _lines(rows: list[tuple[object, ...]]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerows(rows)
    return written.getvalue()
