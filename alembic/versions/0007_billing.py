"""The ledger, subscriptions, top-ups, alerts and what Stripe tells us.

Revision ID: 0007
Revises: 0006
"""

from alembic import context, op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

LEDGER = """
create table ledger_accounts (
  workspace_id uuid not null references workspaces on delete cascade,
  unit text not null check (unit in ('credit', 'message')),
  allowance int not null default 0 check (allowance >= 0),
  spent int not null default 0 check (spent >= 0),
  granted int not null generated always as (greatest(allowance - spent, 0)) stored,
  topped_up int not null default 0 check (topped_up >= 0),
  balance int not null generated always as (greatest(allowance - spent, 0) + topped_up) stored,
  used int not null default 0 check (used >= 0),
  position bigint not null default 0,
  anchor timestamptz not null default '1970-01-01 00:00:00+00',
  period_start timestamptz not null,
  period_end timestamptz not null check (period_end >= period_start),
  primary key (workspace_id, unit)
);
create table ledger_entries (
  workspace_id uuid not null,
  id uuid not null,
  unit text not null check (unit in ('credit', 'message')),
  position bigint not null check (position > 0),
  kind text not null
    check (kind in ('grant', 'topup', 'reservation', 'usage', 'release', 'reset', 'refund')),
  granted int not null,
  topped_up int not null,
  amount int not null generated always as (granted + topped_up) stored,
  balance_after int not null check (balance_after >= 0),
  idempotency_key text not null,
  reservation_id uuid,
  description text not null default '',
  created_at timestamptz not null default now(),
  primary key (workspace_id, id),
  unique (workspace_id, unit, position),
  unique (workspace_id, unit, idempotency_key),
  foreign key (workspace_id, unit) references ledger_accounts on delete cascade
);
create index on ledger_entries (workspace_id, unit, kind, position);
create table ledger_reservations (
  workspace_id uuid not null,
  id uuid not null,
  unit text not null check (unit in ('credit', 'message')),
  granted int not null check (granted >= 0),
  topped_up int not null check (topped_up >= 0),
  period_start timestamptz not null,
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  primary key (workspace_id, id),
  foreign key (workspace_id, unit) references ledger_accounts on delete cascade
);
create table usage_alerts (
  workspace_id uuid not null,
  unit text not null check (unit in ('credit', 'message')),
  period_start timestamptz not null,
  threshold int not null,
  created_at timestamptz not null default now(),
  mailed_at timestamptz,
  primary key (workspace_id, unit, period_start, threshold),
  foreign key (workspace_id, unit) references ledger_accounts on delete cascade
);
"""

STRIPE = """
create table subscriptions (
  workspace_id uuid not null primary key references workspaces on delete cascade,
  id text not null,
  status text not null,
  plan text not null check (plan in ('starter', 'pro', 'agency')),
  interval text not null check (interval in ('month', 'year')),
  anchor timestamptz not null,
  period_start timestamptz not null,
  period_end timestamptz not null,
  cancel_at timestamptz,
  trial_end timestamptz,
  next_plan text check (next_plan in ('starter', 'pro', 'agency')),
  read_at timestamptz not null
);
create table top_ups (
  workspace_id uuid not null references workspaces on delete cascade,
  id text not null,
  payment_intent text not null,
  credits int not null check (credits > 0),
  amount int not null check (amount >= 0),
  taken_back int not null default 0 check (taken_back between 0 and credits),
  read_at timestamptz not null,
  created_at timestamptz not null default now(),
  primary key (workspace_id, id),
  unique (workspace_id, payment_intent)
);
"""

# Found before a workspace is known, so without row-level security: ids, times and our own words alone.
DIRECTORIES = """
create table stripe_customers (
  id text primary key,
  workspace_id uuid not null unique references workspaces on delete cascade
);
create table stripe_events (
  id text primary key,
  type text not null,
  object_id text not null,
  state text not null default 'waiting' check (state in ('waiting', 'done', 'ignored', 'refused', 'parked')),
  attempts int not null default 0,
  detail text not null default '',
  workspace_id uuid references workspaces on delete cascade,
  created_at timestamptz not null,
  received_at timestamptz not null default now(),
  finished_at timestamptz
);
create index on stripe_events (received_at desc, id);
create index on stripe_events (state) where state in ('waiting', 'parked');
create table billing_deadlines (
  workspace_id uuid primary key references workspaces on delete cascade,
  due_at timestamptz not null
);
create index on billing_deadlines (due_at);
"""

# What this month's messages were counted by before: those used are used.
COUNTED_BEFORE = """
alter table usage_counters no force row level security;
insert into ledger_accounts (workspace_id, unit, spent, used, period_start, period_end)
select workspace_id, unit, used, used, period_start::timestamp at time zone 'utc',
       (period_start + interval '1 month') at time zone 'utc'
from usage_counters
where period_start = date_trunc('month', now() at time zone 'utc')::date;
insert into billing_deadlines (workspace_id, due_at)
select workspace_id, period_end from ledger_accounts;
drop table usage_counters;
"""

COUNTED_AFTER = """
create table usage_counters (
  workspace_id uuid not null references workspaces on delete cascade,
  unit text not null check (unit in ('message')),
  period_start date not null,
  used int not null default 0 check (used >= 0),
  primary key (workspace_id, unit, period_start)
);
alter table ledger_accounts no force row level security;
insert into usage_counters
select workspace_id, unit, date_trunc('month', now() at time zone 'utc')::date, used
from ledger_accounts where unit = 'message' and period_end > now();
"""

WORKSPACE = "nullif(current_setting('app.workspace', true), '')::uuid"
IS_MEMBERS = "current_setting('app.audience', true) = 'members'"
# A visitor's message is reserved and settled in the visitor's own scope.
OPEN_TO_VISITORS = ("ledger_accounts", "ledger_entries", "ledger_reservations", "usage_alerts")
MEMBERS_ONLY = ("subscriptions", "top_ups")


def upgrade() -> None:
    for ddl in (LEDGER, STRIPE, DIRECTORIES, COUNTED_BEFORE):
        op.execute(ddl)
    for table in (*OPEN_TO_VISITORS, *MEMBERS_ONLY):
        _protect(table)
    for table in MEMBERS_ONLY:
        op.execute(f"create policy audience on {table} as restrictive using ((select {IS_MEMBERS}))")
    # Append-only, for the database too. A workspace that goes takes its entries along by its foreign key.
    role = context.config.attributes.get("app_role", "hn_app")
    op.execute(f'revoke update, delete, truncate on ledger_entries from "{role}"')


def downgrade() -> None:
    op.execute(COUNTED_AFTER)
    _protect("usage_counters")
    for table in (
        *("billing_deadlines", "stripe_events", "stripe_customers", "top_ups", "subscriptions"),
        *("usage_alerts", "ledger_reservations", "ledger_entries", "ledger_accounts"),
    ):
        op.execute(f"drop table {table}")


def _protect(table: str) -> None:
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"alter table {table} force row level security")
    op.execute(f"create policy workspace on {table} using (workspace_id = (select {WORKSPACE}))")
