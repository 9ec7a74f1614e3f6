"""The rows of the Knowledge screen's lists, as the browser gets them: texts that are ready to be shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from helpninja_app.accounts.callers import MemberCaller
from helpninja_app.accounts.permissions import Permission
from helpninja_app.answers.excerpts import plain_text
from helpninja_app.kernel.scope import Audience
from helpninja_app.knowledge.documents import DocumentView
from helpninja_app.knowledge.models import DocumentStatus, JobState, SourceKind
from helpninja_app.knowledge.sources import RunView, SourceView
from helpninja_app.ui.badges import BadgeTone
from helpninja_app.ui.times import exactly, in_words

_DOCUMENT_STATES: dict[DocumentStatus, tuple[BadgeTone, str]] = {
    DocumentStatus.PROCESSING: ("info", "Reading"),
    DocumentStatus.COMPLETED: ("success", "Ready"),
    DocumentStatus.FAILED: ("danger", "Failed"),
}
EXCERPT = 220
_KINDS = {
    SourceKind.PAGE: "Page",
    SourceKind.SITE: "Website",
    SourceKind.SITEMAP: "Sitemap",
    SourceKind.FILE: "File",
    SourceKind.NOTE: "Note",
}


@dataclass(frozen=True)
class DocumentRow:
    """``origin`` is the address without its scheme, or the file's name; ``url`` is empty for files.

    ``percent`` counts while it is read; ``may_change`` is for what is one's own or anybody's who may write.
    """

    id: str
    title: str
    origin: str
    url: str
    kind: str
    tone: str
    status: str
    reason: str
    audience: str
    passages: str
    percent: int
    progress: str
    is_reading: bool
    has_failed: bool
    is_public: bool
    may_change: bool
    when: str
    moment: str
    machine_time: str


@dataclass(frozen=True)
class SourceRow:
    """``outcome`` says what the last run did; ``job_id`` is empty where there was none."""

    id: str
    name: str
    kind: str
    is_from_web: bool
    tone: str
    status: str
    reason: str
    documents: str
    audience: str
    is_public: bool
    exceptions: str
    schedule: str
    next_run: str
    job_id: str
    is_running: bool
    percent: int
    progress: str
    outcome: str
    failed: int
    failed_pages: str
    when: str
    moment: str
    machine_time: str


def document_row(document: DocumentView, caller: MemberCaller, now: datetime) -> DocumentRow:
    tone, status = _DOCUMENT_STATES[DocumentStatus(document.status)]
    origin = document.url or document.filename or ""
    is_reading = document.status == DocumentStatus.PROCESSING
    is_own = document.created_by == caller.label and Permission.UPLOAD_DOCUMENTS in caller.permissions
    return DocumentRow(
        id=str(document.id),
        title=document.title or origin,
        origin=origin.split("://", 1)[-1],
        url=document.url or "",
        kind="page" if document.url else "file" if document.filename else "note",
        tone=tone,
        status=status,
        reason=(document.reason or "") if document.status == DocumentStatus.FAILED else "",
        audience=audience_name(document.audience),
        passages=f"{document.chunks:,}",
        percent=round(100 * document.embedded / document.chunks) if is_reading and document.chunks else 0,
        progress=f"{document.embedded:,} of {document.chunks:,}" if is_reading and document.embedded else "",
        is_reading=is_reading,
        has_failed=document.status == DocumentStatus.FAILED,
        is_public=document.audience == Audience.VISITORS,
        may_change=Permission.WRITE_KNOWLEDGE in caller.permissions or is_own,
        when=in_words(document.updated_at, now),
        moment=exactly(document.updated_at),
        machine_time=document.updated_at.isoformat(),
    )


def source_row(source: SourceView, now: datetime) -> SourceRow:
    run = source.last_run
    tone, status = _state_of(source)
    seen = source.last_synced_at or (run.finished_at if run else None) or source.created_at
    found = _found(run)
    done = found - run.pending if run else 0
    unit = "page" if source.is_from_web else "document"
    return SourceRow(
        id=str(source.id),
        name=source.name.split("://", 1)[-1] or "Untitled",
        kind=_KINDS[source.kind],
        is_from_web=source.is_from_web,
        tone=tone,
        status=status,
        reason=(run.reason or "") if run and run.state is JobState.FAILED else "",
        documents=counted(source.documents, unit) if source.documents else "—",
        audience=audience_name(source.audience),
        is_public=source.audience is Audience.VISITORS,
        exceptions=f"{source.exceptions:,} differ" if source.exceptions else "",
        schedule=source.schedule.value,
        next_run=f"next on {exactly(source.next_sync_at)}" if source.next_sync_at else "",
        job_id=str(run.job_id) if run else "",
        is_running=_is_running(run),
        percent=round(100 * done / found) if found else 0,
        progress=_progress(source.kind, done, found),
        outcome=_outcome(run),
        failed=run.failed if run else 0,
        failed_pages=f"{counted(run.failed, 'page')} failed" if run and run.failed else "",
        when=in_words(seen, now),
        moment=exactly(seen),
        machine_time=seen.isoformat(),
    )


def _progress(kind: SourceKind, done: int, found: int) -> str:
    if not found:
        return "Looking for its pages"
    so_far = " found so far" if kind is SourceKind.SITE else ""
    return f"{done:,} of {counted(found, 'page')}{so_far}"


def excerpt(markdown: str) -> str:
    """The beginning of a text, on one line and without its marks."""
    lines = (line.lstrip("#>").strip() for line in markdown[: 2 * EXCERPT].splitlines())
    text = plain_text(" ".join(lines))
    return text if len(text) <= EXCERPT else text[:EXCERPT].rsplit(" ", 1)[0] + "…"


def percent(share: float) -> str:
    """``0.412`` as ``41 %``."""
    return f"{round(100 * share)} %"


def audience_name(audience: str) -> str:
    return "Members" if audience == Audience.MEMBERS else "Visitors"


def counted(number: int, unit: str) -> str:
    return f"{number:,} {unit}{'' if number == 1 else 's'}"


def _is_running(run: RunView | None) -> bool:
    return run is not None and not run.state.is_over


def _found(run: RunView | None) -> int:
    if run is None:
        return 0
    return run.pending + run.changed + run.unchanged + run.gone + run.failed + run.skipped


def _outcome(run: RunView | None) -> str:
    """What the last run did, without what failed: that leads to its pages."""
    if run is None or _is_running(run):
        return ""
    parts = ((run.changed, "changed"), (run.unchanged, "unchanged"), (run.gone, "gone"))
    return ", ".join(f"{count:,} {word}" for count, word in parts if count)


def _state_of(source: SourceView) -> tuple[BadgeTone, str]:
    run = source.last_run
    if run is not None and run.state is JobState.QUEUED:
        return "info", "Waiting"
    if _is_running(run) or source.processing:
        return "info", "Reading"
    if run is not None and run.state is JobState.CANCELLED:
        return "neutral", "Cancelled"
    if run is not None and run.state is JobState.FAILED:
        return "danger", "Failed"
    if source.failed and not source.completed:
        return "danger", "Failed"
    if source.failed or (run is not None and run.failed):
        return "warning", "Some failed"
    return "success", "Up to date" if source.is_from_web else "Ready"
