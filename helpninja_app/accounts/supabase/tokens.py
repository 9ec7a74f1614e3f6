"""Supabase's access tokens, checked here: by the project's published keys, or by its legacy secret."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import jwt
import structlog

from helpninja_app.accounts.users import EMAIL
from helpninja_app.errors import NotSignedIn, Unavailable

log = structlog.get_logger(__name__)

AUDIENCE = "authenticated"
UNREACHABLE = "The sign-in service cannot be reached right now. Please try again in a moment."
KEYS_COUNT_FOR_SECONDS = 600.0
# A key that nobody has published yet is asked for again, but not by everybody who makes one up.
KEYS_ASKED_AGAIN_SECONDS = 10.0
# Between the clocks of two servers.
LEEWAY_SECONDS = 10.0
# The algorithm a key is for is told by the key and not by the token (RFC 8725, 3.1).
_ALGORITHM_OF = {"EC": "ES256", "RSA": "RS256"}
_MOST_REMEMBERED = 2_000
_REQUIRED = ["exp", "iat", "sub", "iss", "aud", "session_id"]


@dataclass(frozen=True, slots=True)
class Claims:
    """Who a token is for; ``began_at`` is when they signed in.

    ``methods`` are how they did, such as ``password``, ``otp`` or ``oauth``.
    """

    subject: UUID
    session_id: UUID
    email: str
    methods: frozenset[str]
    expires_at: datetime
    issued_at: datetime
    began_at: datetime

    @property
    def is_over(self) -> bool:
        return self.expires_at.timestamp() + LEEWAY_SECONDS < time.time()

    def seconds_left(self) -> float:
        return self.expires_at.timestamp() - time.time()


class TokenVerifier:
    """Checks signature, issuer, audience and times; keeps the project's keys for ten minutes.

    A token is an RFC 7519 JWT in GoTrue's form: ES256 or RS256 by a published key (RFC 7517), or HS256 by the
    secret that older projects share. Each algorithm has keys of its own kind, so that no public key is ever
    taken for a secret.
    """

    def __init__(self, http: httpx.AsyncClient, url: str, *, secret: str | None = None) -> None:
        """``url`` is the project's, without a slash at its end."""
        self._http = http
        self._issuer = f"{url}/auth/v1"
        self._secret = secret
        self._keys: dict[str, jwt.PyJWK] = {}
        self._asked_at = float("-inf")
        self._is_fresh_until = float("-inf")
        self._asking = asyncio.Lock()
        self._remembered: OrderedDict[bytes, Claims] = OrderedDict()

    async def verify(self, token: str) -> Claims:
        """The claims of a token, over or not; ``NotSignedIn`` for one that never was ours.

        ``Unavailable`` when its key is not known and the project cannot be asked for it.
        """
        known = self.verify_at_hand(token)
        if known is not None and time.monotonic() < self._is_fresh_until:
            return known
        kid, algorithm = _head(token)
        if algorithm != "HS256":
            await self._fetch_keys(kid)
        if (claims := self.verify_at_hand(token)) is None:
            raise NotSignedIn("Your session has ended. Please sign in again.")
        return claims

    def verify_at_hand(self, token: str) -> Claims | None:
        """The same with the keys that are here already; ``None`` for a token that they do not vouch for."""
        mark = hashlib.sha256(token.encode("utf-8", "replace")).digest()
        if (claims := self._remembered.get(mark)) is not None:
            self._remembered.move_to_end(mark)
            return claims
        try:
            kid, algorithm = _head(token)
            key = self._key(kid, algorithm)
            claims = None if key is None else _claims(token, key, algorithm, self._issuer)
        except (NotSignedIn, jwt.InvalidTokenError, jwt.PyJWKError, ValueError, TypeError):
            return None
        if claims is not None:
            self._remembered[mark] = claims
            if len(self._remembered) > _MOST_REMEMBERED:
                self._remembered.popitem(last=False)
        return claims

    def _key(self, kid: str | None, algorithm: str) -> Any:
        if algorithm == "HS256":
            return self._secret.encode() if self._secret else None
        key = self._keys.get(kid or "")
        return key.key if key is not None and _ALGORITHM_OF.get(key.key_type or "") == algorithm else None

    async def _fetch_keys(self, kid: str | None) -> None:
        async with self._asking:
            now = time.monotonic()
            is_known = (kid or "") in self._keys
            if is_known and now < self._is_fresh_until:
                return
            if now - self._asked_at < KEYS_ASKED_AGAIN_SECONDS:
                if now >= self._is_fresh_until and not is_known:
                    raise Unavailable(UNREACHABLE)
                return
            self._asked_at = now
            try:
                answer = await self._http.get(f"{self._issuer}/.well-known/jwks.json")
                answer.raise_for_status()
                published = _key_set(answer.json())
            except (httpx.HTTPError, ValueError) as error:
                log.warning("supabase_keys_not_read", error=str(error)[:200])
                if is_known:
                    # Who is signed in stays so while the project is away.
                    return
                raise Unavailable(UNREACHABLE) from error
            if published.keys() != self._keys.keys():
                # What a withdrawn key signed does not count any more.
                self._remembered.clear()
            self._keys = published
            self._is_fresh_until = now + KEYS_COUNT_FOR_SECONDS


def _key_set(body: object) -> dict[str, jwt.PyJWK]:
    rows = body.get("keys") if isinstance(body, dict) else None
    keys: dict[str, jwt.PyJWK] = {}
    for row in rows if isinstance(rows, list) else ():
        if (
            not isinstance(row, dict)
            or row.get("kty") not in _ALGORITHM_OF
            or not isinstance(row.get("kid"), str)
        ):
            continue
        try:
            keys[row["kid"]] = jwt.PyJWK(row, _ALGORITHM_OF[row["kty"]])
        except (jwt.PyJWKError, jwt.InvalidKeyError):
            continue
    return keys


def _head(token: str) -> tuple[str | None, str]:
    try:
        head = jwt.get_unverified_header(token)
    except (jwt.InvalidTokenError, ValueError) as error:
        raise NotSignedIn() from error
    kid, algorithm = head.get("kid"), head.get("alg")
    if algorithm not in {"ES256", "RS256", "HS256"}:
        raise NotSignedIn()
    return kid if isinstance(kid, str) else None, algorithm


def _claims(token: str, key: Any, algorithm: str, issuer: str) -> Claims | None:
    # The time is asked of the claims, each time anew: what is remembered must not outlive its end.
    read = jwt.decode(
        token,
        key,
        algorithms=[algorithm],
        audience=AUDIENCE,
        issuer=issuer,
        leeway=LEEWAY_SECONDS,
        options={"require": _REQUIRED, "verify_exp": False},
    )
    email = str(read.get("email") or "").strip().lower()
    if read.get("role") != AUDIENCE or read.get("is_anonymous") is True or not EMAIL.fullmatch(email):
        return None
    amr = read.get("amr")
    rows = [item for item in (amr if isinstance(amr, list) else ()) if isinstance(item, dict)]
    issued = float(read["iat"])
    began = min([issued, *(float(item["timestamp"]) for item in rows if _is_number(item.get("timestamp")))])
    methods = {str(item.get("method")) for item in rows}
    return Claims(
        subject=UUID(str(read["sub"])),
        session_id=UUID(str(read["session_id"])),
        email=email,
        methods=frozenset(methods),
        expires_at=datetime.fromtimestamp(float(read["exp"]), UTC),
        issued_at=datetime.fromtimestamp(issued, UTC),
        began_at=datetime.fromtimestamp(began, UTC),
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and 0 < value < 10**11
