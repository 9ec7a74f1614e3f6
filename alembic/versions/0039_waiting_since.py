"""Since when a visitor waits for a person, and an index by which who waits longest is found.

Revision ID: 0039
Revises: 0038
"""

from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

# From when a person was asked for and nobody has answered yet, else from the first message after that answer.
FILL = """
alter table conversations no force row level security;
alter table conversation_transitions no force row level security;
alter table messages no force row level security;
update conversations set waiting_since = case
  when begun.to_status = 'waiting' and coalesce(answered.id < begun.id, true) then begun.created_at
  when found.status = 'waiting' then found.last_message_at
  else (
    select min(said.created_at) from messages as said
    where said.workspace_id = found.workspace_id and said.conversation_id = found.id
      and said.role = 'visitor' and said.id > greatest(begun.id, answered.id)
  ) end
from conversations as found
left join lateral (
  select id, to_status, created_at from conversation_transitions
  where workspace_id = found.workspace_id and conversation_id = found.id and from_status = 'bot'
  order by id desc limit 1
) as begun on true
left join lateral (
  select id from messages
  where workspace_id = found.workspace_id and conversation_id = found.id and role = 'member'
  order by id desc limit 1
) as answered on true
where found.status in ('waiting', 'human')
  and conversations.workspace_id = found.workspace_id and conversations.id = found.id;
alter table messages force row level security;
alter table conversation_transitions force row level security;
alter table conversations force row level security;
"""


def upgrade() -> None:
    op.execute("alter table conversations add column waiting_since timestamptz")
    op.execute(FILL)
    op.execute(
        "create index conversations_longest_waiting on conversations (workspace_id, waiting_since, id)"
        " where waiting_since is not null"
    )


def downgrade() -> None:
    op.execute("drop index conversations_longest_waiting")
    op.execute("alter table conversations drop column waiting_since")
