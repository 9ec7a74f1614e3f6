"""What an escalation tells the people it is sent to, the same for every channel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

_HEADLINES = {
    "low_confidence": "The bot is not sure of its answer",
    "visitor_request": "A visitor asks for a person",
    "no_answer": "The bot found no answer",
    "rule": "A rule asks for a person",
    "provider_error": "The model provider failed",
    "negative_feedback": "A visitor was not helped",
    "usage_limit": "The messages of the plan are used up",
}


@dataclass(frozen=True, slots=True)
class Packet:
    """``delivery_id`` is the same whenever this one delivery is tried again; ``reason`` a ``Reason``.

    ``summary``, ``question``, ``answer`` (what the bot tried), ``visitor_name`` and ``page_url`` are written
    by visitors and models. ``link`` opens the conversation in the inbox; ``thread_id`` is
    ``<conversation@host>``, by which its mails find together; replies go to ``reply_to`` if there is one.
    With ``is_notice`` nobody is asked for: the rule ``rule_name`` tells people of something.
    """

    delivery_id: UUID
    conversation_id: UUID
    workspace_name: str
    reason: str
    summary: str
    question: str
    answer: str
    confidence: float | None
    refs: tuple[str, ...]
    visitor_name: str
    visitor_email: str
    page_url: str
    link: str
    thread_id: str
    reply_to: str
    created_at: datetime
    rule_name: str = ""
    is_notice: bool = False

    @property
    def headline(self) -> str:
        """Why people are told, as a sentence without its full stop."""
        if self.is_notice:
            return f"The rule “{self.rule_name}” matches"
        if self.rule_name:
            return f"The rule “{self.rule_name}” asks for a person"
        return _HEADLINES.get(self.reason, "A person is needed")

    @property
    def visitor(self) -> str:
        """Name and address of the visitor, as far as they are known."""
        known = [part for part in (self.visitor_name, self.visitor_email) if part]
        return ", ".join(known) or "Not known"

    @property
    def certainty(self) -> str:
        """``42 %``, or a dash where nothing was answered."""
        return "-" if self.confidence is None else f"{round(self.confidence * 100)} %"
