"""On whose behalf the database is read: the values that row-level security compares with."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class Audience(StrEnum):
    """Who a document is for. ``members`` includes what is for visitors."""

    VISITORS = "visitors"
    MEMBERS = "members"


@dataclass(frozen=True, slots=True)
class Scope:
    """What one unit of work may see; the default sees nothing that belongs to anybody.

    ``audience`` decides which knowledge is visible and whether members-only tables are visible at all.
    ``user_id`` makes a user's own account and memberships visible across workspaces. ``visitor`` is the id of
    a visitor's session, whose conversations are visible: those under its token only when it ``is_proven``.
    """

    workspace_id: UUID | None = None
    audience: Audience = Audience.VISITORS
    user_id: UUID | None = None
    visitor: str | None = None
    is_proven: bool = False

    @classmethod
    def visitors(cls, workspace_id: UUID, session_id: str | None = None, *, is_proven: bool = False) -> Scope:
        """What is public; and of conversations those of ``session_id``."""
        return cls(workspace_id, Audience.VISITORS, visitor=session_id, is_proven=is_proven)

    @classmethod
    def members(cls, workspace_id: UUID, user_id: UUID | None = None) -> Scope:
        return cls(workspace_id, Audience.MEMBERS, user_id)
