"""Everybody who may have a websocket, from nobody to the owner of a workspace."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import cycle
from typing import Any
from uuid import UUID

from sqlalchemy import text

from helpninja_app.accounts.models import Role
from helpninja_app.accounts.sessions import SESSION_COOKIE, end_session
from helpninja_app.accounts.users import find_user_id
from helpninja_app.kernel.scope import Scope
from tests.canaries import Canaries
from tests.factories import Factory
from tests.screens.event_access import Handler
from tests.screens.event_arguments import BEFORE
from tests.screens.events import Answer, fire, tab_at

_SUSPEND = text("update members set suspended_at = now() where user_id = :user")
_REMOVE = text("delete from members where user_id = :user")
# Or the next event of theirs would be about the workspace that they made.
_LEAVE_OTHERS = text(
    "delete from members where user_id = :user and workspace_id is distinct from cast(:home as uuid)"
)


@dataclass(frozen=True, slots=True)
class Caller:
    """``address`` is the workspace that the address of their page names, if it names one.

    ``home`` is the one that they belong to, were put out of for a while, or none. ``began_at`` is when their
    websocket was opened, in Unix time, if that was not just now.
    """

    name: str
    cookie: str
    address: str = ""
    user_id: UUID | None = None
    home: UUID | None = None
    began_at: float | None = None

    @property
    def query(self) -> dict[str, str]:
        return {"workspace": self.address} if self.address else {}

    async def tries(self, handler: Handler, about: Canaries, *arguments: Any) -> Answer:
        """Call a handler about what is in a workspace, or with ``arguments``."""
        tab = await tab_at(handler.state, self.cookie, handler.query(about) | self.query, self.began_at)
        if handler.label in BEFORE:
            name, given = BEFORE[handler.label]
            await fire(tab, name, *given)
        answer = await fire(tab, handler.name, *(arguments or handler.arguments(about)))
        if handler.label == "AccountState.make_workspace" and self.user_id:
            async with about.database.unit_of_work(Scope(user_id=self.user_id)) as session:
                await session.execute(_LEAVE_OTHERS, {"user": self.user_id, "home": self.home})
        return answer


@dataclass(frozen=True, slots=True)
class Callers:
    """``nobodies`` have no session that counts, ``outsiders`` one but no place in the workspace any more.

    ``members`` are those of ``own``, another workspace, and ``intruders`` are they on pages whose address
    names the workspace that is not theirs.
    """

    own: Canaries
    nobodies: list[Caller]
    outsiders: list[Caller]
    members: dict[Role, Caller]
    intruders: list[Caller]

    @property
    def everybody(self) -> list[Caller]:
        return [*self.nobodies, *self.outsiders, *self.members.values(), *self.intruders]


async def gather_callers(factory: Factory, theirs: Canaries, own: Canaries) -> Callers:
    """Everybody who has no business in ``theirs``, members of ``own`` among them."""
    resources = factory.resources
    _, visitor = factory.visitor(theirs.tenant)
    ended = await _member(factory, theirs, Role.ADMIN, "an ended session")
    async with resources.database.unit_of_work() as session:
        await end_session(session, ended.cookie.removeprefix(f"{SESSION_COOKIE}="))
    nobodies = [
        Caller("nobody", ""),
        Caller("a false cookie", f"{SESSION_COOKIE}=not-a-token"),
        Caller("a visitor's token", f"{SESSION_COOKIE}={visitor['authorization'].removeprefix('Bearer ')}"),
        Caller("an API key", f"{SESSION_COOKIE}={theirs.tenant.key}"),
        ended,
    ]
    suspended = await _member(factory, theirs, Role.ADMIN, "a suspended member")
    removed = await _member(factory, theirs, Role.ADMIN, "a removed member")
    async with resources.database.unit_of_work(theirs.scope) as session:
        await session.execute(_SUSPEND, {"user": suspended.user_id})
        await session.execute(_REMOVE, {"user": removed.user_id})
    members = {role: await _member(factory, own, role, f"{role.value} of another workspace") for role in Role}
    workspace = theirs.tenant.workspace
    handles = (str(workspace.id), workspace.slug, workspace.public_key)
    intruders = [
        replace(caller, name=f"{caller.name}, at {handle}", address=handle)
        for caller, handle in zip(members.values(), cycle(handles))
    ]
    return Callers(own, nobodies, [suspended, replace(removed, home=None)], members, intruders)


async def _member(factory: Factory, canaries: Canaries, role: Role, name: str) -> Caller:
    email, headers = await factory.member(canaries.tenant, role)
    async with factory.resources.database.unit_of_work() as session:
        user_id = await find_user_id(session, email)
    return Caller(name, headers["cookie"], user_id=user_id, home=canaries.tenant.id)
