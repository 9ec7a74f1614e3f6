"""The twin's memory and the questions every endpoint asks of it."""

from __future__ import annotations

import ipaddress
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request

from tests.twins.gotrue.errors import ApiError, invalid
from tests.twins.gotrue.keys import KeyRing
from tests.twins.gotrue.state import (
    Clock,
    FlowState,
    Identity,
    Mail,
    RefreshToken,
    Session,
    Settings,
    User,
    glob,
)

ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
CHALLENGE = re.compile(r"[a-zA-Z._~0-9-]+")


@dataclass
class Core:
    """Everything the twin knows; `url` is the project's, without `/auth/v1`."""

    url: str
    jwt_secret: str
    settings: Settings
    keys: KeyRing
    clock: Clock = field(default_factory=Clock)
    users: dict[str, User] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    refresh_tokens: dict[str, RefreshToken] = field(default_factory=dict)
    flows: list[FlowState] = field(default_factory=list)
    mails: list[Mail] = field(default_factory=list)
    mailed_at: list[datetime] = field(default_factory=list)
    asked_at: list[datetime] = field(default_factory=list)

    @property
    def issuer(self) -> str:
        return f"{self.url}/auth/v1"

    @property
    def jwks_url(self) -> str:
        return f"{self.issuer}/.well-known/jwks.json"

    def find(self, email: str) -> User | None:
        return next((user for user in self.users.values() if user.email == email.lower()), None)

    def create(self, email: str, password: str | None, data: Mapping[str, Any], provider: str) -> User:
        """A new, unconfirmed person without identities."""
        user = User(email=email.lower(), created_at=self.clock.now(), password=password)
        user.user_metadata = dict(data)
        user.app_metadata = {"provider": provider, "providers": [provider]}
        self.users[user.id] = user
        return user

    def identify(self, user: User, provider: str, data: Mapping[str, Any]) -> Identity:
        """Adds a way to sign in, and what the provider says to the person's own data, as GoTrue does."""
        known = {**data, "email_verified": data.get("email_verified", False), "phone_verified": False}
        identity = Identity(provider, str(data["sub"]), user.id, dict(known), self.clock.now())
        user.identities.append(identity)
        user.user_metadata |= known
        user.name_providers()
        return identity

    def identify_by_email(self, user: User, data: Mapping[str, Any]) -> Identity:
        return self.identify(user, "email", {**data, "sub": user.id, "email": user.email})

    def confirm(self, user: User) -> None:
        """The address is the person's; every pending link of theirs is over."""
        user.confirmed_at = user.confirmed_at or self.clock.now()
        user.tokens.clear()
        user.user_metadata["email_verified"] = True
        if (identity := user.identity("email")) and identity.data.get("email") == user.email:
            identity.data["email_verified"] = True

    def forget(self, user: User) -> None:
        del self.users[user.id]
        self.end_sessions(user)
        self.flows = [flow for flow in self.flows if flow.user_id != user.id]

    def end_sessions(self, user: User, *, only: str | None = None, but: str | None = None) -> None:
        """Signs a person out, everywhere or as named; the refresh tokens go with their sessions."""
        for session in list(self.sessions.values()):
            if session.user_id == user.id and session.id != but and only in (None, session.id):
                del self.sessions[session.id]
        self.refresh_tokens = {
            name: token for name, token in self.refresh_tokens.items() if token.session_id in self.sessions
        }

    def is_banned(self, user: User) -> bool:
        return user.banned_until is not None and user.banned_until > self.clock.now()

    def is_over(self, since: datetime, seconds: int) -> bool:
        return self.clock.now() > since + timedelta(seconds=seconds)

    def may_redirect(self, url: str) -> bool:
        """Whether a redirect may lead there: the site's own host, loopback, or the allow-list."""
        if not url:
            return False
        host = urlsplit(url).hostname or ""
        if host and host == urlsplit(self.settings.site_url).hostname:
            return True
        if re.fullmatch("[0-9]+", host):
            return False
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return any(glob(pattern).fullmatch(url) for pattern in self.settings.redirect_urls)

    def redirect_of(self, request: Request) -> str:
        """Where a request wants to go back to, or the site where that is not allowed."""
        asked = request.headers.get("redirect_to") or request.query_params.get("redirect_to", "")
        for url in (asked, request.headers.get("referer", "")):
            if self.may_redirect(url):
                return url
        return self.settings.site_url

    def begin_flow(self, method: str, body: Mapping[str, Any], user: User | None = None) -> FlowState | None:
        """Remembers a PKCE challenge; None where the caller uses the implicit flow."""
        check_challenge(body)
        if not body.get("code_challenge"):
            return None
        challenge_method = str(body["code_challenge_method"]).lower()
        if challenge_method not in ("s256", "plain"):
            raise ApiError(
                500, "unexpected_failure", f'unsupported code_challenge method "{challenge_method}"'
            )
        owner = user.id if user else None
        flow = FlowState(method, body["code_challenge"], challenge_method, self.clock.now(), owner)
        self.flows.append(flow)
        return flow

    def check_password(self, password: str) -> None:
        settings = self.settings
        if len(password) > 72:
            raise invalid("Password cannot be longer than 72 characters")
        problems = {}
        if len(password) < settings.password_min_length:
            problems["length"] = f"Password should be at least {settings.password_min_length} characters."
        if not all(set(characters) & set(password) for characters in settings.password_characters):
            listed = ", ".join(settings.password_characters)
            problems["characters"] = f"Password should contain at least one character of each: {listed}."
        if password in settings.pwned_passwords:
            problems["pwned"] = (
                "Password is known to be weak and easy to guess, please choose a different one."
            )
        if problems:
            raise ApiError(422, "weak_password", " ".join(problems.values()), list(problems))


def check_challenge(body: Mapping[str, Any]) -> None:
    challenge, method = body.get("code_challenge") or "", body.get("code_challenge_method") or ""
    if (challenge == "") != (method == ""):
        raise invalid("PKCE flow requires code_challenge_method and code_challenge")
    if challenge and not 43 <= len(challenge) <= 128:
        raise invalid("code challenge has to be between 43 and 128 characters")
    if challenge and not CHALLENGE.fullmatch(challenge):
        signs = "alphanumeric characters, hyphens, periods, underscores and tildes"
        raise invalid(f"code challenge can only contain {signs}")


def check_address(email: object) -> str:
    if not email or not isinstance(email, str):
        raise invalid("An email address is required")
    if not ADDRESS.fullmatch(email):
        raise invalid("Unable to validate email address: invalid format")
    return email.lower()


async def body_of(request: Request) -> dict[str, Any]:
    """A request's JSON object; GoTrue takes nothing else."""
    try:
        body = json.loads(await request.body())
    except ValueError as problem:
        raise ApiError(400, "bad_json", f"Could not parse request body as JSON: {problem}") from problem
    if not isinstance(body, dict):
        raise ApiError(400, "bad_json", "Could not parse request body as JSON: not an object")
    return body


def is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
