"""The one door for identity: who is calling, in which workspace, and what they may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from helpninja_app.accounts.models import Role
from helpninja_app.accounts.permissions import Permission
from helpninja_app.errors import Forbidden
from helpninja_app.kernel.scope import Scope

Voice = Literal["friendly", "professional", "casual", "formal"]


@dataclass(frozen=True, slots=True)
class WorkspaceView:
    """The part of a workspace that every request needs, as a value."""

    id: UUID
    slug: str
    public_key: str
    name: str
    voice: Voice
    confidence_threshold: float
    allowed_domains: tuple[str, ...]
    time_zone: str
    business_hours: Mapping[str, list[list[str]]]
    holidays: tuple[str, ...]
    languages: tuple[str, ...]
    greeting: str
    suggestions: tuple[str, ...]
    plan: str
    custom_limits: Mapping[str, int]
    embedding_model: str


@dataclass(frozen=True, slots=True)
class MemberCaller:
    """A signed-in person in one of their workspaces."""

    workspace: WorkspaceView
    user_id: UUID
    email: str
    role: Role
    permissions: frozenset[Permission] = field(default_factory=frozenset)

    @property
    def scope(self) -> Scope:
        return Scope.members(self.workspace.id, self.user_id)

    @property
    def label(self) -> str:
        return f"member:{self.user_id}"


@dataclass(frozen=True, slots=True)
class KeyCaller:
    """A program with a secret API key of one workspace."""

    workspace: WorkspaceView
    key_id: UUID
    name: str
    permissions: frozenset[Permission] = field(default_factory=frozenset)

    @property
    def scope(self) -> Scope:
        return Scope.members(self.workspace.id)

    @property
    def label(self) -> str:
        return f"key:{self.key_id}"


@dataclass(frozen=True, slots=True)
class VisitorCaller:
    """Somebody on a website. ``is_signed`` when a visitor token proved the session."""

    workspace: WorkspaceView
    session_id: str
    is_signed: bool

    @property
    def scope(self) -> Scope:
        return Scope.visitors(self.workspace.id, self.session_id, is_proven=self.is_signed)


StaffCaller = MemberCaller | KeyCaller


def require(caller: StaffCaller, permission: Permission) -> None:
    """Raise ``Forbidden`` naming what is missing."""
    if permission in caller.permissions:
        return
    if isinstance(caller, KeyCaller):
        raise Forbidden(f"This API key does not have the permission {permission.value}.")
    raise Forbidden(f"Your role ({caller.role.value}) does not allow this ({permission.value}).")
