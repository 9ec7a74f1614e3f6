"""The twin itself: GoTrue's endpoints over real HTTP, with the controls that tests need."""

from __future__ import annotations

import functools
import secrets
import socket
import threading
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.twins.gotrue import accounts, admin, forgery, mailing, oauth, tokens
from tests.twins.gotrue.core import Core
from tests.twins.gotrue.errors import ApiError, OAuthError, show
from tests.twins.gotrue.gate import Call, Fault, FaultKind, Gate
from tests.twins.gotrue.keys import KeyRing, SigningKey
from tests.twins.gotrue.state import Mail, MailKind, Settings, User

Endpoint = Callable[[Core, Request], Awaitable[Response]]
TEN_YEARS = 10 * 365 * 24 * 3600


@dataclass
class Gotrue(Core):
    """A running twin. `calls` is everything that arrived, `faults` what will go wrong next."""

    anon_key: str = ""
    service_role_key: str = ""
    publishable_key: str = field(default_factory=lambda: f"sb_publishable_{secrets.token_hex(12)}")
    secret_key: str = field(default_factory=lambda: f"sb_secret_{secrets.token_hex(12)}")
    calls: list[Call] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.anon_key, self.service_role_key = (self._api_key(role) for role in ("anon", "service_role"))
        self.hostile = forgery.hostile_key(self)

    def _api_key(self, role: str) -> str:
        signer = SigningKey("HS256", self.jwt_secret.encode(), None)
        now = self.clock.seconds()
        return signer.token(
            {"iss": "supabase", "ref": "twin", "role": role, "iat": now, "exp": now + TEN_YEARS}
        )

    def advance(self, seconds: float) -> None:
        """Moves the twin's clock; tokens it issues afterwards carry its time, not the caller's."""
        self.clock.advance(seconds)

    def add_user(
        self,
        email: str,
        password: str | None = "correct horse 7",
        *,
        is_confirmed: bool = True,
        metadata: Mapping[str, Any] | None = None,
    ) -> User:
        """Somebody who signed up with an address, without a call."""
        user = self.create(email, password, metadata or {}, "email")
        self.identify_by_email(user, metadata or {})
        if is_confirmed:
            self.confirm(user)
        return user

    def sign_in(self, user: User, method: str = "password") -> dict[str, Any]:
        """A new session's JSON, without a call."""
        return tokens.start_session(self, user, method)

    def user(self, email: str) -> User:
        """The person with that address; KeyError where there is none."""
        found = self.find(email)
        if found is None:
            raise KeyError(email)
        return found

    def last_mail(self, to: str, kind: MailKind | None = None) -> Mail:
        """The newest mail to that address; KeyError where there is none."""
        for mail in reversed(self.mails):
            if mail.to == to.lower() and kind in (None, mail.kind):
                return mail
        raise KeyError(to)

    def count(self, target: str = "", method: str | None = None) -> int:
        """How many calls arrived whose target begins so: `token?grant_type=refresh_token`, `user`."""
        return sum(call.target.startswith(target) and method in (None, call.method) for call in self.calls)

    def fail(
        self,
        path: str = "",
        *,
        kind: FaultKind = "status",
        status: int = 503,
        delay: float = 0.0,
        times: int = 1,
    ) -> None:
        """Queues faults for the next calls of that path: see `Fault`."""
        self.faults.extend(Fault(kind, path, status, delay) for _ in range(times))

    def forge(
        self,
        user: User | None = None,
        *,
        claims: Mapping[str, Any] | None = None,
        without: Collection[str] = (),
        header: Mapping[str, Any] | None = None,
        key: SigningKey | bytes | None = None,
    ) -> str:
        """An access token with anything changed: see `forgery.forge`."""
        return forgery.forge(self, user, claims=claims, without=without, header=header, key=key)

    def attack(self, name: str, user: User) -> str:
        """One of `ATTACKS`: a token for that person that a verifier has to refuse."""
        return forgery.attack(self, name, user, hostile=self.hostile)


async def show_settings(core: Core, _: Request) -> Response:
    """GET settings."""
    external = {name: name in core.settings.providers for name in sorted(oauth.KNOWN)}
    return JSONResponse(
        {
            "external": external | {"email": True, "phone": False, "anonymous_users": False},
            "disable_signup": core.settings.disable_signup,
            "mailer_autoconfirm": core.settings.autoconfirm,
            "phone_autoconfirm": False,
            "sms_provider": "",
            "saml_enabled": False,
        }
    )


async def show_keys(core: Core, _: Request) -> Response:
    """GET .well-known/jwks.json."""
    return JSONResponse(core.keys.jwks(), headers={"Cache-Control": "public, max-age=600"})


async def show_health(_: Core, __: Request) -> Response:
    """GET health."""
    about = "GoTrue is a user registration and authentication API"
    return JSONResponse({"version": "v2.180.0", "name": "GoTrue", "description": about})


async def show_hostile_keys(core: Core, _: Request) -> Response:
    """What an attacker's `jku` points at: nobody should ever come here."""
    assert isinstance(core, Gotrue)
    return JSONResponse({"keys": [core.hostile.public_jwk()]})


ENDPOINTS: tuple[tuple[str, str, Endpoint], ...] = (
    ("POST", "/auth/v1/signup", accounts.sign_up),
    ("POST", "/auth/v1/token", tokens.token),
    ("POST", "/auth/v1/logout", tokens.log_out),
    ("POST", "/auth/v1/otp", mailing.otp),
    ("POST", "/auth/v1/magiclink", mailing.magic_link),
    ("POST", "/auth/v1/recover", mailing.recover),
    ("POST", "/auth/v1/resend", mailing.resend),
    ("GET", "/auth/v1/verify", mailing.follow_link),
    ("POST", "/auth/v1/verify", mailing.verify),
    ("GET", "/auth/v1/user", accounts.show_user),
    ("PUT", "/auth/v1/user", accounts.change_user),
    ("GET", "/auth/v1/authorize", oauth.authorize),
    ("GET", "/auth/v1/callback", oauth.callback),
    ("GET", "/provider/{provider}", oauth.ask_consent),
    ("POST", "/provider/{provider}", oauth.take_consent),
    ("GET", "/auth/v1/settings", show_settings),
    ("GET", "/auth/v1/.well-known/jwks.json", show_keys),
    ("GET", "/auth/v1/health", show_health),
    ("POST", "/auth/v1/invite", admin.invite),
    ("POST", "/auth/v1/admin/users", admin.create_user),
    ("GET", "/auth/v1/admin/users", admin.list_users),
    ("GET", "/auth/v1/admin/users/{user_id}", admin.show_user),
    ("PUT", "/auth/v1/admin/users/{user_id}", admin.change_user),
    ("DELETE", "/auth/v1/admin/users/{user_id}", admin.delete_user),
    ("POST", "/auth/v1/admin/generate_link", admin.generate_link),
    ("GET", "/hostile/jwks.json", show_hostile_keys),
)


def application(gotrue: Gotrue) -> Gate:
    routes = [
        Route(path, functools.partial(endpoint, gotrue), methods=[method])
        for method, path, endpoint in ENDPOINTS
    ]
    app = Starlette(routes=routes, exception_handlers={ApiError: show, OAuthError: show})
    roles = {
        gotrue.anon_key: "anon",
        gotrue.publishable_key: "anon",
        gotrue.service_role_key: "service_role",
        gotrue.secret_key: "service_role",
    }
    return Gate(app, gotrue, roles, gotrue.calls, gotrue.faults)


@contextmanager
def running_gotrue(**options: Any) -> Iterator[Gotrue]:
    """Serves a fresh twin on a free loopback port; `options` are the fields of `Settings`."""
    settings = Settings(**options)
    jwt_secret = secrets.token_hex(32)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        gotrue = Gotrue(url, jwt_secret, settings, KeyRing(settings.algorithm, jwt_secret))
        # Faults reach for the transport of asyncio's own loop; uvicorn must not wrap the application.
        server = uvicorn.Server(
            uvicorn.Config(
                application(gotrue),
                loop="asyncio",
                http="h11",
                ws="none",
                lifespan="off",
                interface="asgi3",
                proxy_headers=False,
                log_config=None,
                log_level="critical",
                timeout_graceful_shutdown=1,
            )
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield gotrue
        finally:
            server.should_exit = True
            thread.join(timeout=10)
