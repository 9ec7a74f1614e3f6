"""Integrations, and the outbox of what escalations have to be told to whom.

Revision ID: 0014
Revises: 0013
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

WORKSPACE = "nullif(current_setting('app.workspace', true), '')::uuid"
IS_MEMBERS = "current_setting('app.audience', true) = 'members'"

TABLES = """
create table integrations (
  workspace_id uuid not null references workspaces on delete cascade,
  id uuid not null,
  provider text not null check (provider in ('slack', 'email', 'teams', 'discord', 'webhook')),
  name text not null check (length(name) between 1 and 200),
  status text not null default 'active' check (status in ('active', 'disabled', 'failing')),
  credentials text not null,
  config jsonb not null default '{}',
  failures int not null default 0,
  last_error text not null default '',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (workspace_id, id)
);
create table deliveries (
  workspace_id uuid not null,
  id uuid not null,
  conversation_id uuid not null,
  escalation_id uuid not null,
  integration_id uuid,
  destination text not null,
  provider text not null check (provider in ('slack', 'email', 'teams', 'discord', 'webhook', 'env')),
  name text not null,
  status text not null default 'waiting' check (status in ('sent', 'waiting', 'failed')),
  attempts int not null default 0,
  last_error text not null default '',
  created_at timestamptz not null default now(),
  attempted_at timestamptz,
  finished_at timestamptz,
  primary key (workspace_id, id),
  unique (workspace_id, escalation_id, destination),
  foreign key (workspace_id, conversation_id) references conversations (workspace_id, id) on delete cascade,
  foreign key (workspace_id, escalation_id) references escalations (workspace_id, id) on delete cascade,
  foreign key (workspace_id, integration_id) references integrations (workspace_id, id)
    on delete set null (integration_id)
);
create index on deliveries (workspace_id, created_at desc, id desc);
create index on deliveries (workspace_id, conversation_id);
create index on deliveries (workspace_id, integration_id) where integration_id is not null;
alter table escalations add column given jsonb not null default '{}';
"""

# Found before a workspace is known, so without row-level security: whose, when, and who is at it.
DUE = """
create table due_deliveries (
  delivery_id uuid primary key,
  workspace_id uuid not null,
  due_at timestamptz not null,
  lease uuid,
  leased_until timestamptz,
  foreign key (workspace_id, delivery_id) references deliveries (workspace_id, id) on delete cascade
);
create index on due_deliveries (due_at);
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(DUE)
    for table in ("integrations", "deliveries"):
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"alter table {table} force row level security")
        op.execute(f"create policy workspace on {table} using (workspace_id = (select {WORKSPACE}))")
        op.execute(f"create policy audience on {table} as restrictive using ((select {IS_MEMBERS}))")


def downgrade() -> None:
    op.execute("drop table due_deliveries, deliveries, integrations")
    op.execute("alter table escalations drop column given")
