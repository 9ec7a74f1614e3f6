"""The mode of what Stripe sent is noted: only a key of the same mode can read what an event tells of.

Revision ID: 0036
Revises: 0035
"""

from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table stripe_events add column is_live boolean")


def downgrade() -> None:
    op.execute("alter table stripe_events drop column is_live")
