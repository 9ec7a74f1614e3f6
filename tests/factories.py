"""Makes what tests need in the database, through the product's own services."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import ClassVar
from uuid import UUID

from sqlalchemy import update
from sqlmodel import col

from helpninja_app.accounts.api_keys import create_api_key
from helpninja_app.accounts.callers import VisitorCaller, WorkspaceView
from helpninja_app.accounts.members import add_member
from helpninja_app.accounts.models import Role, Workspace
from helpninja_app.accounts.passwords import hash_password
from helpninja_app.accounts.permissions import KEY_PERMISSIONS, Permission
from helpninja_app.accounts.sessions import open_session
from helpninja_app.accounts.users import create_user
from helpninja_app.accounts.visitors import sign_visitor
from helpninja_app.accounts.workspaces import create_workspace, load_workspace
from helpninja_app.kernel.database import enter_scope, new_id
from helpninja_app.kernel.scope import Audience, Scope
from helpninja_app.knowledge.crawl.urls import site_host
from helpninja_app.knowledge.indexing import prepare_document, swap_document
from helpninja_app.knowledge.models import Document, DocumentStatus, Source, SourceKind
from helpninja_app.resources import Resources

PASSWORD = "correct horse battery staple"


@dataclass(frozen=True, slots=True)
class Tenant:
    """A workspace with a key that may do everything; ``cookie`` is its owner's, where they call in person."""

    workspace: WorkspaceView
    key: str
    cookie: str = ""

    @property
    def id(self) -> UUID:
        return self.workspace.id

    @property
    def headers(self) -> dict[str, str]:
        return {"cookie": self.cookie} if self.cookie else {"authorization": f"Bearer {self.key}"}

    @property
    def scope(self) -> Scope:
        return Scope.members(self.workspace.id)


class Factory:
    """Everything is made with names that no other test has, so that tests share a database."""

    # Of the one password of all members: hashing it takes a tenth of a second.
    _password_hash: ClassVar[str] = ""

    def __init__(self, resources: Resources) -> None:
        self.resources = resources

    async def tenant(
        self, *, plan: str = "agency", permissions: frozenset[Permission] = KEY_PERMISSIONS, **changes: object
    ) -> Tenant:
        """A workspace; ``changes`` are columns of it, such as ``allowed_domains``."""
        async with self.resources.database.unit_of_work() as session:
            workspace = await create_workspace(
                session,
                slug=f"t-{new_id().hex}",
                name="Test workspace",
                embedding_model=self.resources.knowledge.embedders.current.name,
                plan=plan,
            )
            if changes:
                await session.execute(
                    update(Workspace).where(col(Workspace.id) == workspace.id).values(**changes)
                )
                session.expire_all()
                workspace = await load_workspace(session, workspace.id)
            key = await create_api_key(session, workspace.id, name="tests", permissions=permissions)
        return Tenant(workspace, key)

    async def in_person(self, plan: str) -> Tenant:
        """A workspace that its owner calls for: of the free plan no key can, where plans limit."""
        tenant = await self.tenant(plan=plan)
        _, headers = await self.member(tenant)
        return replace(tenant, cookie=headers["cookie"])

    async def key(self, tenant: Tenant, permissions: frozenset[Permission]) -> dict[str, str]:
        """Headers of another key of the same workspace."""
        async with self.resources.database.unit_of_work(tenant.scope) as session:
            key = await create_api_key(session, tenant.id, name="narrow", permissions=permissions)
        return {"authorization": f"Bearer {key}"}

    async def member(self, tenant: Tenant, role: Role = Role.OWNER) -> tuple[str, dict[str, str]]:
        """A user with that role: their e-mail address, and the headers of a signed-in browser of theirs."""
        email = f"{secrets.token_hex(6)}@example.com"
        Factory._password_hash = Factory._password_hash or await hash_password(PASSWORD)
        async with self.resources.database.unit_of_work() as session:
            user = await create_user(session, email=email, password_hash=Factory._password_hash)
            await enter_scope(session, Scope.members(tenant.id, user.id))
            await add_member(session, tenant.id, user.id, role)
            token = await open_session(session, user.id)
        return email, {"cookie": f"hn_session={token}"}

    async def document(
        self,
        tenant: Tenant,
        text: str,
        *,
        title: str = "A page",
        url: str | None = None,
        audience: Audience = Audience.VISITORS,
    ) -> UUID:
        """A searchable document with this Markdown."""
        embedder = self.resources.knowledge.embedders.of(tenant.workspace.embedding_model)
        database = self.resources.database
        prepared = await prepare_document(
            self.resources.knowledge, embedder, tenant.id, title=title, markdown=text
        )
        document_id = new_id()
        async with database.unit_of_work(tenant.scope) as session:
            source = Source(
                workspace_id=tenant.id,
                kind=SourceKind.PAGE.value,
                location=url or str(document_id),
                host=site_host(url) if url else "",
                audience=audience.value,
            )
            session.add(source)
            await session.flush()
            session.add(
                Document(
                    workspace_id=tenant.id,
                    id=document_id,
                    source_id=source.id,
                    url=url,
                    audience=audience.value,
                    status=DocumentStatus.PROCESSING.value,
                )
            )
            await session.flush()
            await swap_document(session, tenant.id, document_id, prepared)
        return document_id

    def visitor(self, tenant: Tenant, session_id: str | None = None) -> tuple[VisitorCaller, dict[str, str]]:
        """A visitor with a proven session, and the headers of their widget."""
        session_id = session_id or secrets.token_urlsafe(12)
        signed = sign_visitor(self.resources.settings.signing_key(), tenant.id, session_id)
        caller = VisitorCaller(tenant.workspace, session_id, is_signed=True)
        return caller, {"authorization": f"Bearer {signed.token}"}
