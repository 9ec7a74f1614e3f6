"""What finding out who calls costs a request, and what a sign-in is made of."""

from __future__ import annotations

import secrets
import statistics
import time
from collections.abc import Awaitable, Callable

from sqlalchemy import text

from bench.report import Figure, at_most, say, show
from bench.scratch import make_workspace, opened, scratch_database
from helpninja_app.accounts.api_keys import create_api_key
from helpninja_app.accounts.identity import Credentials, identify
from helpninja_app.accounts.members import add_member
from helpninja_app.accounts.models import Role
from helpninja_app.accounts.passwords import hash_password, is_password_right
from helpninja_app.accounts.permissions import KEY_PERMISSIONS
from helpninja_app.accounts.sessions import open_session
from helpninja_app.accounts.users import create_user, find_password_hash
from helpninja_app.kernel.database import enter_scope
from helpninja_app.kernel.scope import Scope
from helpninja_app.knowledge.embedding.hashing import HashingEmbedder

TIMES = 500
SIGN_INS = 30
MOST_MS = 2.0
WORKSPACES = 300


async def run() -> None:
    """Print the time of an identity beside that of an empty transaction, and of a sign-in beside its hash."""
    with scratch_database() as scratch:
        async with opened(scratch, embedder=HashingEmbedder()) as resources:
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

            async def nothing() -> None:
                async with resources.database.unit_of_work() as session:
                    await session.execute(text("select 1"))

            async def by(credentials: Credentials) -> None:
                async with resources.database.unit_of_work() as session:
                    await identify(session, credentials)

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
            empty = await _p50(nothing, TIMES)
            session_ms = await _p50(lambda: by(Credentials(session=token)), TIMES)
            key_ms = await _p50(lambda: by(Credentials(bearer=key)), TIMES)
            say(f"{SIGN_INS} sign-ins")
            whole, alone = await _p50(sign_in, SIGN_INS), await _p50(verify, SIGN_INS)
    beside = f"select 1 in a transaction: {empty:.1f} ms"
    of_session, of_key = session_ms - empty, key_ms - empty
    show(
        "Identity",
        [
            at_most("a session's, p50, without its transaction", of_session, MOST_MS, "ms", peer=beside),
            at_most("a key's, p50, without its transaction", of_key, MOST_MS, "ms", peer=beside),
            Figure("sign-in, p50", f"{whole:.0f} ms", peer=f"the hash alone: {alone:.0f} ms"),
        ],
    )


async def _p50(work: Callable[[], Awaitable[None]], times: int) -> float:
    """Milliseconds."""
    for _ in range(5):
        await work()
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        await work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds) * 1000
