"""The rows of the home page's lists, as the browser gets them: texts that are ready to be shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from helpninja_app.conversations.models import Reason, Status
from helpninja_app.conversations.overview import ConversationSummary
from helpninja_app.kernel.scope import Audience
from helpninja_app.knowledge.documents import DocumentView
from helpninja_app.knowledge.models import DocumentStatus
from helpninja_app.knowledge.overview import IngestUnderWay
from helpninja_app.ui.badges import BadgeTone
from helpninja_app.ui.times import exactly, in_words

_CONVERSATION_STATES: dict[Status, tuple[BadgeTone, str]] = {
    Status.BOT: ("accent", "Assistant"),
    Status.WAITING: ("warning", "Waiting"),
    Status.HUMAN: ("neutral", "With a person"),
    Status.RESOLVED: ("success", "Resolved"),
}
_REASONS: dict[Reason, str] = {
    Reason.LOW_CONFIDENCE: "low confidence",
    Reason.VISITOR_REQUEST: "asked for a person",
    Reason.NO_ANSWER: "no answer found",
    Reason.RULE: "by a rule",
    Reason.PROVIDER_ERROR: "the model failed",
    Reason.NEGATIVE_FEEDBACK: "thumbs down",
    Reason.USAGE_LIMIT: "messages used up",
}
_DOCUMENT_STATES: dict[DocumentStatus, tuple[BadgeTone, str]] = {
    DocumentStatus.PROCESSING: ("info", "Reading"),
    DocumentStatus.COMPLETED: ("success", "Ready"),
    DocumentStatus.FAILED: ("danger", "Failed"),
}


@dataclass(frozen=True)
class ConversationRow:
    """``when`` is in words, ``moment`` exact, ``machine_time`` in ISO 8601."""

    id: str
    question: str
    tone: str
    status: str
    reason: str
    confidence: str
    when: str
    moment: str
    machine_time: str


@dataclass(frozen=True)
class DocumentRow:
    """``origin`` is the address without its scheme, or the file's name; ``url`` is empty for files."""

    id: str
    title: str
    origin: str
    url: str
    tone: str
    status: str
    reason: str
    audience: str
    passages: str
    when: str
    moment: str
    machine_time: str


@dataclass(frozen=True)
class IngestRow:
    """``percent`` is 0 to 100."""

    id: str
    address: str
    percent: int
    progress: str


def conversation_row(summary: ConversationSummary, now: datetime) -> ConversationRow:
    tone, status = _CONVERSATION_STATES[Status(summary.status)]
    return ConversationRow(
        id=str(summary.id),
        question=" ".join(summary.question.split()) or "No message yet",
        tone=tone,
        status=status,
        reason=_REASONS[Reason(summary.reason)] if summary.reason in set(Reason) else "",
        confidence=percent(summary.confidence) if summary.confidence is not None else "",
        when=in_words(summary.last_message_at, now),
        moment=exactly(summary.last_message_at),
        machine_time=summary.last_message_at.isoformat(),
    )


def document_row(document: DocumentView, now: datetime) -> DocumentRow:
    tone, status = _DOCUMENT_STATES[DocumentStatus(document.status)]
    origin = document.url or document.filename or ""
    return DocumentRow(
        id=str(document.id),
        title=document.title or origin,
        origin=origin.split("://", 1)[-1],
        url=document.url or "",
        tone=tone,
        status=status,
        reason=(document.reason or "") if document.status == DocumentStatus.FAILED else "",
        audience="Members" if document.audience == Audience.MEMBERS else "Visitors",
        passages=f"{document.chunks:,}",
        when=in_words(document.updated_at, now),
        moment=exactly(document.updated_at),
        machine_time=document.updated_at.isoformat(),
    )


def ingest_row(job: IngestUnderWay) -> IngestRow:
    if not job.found:
        progress = "Looking for its pages"
    else:
        progress = f"{job.done:,} of {job.found:,} pages"
        progress += f", {job.failed:,} could not be read" if job.failed else ""
    return IngestRow(
        id=str(job.job_id),
        address=job.address,
        percent=round(100 * job.done / job.found) if job.found else 0,
        progress=progress,
    )


def percent(share: float) -> str:
    """``0.412`` as ``41 %``."""
    return f"{round(100 * share)} %"
