"""Sessions: access tokens, refresh with rotation, and the exchange of a code."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.twins.gotrue.core import Core, body_of, is_uuid
from tests.twins.gotrue.errors import ApiError, OAuthError, invalid
from tests.twins.gotrue.keys import unb64
from tests.twins.gotrue.state import RefreshToken, Session, User, user_json


def claims_of(core: Core, user: User, session: Session) -> dict[str, Any]:
    """An access token's claims, as GoTrue writes them."""
    now = core.clock.seconds()
    return {
        "iss": core.issuer,
        "sub": user.id,
        "aud": user.aud,
        "exp": now + core.settings.token_lifetime,
        "iat": now,
        "email": user.email,
        "phone": "",
        "app_metadata": user.app_metadata,
        "user_metadata": user.user_metadata,
        "role": user.role,
        "aal": "aal1",
        "amr": [{"method": method, "timestamp": at} for method, at in session.methods],
        "session_id": session.id,
        "is_anonymous": False,
    }


def start_session(core: Core, user: User, method: str) -> dict[str, Any]:
    """Signs a person in: what `token` and `verify` answer."""
    session = Session(user.id, [(method, core.clock.seconds())], core.clock.now())
    core.sessions[session.id] = session
    return session_json(core, user, session, _add_refresh_token(core, session, None))


def session_json(core: Core, user: User, session: Session, refresh_token: RefreshToken) -> dict[str, Any]:
    user.last_sign_in_at = core.clock.now()
    return {
        "access_token": core.keys.current.token(claims_of(core, user, session)),
        "token_type": "bearer",
        "expires_in": core.settings.token_lifetime,
        "expires_at": core.clock.seconds() + core.settings.token_lifetime,
        "refresh_token": refresh_token.token,
        "user": user_json(user),
    }


def _add_refresh_token(core: Core, session: Session, parent: RefreshToken | None) -> RefreshToken:
    made = RefreshToken(session.id, parent.token if parent else None, core.clock.now())
    core.refresh_tokens[made.token] = made
    return made


async def token(core: Core, request: Request) -> Response:
    """POST token: one of three grants."""
    grant = request.query_params.get("grant_type", "")
    body = await body_of(request)
    if grant == "password":
        return JSONResponse(_by_password(core, body))
    if grant == "refresh_token":
        return JSONResponse(_refresh(core, body))
    if grant == "pkce":
        return JSONResponse(_exchange(core, body))
    raise ApiError(400, "invalid_credentials", "unsupported_grant_type")


def _by_password(core: Core, body: dict[str, Any]) -> dict[str, Any]:
    refusal = ApiError(400, "invalid_credentials", "Invalid login credentials")
    user = core.find(str(body.get("email") or ""))
    if user is None:
        raise refusal
    if core.is_banned(user):
        raise ApiError(400, "user_banned", "User is banned")
    if user.password is None or user.password != body.get("password"):
        raise refusal
    if user.confirmed_at is None:
        raise ApiError(400, "email_not_confirmed", "Email not confirmed")
    return start_session(core, user, "password")


def _refresh(core: Core, body: dict[str, Any]) -> dict[str, Any]:
    if not body.get("refresh_token"):
        raise OAuthError("invalid_request", "refresh_token required")
    known = core.refresh_tokens.get(str(body["refresh_token"]))
    if known is None:
        raise ApiError(400, "refresh_token_not_found", "Invalid Refresh Token: Refresh Token Not Found")
    session = core.sessions[known.session_id]
    user = core.users[session.user_id]
    if core.is_banned(user):
        raise ApiError(400, "user_banned", "Invalid Refresh Token: User Banned")
    return session_json(core, user, session, _successor(core, session, known))


def _successor(core: Core, session: Session, known: RefreshToken) -> RefreshToken:
    """The next refresh token of a session; reuse that no lost answer and no race explains ends its chain."""
    chain = [each for each in core.refresh_tokens.values() if each.session_id == session.id]
    if known.revoked:
        active = next((each for each in reversed(chain) if not each.revoked), None)
        if active is not None and active.parent == known.token:
            return active
        if core.is_over(known.updated_at, core.settings.reuse_interval):
            for each in chain:
                if not each.revoked:
                    each.revoked, each.updated_at = True, core.clock.now()
            raise ApiError(400, "refresh_token_already_used", "Invalid Refresh Token: Already Used")
    known.revoked, known.updated_at = True, core.clock.now()
    return _add_refresh_token(core, session, known)


def _exchange(core: Core, body: dict[str, Any]) -> dict[str, Any]:
    code, verifier = body.get("auth_code"), body.get("code_verifier")
    if not code or not verifier:
        raise invalid("invalid request: both auth code and code verifier should be non-empty")
    flow = next((each for each in core.flows if each.code == code), None)
    if flow is None or flow.user_id is None:
        raise ApiError(404, "flow_state_not_found", "invalid flow state, no valid flow state found")
    # Only a magic link's five minutes begin with the click; those of the others begin with the request.
    clicked = flow.issued_at if flow.method == "magiclink" else None
    if core.is_over(clicked or flow.created_at, core.settings.flow_lifetime):
        raise ApiError(422, "flow_state_expired", "invalid flow state, flow state has expired")
    if flow.challenge != challenge_of(str(verifier), flow.challenge_method):
        raise ApiError(
            400, "bad_code_verifier", "code challenge does not match previously saved code verifier"
        )
    core.flows.remove(flow)
    answer = start_session(core, core.users[flow.user_id], flow.method)
    if flow.provider_token:
        answer["provider_token"] = flow.provider_token
    return answer


def challenge_of(verifier: str, method: str = "s256") -> str:
    """RFC 7636, section 4.2."""
    if method == "plain":
        return verifier
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def read_token(core: Core, token: str) -> dict[str, Any]:
    """The claims of a token that one of the project's keys signed and that is not over."""
    why = "invalid JWT: unable to parse or verify signature, "
    try:
        header_part, claims_part, signature_part = token.split(".")
        header, claims = json.loads(unb64(header_part)), json.loads(unb64(claims_part))
        signature = unb64(signature_part)
    except ValueError as problem:
        raise ApiError(403, "bad_jwt", f"{why}token is malformed") from problem
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise ApiError(403, "bad_jwt", f"{why}token is malformed")
    key = core.keys.named_by(header)
    if key is None or header.get("alg") != key.algorithm:
        raise ApiError(403, "bad_jwt", f"{why}token is unverifiable: unrecognized JWT kid")
    if not key.is_signature(f"{header_part}.{claims_part}".encode(), signature):
        raise ApiError(403, "bad_jwt", f"{why}token signature is invalid")
    if claims.get("exp", 0) <= core.clock.seconds():
        raise ApiError(403, "bad_jwt", f"{why}token has invalid claims: token is expired")
    return claims


def bearer_of(request: Request) -> str:
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not bearer:
        raise ApiError(401, "no_authorization", "This endpoint requires a Bearer token")
    return bearer.strip()


def caller_of(core: Core, request: Request) -> tuple[User, Session | None]:
    """Who calls, by their access token; a session that was ended is no session."""
    claims = read_token(core, bearer_of(request))
    if not claims.get("sub"):
        raise ApiError(403, "bad_jwt", "invalid claim: missing sub claim")
    if not is_uuid(str(claims["sub"])):
        raise ApiError(400, "bad_jwt", "invalid claim: sub claim must be a UUID")
    user = core.users.get(claims["sub"])
    if user is None:
        raise ApiError(403, "user_not_found", "User from sub claim in JWT does not exist")
    if not claims.get("session_id"):
        return user, None
    session = core.sessions.get(claims["session_id"])
    if session is None:
        raise ApiError(403, "session_not_found", "Session from session_id claim in JWT does not exist")
    return user, session


async def log_out(core: Core, request: Request) -> Response:
    """POST logout: this session, the others, or all."""
    scope = request.query_params.get("scope") or "global"
    if scope not in ("global", "local", "others"):
        raise invalid(f'Unsupported logout scope "{scope}"')
    user, session = caller_of(core, request)
    if session and scope == "local":
        core.end_sessions(user, only=session.id)
    elif session and scope == "others":
        core.end_sessions(user, but=session.id)
    else:
        core.end_sessions(user)
    return Response(status_code=204)
