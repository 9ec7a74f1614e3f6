"""Visitor tokens: short-lived proof that a widget owns a session of a workspace (JWT, RFC 7519, HS256)."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import jwt

from helpninja_app.errors import Invalid, NotSignedIn

TOKEN_LIFETIME = timedelta(hours=2)
RENEWAL_PERIOD = timedelta(days=90)
_AUDIENCE = "helpninja-visitor"
_SESSION_ID = re.compile(r"[A-Za-z0-9._:-]{8,128}")


@dataclass(frozen=True, slots=True)
class VisitorToken:
    token: str
    expires_at: datetime


def check_session_id(session_id: str) -> str:
    """A session id as the widget makes it: 8 to 128 letters, digits and ``._:-``; else ``Invalid``."""
    if not _SESSION_ID.fullmatch(session_id):
        raise Invalid("sessionId has to be 8 to 128 letters, digits, dots, colons, dashes or underscores.")
    return session_id


def new_session_id() -> str:
    return secrets.token_urlsafe(18)


def sign_visitor(
    signing_key: str, workspace_id: UUID, session_id: str, *, now: datetime | None = None
) -> VisitorToken:
    """A token that proves the session for ``TOKEN_LIFETIME`` from ``now``."""
    now = now or datetime.now(UTC)
    expires_at = now + TOKEN_LIFETIME
    token = jwt.encode(
        {"aud": _AUDIENCE, "ws": str(workspace_id), "sub": session_id, "iat": now, "exp": expires_at},
        _derived(signing_key),
        algorithm="HS256",
    )
    return VisitorToken(token, expires_at)


def read_visitor(signing_key: str, token: str, *, for_renewal: bool = False) -> tuple[UUID, str]:
    """The workspace and the session that a token proves; ``NotSignedIn`` when it is forged or too old.

    For renewal a token counts for ``RENEWAL_PERIOD`` after it has expired.
    """
    try:
        claims = jwt.decode(
            token,
            _derived(signing_key),
            algorithms=["HS256"],
            audience=_AUDIENCE,
            leeway=RENEWAL_PERIOD if for_renewal else timedelta(0),
            options={"require": ["aud", "ws", "sub", "exp"]},
        )
    except jwt.ExpiredSignatureError as error:
        raise NotSignedIn("This visitor token has expired.") from error
    except jwt.InvalidTokenError as error:
        raise NotSignedIn("This visitor token is not valid.") from error
    try:
        return UUID(claims["ws"]), str(claims["sub"])
    except (ValueError, AttributeError) as error:
        raise NotSignedIn("This visitor token is not valid.") from error


def verify_visitor(signing_key: str, token: str, workspace_id: UUID, *, for_renewal: bool = False) -> str:
    """The session that a token proves in this workspace; ``NotSignedIn`` when it is another's."""
    proven_workspace, session_id = read_visitor(signing_key, token, for_renewal=for_renewal)
    if proven_workspace != workspace_id:
        raise NotSignedIn("This visitor token belongs to another workspace.")
    return session_id


def _derived(signing_key: str) -> bytes:
    # A key of its own for each purpose, so that no token of one kind can pass as another.
    return hmac.digest(signing_key.encode(), b"visitor-token", hashlib.sha256)
