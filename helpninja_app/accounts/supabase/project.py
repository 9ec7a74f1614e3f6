"""One Supabase project that this installation's people sign in with."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections.abc import Mapping
from functools import partial

import httpx

from helpninja_app.accounts.identity import Credentials
from helpninja_app.accounts.sessions import Device
from helpninja_app.accounts.supabase.cookies import StoredSession, cookie_name, read_session
from helpninja_app.accounts.supabase.gateway import SessionData, SupabaseAuth
from helpninja_app.accounts.supabase.introductions import Admission, Arrival, introduce
from helpninja_app.accounts.supabase.tokens import Claims, TokenVerifier
from helpninja_app.errors import NotSignedIn

TIMEOUT = httpx.Timeout(5.0)
# GoTrue gives the same answer to a refresh token that comes twice within this time.
RENEWAL_COUNTS_FOR_SECONDS = 10.0
# Before a token runs out it is renewed, so that a page need not wait for it.
RENEWED_BEFORE_SECONDS = 600.0


class Supabase:
    """``signing_key`` makes our session's key of Supabase's session id, which is no secret by itself."""

    def __init__(
        self, url: str, anon_key: str, *, secret: str | None, signing_key: str, admission: Admission
    ) -> None:
        self._http = httpx.AsyncClient(timeout=TIMEOUT, follow_redirects=False)
        self._signing_key = signing_key.encode()
        self.admission = admission
        self.cookie = cookie_name(url)
        self.verifier_cookie = f"{self.cookie}-code-verifier"
        self.auth = SupabaseAuth(self._http, url, anon_key)
        self.tokens = TokenVerifier(self._http, url, secret=secret)
        self._renewals: dict[str, tuple[float, asyncio.Task[SessionData]]] = {}

    async def aclose(self) -> None:
        await self._http.aclose()

    def session_key(self, claims: Claims) -> str:
        """What our session is found by: not to be guessed, also not by who knows the id of the session."""
        mark = hmac.new(self._signing_key, f"supabase:{claims.session_id}".encode(), hashlib.sha256)
        return f"supabase:{mark.hexdigest()}"

    def arrival(
        self,
        claims: Claims,
        device: Device,
        *,
        workspace_name: str = "",
        invite_token: str = "",
        offer_token: str = "",
    ) -> Arrival:
        return Arrival(
            claims,
            self.session_key(claims),
            self.admission,
            device,
            workspace_name,
            invite_token,
            offer_token,
        )

    def credentials(self, claims: Claims, device: Device) -> Credentials:
        """With what makes the session known here, should it not be."""
        unknown = None if claims.is_over else partial(introduce, arrival=self.arrival(claims, device))
        return Credentials(session=self.session_key(claims), introduce=unknown)

    async def claims_of(self, stored: StoredSession) -> Claims | None:
        """Who a session is of, over or not; ``None`` for nobody we believe."""
        try:
            return await self.tokens.verify(stored.access_token)
        except NotSignedIn:
            return None

    def claims_at_hand(self, cookies: Mapping[str, str]) -> Claims | None:
        """The same without asking anybody; ``None`` also while the project's keys are not known."""
        stored = read_session(cookies, self.cookie)
        return self.tokens.verify_at_hand(stored.access_token) if stored else None

    async def renew(self, stored: StoredSession) -> SessionData:
        """A new session for an old one; once, however many requests of a page ask at the same time.

        Raises ``NotSignedIn`` when it is over for good, ``Unavailable`` when Supabase cannot be asked.
        """
        now = time.monotonic()
        for token, (begun, _) in list(self._renewals.items()):
            if now - begun > RENEWAL_COUNTS_FOR_SECONDS:
                del self._renewals[token]
        begun, task = self._renewals.get(stored.refresh_token, (now, None))
        if task is None or (task.done() and (task.cancelled() or task.exception())):
            task = asyncio.create_task(self.auth.refresh(stored.refresh_token))
            self._renewals[stored.refresh_token] = (now, task)
        # Whoever leaves does not take the answer from the others.
        return await asyncio.shield(task)
