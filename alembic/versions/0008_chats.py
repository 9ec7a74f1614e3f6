"""The members' private chats and their messages.

Revision ID: 0008
Revises: 0007
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLES = """
create table chats (
  workspace_id uuid not null references workspaces on delete cascade,
  id uuid not null,
  user_id uuid references users on delete cascade,
  key_id uuid,
  title text not null,
  model text not null default '',
  preference text not null default '',
  document_ids uuid[] not null default '{}',
  uses_all_knowledge boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  primary key (workspace_id, id),
  check (user_id is null or key_id is null)
);
create index on chats (workspace_id, user_id, updated_at desc, id desc) where deleted_at is null;
create index on chats (deleted_at) where deleted_at is not null;
create table chat_messages (
  workspace_id uuid not null,
  id uuid not null,
  chat_id uuid not null,
  position int not null check (position > 0),
  role text not null check (role in ('user', 'assistant')),
  text text not null,
  state text not null check (state in ('complete', 'writing', 'interrupted', 'failed', 'replaced')),
  finish text not null default '' check (finish in ('', 'stop', 'length', 'refusal')),
  reason text not null default '',
  model text not null default '',
  citations jsonb not null default '[]',
  input_tokens int not null default 0,
  output_tokens int not null default 0,
  credits int not null default 0,
  created_at timestamptz not null default now(),
  words tsvector not null generated always as (to_tsvector('simple', left(text, 200000))) stored,
  primary key (workspace_id, id),
  unique (workspace_id, chat_id, position),
  foreign key (workspace_id, chat_id) references chats on delete cascade
);
create unique index one_answer_at_a_time on chat_messages (workspace_id, chat_id) where state = 'writing';
"""

WORKSPACE = "nullif(current_setting('app.workspace', true), '')::uuid"
USER = "nullif(current_setting('app.user', true), '')::uuid"
IS_MEMBERS = "current_setting('app.audience', true) = 'members'"


def upgrade() -> None:
    op.execute(TABLES)
    for table in ("chats", "chat_messages"):
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"alter table {table} force row level security")
        op.execute(f"create policy workspace on {table} using (workspace_id = (select {WORKSPACE}))")
        op.execute(f"create policy audience on {table} as restrictive using ((select {IS_MEMBERS}))")
    # A chat is its member's own; colleagues do not see it, whatever their role. A program's has no user.
    op.execute(
        f"create policy person on chats as restrictive using (user_id is not distinct from (select {USER}))"
    )
    op.execute(
        "create policy person on chat_messages as restrictive using (exists (select 1 from chats"
        " where chats.workspace_id = chat_messages.workspace_id and chats.id = chat_messages.chat_id))"
    )


def downgrade() -> None:
    op.execute("drop table chat_messages, chats")
