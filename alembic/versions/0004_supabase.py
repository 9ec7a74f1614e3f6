"""Users that come from Supabase.

Revision ID: 0004
Revises: 0003
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Found before the user is known, so without row-level security; it holds nothing else.
    op.execute(
        "create table supabase_users ("
        " subject uuid primary key,"
        " user_id uuid not null unique references users on delete cascade)"
    )
    # Sessions that began before do not count, also those that were never seen.
    op.execute("alter table users add column sessions_ended_at timestamptz")


def downgrade() -> None:
    op.execute("alter table users drop column sessions_ended_at")
    op.execute("drop table supabase_users")
