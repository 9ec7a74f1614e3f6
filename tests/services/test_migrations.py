"""A step of the schema can be taken back, and taken again, and what was stored before it stays."""

from __future__ import annotations

import psycopg
from alembic import command
from sqlalchemy import NullPool, create_engine

from helpninja_app.kernel.database import sqlalchemy_url
from helpninja_app.kernel.embedded_postgres import EmbeddedPostgres
from helpninja_app.kernel.migrations import _config, upgrade


def take_back(owner_url: str, revision: str) -> None:
    config, engine = _config(), create_engine(sqlalchemy_url(owner_url), poolclass=NullPool)
    with engine.connect() as connection:
        config.attributes |= {"connection": connection, "app_role": "hn_app"}
        command.downgrade(config, revision)
        connection.commit()


def test_the_accounts_can_be_taken_back_and_made_again(postgres: EmbeddedPostgres, worker_id: str) -> None:
    name = f"migrations_{worker_id}"
    urls = postgres.create_database(name)
    try:
        revisions = upgrade(urls.owner)
        assert revisions[:2] == ["0001", "0002"]
        with psycopg.connect(urls.superuser, autocommit=True) as connection:
            connection.execute(
                "insert into users (id, email, password_hash) values (gen_random_uuid(), 'a@b.example', 'x')"
            )
        take_back(urls.owner, "0001")
        with psycopg.connect(urls.superuser) as connection:
            left = connection.execute("select to_regclass('invites'), count(*) from users").fetchone()
        assert left == (None, 1)
        assert upgrade(urls.owner) == revisions[1:]
        with psycopg.connect(urls.superuser) as connection:
            found = connection.execute("select email, email_verified_at from users").fetchall()
        assert found == [("a@b.example", None)]
    finally:
        postgres.drop_database(name)


def test_two_factor_sign_in_can_be_taken_back_with_steps_under_way(
    postgres: EmbeddedPostgres, worker_id: str
) -> None:
    name = f"two_factor_migrations_{worker_id}"
    urls = postgres.create_database(name)
    try:
        upgrade(urls.owner)
        with psycopg.connect(urls.superuser, autocommit=True) as connection:
            connection.execute(
                "with person as (insert into users (id, email, password_hash)"
                " values (gen_random_uuid(), 'a@b.example', 'x') returning id)"
                " insert into account_links (user_id, id, purpose, email, expires_at)"
                " select id, gen_random_uuid(), purpose, 'a@b.example', now()"
                " from person, unnest(array['reset', 'second_factor']) as purpose"
            )
            connection.execute(
                "insert into account_link_hashes"
                " select sha256(purpose::bytea), user_id, id from account_links"
            )
        take_back(urls.owner, "0002")
        with psycopg.connect(urls.superuser) as connection:
            left = connection.execute("select purpose, to_regclass('second_factors') from account_links")
            assert left.fetchall() == [("reset", None)]
        assert "0003" in upgrade(urls.owner)
    finally:
        postgres.drop_database(name)


def test_who_is_signed_in_stays_so_when_sessions_and_links_are_split_and_joined_again(
    postgres: EmbeddedPostgres, worker_id: str
) -> None:
    name = f"split_migrations_{worker_id}"
    urls = postgres.create_database(name)
    try:
        upgrade(urls.owner)
        take_back(urls.owner, "0004")
        with psycopg.connect(urls.superuser, autocommit=True) as connection:
            connection.execute(
                "insert into users (id, email, password_hash) values (gen_random_uuid(), 'a@b.example', 'x')"
            )
            connection.execute(
                "insert into sessions (token_hash, user_id, user_agent, expires_at)"
                " select sha256('one'), id, 'Browser', now() + interval '1 day' from users"
            )
            connection.execute(
                "insert into account_links (token_hash, user_id, purpose, email, expires_at)"
                " select sha256('link'), id, 'reset', email, now() from users"
            )
        for _ in range(2):
            with psycopg.connect(urls.app) as connection:
                known = "select email from identify_session(sha256('one'), null)"
                assert connection.execute(known).fetchall() == [("a@b.example",)]
            upgrade(urls.owner)
            with psycopg.connect(urls.app) as connection:
                assert connection.execute(known).fetchall() == [("a@b.example",)]
            with psycopg.connect(urls.superuser) as connection:
                kept = connection.execute(
                    "select user_agent, purpose from sessions join account_links using (user_id)"
                    " join session_hashes using (user_id) join account_link_hashes using (user_id)"
                    " where session_id = sessions.id and link_id = account_links.id"
                )
                assert kept.fetchall() == [("Browser", "reset")]
            take_back(urls.owner, "0004")
    finally:
        postgres.drop_database(name)


def test_what_was_used_this_month_stays_used_when_counters_become_a_ledger_and_back(
    postgres: EmbeddedPostgres, worker_id: str
) -> None:
    name = f"ledger_migrations_{worker_id}"
    urls = postgres.create_database(name)
    month = "date_trunc('month', now() at time zone 'utc')"
    counted = "select used, period_start from usage_counters"
    try:
        upgrade(urls.owner)
        take_back(urls.owner, "0006")
        with psycopg.connect(urls.superuser, autocommit=True) as connection:
            connection.execute(
                "insert into workspaces (id, slug, public_key, name, embedding_model)"
                " values (gen_random_uuid(), 'shop', 'hn_pk_shop', 'Shop', 'none')"
            )
            for used, when in ((37, month), (90, f"{month} - interval '1 month'")):
                connection.execute(
                    "insert into usage_counters (workspace_id, unit, period_start, used)"
                    f" select id, 'message', {when}, {used} from workspaces"
                )
        assert upgrade(urls.owner)[0] == "0007"
        with psycopg.connect(urls.superuser) as connection:
            account = connection.execute(
                "select unit, allowance, spent, used, balance, position,"
                f" period_start = {month} at time zone 'utc', period_end = due_at,"
                f" period_end = ({month} + interval '1 month') at time zone 'utc'"
                " from ledger_accounts join billing_deadlines using (workspace_id)"
            )
            assert account.fetchall() == [("message", 0, 37, 37, 0, 0, True, True, True)]
        take_back(urls.owner, "0006")
        with psycopg.connect(urls.superuser) as connection:
            assert [row[0] for row in connection.execute(counted)] == [37]
            assert connection.execute("select to_regclass('ledger_entries')").fetchone() == (None,)
        with psycopg.connect(urls.app) as connection:
            assert connection.execute(counted).fetchall() == []
        assert upgrade(urls.owner)[0] == "0007"
        with psycopg.connect(urls.superuser) as connection:
            assert connection.execute("select spent, used from ledger_accounts").fetchall() == [(37, 37)]
    finally:
        postgres.drop_database(name)


def test_a_website_read_by_its_links_is_a_page_to_the_older_shape(
    postgres: EmbeddedPostgres, worker_id: str
) -> None:
    name = f"links_migrations_{worker_id}"
    urls = postgres.create_database(name)
    try:
        upgrade(urls.owner)
        with psycopg.connect(urls.superuser, autocommit=True) as connection:
            connection.execute(
                "insert into workspaces (id, slug, public_key, name, embedding_model)"
                " values (gen_random_uuid(), 'one', 'hn_pk_one', 'One', 'hashing')"
            )
            connection.execute(
                "insert into sources (workspace_id, id, kind, location, audience)"
                " select id, gen_random_uuid(), 'site', 'x', 'members' from workspaces"
            )
        take_back(urls.owner, "0029")
        with psycopg.connect(urls.superuser) as connection:
            assert connection.execute("select kind from sources").fetchall() == [("page",)]
        assert upgrade(urls.owner)[0] == "0030"
    finally:
        postgres.drop_database(name)


def test_what_the_older_knowledge_has_no_word_for_goes_and_pages_stay(
    postgres: EmbeddedPostgres, worker_id: str
) -> None:
    name = f"knowledge_migrations_{worker_id}"
    urls = postgres.create_database(name)
    try:
        upgrade(urls.owner)
        with psycopg.connect(urls.superuser, autocommit=True) as connection:
            connection.execute(
                "insert into workspaces (id, slug, public_key, name, embedding_model)"
                " values (gen_random_uuid(), 'one', 'hn_pk_one', 'One', 'hashing')"
            )
            connection.execute(
                "insert into sources (workspace_id, id, kind, location, audience, schedule, deleted_at)"
                " select w.id, gen_random_uuid(), kind, kind || gone, 'members', 'daily',"
                " case when gone then now() end"
                " from workspaces w, unnest(array['page', 'note']) kind, unnest(array[true, false]) gone"
            )
            connection.execute(
                "with job as (insert into ingest_jobs (workspace_id, id, source_id, input, state) select"
                " workspace_id, gen_random_uuid(), id, 'x', 'completed' from sources"
                " returning workspace_id, id)"
                " insert into ingest_pages (workspace_id, job_id, position, url, state)"
                " select workspace_id, id, place, 'x', (array['gone', 'changed'])[place]"
                " from job, generate_series(1, 2) place"
            )
        take_back(urls.owner, "0007")
        with psycopg.connect(urls.superuser) as connection:
            kept = connection.execute("select location, state from sources, ingest_pages").fetchall()
            assert kept == [("pagefalse", "changed")]
        assert "0009" in upgrade(urls.owner)
        with psycopg.connect(urls.superuser) as connection:
            again = connection.execute("select schedule, deleted_at, body from sources").fetchall()
            assert again == [("off", None, "")]
    finally:
        postgres.drop_database(name)


def test_who_a_page_was_for_against_its_source_is_a_choice_that_is_kept(
    postgres: EmbeddedPostgres, worker_id: str
) -> None:
    name = f"choices_migrations_{worker_id}"
    urls = postgres.create_database(name)
    try:
        upgrade(urls.owner)
        take_back(urls.owner, "0025")
        with psycopg.connect(urls.superuser, autocommit=True) as connection:
            connection.execute(
                "with workspace as (insert into workspaces (id, slug, public_key, name, embedding_model)"
                " values (gen_random_uuid(), 'one', 'hn_pk_one', 'One', 'hashing') returning id),"
                " source as (insert into sources (workspace_id, id, kind, location, audience)"
                " select id, gen_random_uuid(), 'page', 'x', 'visitors' from workspace"
                " returning workspace_id, id)"
                " insert into documents (workspace_id, id, source_id, url, audience, status)"
                " select workspace_id, gen_random_uuid(), id, audience, audience, 'completed'"
                " from source, unnest(array['visitors', 'members']) audience"
            )
        assert "0027" in upgrade(urls.owner)
        with psycopg.connect(urls.superuser) as connection:
            kept = connection.execute("select url, audience from page_choices").fetchall()
            assert kept == [("members", "members")]
    finally:
        postgres.drop_database(name)


def test_a_plan_that_is_past_due_keeps_the_days_that_it_was_told_of(
    postgres: EmbeddedPostgres, worker_id: str
) -> None:
    name = f"grace_migrations_{worker_id}"
    urls = postgres.create_database(name)
    try:
        upgrade(urls.owner)
        take_back(urls.owner, "0032")
        with psycopg.connect(urls.superuser, autocommit=True) as connection:
            connection.execute(
                "with made as (insert into workspaces (id, slug, public_key, name, embedding_model)"
                " select gen_random_uuid(), slug, 'hn_pk_' || slug, status, 'hashing'"
                " from (values ('late', 'past_due'), ('paid', 'active')) one (slug, status)"
                " returning id, name)"
                " insert into subscriptions (workspace_id, id, status, plan, interval, anchor,"
                " period_start, period_end, read_at) select id, 'sub_1', name, 'pro', 'month',"
                " '2026-01-05Z', '2026-11-05Z', '2026-12-05Z', '2026-11-07Z' from made"
            )
        assert upgrade(urls.owner)[0] == "0033"
        with psycopg.connect(urls.superuser) as connection:
            found = connection.execute(
                "select status, past_due_since = period_start from subscriptions order by status"
            ).fetchall()
        assert found == [("active", None), ("past_due", True)]
    finally:
        postgres.drop_database(name)


def test_alerts_are_known_with_the_allowance_that_they_told_of(
    postgres: EmbeddedPostgres, worker_id: str
) -> None:
    name = f"alert_migrations_{worker_id}"
    urls = postgres.create_database(name)
    try:
        upgrade(urls.owner)
        take_back(urls.owner, "0033")
        with psycopg.connect(urls.superuser, autocommit=True) as connection:
            connection.execute(
                "with workspace as (insert into workspaces (id, slug, public_key, name, embedding_model)"
                " values (gen_random_uuid(), 'shop', 'hn_pk_shop', 'Shop', 'hashing') returning id)"
                " insert into ledger_accounts (workspace_id, unit, allowance, anchor, period_start,"
                " period_end) select id, 'credit', 250, month, month, month + interval '1 month'"
                " from workspace, cast('2026-11-01Z' as timestamptz) month"
            )
            connection.execute(
                "insert into usage_alerts (workspace_id, unit, period_start, threshold)"
                " select workspace_id, unit, month, 75 from ledger_accounts,"
                " unnest(array['2026-10-01Z', '2026-11-01Z']::timestamptz[]) month"
            )
        assert upgrade(urls.owner)[0] == "0034"
        with psycopg.connect(urls.superuser) as connection:
            found = connection.execute("select allowance from usage_alerts order by period_start")
            assert [row[0] for row in found] == [0, 250]
    finally:
        postgres.drop_database(name)


def test_who_waits_already_waits_since_they_asked_or_wrote(
    postgres: EmbeddedPostgres, worker_id: str
) -> None:
    name = f"waiting_migrations_{worker_id}"
    urls = postgres.create_database(name)
    try:
        upgrade(urls.owner)
        take_back(urls.owner, "0038")
        with psycopg.connect(urls.superuser, autocommit=True) as connection:
            connection.execute(_TALKS)
        assert upgrade(urls.owner)[0] == "0039"
        with psycopg.connect(urls.superuser) as connection:
            found = connection.execute(
                "select session_id, extract(hour from waiting_since at time zone 'UTC')::int"
                " from conversations order by session_id"
            ).fetchall()
        assert dict(found) == {
            "answered": None,
            "asked": 2,
            "asked by hand": 9,
            "done": None,
            "taken over": 2,
            "taken over and asked twice": 4,
            "wrote again": 4,
        }
    finally:
        postgres.drop_database(name)


# By the hours of a day; a row is a conversation, a change of its status (from>to) or a message in it.
_TALKS = """
with workspace as (
  insert into workspaces (id, slug, public_key, name, embedding_model)
  values (gen_random_uuid(), 'shop', 'hn_pk_shop', 'Shop', 'hashing') returning id
), talk as (
  insert into conversations (workspace_id, id, session_id, is_signed, status, last_message_at)
  select workspace.id, gen_random_uuid(), called, true, status, '2026-11-01 09:00Z'
  from workspace, (values
    ('answered', 'human'), ('asked', 'waiting'), ('asked by hand', 'waiting'), ('done', 'resolved'),
    ('taken over', 'human'), ('taken over and asked twice', 'human'), ('wrote again', 'human')
  ) as given (called, status) returning workspace_id, id, session_id
), happened (called, hour, what) as (values
  ('answered', 1, 'visitor'), ('answered', 2, 'bot>waiting'), ('answered', 3, 'waiting>human'),
  ('answered', 4, 'member'),
  ('asked', 1, 'visitor'), ('asked', 2, 'bot>waiting'), ('asked', 3, 'visitor'),
  ('done', 1, 'visitor'), ('done', 2, 'bot>waiting'), ('done', 3, 'waiting>resolved'),
  ('taken over', 1, 'visitor'), ('taken over', 2, 'bot>waiting'), ('taken over', 3, 'waiting>human'),
  ('taken over and asked twice', 1, 'visitor'), ('taken over and asked twice', 3, 'bot>human'),
  ('taken over and asked twice', 4, 'visitor'), ('taken over and asked twice', 5, 'visitor'),
  ('wrote again', 1, 'bot>waiting'), ('wrote again', 2, 'waiting>human'), ('wrote again', 3, 'member'),
  ('wrote again', 4, 'visitor'), ('wrote again', 5, 'visitor')
), placed as (
  select talk.workspace_id, talk.id as conversation_id, what,
    '2026-11-01 00:00Z'::timestamptz + hour * interval '1 hour' as moment,
    lpad(to_hex(hour), 8, '0') || right(gen_random_uuid()::text, 28) as id
  from happened join talk on talk.session_id = happened.called
), said as (
  insert into messages (workspace_id, id, conversation_id, role, text, created_at)
  select workspace_id, id::uuid, conversation_id, what, 'Hello', moment from placed where what not like '%>%'
)
insert into conversation_transitions
  (workspace_id, id, conversation_id, from_status, to_status, actor, reason, created_at)
select workspace_id, id::uuid, conversation_id, split_part(what, '>', 1), split_part(what, '>', 2), 'bot',
  'test', moment
from placed where what like '%>%'
"""
