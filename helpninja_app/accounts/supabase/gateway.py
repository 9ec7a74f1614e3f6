"""Supabase's auth server, through its own client: one client for each call, nothing kept in it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal, cast

import httpx
import pydantic
import structlog
from supabase_auth import AsyncGoTrueClient, AsyncMemoryStorage
from supabase_auth.errors import (
    AuthApiError,
    AuthError,
    AuthInvalidCredentialsError,
    AuthRetryableError,
    AuthWeakPasswordError,
)
from supabase_auth.types import AuthResponse, Provider, Session

from helpninja_app.accounts.links import OVER
from helpninja_app.accounts.supabase.tokens import UNREACHABLE
from helpninja_app.errors import (
    FieldError,
    Forbidden,
    HelpNinjaError,
    Invalid,
    NotSignedIn,
    RateLimited,
    Unavailable,
)

log = structlog.get_logger(__name__)

WRONG = "The e-mail address or the password is not right."
UNCONFIRMED = "Please open the link that was sent to this address first."
_STORAGE_KEY = "session"
_VERIFIER = f"{_STORAGE_KEY}-code-verifier"
_WAYS_COUNT_FOR_SECONDS = 300.0
_WAIT_SECONDS = 60
_OVER = {
    "otp_expired",
    "otp_disabled",
    "bad_code_verifier",
    "flow_state_not_found",
    "flow_state_expired",
    "bad_oauth_state",
}
_GONE = {
    "refresh_token_not_found",
    "refresh_token_already_used",
    "session_not_found",
    "session_expired",
    "bad_jwt",
    "user_not_found",
    "user_banned",
}

SessionData = dict[str, Any]
Reach = Literal["local", "global", "others"]


class Unconfirmed(NotSignedIn):
    """Please open the link that was sent to this address first."""


class AddressTaken(Invalid):
    """There is an account with this address."""


@dataclass(frozen=True, slots=True)
class Started:
    """A flow that ends in another request: its verifier has to be kept by the browser that began it."""

    verifier: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Ways:
    """How one may sign in beside a password, as the project is set up."""

    providers: tuple[str, ...] = ()
    is_sign_up_open: bool = True


class SupabaseAuth:
    """Every call raises ours: ``NotSignedIn``, ``Invalid``, ``RateLimited``, ``Forbidden``, ``Unavailable``.

    A session is the dictionary that GoTrue answers with; it belongs into cookies and nowhere else.
    """

    def __init__(self, http: httpx.AsyncClient, url: str, anon_key: str) -> None:
        self._http = http
        self._url = f"{url}/auth/v1"
        self._key = anon_key
        self._ways = Ways()
        self._ways_asked_at = float("-inf")

    async def sign_up(self, email: str, password: str, *, back_to: str) -> tuple[SessionData | None, Started]:
        """A session, or none where the address has to be confirmed first by a mailed link."""
        async with self._client() as (client, storage):
            answer = await client.sign_up(
                {"email": email, "password": password, "options": {"email_redirect_to": back_to}}
            )
            started = Started(await _verifier(storage))
        return (_session(answer.session) if answer.session else None), started

    async def sign_in(self, email: str, password: str) -> SessionData:
        async with self._client() as (client, _):
            return _of(await client.sign_in_with_password({"email": email, "password": password}))

    async def send_magic_link(self, email: str, *, back_to: str, may_make_account: bool) -> Started:
        async with self._client() as (client, storage):
            await client.sign_in_with_otp(
                {
                    "email": email,
                    "options": {"email_redirect_to": back_to, "should_create_user": may_make_account},
                }
            )
            return Started(await _verifier(storage))

    async def start_oauth(self, provider: str, *, back_to: str) -> Started:
        """Where to send the browser; no call."""
        async with self._client() as (client, storage):
            answer = await client.sign_in_with_oauth(
                {"provider": cast("Provider", provider), "options": {"redirect_to": back_to}}
            )
            return Started(await _verifier(storage), answer.url)

    async def exchange_code(self, code: str, verifier: str) -> SessionData:
        """The session of a code that came back (RFC 7636); ``Invalid`` for one that is over."""
        async with self._client() as (client, _):
            params: Any = {"auth_code": code, "code_verifier": verifier}
            return _of(await client.exchange_code_for_session(params))

    async def refresh(self, refresh_token: str) -> SessionData:
        async with self._client() as (client, _):
            return _of(await client.refresh_session(refresh_token))

    async def send_recovery(self, email: str, *, back_to: str) -> Started:
        async with self._client() as (client, storage):
            await client.reset_password_for_email(email, {"redirect_to": back_to})
            return Started((await _verifier(storage)).partition("/")[0])

    async def resend_confirmation(self, email: str, *, back_to: str) -> None:
        async with self._client() as (client, _):
            await client.resend({"type": "signup", "email": email, "options": {"email_redirect_to": back_to}})

    async def change_password(self, session: Mapping[str, Any], password: str) -> None:
        """Ends all other sessions of the user."""
        async with self._client() as (client, _):
            await client.set_session(session["access_token"], session["refresh_token"])
            await client.update_user({"password": password})

    async def sign_out(self, access_token: str, reach: Reach) -> None:
        async with self._client() as (client, _):
            await client.admin.sign_out(access_token, reach)

    async def ways(self) -> Ways:
        """Remembered for five minutes; what was known last while the project cannot be reached."""
        now = time.monotonic()
        if now - self._ways_asked_at > _WAYS_COUNT_FOR_SECONDS:
            self._ways_asked_at = now
            try:
                answer = await self._http.get(f"{self._url}/settings", headers={"apikey": self._key})
                answer.raise_for_status()
                self._ways = _ways(answer.json())
            except (httpx.HTTPError, ValueError) as error:
                log.warning("supabase_settings_not_read", error=str(error)[:200])
        return self._ways

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[tuple[AsyncGoTrueClient, AsyncMemoryStorage]]:
        storage = AsyncMemoryStorage()
        client = AsyncGoTrueClient(
            url=self._url,
            headers={"apikey": self._key, "Authorization": f"Bearer {self._key}"},
            storage_key=_STORAGE_KEY,
            storage=storage,
            auto_refresh_token=False,
            persist_session=False,
            flow_type="pkce",
            http_client=self._http,
        )
        try:
            yield client, storage
        except (AuthError, pydantic.ValidationError, httpx.HTTPError) as error:
            raise _ours(error) from error


def _ways(body: object) -> Ways:
    settings = body if isinstance(body, dict) else {}
    external = settings.get("external")
    on = external if isinstance(external, dict) else {}
    # These are no places to go to.
    names = sorted(name for name, is_on in on.items() if is_on is True and name not in _NO_PROVIDERS)
    return Ways(tuple(names[:12]), settings.get("disable_signup") is not True)


_NO_PROVIDERS = {"email", "phone", "anonymous_users", "saml", "web3"}


def _of(answer: AuthResponse) -> SessionData:
    if answer.session is None:
        raise Unavailable(UNREACHABLE)
    return _session(answer.session)


def _session(session: Session) -> SessionData:
    return session.model_dump(mode="json", exclude_none=True)


async def _verifier(storage: AsyncMemoryStorage) -> str:
    return await storage.get_item(_VERIFIER) or ""


def _ours(error: Exception) -> HelpNinjaError:
    code = str(getattr(error, "code", "") or "")
    if isinstance(error, AuthWeakPasswordError):
        message = "This password is easy to guess."
        return Invalid(message, errors=(FieldError("body.password", message),))
    if isinstance(error, AuthRetryableError) or not isinstance(error, AuthError):
        log.warning("supabase_failed", error=type(error).__name__)
        return Unavailable(UNREACHABLE)
    if code == "email_not_confirmed":
        return Unconfirmed()
    if code in {"user_already_exists", "email_exists"}:
        return AddressTaken()
    if code == "same_password":
        message = "This is your present password."
        return Invalid(message, errors=(FieldError("body.password", message),))
    if code in {"email_address_invalid", "validation_failed", "email_address_not_authorized"}:
        message = "This is not an address that a mail can be sent to."
        return Invalid(message, errors=(FieldError("body.email", message),))
    if code in {"signup_disabled", "email_provider_disabled", "provider_disabled"}:
        return Forbidden("Signing up is not open here.")
    if code in _OVER:
        return Invalid(OVER)
    status = error.status if isinstance(error, AuthApiError) else 0
    if code.startswith("over_") or status == 429:
        return RateLimited(limit=1, retry_after=_WAIT_SECONDS)
    if code == "invalid_credentials" or isinstance(error, AuthInvalidCredentialsError):
        return NotSignedIn(WRONG)
    if code in _GONE or status in {401, 403}:
        return NotSignedIn("Your session has ended. Please sign in again.")
    log.warning("supabase_failed", status=status, code=code[:60])
    return Unavailable(UNREACHABLE)
