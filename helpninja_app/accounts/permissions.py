"""What each role and each API key may do, and who ranks above whom."""

from __future__ import annotations

from enum import StrEnum

from helpninja_app.accounts.models import Role


class Permission(StrEnum):
    READ_KNOWLEDGE = "knowledge:read"
    WRITE_KNOWLEDGE = "knowledge:write"
    UPLOAD_DOCUMENTS = "documents:upload"
    USE_CHAT = "chat:use"
    READ_CONVERSATIONS = "conversations:read"
    ANSWER_CONVERSATIONS = "conversations:answer"
    MANAGE_RULES = "rules:manage"
    READ_MEMBERS = "members:read"
    READ_AUDIT = "audit:read"
    MANAGE_WORKSPACE = "workspace:manage"
    MANAGE_MEMBERS = "members:manage"
    MANAGE_KEYS = "keys:manage"
    MANAGE_BILLING = "billing:manage"
    DELETE_WORKSPACE = "workspace:delete"


# What decides about people, keys and the workspace itself is for people: a key that leaks must not let
# anybody in for good.
KEY_PERMISSIONS = frozenset(Permission) - {
    Permission.MANAGE_MEMBERS,
    Permission.MANAGE_KEYS,
    Permission.DELETE_WORKSPACE,
}

_EVERYBODY = frozenset({Permission.READ_KNOWLEDGE, Permission.READ_CONVERSATIONS, Permission.READ_MEMBERS})

ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    Role.ADMIN: frozenset(Permission) - {Permission.DELETE_WORKSPACE, Permission.MANAGE_BILLING},
    Role.AGENT: _EVERYBODY
    | {Permission.ANSWER_CONVERSATIONS, Permission.USE_CHAT, Permission.UPLOAD_DOCUMENTS},
    Role.ANALYST: _EVERYBODY
    | {
        Permission.USE_CHAT,
        Permission.UPLOAD_DOCUMENTS,
        Permission.WRITE_KNOWLEDGE,
        Permission.MANAGE_RULES,
    },
    Role.VIEWER: _EVERYBODY,
}


def outranks(role: Role, other: Role) -> bool:
    """Whether ``role`` stands above ``other``."""
    ranks = list(Role)
    return ranks.index(role) < ranks.index(other)
