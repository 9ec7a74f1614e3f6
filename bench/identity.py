"""What finding out who calls costs a request, and what a sign-in is made of."""

from __future__ import annotations

import secrets
import statistics
import time
import uuid
from collections.abc import Awaitable, Callable

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import text

from api_routes.app import create_api
from bench.report import Figure, at_most, say, show
from bench.scratch import make_workspace, opened, scratch_database
from helpninja_app.accounts.api_keys import create_api_key
from helpninja_app.accounts.identity import Credentials, identify
from helpninja_app.accounts.members import add_member
from helpninja_app.accounts.models import Role
from helpninja_app.accounts.passwords import hash_password, is_password_right
from helpninja_app.accounts.permissions import KEY_PERMISSIONS
from helpninja_app.accounts.sessions import open_session
from helpninja_app.accounts.supabase.tokens import TokenVerifier
from helpninja_app.accounts.users import create_user, find_password_hash
from helpninja_app.accounts.visitors import sign_visitor, verify_visitor
from helpninja_app.accounts.workspaces import find_workspace
from helpninja_app.kernel.database import enter_scope
from helpninja_app.kernel.scope import Scope
from helpninja_app.knowledge.embedding.hashing import HashingEmbedder

TIMES = 500
SIGN_INS = 30
MOST_MS = 2.0
WORKSPACES = 300
LIGHT = "light@example.com"
PROJECT = "https://project.example"


async def run() -> None:
    """Print the time of an identity beside that of an empty transaction, and of a sign-in beside its hash."""
    with scratch_database() as scratch:
        limits = {"sign_in_limit_per_account": 100_000, "sign_in_limit_per_address": 100_000}
        async with opened(scratch, embedder=HashingEmbedder(), **limits) as resources:
            say(f"making {WORKSPACES} workspaces with a member and a key each")
            password = secrets.token_urlsafe(12)
            hashed = await hash_password(password)
            for number in range(WORKSPACES):
                workspace = await make_workspace(resources, f"Workspace {number}")
                async with resources.database.unit_of_work() as session:
                    email = f"{number}@example.com"
                    user = await create_user(session, email=email, password_hash=hashed)
                    await enter_scope(session, Scope.members(workspace.id, user.id))
                    await add_member(session, workspace.id, user.id, Role.OWNER)
                    key = await create_api_key(session, workspace.id, name="x", permissions=KEY_PERMISSIONS)
                    token = await open_session(session, user.id)
            # Somebody whose hash takes no time: what remains of their sign-in is all that is beyond it.
            cheap = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
            async with resources.database.unit_of_work() as session:
                await create_user(session, email=LIGHT, password_hash=cheap.hash(password))

            async def nothing() -> None:
                async with resources.database.unit_of_work() as session:
                    await session.execute(text("select 1"))

            async def by(credentials: Credentials) -> None:
                async with resources.database.unit_of_work() as session:
                    await identify(session, credentials)

            signing_key = resources.settings.signing_key()
            visitor = sign_visitor(signing_key, workspace.id, secrets.token_urlsafe(12)).token

            async def by_visitor() -> None:
                async with resources.database.unit_of_work() as session:
                    found = await find_workspace(session, workspace.public_key)
                verify_visitor(signing_key, visitor, found.id)

            async def sign_in() -> None:
                async with resources.database.unit_of_work() as session:
                    known = await find_password_hash(session, email)
                if not await is_password_right(known, password) or known is None:
                    raise RuntimeError("The password is not right.")
                async with resources.database.unit_of_work() as session:
                    await open_session(session, known[0])

            async def verify() -> None:
                await is_password_right((user.id, hashed), password)

            say(f"{TIMES} identities of each kind")
            # In turns, so that what else the machine does falls on all of them.
            empty, session_ms, key_ms, visitor_ms = await _p50s(
                TIMES,
                nothing,
                lambda: by(Credentials(session=token)),
                lambda: by(Credentials(bearer=key)),
                by_visitor,
            )
            say(f"{TIMES} tokens of Supabase")
            check_ms = await _supabase_ms()
            say(f"{SIGN_INS} sign-ins")
            # The real route over the ASGI transport: all of HTTP but a socket.
            transport = httpx.ASGITransport(app=create_api())
            async with httpx.AsyncClient(transport=transport, base_url="http://bench.example") as browser:

                async def post(address: str) -> None:
                    answer = await browser.post(
                        "/api/auth/sign-in", json={"email": address, "password": password}
                    )
                    answer.raise_for_status()
                    browser.cookies.clear()

                posted, light, whole, alone = await _p50s(
                    SIGN_INS, lambda: post(email), lambda: post(LIGHT), sign_in, verify
                )
    beside = f"select 1 in a transaction: {empty:.1f} ms"
    of_session, of_key, of_visitor = session_ms - empty, key_ms - empty, visitor_ms - empty
    show(
        "Identity",
        [
            at_most("a session's, p50, without its transaction", of_session, MOST_MS, "ms", peer=beside),
            at_most("a key's, p50, without its transaction", of_key, MOST_MS, "ms", peer=beside),
            at_most("a visitor's, p50, without its transaction", of_visitor, MOST_MS, "ms", peer=beside),
            Figure(
                "with its transaction: session's, key's", f"{session_ms:.1f}, {key_ms:.1f} ms", peer=beside
            ),
            at_most(
                "a session of Supabase's, p50, token never seen before",
                of_session + check_ms,
                MOST_MS,
                "ms",
                peer=f"the token alone (ES256): {check_ms:.2f} ms",
            ),
            Figure(
                "POST /api/auth/sign-in over the ASGI transport, p50",
                f"{posted:.0f} ms",
                peer=f"the hash alone: {alone:.0f} ms",
            ),
            Figure("the same with a hash that takes no time, p50", f"{light:.1f} ms"),
            Figure("sign-in without HTTP, p50", f"{whole:.0f} ms", peer=f"the hash alone: {alone:.0f} ms"),
        ],
    )


async def _supabase_ms() -> float:
    """Milliseconds to check a token of ES256 that was not seen before; one that was costs a look-up."""
    key = ec.generate_private_key(ec.SECP256R1())
    published = ECAlgorithm.to_jwk(key.public_key(), as_dict=True) | {
        "kid": "a",
        "alg": "ES256",
        "use": "sig",
    }
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={"keys": [published]}))
    now = int(time.time())
    claims = {
        **{"iss": f"{PROJECT}/auth/v1", "aud": "authenticated", "role": "authenticated"},
        **{"iat": now, "exp": now + 3600, "sub": str(uuid.uuid4()), "email": "a@example.com"},
    }
    tokens = iter(
        [
            jwt.encode(claims | {"session_id": str(uuid.uuid4())}, key, "ES256", {"kid": "a"})
            for _ in range(TIMES + 5)
        ]
    )
    async with httpx.AsyncClient(transport=transport) as http:
        verifier = TokenVerifier(http, PROJECT)

        async def check() -> None:
            await verifier.verify(next(tokens))

        (checked,) = await _p50s(TIMES, check)
        return checked


async def _p50s(times: int, *works: Callable[[], Awaitable[None]]) -> list[float]:
    """The median of each in milliseconds."""
    seconds: list[list[float]] = [[] for _ in works]
    for turn in range(times + 5):
        for work, taken in zip(works, seconds, strict=True):
            started = time.perf_counter()
            await work()
            if turn >= 5:
                taken.append(time.perf_counter() - started)
    return [statistics.median(taken) * 1000 for taken in seconds]
