"""The demo workspace: Fernway Outdoor, made on the first start in development and filled by the crawler."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path
from uuid import UUID

import httpx
import structlog
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.api_keys import create_api_key
from helpninja_app.accounts.callers import WorkspaceView
from helpninja_app.accounts.members import add_member
from helpninja_app.accounts.models import Role
from helpninja_app.accounts.passwords import hash_password
from helpninja_app.accounts.permissions import KEY_PERMISSIONS
from helpninja_app.accounts.users import confirm_address, create_user
from helpninja_app.accounts.workspaces import create_workspace, find_workspace
from helpninja_app.errors import HelpNinjaError, NotFound
from helpninja_app.kernel.database import enter_scope
from helpninja_app.kernel.scope import Scope
from helpninja_app.knowledge.documents import forget_document
from helpninja_app.knowledge.ingest_requests import request_ingest
from helpninja_app.knowledge.models import Document
from helpninja_app.resources import Resources, knowledge_limits

log = structlog.get_logger(__name__)

SLUG = "demo"
PUBLIC_KEY = "hn_pk_demo"
OWNER = "demo@helpninja.local"
PASSWORD_FILE = "demo-password"  # noqa: S105
KEY_FILE = "demo-api-key"
GREETING = "Hello. Ask me about orders, returns, repairs or gear."
SUGGESTIONS = (
    "How long do I have to return a jacket?",
    "What does shipping to Switzerland cost?",
    "Can I take a gas cartridge on a plane?",
)
SITE = Path(__file__).parent / "site"

_LOCK = text("select pg_advisory_xact_lock(hashtextextended('demo', 0))")


async def prepare_demo(resources: Resources) -> None:
    """Make the demo workspace if there is none, and read its help centre as a customer's would be read."""
    try:
        workspace = await ensure_demo(resources)
        await _wait_until_served(resources)
        await read_help_centre(resources, workspace)
    except HelpNinjaError as error:
        log.error("demo_not_prepared", detail=error.detail)


async def ensure_demo(resources: Resources) -> WorkspaceView:
    """The demo workspace; made with a random password and a secret key, which are kept in files (0600)."""
    password = secrets.token_urlsafe(12)
    password_hash = await hash_password(password)
    async with resources.database.unit_of_work() as session:
        await session.execute(_LOCK)
        try:
            return await find_workspace(session, PUBLIC_KEY)
        except NotFound:
            workspace = await create_workspace(
                session,
                slug=SLUG,
                name="Fernway Outdoor",
                embedding_model=resources.knowledge.embedders.current.name,
                public_key=PUBLIC_KEY,
                plan="agency",
                greeting=GREETING,
                suggestions=SUGGESTIONS,
            )
        user = await create_user(session, email=OWNER, password_hash=password_hash, name="Demo owner")
        await confirm_address(session, user.id, user.email)
        await enter_scope(session, Scope.members(workspace.id, user.id))
        await add_member(session, workspace.id, user.id, Role.OWNER)
        key = await create_api_key(session, workspace.id, name="Demo key", permissions=KEY_PERMISSIONS)
        # Written before the commit: an account whose password nobody has would be worse than a spare file.
        folder = resources.settings.data_dir
        keep_secret(folder / PASSWORD_FILE, password)
        keep_secret(folder / KEY_FILE, key)
    print(  # noqa: T201
        f"The demo workspace is ready to sign in to: {OWNER} with the password {password}\n"
        f"  (kept in {folder / PASSWORD_FILE}; the API key is in {folder / KEY_FILE})",
        flush=True,
    )
    return workspace


async def read_help_centre(resources: Resources, workspace: WorkspaceView) -> UUID | None:
    """Ingest the demo's sitemap unless its pages are there; returns the job, ``None`` without one."""
    origin = _origin(resources)
    async with resources.database.unit_of_work(Scope.members(workspace.id)) as session:
        was_elsewhere = await _forget_other_origins(session, workspace.id, origin) > 0
        is_read = await _is_read(session, workspace.id)
    return None if is_read and not was_elsewhere else await request_help_centre(resources, workspace)


async def request_help_centre(resources: Resources, workspace: WorkspaceView) -> UUID:
    """Enqueue the ingest of the demo's sitemap; returns the job."""
    async with resources.database.unit_of_work(Scope.members(workspace.id)) as session:
        return await request_ingest(
            session,
            resources.queue,
            workspace.id,
            f"{_origin(resources)}/demo/help/sitemap.xml",
            knowledge_limits(resources.settings, workspace),
            requested_by="demo",
        )


def _origin(resources: Resources) -> str:
    return f"http://127.0.0.1:{resources.settings.port}"


async def is_demo_searchable(resources: Resources) -> bool:
    """Whether the demo's help centre was read to its end once."""
    async with resources.database.unit_of_work() as session:
        try:
            workspace = await find_workspace(session, PUBLIC_KEY)
        except NotFound:
            return False
        await enter_scope(session, Scope.members(workspace.id))
        return await _is_read(session, workspace.id)


async def _is_read(session: AsyncSession, workspace_id: UUID) -> bool:
    found = await session.execute(
        text(
            "select exists (select 1 from ingest_jobs"
            " where workspace_id = :workspace and state = 'completed')"
            " and exists (select 1 from chunks where workspace_id = :workspace)"
        ),
        {"workspace": workspace_id},
    )
    return bool(found.scalar_one())


async def _forget_other_origins(session: AsyncSession, workspace_id: UUID, origin: str) -> int:
    # Another PORT than last time: the links in the citations would lead nowhere.
    stale = await session.execute(
        select(col(Document.id)).where(
            col(Document.workspace_id) == workspace_id,
            col(Document.url).like("http://127.0.0.1:%/demo/help/%"),
            ~col(Document.url).startswith(f"{origin}/"),
        )
    )
    ids = list(stale.scalars())
    for document_id in ids:
        await forget_document(session, workspace_id, document_id)
    return len(ids)


async def _wait_until_served(resources: Resources) -> None:
    # The process that answers is this one, so the first tries come before it listens.
    url = f"{_origin(resources)}/demo/help/sitemap.xml"
    async with httpx.AsyncClient(trust_env=False, timeout=2.0) as client:
        while True:
            try:
                if (await client.get(url)).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.1)


def keep_secret(path: Path, secret: str) -> None:
    """Write a file that only its owner may read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(secret + "\n")
