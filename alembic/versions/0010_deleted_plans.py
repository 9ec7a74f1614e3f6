"""Which subscription ended because its workspace was deleted, so that bringing it back takes that back.

Revision ID: 0010
Revises: 0009
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table stripe_customers add column ended_subscription text")


def downgrade() -> None:
    op.execute("alter table stripe_customers drop column ended_subscription")
