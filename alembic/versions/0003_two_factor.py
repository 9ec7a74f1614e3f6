"""Two-factor sign-in: its secrets, recovery codes, and the step between password and code.

Revision ID: 0003
Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = """
create table second_factors (
  user_id uuid primary key references users on delete cascade,
  secret text not null,
  created_at timestamptz not null default now(),
  begun_in uuid,
  confirmed_at timestamptz,
  last_step bigint
);
create table recovery_codes (
  user_id uuid not null references users on delete cascade,
  code_hash bytea not null,
  used_at timestamptz,
  primary key (user_id, code_hash)
);
"""

LINKS = """
alter table account_links
  add column tries integer not null default 0,
  drop constraint account_links_purpose_check,
  add constraint account_links_purpose_check check (purpose in ('verify', 'reset', 'second_factor'));
"""

LINKS_BEFORE = """
delete from account_links where purpose = 'second_factor';
alter table account_links
  drop column tries,
  drop constraint account_links_purpose_check,
  add constraint account_links_purpose_check check (purpose in ('verify', 'reset'));
"""

USER = "nullif(current_setting('app.user', true), '')::uuid"


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(LINKS)
    # Their owner alone: neither colleagues nor whoever manages a workspace have anything to read here.
    for table in ("second_factors", "recovery_codes"):
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"alter table {table} force row level security")
        op.execute(f"create policy account on {table} using (user_id = (select {USER}))")


def downgrade() -> None:
    op.execute("drop table recovery_codes, second_factors")
    op.execute(LINKS_BEFORE)
