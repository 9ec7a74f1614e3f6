"""Schedules and deletion of sources, a bin for deleted documents, notes, exclusions and curated answers.

Revision ID: 0009
Revises: 0008
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

SOURCES = """
alter table sources drop constraint sources_kind_check;
alter table sources add constraint sources_kind_check check (kind in ('page', 'sitemap', 'file', 'note'));
alter table sources
  add column title text not null default '' check (length(title) <= 500),
  add column body text not null default '',
  add column schedule text not null default 'off' check (schedule in ('off', 'daily', 'weekly')),
  add column next_sync_at timestamptz,
  add column deleted_at timestamptz;
create index on sources (workspace_id, next_sync_at) where next_sync_at is not null;
alter table ingest_jobs
  add column is_scheduled boolean not null default false,
  add column is_complete boolean not null default false;
create index on ingest_jobs (workspace_id, source_id, created_at desc);
alter table ingest_pages drop constraint ingest_pages_state_check;
alter table ingest_pages add constraint ingest_pages_state_check
  check (state in ('pending', 'changed', 'unchanged', 'gone', 'failed', 'skipped'));
alter table ingest_pages add column found_url text;
"""

BIN = """
create table deleted_documents (
  workspace_id uuid not null references workspaces on delete cascade,
  id uuid not null,
  source_id uuid not null,
  url text,
  filename text,
  title text not null,
  language text not null,
  audience text not null check (audience in ('visitors', 'members')),
  status text not null check (status in ('processing', 'completed', 'failed')),
  reason text,
  content_hash bytea,
  file_key text,
  media_type text not null,
  size_bytes bigint not null,
  chunk_count int not null,
  embedded_count int not null,
  created_by text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  is_with_source boolean not null,
  deleted_at timestamptz not null default now(),
  purge_at timestamptz not null,
  primary key (workspace_id, id),
  foreign key (workspace_id, source_id) references sources (workspace_id, id) on delete cascade
);
create index on deleted_documents (workspace_id, source_id);
create index on deleted_documents (workspace_id, purge_at);
create table deleted_chunks (
  workspace_id uuid not null,
  document_id uuid not null,
  position int not null,
  heading_path text[] not null,
  text text not null,
  tokens int not null,
  content_hash bytea not null,
  config text not null,
  lexemes tsvector not null,
  length int not null,
  model text,
  vector halfvec,
  primary key (workspace_id, document_id, position),
  foreign key (workspace_id, document_id) references deleted_documents (workspace_id, id) on delete cascade
);
create table excluded_pages (
  workspace_id uuid not null references workspaces on delete cascade,
  id uuid not null,
  url text not null,
  created_by text not null default '',
  created_at timestamptz not null default now(),
  primary key (workspace_id, id),
  unique (workspace_id, url)
);
"""

CURATED = """
create table curated_answers (
  workspace_id uuid not null references workspaces on delete cascade,
  id uuid not null,
  question text not null check (length(question) between 1 and 500),
  phrasings text[] not null default '{}',
  answer text not null check (length(answer) between 1 and 8000),
  audience text not null check (audience in ('visitors', 'members')),
  position int not null,
  is_on boolean not null default true,
  created_by text not null default '',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  primary key (workspace_id, id),
  unique (workspace_id, id, audience)
);
create index on curated_answers (workspace_id, position);
create table curated_phrasings (
  workspace_id uuid not null references workspaces on delete cascade,
  answer_id uuid not null,
  audience text not null,
  position int not null,
  text text not null,
  config text not null,
  lexemes tsvector not null,
  model text,
  vector halfvec,
  primary key (workspace_id, answer_id, position),
  foreign key (workspace_id, answer_id, audience)
    references curated_answers (workspace_id, id, audience) on update cascade on delete cascade
);
"""

# Found before a workspace is known, so without row-level security: which workspace, and when to look.
DEADLINES = """
create table knowledge_deadlines (
  workspace_id uuid primary key references workspaces on delete cascade,
  due_at timestamptz not null
);
create index on knowledge_deadlines (due_at);
"""

# What the older shape has no word for goes with its newer tables.
BEFORE = """
alter table sources no force row level security;
alter table ingest_pages no force row level security;
delete from sources where kind = 'note' or deleted_at is not null;
delete from ingest_pages where state = 'gone';
alter table sources force row level security;
alter table ingest_pages force row level security;
alter table ingest_pages drop column found_url;
alter table ingest_pages drop constraint ingest_pages_state_check;
alter table ingest_pages add constraint ingest_pages_state_check
  check (state in ('pending', 'changed', 'unchanged', 'failed', 'skipped'));
drop index ingest_jobs_workspace_id_source_id_created_at_idx;
alter table ingest_jobs drop column is_scheduled, drop column is_complete;
alter table sources
  drop column title, drop column body, drop column schedule, drop column next_sync_at, drop column deleted_at;
alter table sources drop constraint sources_kind_check;
alter table sources add constraint sources_kind_check check (kind in ('page', 'sitemap', 'file'));
"""

WORKSPACE = "nullif(current_setting('app.workspace', true), '')::uuid"
IS_MEMBERS = "current_setting('app.audience', true) = 'members'"
MEMBERS_ONLY = ("deleted_documents", "deleted_chunks", "excluded_pages")
BY_AUDIENCE = ("curated_answers", "curated_phrasings")


def upgrade() -> None:
    for ddl in (SOURCES, BIN, CURATED, DEADLINES):
        op.execute(ddl)
    for table in (*MEMBERS_ONLY, *BY_AUDIENCE):
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"alter table {table} force row level security")
        op.execute(f"create policy workspace on {table} using (workspace_id = (select {WORKSPACE}))")
    for table in MEMBERS_ONLY:
        op.execute(f"create policy audience on {table} as restrictive using ((select {IS_MEMBERS}))")
    for table in BY_AUDIENCE:
        op.execute(
            f"create policy audience on {table} as restrictive"
            f" using (audience = 'visitors' or (select {IS_MEMBERS}))"
        )


def downgrade() -> None:
    for table in (
        *("knowledge_deadlines", "curated_phrasings", "curated_answers"),
        *("excluded_pages", "deleted_chunks", "deleted_documents"),
    ):
        op.execute(f"drop table {table}")
    op.execute(BEFORE)
