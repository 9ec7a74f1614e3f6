"""What somebody may try on a route of a workspace that is not theirs, and what has to come of it."""

from __future__ import annotations

from collections.abc import Sequence

import httpx
from sqlalchemy import text

from helpninja_app.accounts.permissions import Permission
from tests.api.access.asking import (
    NAMINGS,
    Naming,
    ask,
    handle_of,
    has_filters,
    holds_an_id,
    is_named,
    namings_of,
)
from tests.api.access.callers import SWITCH, Caller, Kind, told
from tests.api.access.register import Access, Route
from tests.canaries import Canaries

CHAT = "POST /api/chat"
CONVERSATION = "GET /api/widget/conversation"
# Only for who has one already.
OF_A_CONVERSATION = {
    "GET /api/widget/events",
    "POST /api/widget/typing",
    "POST /api/widget/contact",
    "POST /api/widget/feedback",
}
# Whoever names a workspace is told these: its website shows them to everybody.
PUBLISHED: dict[str, set[str]] = {
    "GET /api/widget": {"workspaces-name", "workspaces-public-key"},
    "GET /api/widget/config": {
        "workspaces-name",
        "workspaces-greeting",
        "workspaces-languages",
        "workspaces-suggestions",
    },
    # In the policy, which tells a browser who may frame the panel.
    "GET /widget/panel": {"workspaces-allowed-domains"},
}
# What anybody may have us write, with an address alone: a link to choose a new password, in a mail.
WRITTEN = {"POST /api/auth/reset-password": {"account_links", "account_link_hashes"}}


async def try_strangers(
    client: httpx.AsyncClient,
    route: Route,
    access: Access,
    theirs: Canaries,
    callers: Sequence[Caller],
    *,
    namings: Sequence[Naming] = NAMINGS,
) -> None:
    """Call a workspace's route as each of them; they are refused, learn nothing and change nothing."""
    before = await state_of(theirs)
    for caller in callers:
        # Who is nobody is refused before it matters.
        for naming in namings[:1] if caller.kind in {Kind.NOBODY, Kind.VISITOR} else namings:
            answer = await ask(client, route, theirs, caller.headers, handle_of(theirs, naming))
            wanted = told(route.label, access, caller.kind)
            assert answer.status == wanted, (caller.name, naming, answer.text)
            assert not answer.seen, caller.name
        for handle, body_handle, is_filtered in _elsewhere(route, theirs, caller):
            answer = await ask(
                client,
                route,
                theirs,
                caller.headers,
                handle,
                body_handle=body_handle,
                is_filtered=is_filtered,
            )
            assert not answer.seen, caller.name
            allowed = _told_elsewhere(route, access, caller, handle, body_handle)
            assert answer.status in allowed, (caller.name, handle, body_handle, answer.text)
    assert await state_of(theirs) == before


async def try_people(
    client: httpx.AsyncClient, route: Route, status: int, theirs: Canaries, callers: Sequence[Caller]
) -> None:
    """Call a route about one's own account as each of them, with the ids of somebody else."""
    before = await state_of(theirs)
    for caller in callers:
        answer = await ask(client, route, theirs, caller.headers, str(theirs.tenant.id))
        is_person = caller.kind in {Kind.PERSON, Kind.SUSPENDED}
        assert answer.status == (status if is_person else 401), (caller.name, answer.text)
        assert not answer.seen, caller.name
    assert await state_of(theirs) == before


async def try_everybody(
    client: httpx.AsyncClient, route: Route, theirs: Canaries, callers: Sequence[Caller]
) -> None:
    """Call a route that asks for nothing as each of them: it does not tell them apart."""
    before, statuses = await state_of(theirs), set()
    for caller in callers:
        answer = await ask(client, route, theirs, caller.headers, str(theirs.tenant.id))
        assert not answer.seen, caller.name
        statuses.add(answer.status)
    after = await state_of(theirs)
    assert len(statuses) == 1, statuses
    assert max(statuses) < 500
    assert {name for name in after if after[name] != before[name]} <= WRITTEN.get(route.label, set())


def told_about(label: str, caller: Caller) -> int:
    """The status for a caller who names a workspace, and a session of somebody else in it."""
    if label in PUBLISHED:
        return 200
    if label == CONVERSATION:
        return 200 if caller.name == "another visitor of theirs" else 401
    if label in OF_A_CONVERSATION:
        return 404 if caller.name == "another visitor of theirs" else 401
    if label == CHAT:
        # A token or key that does not prove the session is refused; a cookie is not looked at.
        return 401 if "authorization" in caller.headers else 200
    # A session that is in use is renewed by its own token alone.
    return 401


async def try_visitors(
    client: httpx.AsyncClient, route: Route, theirs: Canaries, callers: Sequence[Caller]
) -> None:
    """Call a route of the widget as each of them: it says what a website shows, and changes nothing."""
    before = await state_of(theirs)
    for caller in callers:
        for naming in namings_of(route):
            answer = await ask(client, route, theirs, caller.headers, handle_of(theirs, naming))
            assert answer.status == told_about(route.label, caller), (caller.name, answer.text)
            assert answer.seen <= PUBLISHED.get(route.label, set()), caller.name
    assert await state_of(theirs) == before


async def state_of(theirs: Canaries) -> dict[str, str]:
    """All that is stored of the workspace and its owner, and what there is to be done for it."""
    async with theirs.database.unit_of_work() as session:
        waiting = await session.execute(
            text("select count(*) from procrastinate_jobs where args::text like :id"),
            {"id": f"%{theirs.tenant.id}%"},
        )
        return await theirs.digests() | {"procrastinate_jobs": str(waiting.scalar_one())}


def _elsewhere(route: Route, theirs: Canaries, caller: Caller) -> list[tuple[str | None, str | None, bool]]:
    """Their own workspace or none named, with the other's ids; or their own in the address alone.

    A filter finds nothing of the other's, and without one there is nothing of it either.
    """
    tried: list[tuple[str | None, str | None, bool]] = []
    if caller.home is not None and is_named(route):
        tried.append((caller.home, None, True))
        if has_filters(route):
            tried.append((caller.home, None, False))
        if route.is_upload:
            tried.append((caller.home, str(theirs.tenant.id), True))
    if "workspace_id" not in route.in_path:
        tried.append((None, None, True))
    return tried


def _told_elsewhere(
    route: Route, access: Access, caller: Caller, handle: str | None, body_handle: str | None
) -> set[int]:
    if caller.kind in {Kind.NOBODY, Kind.VISITOR} or (caller.kind is Kind.KEY and route.label == SWITCH):
        return {401}
    if caller.home is None:
        return {404} if caller.kind is Kind.PERSON else {403}
    if body_handle is not None and (caller.kind is Kind.SUSPENDED or access not in caller.permissions):
        return {403}
    if body_handle is not None:
        return {404}
    may = isinstance(access, Permission) and access in caller.permissions
    if holds_an_id(route):
        return {404} if may and handle else {403, 404}
    # About their own workspace alone.
    return set(range(200, 500)) - {401}
