"""Webhooks of customers: where they want to hear of events, the events, and what became of each delivery.

Revision ID: 0018
Revises: 0016
"""

from alembic import op

revision = "0018"
down_revision = "0016"
branch_labels = None
depends_on = None

WORKSPACE = "nullif(current_setting('app.workspace', true), '')::uuid"
IS_MEMBERS = "current_setting('app.audience', true) = 'members'"

TABLES = """
create table webhook_endpoints (
  workspace_id uuid not null references workspaces on delete cascade,
  id uuid not null,
  url text not null check (length(url) between 1 and 2048),
  description text not null default '' check (length(description) <= 200),
  events text[] not null check (cardinality(events) between 1 and 20),
  status text not null default 'active' check (status in ('active', 'disabled')),
  disabled_because text not null default '',
  secret text not null,
  old_secret text not null default '',
  old_secret_until timestamptz,
  failing_since timestamptz,
  last_error text not null default '',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (workspace_id, id)
);
create table webhook_events (
  workspace_id uuid not null references workspaces on delete cascade,
  id uuid not null,
  type text not null check (length(type) <= 100),
  data jsonb not null,
  created_at timestamptz not null default now(),
  primary key (workspace_id, id)
);
create index on webhook_events (workspace_id, created_at);
create table webhook_deliveries (
  workspace_id uuid not null,
  endpoint_id uuid not null,
  event_id uuid not null,
  status text not null default 'waiting' check (status in ('sent', 'waiting', 'failed')),
  attempts int not null default 0,
  last_error text not null default '',
  created_at timestamptz not null default now(),
  finished_at timestamptz,
  primary key (workspace_id, endpoint_id, event_id),
  foreign key (workspace_id, endpoint_id) references webhook_endpoints (workspace_id, id) on delete cascade,
  foreign key (workspace_id, event_id) references webhook_events (workspace_id, id) on delete cascade
);
create index on webhook_deliveries (workspace_id, event_id);
create table webhook_attempts (
  workspace_id uuid not null,
  id uuid not null,
  endpoint_id uuid not null,
  event_id uuid not null,
  error text not null default '',
  milliseconds int not null,
  created_at timestamptz not null default now(),
  primary key (workspace_id, id),
  foreign key (workspace_id, endpoint_id, event_id)
    references webhook_deliveries (workspace_id, endpoint_id, event_id) on delete cascade
);
create index on webhook_attempts (workspace_id, endpoint_id, event_id, id);
"""

# Read in the scope of a visitor, who may not see endpoints, and before a workspace is known.
DIRECTORIES = """
create table webhook_subscribers (
  workspace_id uuid not null,
  event_type text not null,
  endpoint_id uuid not null,
  primary key (workspace_id, event_type, endpoint_id),
  foreign key (workspace_id, endpoint_id) references webhook_endpoints (workspace_id, id) on delete cascade
);
create index on webhook_subscribers (workspace_id, endpoint_id);
create table due_webhooks (
  workspace_id uuid not null,
  endpoint_id uuid not null,
  event_id uuid not null,
  due_at timestamptz not null default now(),
  lease uuid,
  leased_until timestamptz,
  primary key (workspace_id, endpoint_id, event_id),
  foreign key (workspace_id, endpoint_id, event_id)
    references webhook_deliveries (workspace_id, endpoint_id, event_id) on delete cascade
);
create index on due_webhooks (due_at);
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(DIRECTORIES)
    for table in ("webhook_endpoints", "webhook_events", "webhook_deliveries", "webhook_attempts"):
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"alter table {table} force row level security")
        op.execute(f"create policy workspace on {table} using (workspace_id = (select {WORKSPACE}))")
        # What a visitor does is an event too: it is stored in their scope, and read in none of theirs.
        written = " with check (true)" if table in {"webhook_events", "webhook_deliveries"} else ""
        op.execute(f"create policy audience on {table} as restrictive using ((select {IS_MEMBERS})){written}")


def downgrade() -> None:
    op.execute("drop table due_webhooks, webhook_subscribers, webhook_attempts, webhook_deliveries")
    op.execute("drop table webhook_events, webhook_endpoints")
