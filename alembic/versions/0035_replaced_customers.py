"""Customers whom somebody deleted at Stripe stay known beside the new ones: what they paid may come back.

Revision ID: 0035
Revises: 0034
"""

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table stripe_customers add column replaced_at timestamptz")
    op.execute("alter table stripe_customers drop constraint stripe_customers_workspace_id_key")
    op.execute("create unique index on stripe_customers (workspace_id) where replaced_at is null")


def downgrade() -> None:
    op.execute("delete from stripe_customers where replaced_at is not null")
    op.execute("drop index stripe_customers_workspace_id_idx")
    op.execute("alter table stripe_customers drop column replaced_at")
    op.execute("alter table stripe_customers add unique (workspace_id)")
