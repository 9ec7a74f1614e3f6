"""What people do in the inbox: who has a conversation, notes, what was read, and words to search by.

Revision ID: 0011
Revises: 0010
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

WORKSPACE = "nullif(current_setting('app.workspace', true), '')::uuid"
USER = "nullif(current_setting('app.user', true), '')::uuid"
IS_MEMBERS = "current_setting('app.audience', true) = 'members'"

CONVERSATIONS = """
alter table conversations
  add column assignee_id uuid,
  add column episode int not null default 1,
  add column hand_backs int not null default 0,
  add column snoozed_until timestamptz,
  add column tags text[] not null default '{}' check (cardinality(tags) <= 20),
  add column visitor_name text not null default '' check (length(visitor_name) <= 200),
  add column visitor_email text not null default '' check (length(visitor_email) <= 320),
  add column last_visitor_at timestamptz,
  add column words tsvector not null default '',
  add foreign key (workspace_id, assignee_id) references members (workspace_id, user_id)
    on delete set null (assignee_id);
create index on conversations (workspace_id, assignee_id) where assignee_id is not null;
create index on conversations (workspace_id, status, last_message_at desc, id desc);
alter table messages
  add column author_id uuid,
  add column author_name text not null default '',
  add column client_id uuid,
  add unique (workspace_id, conversation_id, client_id);
alter table escalations
  add column episode int not null default 1,
  add column hand_backs int not null default 0,
  add column topic text not null default '',
  drop constraint escalations_workspace_id_conversation_id_reason_key,
  add constraint escalations_once
    unique (workspace_id, conversation_id, episode, hand_backs, reason);
"""

TABLES = """
create table conversation_notes (
  workspace_id uuid not null,
  id uuid not null,
  conversation_id uuid not null,
  author_id uuid,
  author_name text not null,
  text text not null check (length(text) between 1 and 20000),
  mentions uuid[] not null default '{}',
  client_id uuid not null,
  created_at timestamptz not null default now(),
  primary key (workspace_id, id),
  unique (workspace_id, conversation_id, client_id),
  foreign key (workspace_id, conversation_id) references conversations (workspace_id, id) on delete cascade
);
create index on conversation_notes (workspace_id, conversation_id, id);
create table conversation_reads (
  workspace_id uuid not null,
  conversation_id uuid not null,
  user_id uuid not null references users on delete cascade,
  read_at timestamptz not null,
  primary key (workspace_id, conversation_id, user_id),
  foreign key (workspace_id, conversation_id) references conversations (workspace_id, id) on delete cascade
);
"""

# Row-level security keeps an index of words unused (the operator is not leakproof), so that the words of all
# messages stand in one row per conversation, which is read quickly.
WORDS = """
alter table conversations no force row level security;
alter table messages no force row level security;
update conversations set
  words = strip(to_tsvector('simple', left(said.text, 200000))), last_visitor_at = said.last_visitor_at
from (
  select workspace_id, conversation_id, string_agg(text, ' ' order by id) as text,
         max(created_at) filter (where role = 'visitor') as last_visitor_at
  from messages group by workspace_id, conversation_id
) as said
where said.workspace_id = conversations.workspace_id and said.conversation_id = conversations.id;
alter table conversations force row level security;
alter table messages force row level security;
"""


def upgrade() -> None:
    op.execute(CONVERSATIONS)
    op.execute(TABLES)
    op.execute(WORDS)
    for table in ("conversation_notes", "conversation_reads"):
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"alter table {table} force row level security")
        op.execute(f"create policy workspace on {table} using (workspace_id = (select {WORKSPACE}))")
        op.execute(f"create policy audience on {table} as restrictive using ((select {IS_MEMBERS}))")
    op.execute(f"create policy person on conversation_reads as restrictive using (user_id = (select {USER}))")


def downgrade() -> None:
    op.execute("drop table conversation_reads, conversation_notes")
    # One escalation per conversation and reason, as it was before: the first of each stays.
    op.execute(
        """
        alter table escalations no force row level security;
        delete from escalations as later using escalations as first
        where later.workspace_id = first.workspace_id and later.conversation_id = first.conversation_id
          and later.reason = first.reason and later.id > first.id;
        alter table escalations force row level security;
        alter table escalations drop column episode, drop column hand_backs, drop column topic,
          add unique (workspace_id, conversation_id, reason);
        alter table messages drop column author_id, drop column author_name, drop column client_id;
        alter table conversations
          drop column assignee_id, drop column episode, drop column hand_backs, drop column snoozed_until,
          drop column tags, drop column visitor_name, drop column visitor_email,
          drop column last_visitor_at, drop column words;
        """
    )
