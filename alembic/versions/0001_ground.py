"""Workspaces, knowledge, conversations and the job queue, with row-level security behind all of them.

Revision ID: 0001
Revises:
"""

from alembic import context, op
from procrastinate.schema import SchemaManager

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Found before the workspace is known, so without row-level security; they hold nothing else.
DIRECTORIES = """
create table workspace_handles (
  handle text primary key,
  workspace_id uuid not null references workspaces on delete cascade,
  expires_at timestamptz
);
create index on workspace_handles (workspace_id);
create table user_emails (
  email text primary key check (email = lower(email)),
  user_id uuid not null references users on delete cascade
);
create table sessions (
  token_hash bytea primary key,
  user_id uuid not null references users on delete cascade,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  revoked_at timestamptz
);
create index on sessions (user_id);
create table api_key_hashes (
  key_hash bytea primary key,
  workspace_id uuid not null,
  api_key_id uuid not null,
  foreign key (workspace_id, api_key_id) references api_keys (workspace_id, id) on delete cascade
);
create index on api_key_hashes (workspace_id, api_key_id);
"""

ACCOUNTS = """
create table workspaces (
  id uuid primary key,
  slug text not null unique check (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  public_key text not null unique,
  name text not null check (length(name) between 1 and 200),
  voice text not null default 'friendly' check (voice in ('friendly', 'professional', 'casual', 'formal')),
  confidence_threshold real not null default 0.55 check (confidence_threshold between 0 and 1),
  allowed_domains text[] not null default '{}',
  time_zone text not null default 'UTC',
  languages text[] not null default '{}',
  greeting text not null default '',
  suggestions text[] not null default '{}',
  plan text not null default 'free' check (plan in ('free', 'starter', 'pro', 'agency')),
  embedding_model text not null,
  created_at timestamptz not null default now()
);
create table users (
  id uuid primary key,
  email text not null unique,
  name text not null default '',
  password_hash text not null,
  created_at timestamptz not null default now()
);
create table members (
  workspace_id uuid not null references workspaces on delete cascade,
  user_id uuid not null references users on delete cascade,
  role text not null check (role in ('owner', 'admin', 'agent', 'analyst', 'viewer')),
  created_at timestamptz not null default now(),
  primary key (workspace_id, user_id)
);
create index on members (user_id);
create table api_keys (
  workspace_id uuid not null references workspaces on delete cascade,
  id uuid not null,
  name text not null,
  prefix text not null,
  permissions text[] not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz,
  primary key (workspace_id, id)
);
"""

KNOWLEDGE = """
create table sources (
  workspace_id uuid not null references workspaces on delete cascade,
  id uuid not null,
  kind text not null check (kind in ('page', 'sitemap', 'file')),
  location text not null,
  host text not null default '',
  audience text not null check (audience in ('visitors', 'members')),
  created_at timestamptz not null default now(),
  last_synced_at timestamptz,
  primary key (workspace_id, id),
  unique (workspace_id, kind, location)
);
create table documents (
  workspace_id uuid not null references workspaces on delete cascade,
  id uuid not null,
  source_id uuid not null,
  url text,
  filename text,
  title text not null default '',
  language text not null default 'en',
  audience text not null check (audience in ('visitors', 'members')),
  status text not null check (status in ('processing', 'completed', 'failed')),
  reason text,
  content_hash bytea,
  file_key text,
  media_type text not null default '',
  size_bytes bigint not null default 0,
  chunk_count int not null default 0,
  embedded_count int not null default 0,
  created_by text not null default '',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (workspace_id, id),
  unique (workspace_id, id, audience),
  unique (workspace_id, url),
  foreign key (workspace_id, source_id) references sources (workspace_id, id) on delete cascade
);
create index on documents (workspace_id, source_id);
create index on documents (workspace_id, created_at desc);

create sequence chunk_ids;
create table chunks (
  workspace_id uuid not null references workspaces on delete cascade,
  id bigint not null default nextval('chunk_ids'),
  document_id uuid not null,
  audience text not null,
  position int not null,
  heading_path text[] not null,
  text text not null,
  tokens int not null,
  content_hash bytea not null,
  config text not null,
  lexemes tsvector not null,
  length int not null,
  primary key (workspace_id, id),
  unique (workspace_id, id, audience),
  unique (workspace_id, document_id, position),
  foreign key (workspace_id, document_id, audience)
    references documents (workspace_id, id, audience) on update cascade on delete cascade
);
create table embeddings (
  workspace_id uuid not null references workspaces on delete cascade,
  model text not null,
  chunk_id bigint not null,
  audience text not null,
  vector halfvec not null,
  primary key (workspace_id, model, chunk_id),
  foreign key (workspace_id, chunk_id, audience)
    references chunks (workspace_id, id, audience) on update cascade on delete cascade
);
create index on embeddings (workspace_id, chunk_id);
alter table embeddings alter column vector set storage plain;

create table lexical_segments (
  workspace_id uuid not null references workspaces on delete cascade,
  id uuid not null,
  audience text not null check (audience in ('visitors', 'members')),
  config text not null,
  chunk_count int not null,
  total_length bigint not null,
  primary key (workspace_id, id, audience, config)
);
create table lexical_postings (
  workspace_id uuid not null,
  audience text not null,
  config text not null,
  lexeme text not null,
  segment_id uuid not null,
  postings bytea not null,
  primary key (workspace_id, lexeme, config, audience, segment_id),
  foreign key (workspace_id, segment_id, audience, config)
    references lexical_segments (workspace_id, id, audience, config) on delete cascade
);
create index on lexical_postings (workspace_id, segment_id, audience, config);
create table lexical_tombstones (
  workspace_id uuid not null references workspaces on delete cascade,
  audience text not null,
  config text not null,
  chunk_id bigint not null,
  length int not null,
  primary key (workspace_id, chunk_id)
);

create table ingest_jobs (
  workspace_id uuid not null references workspaces on delete cascade,
  id uuid not null,
  source_id uuid not null,
  input text not null,
  state text not null check (state in ('queued', 'running', 'completed', 'failed', 'cancelled')),
  discovered boolean not null default false,
  reason text,
  requested_by text not null default '',
  created_at timestamptz not null default now(),
  started_at timestamptz,
  finished_at timestamptz,
  primary key (workspace_id, id),
  foreign key (workspace_id, source_id) references sources (workspace_id, id) on delete cascade
);
create index on ingest_jobs (workspace_id, source_id);
create table ingest_pages (
  workspace_id uuid not null,
  job_id uuid not null,
  position int not null,
  url text not null,
  state text not null check (state in ('pending', 'changed', 'unchanged', 'failed', 'skipped')),
  reason text,
  primary key (workspace_id, job_id, position),
  foreign key (workspace_id, job_id) references ingest_jobs (workspace_id, id) on delete cascade
);
create index on ingest_pages (workspace_id, job_id, state);
"""

CONVERSATIONS = """
create table conversations (
  workspace_id uuid not null references workspaces on delete cascade,
  id uuid not null,
  session_id text not null,
  is_signed boolean not null,
  status text not null default 'bot' check (status in ('bot', 'waiting', 'human', 'resolved')),
  reason text,
  page_url text not null default '',
  created_at timestamptz not null default now(),
  last_message_at timestamptz not null default now(),
  primary key (workspace_id, id)
);
create index on conversations (workspace_id, session_id, created_at desc);
create index on conversations (workspace_id, last_message_at desc);
create table messages (
  workspace_id uuid not null,
  id uuid not null,
  conversation_id uuid not null,
  role text not null check (role in ('visitor', 'bot', 'member', 'system')),
  text text not null,
  kind text not null default 'message',
  confidence real,
  citations jsonb not null default '[]',
  model text,
  input_tokens int not null default 0,
  output_tokens int not null default 0,
  created_at timestamptz not null default now(),
  primary key (workspace_id, id),
  foreign key (workspace_id, conversation_id) references conversations (workspace_id, id) on delete cascade
);
create index on messages (workspace_id, conversation_id, id);
create table conversation_transitions (
  workspace_id uuid not null,
  id uuid not null,
  conversation_id uuid not null,
  from_status text not null,
  to_status text not null,
  actor text not null,
  reason text not null,
  created_at timestamptz not null default now(),
  primary key (workspace_id, id),
  foreign key (workspace_id, conversation_id) references conversations (workspace_id, id) on delete cascade
);
create index on conversation_transitions (workspace_id, conversation_id);
create table escalations (
  workspace_id uuid not null,
  id uuid not null,
  conversation_id uuid not null,
  reason text not null,
  created_at timestamptz not null default now(),
  primary key (workspace_id, id),
  unique (workspace_id, conversation_id, reason),
  foreign key (workspace_id, conversation_id) references conversations (workspace_id, id) on delete cascade
);
"""

BILLING = """
create table usage_counters (
  workspace_id uuid not null references workspaces on delete cascade,
  unit text not null check (unit in ('message')),
  period_start date not null,
  used int not null default 0 check (used >= 0),
  primary key (workspace_id, unit, period_start)
);
"""

# Tombstones for every chunk that goes, however it goes: by a swap, or by a cascade from its document.
TOMBSTONES = """
create function bury_chunks() returns trigger language plpgsql as $$
begin
  insert into lexical_tombstones (workspace_id, audience, config, chunk_id, length)
  select gone.workspace_id, gone.audience, gone.config, gone.id, gone.length from gone
  where exists (select 1 from workspaces where workspaces.id = gone.workspace_id)
  on conflict do nothing;
  return null;
end $$;
create trigger bury_chunks after delete on chunks
  referencing old table as gone for each statement execute function bury_chunks();
"""

WORKSPACE = "nullif(current_setting('app.workspace', true), '')::uuid"
IS_MEMBERS = "current_setting('app.audience', true) = 'members'"
USER = "nullif(current_setting('app.user', true), '')::uuid"

BY_AUDIENCE = (
    "documents",
    "chunks",
    "embeddings",
    "lexical_segments",
    "lexical_postings",
    "lexical_tombstones",
)
MEMBERS_ONLY = ("sources", "ingest_jobs", "ingest_pages", "api_keys")
OPEN_TO_VISITORS = (
    "conversations",
    "messages",
    "conversation_transitions",
    "escalations",
    "usage_counters",
)


def upgrade() -> None:
    role = context.config.attributes.get("app_role", "hn_app")
    op.execute(
        "alter default privileges in schema public"
        f' grant select, insert, update, delete on tables to "{role}"'
    )
    op.execute(f'alter default privileges in schema public grant usage, select on sequences to "{role}"')
    op.execute(f'grant select on alembic_version to "{role}"')
    for ddl in (ACCOUNTS, DIRECTORIES, KNOWLEDGE, CONVERSATIONS, BILLING, TOMBSTONES):
        op.execute(ddl)
    for table in ("workspaces", "users", "members", *BY_AUDIENCE, *MEMBERS_ONLY, *OPEN_TO_VISITORS):
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"alter table {table} force row level security")
    for table in (*BY_AUDIENCE, *MEMBERS_ONLY, *OPEN_TO_VISITORS):
        op.execute(f"create policy workspace on {table} using (workspace_id = (select {WORKSPACE}))")
    for table in BY_AUDIENCE:
        op.execute(
            f"create policy audience on {table} as restrictive"
            f" using (audience = 'visitors' or (select {IS_MEMBERS}))"
        )
    for table in MEMBERS_ONLY:
        op.execute(f"create policy audience on {table} as restrictive using ((select {IS_MEMBERS}))")
    op.execute(
        f"create policy workspace on workspaces using (id = (select {WORKSPACE}) or exists"
        " (select 1 from members"
        f" where members.workspace_id = workspaces.id and members.user_id = (select {USER})))"
        f" with check (id = (select {WORKSPACE}))"
    )
    op.execute(
        f"create policy workspace on members"
        f" using (workspace_id = (select {WORKSPACE}) or user_id = (select {USER}))"
        f" with check (workspace_id = (select {WORKSPACE}))"
    )
    op.execute(
        f"create policy account on users using (id = (select {USER}) or exists"
        " (select 1 from members"
        f" where members.user_id = users.id and members.workspace_id = (select {WORKSPACE})))"
    )
    with op.get_bind().connection.cursor() as cursor:
        cursor.execute(SchemaManager.get_schema())


def downgrade() -> None:
    raise RuntimeError("The first revision cannot be undone: drop the database instead.")
