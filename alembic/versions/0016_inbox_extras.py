"""Canned replies, links and mails that share conversations, notices of mentions, and an index.

Revision ID: 0016
Revises: 0015
"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

WORKSPACE = "nullif(current_setting('app.workspace', true), '')::uuid"
USER = "nullif(current_setting('app.user', true), '')::uuid"
IS_MEMBERS = "current_setting('app.audience', true) = 'members'"

TABLES = """
create table canned_replies (
  workspace_id uuid not null references workspaces on delete cascade,
  id uuid not null,
  name text not null check (length(name) between 1 and 60),
  text text not null check (length(text) between 1 and 5000),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (workspace_id, id)
);
create unique index on canned_replies (workspace_id, lower(name));
create table conversation_shares (
  workspace_id uuid not null,
  id uuid not null,
  conversation_id uuid not null,
  created_by text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  revoked_at timestamptz,
  views int not null default 0 check (views >= 0),
  last_viewed_at timestamptz,
  primary key (workspace_id, id),
  foreign key (workspace_id, conversation_id) references conversations (workspace_id, id) on delete cascade
);
create index on conversation_shares (workspace_id, conversation_id, id);
create table conversation_share_hashes (
  token_hash bytea primary key,
  workspace_id uuid not null,
  share_id uuid not null,
  foreign key (workspace_id, share_id) references conversation_shares (workspace_id, id) on delete cascade
);
create index on conversation_share_hashes (workspace_id, share_id);
create table transcript_mails (
  workspace_id uuid not null,
  id uuid not null,
  conversation_id uuid not null,
  email text not null check (length(email) between 3 and 320),
  created_at timestamptz not null default now(),
  sent_at timestamptz,
  primary key (workspace_id, id),
  foreign key (workspace_id, conversation_id) references conversations (workspace_id, id) on delete cascade
);
create index on transcript_mails (workspace_id, conversation_id);
create table mention_notices (
  workspace_id uuid not null,
  id uuid not null,
  conversation_id uuid not null,
  note_id uuid not null,
  user_id uuid not null,
  created_at timestamptz not null default now(),
  read_at timestamptz,
  primary key (workspace_id, id),
  unique (workspace_id, note_id, user_id),
  foreign key (workspace_id, note_id) references conversation_notes (workspace_id, id) on delete cascade,
  foreign key (workspace_id, user_id) references members (workspace_id, user_id) on delete cascade
);
create index on mention_notices (workspace_id, user_id, id desc);
"""
# All that the inbox counts by, and what the policy of visitors compares with: conversations are counted
# without reading their rows, which hold the words that were said in them (94 MB of 50,000 conversations).
# Nothing in it is so long that a row of an index (2,704 bytes) could not hold all.
COUNTED = """
alter table conversations
  add column site text not null generated always as (left(split_part(page_url, '/', 3), 200)) stored;
create index conversations_counted on conversations (workspace_id, status, assignee_id)
  include (snoozed_until, last_message_at, visitor_name, visitor_email, site, session_id, is_signed);
"""
FOR_MEMBERS = ("canned_replies", "conversation_shares", "transcript_mails", "mention_notices")


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(COUNTED)
    for table in FOR_MEMBERS:
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"alter table {table} force row level security")
        op.execute(f"create policy workspace on {table} using (workspace_id = (select {WORKSPACE}))")
        op.execute(f"create policy audience on {table} as restrictive using ((select {IS_MEMBERS}))")
    # Who mentions somebody writes a notice that is not their own.
    op.execute(
        "create policy person on mention_notices as restrictive"
        f" using (user_id = (select {USER})) with check (true)"
    )


def downgrade() -> None:
    op.execute("drop index conversations_counted")
    op.execute("alter table conversations drop column site")
    op.execute(
        "drop table mention_notices, transcript_mails, conversation_share_hashes, conversation_shares,"
        " canned_replies"
    )
