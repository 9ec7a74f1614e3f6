"""What each role and each API key may do."""

from __future__ import annotations

from enum import StrEnum

from helpninja_app.accounts.models import Role


class Permission(StrEnum):
    READ_KNOWLEDGE = "knowledge:read"
    WRITE_KNOWLEDGE = "knowledge:write"
    UPLOAD_DOCUMENTS = "documents:upload"
    READ_CONVERSATIONS = "conversations:read"


ALL_PERMISSIONS = frozenset(Permission)

ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.OWNER: ALL_PERMISSIONS,
    Role.ADMIN: ALL_PERMISSIONS,
    Role.AGENT: frozenset(
        {Permission.READ_KNOWLEDGE, Permission.UPLOAD_DOCUMENTS, Permission.READ_CONVERSATIONS}
    ),
    Role.ANALYST: ALL_PERMISSIONS,
    Role.VIEWER: frozenset({Permission.READ_KNOWLEDGE, Permission.READ_CONVERSATIONS}),
}
