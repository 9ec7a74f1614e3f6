"""What stands behind every query: PostgreSQL itself gives nobody what is not theirs."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from helpninja_app.accounts.users import find_user_id
from helpninja_app.kernel.database import new_id
from helpninja_app.kernel.embedded_postgres import Urls
from helpninja_app.kernel.scope import Audience, Scope
from helpninja_app.resources import Resources
from tests.canaries import Canaries
from tests.factories import Factory

DIRECTORIES = {
    "workspace_handles",
    "supabase_users",
    "user_emails",
    "session_hashes",
    "api_key_hashes",
    "account_link_hashes",
    "invite_hashes",
    "conversation_share_hashes",
    "stripe_customers",
    "stripe_events",
    "billing_deadlines",
    "knowledge_deadlines",
    "reply_threads",
    "due_deliveries",
    "webhook_subscribers",
    "due_webhooks",
    "alembic_version",
}


async def _tables(resources: Resources) -> list[str]:
    async with resources.database.unit_of_work() as session:
        found = await session.execute(
            text(
                "select tablename from pg_tables where schemaname = 'public'"
                " and tablename not like 'procrastinate%' order by 1"
            )
        )
        return list(found.scalars())


async def test_every_table_is_a_directory_or_under_forced_row_level_security(resources: Resources) -> None:
    async with resources.database.unit_of_work() as session:
        found = await session.execute(
            text(
                "select relname, relrowsecurity, relforcerowsecurity from pg_class"
                " where relnamespace = 'public'::regnamespace and relkind = 'r'"
                " and relname not like 'procrastinate%'"
            )
        )
        unprotected = {row.relname for row in found if not (row.relrowsecurity and row.relforcerowsecurity)}
    assert unprotected == DIRECTORIES


async def test_the_role_of_the_app_owns_no_table_and_cannot_bypass(resources: Resources) -> None:
    async with resources.database.unit_of_work() as session:
        owned = await session.execute(text("select count(*) from pg_tables where tableowner = current_user"))
        role = await session.execute(
            text("select rolsuper, rolbypassrls from pg_roles where rolname = current_user")
        )
        assert owned.scalar_one() == 0
        assert tuple(role.one()) == (False, False)


async def test_what_runs_as_the_owner_of_the_tables_is_for_the_app_alone(resources: Resources) -> None:
    async with resources.database.unit_of_work() as session:
        found = await session.execute(
            text(
                "select proname, has_function_privilege('public', oid, 'execute') as is_everybodys,"
                " has_function_privilege(oid, 'execute') as is_the_apps from pg_proc"
                " where pronamespace = 'public'::regnamespace and prosecdef"
            )
        )
        assert {tuple(row) for row in found} == {
            ("note_words", False, True),
            ("conversations_with", False, True),
        }


async def test_a_query_without_a_workspace_returns_nothing(resources: Resources, factory: Factory) -> None:
    tenant = await factory.tenant()
    await factory.document(tenant, "Secret plans of the shop.")
    await factory.member(tenant)
    for table in set(await _tables(resources)) - DIRECTORIES:
        async with resources.database.unit_of_work() as session:
            count = (await session.execute(text(f"select count(*) from {table}"))).scalar_one()
        assert count == 0, table


async def test_a_query_without_any_filter_shows_nothing_of_another_workspace(
    resources: Resources, factory: Factory, canaries: Canaries
) -> None:
    """Every table has a row of the other workspace, and each query here has forgotten all of its filters."""
    mine = await factory.tenant()
    email, _ = await factory.member(mine)
    async with resources.database.unit_of_work() as session:
        user_id = await find_user_id(session, email)
    tables = set(await _tables(resources)) - DIRECTORIES
    assert tables <= set(canaries.rows)
    strangers = (
        Scope(),
        Scope(user_id=user_id),
        mine.scope,
        Scope.members(mine.id, user_id),
        Scope.visitors(mine.id),
        Scope.visitors(mine.id, canaries.id_in("conversations", "session_id"), is_proven=True),
    )
    for table in tables:
        query = text(f"select {table}::text from {table}")
        async with resources.database.unit_of_work(canaries.scope) as session:
            theirs = set((await session.execute(query)).scalars())
        assert theirs, table
        for scope in strangers:
            async with resources.database.unit_of_work(scope) as session:
                seen = theirs & set((await session.execute(query)).scalars())
            assert not seen, (table, scope)


async def test_writing_into_another_workspace_is_refused(resources: Resources, factory: Factory) -> None:
    mine, theirs = await factory.tenant(), await factory.tenant()
    with pytest.raises(DBAPIError, match="row-level security"):
        async with resources.database.unit_of_work(theirs.scope) as session:
            await session.execute(
                text(
                    "insert into conversations (workspace_id, id, session_id, is_signed)"
                    " values (:workspace, gen_random_uuid(), 'forged-session', true)"
                ),
                {"workspace": mine.id},
            )


async def test_a_visitor_sees_nothing_of_what_is_for_members(resources: Resources, factory: Factory) -> None:
    tenant = await factory.tenant()
    await factory.member(tenant)
    await factory.document(tenant, "The margin on boots is forty percent.", audience=Audience.MEMBERS)
    public = await factory.document(tenant, "Boots can be returned within sixty days.")
    async with resources.database.unit_of_work(Scope.visitors(tenant.id)) as session:
        for table in ("documents", "chunks", "embeddings", "lexical_postings", "lexical_segments"):
            found = await session.execute(text(f"select count(*) from {table} where audience = 'members'"))
            assert found.scalar_one() == 0, table
        for table in (
            "sources",
            "ingest_jobs",
            "ingest_pages",
            "api_keys",
            "members",
            "users",
            "invites",
            "audit_events",
        ):
            found = await session.execute(text(f"select count(*) from {table}"))
            assert found.scalar_one() == 0, table
        assert (await session.execute(text("select id from documents"))).scalars().all() == [public]


async def test_a_visitor_sees_no_conversation_but_their_own(resources: Resources, factory: Factory) -> None:
    tenant = await factory.tenant()
    for session_id, is_signed in (("mine", True), ("mine", False), ("theirs", True), ("theirs", False)):
        async with resources.database.unit_of_work(tenant.scope) as session:
            await session.execute(
                text(
                    "with talk as (insert into conversations (workspace_id, id, session_id, is_signed)"
                    " values (:workspace, gen_random_uuid(), :session, :signed) returning workspace_id, id),"
                    " asked as (insert into escalations (workspace_id, id, conversation_id, reason)"
                    " select workspace_id, gen_random_uuid(), id, 'x' from talk),"
                    " moved as (insert into conversation_transitions (workspace_id, id, conversation_id,"
                    " from_status, to_status, actor, reason)"
                    " select workspace_id, gen_random_uuid(), id, 'bot', 'waiting', 'x', 'x' from talk)"
                    " insert into messages (workspace_id, id, conversation_id, role, text)"
                    " select workspace_id, gen_random_uuid(), id, 'visitor', 'Hello' from talk"
                ),
                {"workspace": tenant.id, "session": session_id, "signed": is_signed},
            )
    seen = {
        Scope.visitors(tenant.id): 0,
        Scope.visitors(tenant.id, ""): 0,
        Scope.visitors(tenant.id, "nobody", is_proven=True): 0,
        Scope.visitors(tenant.id, "mine"): 1,
        Scope.visitors(tenant.id, "mine", is_proven=True): 2,
        tenant.scope: 4,
    }
    for scope, count in seen.items():
        for table in ("conversations", "messages", "escalations", "conversation_transitions"):
            async with resources.database.unit_of_work(scope) as session:
                found = await session.execute(text(f"select count(*) from {table}"))
                assert found.scalar_one() == count, (scope, table)


async def test_what_a_user_signed_in_with_is_theirs_alone(resources: Resources, factory: Factory) -> None:
    tenant = await factory.tenant()
    email, _ = await factory.member(tenant)
    await factory.member(tenant)
    async with resources.database.unit_of_work() as session:
        user_id = await find_user_id(session, email)
    for scope, count in ((Scope(user_id=user_id), 1), (tenant.scope, 0), (Scope(user_id=new_id()), 0)):
        async with resources.database.unit_of_work(scope) as session:
            assert (await session.execute(text("select count(*) from sessions"))).scalar_one() == count


async def test_search_finds_what_is_for_members_only_for_members(
    resources: Resources, factory: Factory
) -> None:
    tenant = await factory.tenant()
    secret = await factory.document(
        tenant, "The margin on boots is forty percent.", audience=Audience.MEMBERS
    )
    embedder = resources.knowledge.embedders.current
    visitor = await resources.knowledge.index.search_question(
        embedder, Scope.visitors(tenant.id), "What is the margin on boots?"
    )
    member = await resources.knowledge.index.search_question(
        embedder, Scope.members(tenant.id), "What is the margin on boots?"
    )
    assert visitor.passages == ()
    assert [passage.document_id for passage in member.passages] == [secret]


async def test_the_scope_of_a_unit_of_work_does_not_stay_on_its_connection(
    resources: Resources, factory: Factory
) -> None:
    tenant = await factory.tenant()
    for _ in range(40):
        async with resources.database.unit_of_work(tenant.scope) as session:
            await session.execute(text("select 1"))
        async with resources.database.unit_of_work() as session:
            seen = await session.execute(text("select current_setting('app.workspace', true)"))
            assert seen.scalar_one() in ("", None)


async def test_the_owner_of_the_tables_is_bound_too(database_urls: Urls, factory: Factory) -> None:
    tenant = await factory.tenant()
    await factory.document(tenant, "Something.")
    owner = type(factory.resources.database)(database_urls.owner, pool_size=1)
    try:
        async with owner.unit_of_work() as session:
            assert (await session.execute(text("select count(*) from documents"))).scalar_one() == 0
    finally:
        await owner.close()


@pytest.mark.parametrize("table", ["invites", "audit_events", "members", "api_keys", "users"])
async def test_accounts_of_another_workspace_are_not_there_for_a_query_without_a_filter(
    resources: Resources, factory: Factory, table: str
) -> None:
    mine, theirs = await factory.tenant(), await factory.tenant()
    email, _ = await factory.member(theirs)
    async with resources.database.unit_of_work(theirs.scope) as session:
        for statement in (
            "insert into invites (workspace_id, id, role, invited_by, expires_at)"
            " values (:id, gen_random_uuid(), 'viewer', 'x', now())",
            "insert into audit_events (workspace_id, id, actor, actor_name, action)"
            " values (:id, gen_random_uuid(), 'x', 'x', 'x')",
        ):
            await session.execute(text(statement), {"id": theirs.id})
        assert (await session.execute(text(f"select count(*) from {table}"))).scalar_one() > 0
    async with resources.database.unit_of_work(mine.scope) as session:
        rows = (await session.execute(text(f"select {table}::text from {table}"))).scalars().all()
    assert not [row for row in rows if str(theirs.id) in row or email in row]
