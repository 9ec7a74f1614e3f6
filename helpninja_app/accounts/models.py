"""Tables of workspaces, users, memberships, sessions and API keys."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from helpninja_app.kernel.columns import id_column, texts_column, time_column, workspace_column


class Role(StrEnum):
    """A member's role, from the highest rank to the lowest."""

    OWNER = "owner"
    ADMIN = "admin"
    AGENT = "agent"
    ANALYST = "analyst"
    VIEWER = "viewer"


class Workspace(SQLModel, table=True):
    __tablename__ = "workspaces"

    id: UUID = id_column()
    slug: str
    public_key: str
    name: str
    voice: str = "friendly"
    confidence_threshold: float = 0.55
    allowed_domains: list[str] = texts_column()
    time_zone: str = "UTC"
    languages: list[str] = texts_column()
    greeting: str = ""
    suggestions: list[str] = texts_column()
    plan: str = "free"
    custom_limits: dict[str, int] = Field(default_factory=dict, sa_type=JSONB)
    embedding_model: str
    business_hours: dict[str, list[list[str]]] = Field(default_factory=dict, sa_type=JSONB)
    holidays: list[str] = texts_column()
    created_at: datetime = time_column()
    deleted_at: datetime | None = time_column(is_optional=True)


class WorkspaceHandle(SQLModel, table=True):
    """A public key or slug, found before the workspace is known; readable without a scope."""

    __tablename__ = "workspace_handles"

    handle: str = Field(primary_key=True)
    workspace_id: UUID
    expires_at: datetime | None = time_column(is_optional=True)
    is_closed: bool = False


class User(SQLModel, table=True):
    __tablename__ = "users"

    id: UUID = id_column()
    email: str
    name: str = ""
    password_hash: str
    email_verified_at: datetime | None = time_column(is_optional=True)
    sessions_ended_at: datetime | None = time_column(is_optional=True)
    created_at: datetime = time_column()


class UserEmail(SQLModel, table=True):
    """An e-mail address in lower case, found before the user is known; readable without a scope."""

    __tablename__ = "user_emails"

    email: str = Field(primary_key=True)
    user_id: UUID


class SupabaseUser(SQLModel, table=True):
    """A user of Supabase, found by the subject of their tokens; readable without a scope."""

    __tablename__ = "supabase_users"

    subject: UUID = Field(primary_key=True)
    user_id: UUID


class Member(SQLModel, table=True):
    __tablename__ = "members"

    workspace_id: UUID = workspace_column()
    user_id: UUID = Field(primary_key=True)
    role: str
    suspended_at: datetime | None = time_column(is_optional=True)
    created_at: datetime = time_column()


class Session(SQLModel, table=True):
    """A signed-in browser."""

    __tablename__ = "sessions"

    user_id: UUID = Field(primary_key=True)
    id: UUID = id_column()
    workspace_id: UUID | None = None
    user_agent: str = ""
    address: str = ""
    created_at: datetime = time_column()
    last_seen_at: datetime = time_column()
    expires_at: datetime = time_column()
    revoked_at: datetime | None = time_column(is_optional=True)


class SessionHash(SQLModel, table=True):
    """Finds the session of a token before its user is known. Only the SHA-256 of the token is stored."""

    __tablename__ = "session_hashes"

    token_hash: bytes = Field(primary_key=True)
    user_id: UUID
    session_id: UUID


class ApiKey(SQLModel, table=True):
    __tablename__ = "api_keys"

    workspace_id: UUID = workspace_column()
    id: UUID = id_column()
    name: str
    prefix: str
    permissions: list[str] = texts_column()
    created_at: datetime = time_column()
    expires_at: datetime | None = time_column(is_optional=True)
    revoked_at: datetime | None = time_column(is_optional=True)
    last_used_at: datetime | None = time_column(is_optional=True)


class ApiKeyHash(SQLModel, table=True):
    """The SHA-256 of a secret key, found before its workspace is known; readable without a scope."""

    __tablename__ = "api_key_hashes"

    key_hash: bytes = Field(primary_key=True)
    workspace_id: UUID
    api_key_id: UUID


class AccountLink(SQLModel, table=True):
    """A link sent by mail, or the step after a password."""

    __tablename__ = "account_links"

    user_id: UUID = Field(primary_key=True)
    id: UUID = id_column()
    purpose: str
    email: str
    created_at: datetime = time_column()
    expires_at: datetime = time_column()
    used_at: datetime | None = time_column(is_optional=True)
    tries: int = 0


class AccountLinkHash(SQLModel, table=True):
    """Finds a link before its user is known. Only the SHA-256 of its token is stored."""

    __tablename__ = "account_link_hashes"

    token_hash: bytes = Field(primary_key=True)
    user_id: UUID
    link_id: UUID


class SecondFactor(SQLModel, table=True):
    """The secret of a user's authenticator app, encrypted; it counts once it is confirmed."""

    __tablename__ = "second_factors"

    user_id: UUID = Field(primary_key=True)
    secret: str
    created_at: datetime = time_column()
    begun_in: UUID | None = None
    confirmed_at: datetime | None = time_column(is_optional=True)
    last_step: int | None = Field(default=None, sa_type=BigInteger)


class RecoveryCode(SQLModel, table=True):
    __tablename__ = "recovery_codes"

    user_id: UUID = Field(primary_key=True)
    code_hash: bytes = Field(primary_key=True)
    used_at: datetime | None = time_column(is_optional=True)


class Invite(SQLModel, table=True):
    """An offer to join; ``email`` is empty for a link that may be passed on."""

    __tablename__ = "invites"

    workspace_id: UUID = workspace_column()
    id: UUID = id_column()
    email: str = ""
    role: str
    invited_by: str
    created_at: datetime = time_column()
    expires_at: datetime = time_column()
    accepted_at: datetime | None = time_column(is_optional=True)
    accepted_by: UUID | None = None
    revoked_at: datetime | None = time_column(is_optional=True)


class InviteHash(SQLModel, table=True):
    """The SHA-256 of an invite's token, found before its workspace is known; readable without a scope."""

    __tablename__ = "invite_hashes"

    token_hash: bytes = Field(primary_key=True)
    workspace_id: UUID
    invite_id: UUID
    is_mailed: bool = False


class AuditEvent(SQLModel, table=True):
    __tablename__ = "audit_events"

    workspace_id: UUID = workspace_column()
    id: UUID = id_column()
    created_at: datetime = time_column()
    actor: str
    actor_name: str
    action: str
    subject: str = ""
    detail: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB)
