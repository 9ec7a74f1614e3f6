"""Rules, and notices of rules beside what asks for a person.

Revision ID: 0021
Revises: 0020
"""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

WORKSPACE = "nullif(current_setting('app.workspace', true), '')::uuid"
IS_MEMBERS = "current_setting('app.audience', true) = 'members'"

RULES = """
create table rules (
  workspace_id uuid not null references workspaces on delete cascade,
  id uuid not null,
  name text not null check (length(name) between 1 and 100),
  position int not null,
  is_on boolean not null default true,
  action text not null check (action in ('escalate', 'route', 'notify')),
  condition jsonb not null,
  destinations uuid[] not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (workspace_id, id)
);
create index on rules (workspace_id, position);
"""
# A notice has no foreign key to its rule: it stays when that is deleted.
NOTICES = """
alter table escalations
  add column notice_of uuid,
  add column rule_name text not null default '',
  drop constraint escalations_once,
  add constraint escalations_once
    unique nulls not distinct (workspace_id, conversation_id, episode, hand_backs, reason, notice_of);
"""


def upgrade() -> None:
    op.execute(RULES)
    op.execute("alter table rules enable row level security")
    op.execute("alter table rules force row level security")
    op.execute(f"create policy workspace on rules using (workspace_id = (select {WORKSPACE}))")
    op.execute(f"create policy audience on rules as restrictive using ((select {IS_MEMBERS}))")
    op.execute(NOTICES)


def downgrade() -> None:
    op.execute("drop table rules")
    op.execute(
        """
        alter table escalations no force row level security;
        delete from escalations where notice_of is not null;
        alter table escalations force row level security;
        alter table escalations
          drop constraint escalations_once,
          drop column notice_of,
          drop column rule_name,
          add constraint escalations_once unique (workspace_id, conversation_id, episode, hand_backs, reason);
        """
    )
