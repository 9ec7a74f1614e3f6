"""What the twin remembers: its settings and clock, people, sessions, flows and mails."""

from __future__ import annotations

import re
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

Algorithm = Literal["ES256", "RS256", "HS256"]
TokenKind = Literal["confirmation", "recovery", "email_change_current", "email_change_new"]
MailKind = Literal["signup", "magiclink", "recovery", "invite", "email_change"]


@dataclass
class Settings:
    """How a project is configured; every field may be changed while the twin runs.

    Lifetimes and intervals are seconds. `redirect_urls` are glob patterns as in Supabase's dashboard: `*`
    stops at `.` and `/`, `**` does not. `email_interval` is the pause between two mails to one person (60 on
    Supabase, 0 here so that tests need not wait), `email_limit` and `request_limit` are per hour, `None` is
    no limit.
    """

    site_url: str = "http://127.0.0.1:3000"
    redirect_urls: tuple[str, ...] = ()
    autoconfirm: bool = False
    disable_signup: bool = False
    providers: frozenset[str] = frozenset({"google", "github"})
    algorithm: Algorithm = "ES256"
    token_lifetime: int = 3600
    otp_lifetime: int = 3600
    flow_lifetime: int = 300
    reuse_interval: int = 10
    password_min_length: int = 6
    password_characters: tuple[str, ...] = ()
    pwned_passwords: frozenset[str] = frozenset()
    secure_email_change: bool = True
    email_interval: int = 0
    email_limit: int | None = None
    request_limit: int | None = None


@dataclass
class Clock:
    """The twin's own time: the real one, shifted."""

    shift: timedelta = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.shift

    def seconds(self) -> int:
        return int(self.now().timestamp())

    def advance(self, seconds: float) -> None:
        self.shift += timedelta(seconds=seconds)


@dataclass
class Identity:
    """One way a person signs in; `provider_id` is the provider's name for them."""

    provider: str
    provider_id: str
    user_id: str
    data: dict[str, Any]
    created_at: datetime
    identity_id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(frozen=True)
class OneTimeToken:
    """A pending link; `hash` is what the link carries and `verify` compares."""

    hash: str
    sent_at: datetime


@dataclass
class User:
    """A person. `password` is kept as it was typed: nothing here outlives a test."""

    email: str
    created_at: datetime
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    password: str | None = None
    role: str = "authenticated"
    aud: str = "authenticated"
    app_metadata: dict[str, Any] = field(default_factory=dict)
    user_metadata: dict[str, Any] = field(default_factory=dict)
    identities: list[Identity] = field(default_factory=list)
    confirmed_at: datetime | None = None
    invited_at: datetime | None = None
    confirmation_sent_at: datetime | None = None
    recovery_sent_at: datetime | None = None
    email_change_sent_at: datetime | None = None
    new_email: str | None = None
    email_change_half_done: bool = False
    last_sign_in_at: datetime | None = None
    updated_at: datetime | None = None
    banned_until: datetime | None = None
    tokens: dict[TokenKind, OneTimeToken] = field(default_factory=dict)

    def identity(self, provider: str) -> Identity | None:
        return next((each for each in self.identities if each.provider == provider), None)

    def name_providers(self) -> None:
        """Keeps `app_metadata` in step with the identities."""
        names = sorted({identity.provider for identity in self.identities})
        self.app_metadata["providers"] = names
        if self.app_metadata.get("provider") not in names and names:
            self.app_metadata["provider"] = names[0]


@dataclass
class Session:
    """One signed-in device; `methods` becomes the claim `amr`."""

    user_id: str
    methods: list[tuple[str, int]]
    created_at: datetime
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass
class RefreshToken:
    """A link in a session's chain of refresh tokens."""

    session_id: str
    parent: str | None
    updated_at: datetime
    token: str = field(default_factory=lambda: secrets.token_hex(6))
    revoked: bool = False


@dataclass
class FlowState:
    """A PKCE flow from its challenge to the exchange of its code."""

    method: str
    challenge: str
    challenge_method: str
    created_at: datetime
    user_id: str | None = None
    code: str = field(default_factory=lambda: str(uuid.uuid4()))
    issued_at: datetime | None = None
    provider_token: str | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(frozen=True)
class Mail:
    """A mail that was sent: `link` is what a person clicks, `token` the six digits to type instead."""

    to: str
    kind: MailKind
    link: str
    token: str
    token_hash: str
    redirect_to: str


def stamp(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z") if moment else None


def identity_json(identity: Identity) -> dict[str, Any]:
    return {
        "identity_id": identity.identity_id,
        "id": identity.provider_id,
        "user_id": identity.user_id,
        "identity_data": identity.data,
        "provider": identity.provider,
        "last_sign_in_at": stamp(identity.created_at),
        "created_at": stamp(identity.created_at),
        "updated_at": stamp(identity.created_at),
        "email": identity.data.get("email"),
    }


def user_json(user: User) -> dict[str, Any]:
    """A user as GoTrue shows it: moments that have not come are left out."""
    moments = {
        "email_confirmed_at": user.confirmed_at,
        "confirmed_at": user.confirmed_at,
        "invited_at": user.invited_at,
        "confirmation_sent_at": user.confirmation_sent_at,
        "recovery_sent_at": user.recovery_sent_at,
        "email_change_sent_at": user.email_change_sent_at,
        "last_sign_in_at": user.last_sign_in_at,
        "banned_until": user.banned_until,
    }
    shown: dict[str, Any] = {
        "id": user.id,
        "aud": user.aud,
        "role": user.role,
        "email": user.email,
        "phone": "",
        "app_metadata": user.app_metadata,
        "user_metadata": user.user_metadata,
        "identities": [identity_json(identity) for identity in user.identities],
        "created_at": stamp(user.created_at),
        "updated_at": stamp(user.updated_at or user.created_at),
        "is_anonymous": False,
    }
    shown |= {name: stamp(moment) for name, moment in moments.items() if moment}
    if user.new_email:
        shown["new_email"] = user.new_email
    return shown


def glob(pattern: str) -> re.Pattern[str]:
    """A pattern of the allow-list for redirects."""
    parts = {"**": ".*", "*": "[^./]*", "?": "[^./]"}
    pieces = re.split(r"(\*\*|\*|\?)", pattern)
    return re.compile("".join(parts.get(piece, re.escape(piece)) for piece in pieces))
