"""The rows of the home page's lists, as the browser gets them: texts that are ready to be shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from helpninja_app.conversations.models import Status
from helpninja_app.conversations.overview import ConversationSummary
from helpninja_app.knowledge.overview import IngestUnderWay
from helpninja_app.screens.inbox.words import STATUSES, reason_in_words
from helpninja_app.screens.knowledge.rows import percent
from helpninja_app.ui.times import exactly, in_words


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
class IngestRow:
    """``percent`` is 0 to 100."""

    id: str
    address: str
    percent: int
    progress: str


def conversation_row(summary: ConversationSummary, now: datetime) -> ConversationRow:
    tone, status = STATUSES[Status(summary.status)]
    return ConversationRow(
        id=str(summary.id),
        question=" ".join(summary.question.split()) or "No message yet",
        tone=tone,
        status=status,
        reason=reason_in_words(summary.reason),
        confidence=percent(summary.confidence) if summary.confidence is not None else "",
        when=in_words(summary.last_message_at, now),
        moment=exactly(summary.last_message_at),
        machine_time=summary.last_message_at.isoformat(),
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
