"""What a key may do, and what became of it, in the words that people read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from helpninja_app.accounts.permissions import Permission
from helpninja_app.ui.times import day_of, in_words

# All that a key may have, what belongs together side by side.
MAY: dict[Permission, str] = {
    Permission.READ_CONVERSATIONS: "Read conversations",
    Permission.ANSWER_CONVERSATIONS: "Answer conversations",
    Permission.USE_CHAT: "Use the chat",
    Permission.READ_KNOWLEDGE: "Read the knowledge",
    Permission.WRITE_KNOWLEDGE: "Change the knowledge",
    Permission.UPLOAD_DOCUMENTS: "Upload documents",
    Permission.MANAGE_RULES: "Manage rules",
    Permission.MANAGE_WORKSPACE: "Manage the workspace",
    Permission.MANAGE_BILLING: "Manage billing",
    Permission.READ_MEMBERS: "See the members",
    Permission.READ_AUDIT: "See the audit log",
}


def permissions_in_words(permissions: Iterable[str]) -> str:
    """``May read conversations, upload documents``; a name that is none any more stands for itself."""
    held = set(permissions)
    if held.issuperset(MAY):
        return "May do everything that a key can"
    known = [words for permission, words in MAY.items() if permission in held]
    said = ", ".join([*(f"{words[:1].lower()}{words[1:]}" for words in known), *sorted(held - set(MAY))])
    return f"May {said}"


def use_in_words(last_used_at: datetime | None, moment: datetime) -> str:
    return f"Used {in_words(last_used_at, moment)}" if last_used_at else "Never used"


def end_in_words(expires_at: datetime | None, moment: datetime) -> str:
    """Until when a key counts, or since when it does not, by the day in UTC."""
    if expires_at is None:
        return "does not expire"
    return f"{'expired' if expires_at <= moment else 'expires'} on {day_of(expires_at, UTC)}"
