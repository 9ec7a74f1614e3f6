"""The policies of the database, word for word: one that is missing, weaker or for another role fails."""

from __future__ import annotations

from sqlalchemy import text

from helpninja_app.resources import Resources
from tests.services.test_row_level_security import DIRECTORIES


def _setting(name: str) -> str:
    return f"NULLIF(current_setting('app.{name}'::text, true), ''::text)"


def _has_id(column: str, name: str) -> str:
    return f'({column} = ( SELECT ({_setting(name)})::uuid AS "nullif"))'


def _of_conversation(table: str) -> str:
    return (
        f"({_FOR_MEMBERS} OR (EXISTS ( SELECT 1 FROM conversations"
        f" WHERE ((conversations.workspace_id = {table}.workspace_id)"
        f" AND (conversations.id = {table}.conversation_id)))))"
    )


_FOR_MEMBERS = "( SELECT (current_setting('app.audience'::text, true) = 'members'::text))"
_BY_AUDIENCE = f"((audience = 'visitors'::text) OR {_FOR_MEMBERS})"
_IN_WORKSPACE = _has_id("workspace_id", "workspace")
_OF_USER = _has_id("user_id", "user")
_OF_VISITOR = (
    f'({_FOR_MEMBERS} OR ((session_id = ( SELECT {_setting("visitor")} AS "nullif")) AND ((NOT is_signed)'
    " OR ( SELECT (current_setting('app.visitor_is_proven'::text, true) = 'true'::text)))))"
)

OF_WORKSPACE = {
    *("sources", "documents", "chunks", "embeddings", "ingest_jobs", "ingest_pages"),
    *("lexical_segments", "lexical_postings", "lexical_tombstones"),
    *(
        "deleted_documents",
        "deleted_chunks",
        "excluded_pages",
        "page_choices",
        "curated_answers",
        "curated_phrasings",
    ),
    *("conversations", "messages", "escalations", "conversation_transitions"),
    *("conversation_notes", "conversation_reads"),
    *("ledger_accounts", "ledger_entries", "ledger_reservations", "usage_alerts"),
    *("subscriptions", "top_ups"),
    *("api_keys", "invites", "audit_events"),
    *("chats", "chat_messages"),
    *("integrations", "deliveries", "rules"),
    *("webhook_endpoints", "webhook_events", "webhook_deliveries", "webhook_attempts"),
    *("canned_replies", "conversation_shares", "transcript_mails", "mention_notices"),
}
OF_CONVERSATION = {"messages", "escalations", "conversation_transitions"}
OF_AUDIENCE = {
    *("documents", "chunks", "embeddings"),
    *("lexical_segments", "lexical_postings", "lexical_tombstones"),
    *("curated_answers", "curated_phrasings"),
}
FOR_MEMBERS = {
    "sources",
    "ingest_jobs",
    "ingest_pages",
    "api_keys",
    "invites",
    "audit_events",
    "subscriptions",
    "top_ups",
    "chats",
    "chat_messages",
    "deleted_documents",
    "deleted_chunks",
    "excluded_pages",
    "page_choices",
    "conversation_notes",
    "conversation_reads",
    "integrations",
    "deliveries",
    "rules",
    "webhook_endpoints",
    "webhook_attempts",
    "canned_replies",
    "conversation_shares",
    "transcript_mails",
    "mention_notices",
}
# Written in whoever's scope something happens, and read by members alone.
WRITTEN_BY_ALL = {"webhook_events", "webhook_deliveries"}
OF_ACCOUNT = {"sessions", "account_links", "second_factors", "recovery_codes"}

OF_OWNER = ("conversation_words", "owner")

# (table, policy): for which commands, how it combines, what may be seen and what may be written.
# A second text is written where it differs from the first. Permissive policies widen, restrictive narrow.
POLICIES = {
    **{(table, "workspace"): ("ALL", "PERMISSIVE", _IN_WORKSPACE, None) for table in OF_WORKSPACE},
    **{(table, "audience"): ("ALL", "RESTRICTIVE", _BY_AUDIENCE, None) for table in OF_AUDIENCE},
    **{(table, "audience"): ("ALL", "RESTRICTIVE", _FOR_MEMBERS, None) for table in FOR_MEMBERS},
    **{(table, "audience"): ("ALL", "RESTRICTIVE", _FOR_MEMBERS, "true") for table in WRITTEN_BY_ALL},
    **{(table, "account"): ("ALL", "PERMISSIVE", _OF_USER, None) for table in OF_ACCOUNT},
    **{
        (table, "visitor"): ("ALL", "RESTRICTIVE", _of_conversation(table), None) for table in OF_CONVERSATION
    },
    ("chats", "person"): (
        "ALL",
        "RESTRICTIVE",
        f'(NOT (user_id IS DISTINCT FROM ( SELECT ({_setting("user")})::uuid AS "nullif")))',
        None,
    ),
    ("chat_messages", "person"): (
        "ALL",
        "RESTRICTIVE",
        "(EXISTS ( SELECT 1 FROM chats WHERE ((chats.workspace_id = chat_messages.workspace_id)"
        " AND (chats.id = chat_messages.chat_id))))",
        None,
    ),
    ("conversation_reads", "person"): ("ALL", "RESTRICTIVE", _OF_USER, None),
    ("mention_notices", "person"): ("ALL", "RESTRICTIVE", _OF_USER, "true"),
    ("conversations", "visitor"): ("ALL", "RESTRICTIVE", _OF_VISITOR, None),
    ("conversation_words", "members"): (
        "ALL",
        "PERMISSIVE",
        f"({_IN_WORKSPACE} AND {_FOR_MEMBERS})",
        None,
    ),
    OF_OWNER: ("ALL", "PERMISSIVE", "true", None),
    ("members", "workspace"): ("ALL", "PERMISSIVE", f"({_IN_WORKSPACE} OR {_OF_USER})", _IN_WORKSPACE),
    ("members", "audience"): ("ALL", "RESTRICTIVE", f"({_FOR_MEMBERS} OR {_OF_USER})", None),
    ("users", "account"): ("ALL", "PERMISSIVE", _has_id("id", "user"), None),
    ("users", "colleagues"): (
        "SELECT",
        "PERMISSIVE",
        "(EXISTS ( SELECT 1 FROM members WHERE ((members.user_id = users.id)"
        f" AND {_has_id('members.workspace_id', 'workspace')})))",
        None,
    ),
    ("workspaces", "workspace"): (
        "ALL",
        "PERMISSIVE",
        f"({_has_id('id', 'workspace')} OR (EXISTS ( SELECT 1 FROM members"
        f" WHERE ((members.workspace_id = workspaces.id) AND {_has_id('members.user_id', 'user')}))))",
        _has_id("id", "workspace"),
    ),
}

# What is found before workspace or user are known holds what finds it, whose it is, and no more.
COLUMNS_OF_DIRECTORIES = {
    "workspace_handles": {"handle", "workspace_id", "expires_at", "is_closed"},
    "user_emails": {"email", "user_id"},
    "supabase_users": {"subject", "user_id"},
    "session_hashes": {"token_hash", "user_id", "session_id"},
    "account_link_hashes": {"token_hash", "user_id", "link_id"},
    "api_key_hashes": {"key_hash", "workspace_id", "api_key_id"},
    "invite_hashes": {"token_hash", "workspace_id", "invite_id", "is_mailed"},
    "conversation_share_hashes": {"token_hash", "workspace_id", "share_id"},
    "stripe_customers": {"id", "workspace_id", "ended_subscription", "replaced_at"},
    "stripe_events": {
        *("id", "type", "object_id", "state", "attempts", "detail", "workspace_id", "is_live"),
        *("created_at", "received_at", "finished_at"),
    },
    "billing_deadlines": {"workspace_id", "due_at"},
    "knowledge_deadlines": {"workspace_id", "due_at"},
    "reply_threads": {"conversation_id", "workspace_id"},
    "due_deliveries": {"delivery_id", "workspace_id", "due_at", "since", "lease", "leased_until"},
    "webhook_subscribers": {"workspace_id", "event_type", "endpoint_id"},
    "due_webhooks": {"workspace_id", "endpoint_id", "event_id", "due_at", "lease", "leased_until"},
    "alembic_version": {"version_num"},
}
# The role of the app may do everything to rows but this.
NOT_GRANTED = {
    (table, privilege) for table in ("audit_events", "ledger_entries") for privilege in ("UPDATE", "DELETE")
}


async def test_every_policy_is_as_it_was_decided(resources: Resources) -> None:
    async with resources.database.unit_of_work() as session:
        found = (
            await session.execute(
                text(
                    "select tablename, policyname, permissive, roles::text, cmd,"
                    r" regexp_replace(qual, '\s+', ' ', 'g') as qual,"
                    r" regexp_replace(with_check, '\s+', ' ', 'g') as with_check"
                    " from pg_policies where schemaname = 'public'"
                )
            )
        ).all()
    # The owner's one is for the functions that search and write the words, which run as the owner.
    assert {(row.tablename, row.policyname) for row in found if row.roles != "{public}"} == {OF_OWNER}
    assert {
        (row.tablename, row.policyname): (row.cmd, row.permissive, row.qual, row.with_check) for row in found
    } == POLICIES


async def test_what_is_found_without_a_scope_holds_no_more_than_it_needs(resources: Resources) -> None:
    assert set(COLUMNS_OF_DIRECTORIES) == DIRECTORIES
    async with resources.database.unit_of_work() as session:
        for table, columns in COLUMNS_OF_DIRECTORIES.items():
            found = await session.execute(
                text(
                    "select attname from pg_attribute where attrelid = to_regclass(:table) and attnum > 0"
                    " and not attisdropped"
                ),
                {"table": table},
            )
            assert set(found.scalars()) == columns, table


async def test_the_role_of_the_app_may_change_rows_and_nothing_else(resources: Resources) -> None:
    async with resources.database.unit_of_work() as session:
        found = await session.execute(
            text(
                "select tables.tablename, privilege from pg_tables tables, unnest(array['SELECT', 'INSERT',"
                " 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) privilege"
                " where tables.schemaname = 'public' and tables.tablename not like 'procrastinate%'"
                " and tables.tablename <> 'alembic_version'"
                " and has_table_privilege(format('public.%I', tables.tablename), privilege)"
                " <> (privilege in ('SELECT', 'INSERT', 'UPDATE', 'DELETE'))"
            )
        )
        assert {(row.tablename, row.privilege) for row in found} == NOT_GRANTED
