"""What opens beside the sources: the last runs of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.knowledge.models import JobState
from helpninja_app.knowledge.runs import list_runs
from helpninja_app.knowledge.sources import RunView, get_source
from helpninja_app.screens.knowledge.rows import counted
from helpninja_app.screens.paged_state import PagedState
from helpninja_app.screens.session import SignedInState, id_from
from helpninja_app.ui.badges import BadgeTone
from helpninja_app.ui.times import exactly, in_words

_STATES: dict[JobState, tuple[BadgeTone, str]] = {
    JobState.QUEUED: ("info", "Waiting"),
    JobState.RUNNING: ("info", "Reading"),
    JobState.COMPLETED: ("success", "Read"),
    JobState.FAILED: ("danger", "Failed"),
    JobState.CANCELLED: ("neutral", "Cancelled"),
}


@dataclass(frozen=True)
class RunRow:
    """``outcome`` counts its pages by what became of them; those that failed lead to their reasons."""

    job_id: str
    tone: str
    status: str
    cause: str
    outcome: str
    reason: str
    failed_pages: str
    when: str
    moment: str
    machine_time: str


class RunsState(PagedState, SignedInState):
    """``source_id`` is the source whose runs are shown, ``name`` what it is called."""

    is_open: bool = False
    source_id: str = ""
    name: str = ""
    rows: rx.Field[list[RunRow]] = rx.field(default_factory=list)

    @rx.event(background=True)
    async def open_runs(self, source_id: str) -> Any:
        """Show what the last runs of a source did."""
        wanted = str(source_id)[:40]
        return await self._answer(source_id=wanted, rows=[], name="", is_loaded=False, page=0, is_open=True)

    @rx.event
    def close(self) -> None:
        """The sheet was closed."""
        self.is_open, self.rows, self.name = False, [], ""

    async def _list(
        self, session: AsyncSession, caller: MemberCaller, *, limit: int, offset: int
    ) -> tuple[Sequence[tuple[RunView, str]], int]:
        require(caller, Permission.READ_KNOWLEDGE)
        wanted = id_from(self.source_id)
        source = await get_source(session, caller.workspace.id, wanted)
        found, total = await list_runs(session, caller.workspace.id, wanted, limit=limit, offset=offset)
        return [(run, source.name) for run in found], total

    def _show(self, found: tuple[int, Sequence[Any], int], caller: MemberCaller) -> None:
        super()._show(found, caller)
        _, items, _ = found
        self.name = items[0][1] if items else ""

    def _row(self, item: tuple[RunView, str], moment: datetime) -> RunRow:
        run, _ = item
        tone, status = _STATES[run.state]
        at = run.finished_at or run.started_at or run.created_at
        parts = (
            (run.pending, "waiting"),
            (run.changed, "changed"),
            (run.unchanged, "unchanged"),
            (run.gone, "gone"),
            (run.failed, "failed"),
            (run.skipped, "skipped"),
        )
        return RunRow(
            job_id=str(run.job_id),
            tone=tone,
            status=status,
            cause="by its schedule" if run.is_scheduled else "asked for",
            outcome=", ".join(f"{count:,} {word}" for count, word in parts if count),
            reason=run.reason or "",
            failed_pages=f"{counted(run.failed, 'page')} failed" if run.failed else "",
            when=in_words(at, moment),
            moment=exactly(at),
            machine_time=at.isoformat(),
        )
