"""The door of the HTTP API: turns a request's credential into a ``Caller``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import Request
from starlette.requests import HTTPConnection

from api_routes.origins import refuse_foreign_origin
from api_routes.session_cookies import supabase_credentials
from helpninja_app.accounts.callers import (
    KeyCaller,
    MemberCaller,
    StaffCaller,
    VisitorCaller,
    WorkspaceView,
    require,
)
from helpninja_app.accounts.identity import Credentials, SignedInUser, identify_at_once, identify_user
from helpninja_app.accounts.permissions import Permission
from helpninja_app.accounts.sessions import SESSION_COOKIE
from helpninja_app.accounts.visitors import check_session_id, read_visitor, verify_visitor
from helpninja_app.accounts.workspaces import find_workspace
from helpninja_app.billing.plans import Feature, require_feature
from helpninja_app.errors import Forbidden, NotFound, NotSignedIn
from helpninja_app.kernel.proxies import limited_address
from helpninja_app.kernel.rate_limits import Burst
from helpninja_app.resources import Resources, current_resources


def resources_of(_request: HTTPConnection) -> Resources:
    """What this process holds; there from its start to its end."""
    return current_resources()


async def credentials_of(request: Request) -> Credentials:
    """What the request brought along; a session that Supabase vouches for is checked and renewed here."""
    resources = resources_of(request)
    token = bearer(request)
    if token is None and resources.supabase is not None:
        return await supabase_credentials(request, resources.supabase, resources.settings)
    if resources.supabase is not None:
        # Sessions that were kept here before do not count beside it.
        return Credentials(bearer=token)
    return Credentials(bearer=token, session=request.cookies.get(SESSION_COOKIE) or None)


def carries_credential(request: Request) -> bool:
    """Whether a member or a program may be calling; nobody has looked at the credential yet."""
    supabase = resources_of(request).supabase
    cookie = SESSION_COOKIE if supabase is None else supabase.cookie
    return bearer(request) is not None or any(name.startswith(cookie) for name in request.cookies)


async def staff_caller(request: Request, tenant: str | None = None) -> StaffCaller:
    """The member or program that calls: 401 without a valid credential, 404 for a workspace not theirs.

    A cookie also needs to come from our own pages, and a key a plan that has keys (403). Counts against the
    caller's rate limit.
    """
    resources = resources_of(request)
    credentials = await credentials_of(request)
    if credentials.bearer is None and credentials.session is not None:
        refuse_foreign_origin(request, resources.settings)
    try:
        caller = await identify_at_once(resources.database, credentials, tenant or None)
    except (Forbidden, NotFound, NotSignedIn):
        await _count_refusal(request, resources)
        raise
    await resources.limiter.hit("staff", caller.label, Burst(resources.settings.member_limit, 60))
    if isinstance(caller, KeyCaller):
        # Keys outlive a change of plan, and count again when theirs has them again.
        require_feature(resources.plan_of(caller.workspace), Feature.API_KEYS)
    return caller


def staff_with(permission: Permission) -> Callable[[Request, str | None], Awaitable[StaffCaller]]:
    """A dependency for routes with parameters that can be wrong: they are judged only once it found who
    calls and that they may, so that 401, 404 and 403 come before 422."""

    async def found(request: Request, tenantId: str | None = None) -> StaffCaller:
        caller = await staff_caller(request, tenantId)
        require(caller, permission)
        return caller

    return found


async def member_caller(request: Request, tenant: str | None = None) -> MemberCaller:
    """The same for what only people may do: who comes with a key is 403."""
    caller = await staff_caller(request, tenant)
    if not isinstance(caller, MemberCaller):
        raise Forbidden("This needs a signed-in person; an API key is not enough.")
    return caller


async def signed_in_user(request: Request) -> SignedInUser:
    """The person whose session the cookie is, in whatever workspaces; for their own account."""
    resources = resources_of(request)
    refuse_foreign_origin(request, resources.settings)
    credentials = await credentials_of(request)
    try:
        async with resources.database.unit_of_work() as session:
            user = await identify_user(session, credentials)
    except NotSignedIn:
        await _count_refusal(request, resources)
        raise
    await resources.limiter.hit("user", str(user.id), Burst(resources.settings.member_limit, 60))
    return user


async def _count_refusal(request: Request, resources: Resources) -> None:
    """Whoever tries credentials or workspaces over and over is told to wait; what counts is never held up."""
    address = limited_address(request.scope, resources.settings)
    await resources.limiter.hit("refused", address, Burst(resources.settings.member_limit, 60))


async def visitor_burst(request: Request) -> None:
    """Count a request of somebody unknown against the limit of their address."""
    resources = resources_of(request)
    address = limited_address(request.scope, resources.settings)
    await resources.limiter.hit(
        "visitor-address", address, Burst(resources.settings.visitor_limit_per_address, 60)
    )


async def visited_workspace(request: Request, tenant: str) -> WorkspaceView:
    """The workspace a widget names; counts against the limit of the visitor's address."""
    resources = resources_of(request)
    await visitor_burst(request)
    async with resources.database.unit_of_work() as session:
        return await find_workspace(session, tenant)


def visitor_caller(request: Request, workspace: WorkspaceView, session_id: str | None) -> VisitorCaller:
    """The visitor of a session; signed when the request carries the session's token.

    Raises ``NotSignedIn`` for a token that is not valid or is another session's.
    """
    resources = resources_of(request)
    token = bearer(request)
    if token is None:
        if session_id is None:
            raise NotSignedIn("This needs the visitor's token.")
        return VisitorCaller(workspace, check_session_id(session_id), is_signed=False)
    proven = verify_visitor(resources.settings.signing_key(), token, workspace.id)
    if session_id is not None and proven != session_id:
        raise NotSignedIn("This visitor token belongs to another session.")
    return VisitorCaller(workspace, proven, is_signed=True)


def workspace_of_token(request: Request) -> str:
    """The id of the workspace that a visitor's token is for; ``NotSignedIn`` without one that counts."""
    token = bearer(request)
    if token is None:
        raise NotSignedIn("This needs the visitor's token.")
    workspace_id, _ = read_visitor(resources_of(request).settings.signing_key(), token)
    return str(workspace_id)


def bearer(request: HTTPConnection) -> str | None:
    """The token of ``Authorization: Bearer …`` (RFC 6750)."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None
