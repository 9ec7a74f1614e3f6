"""The price that a subscription was sold at: it stays what it was sold as when the settings name others.

Revision ID: 0032
Revises: 0031
"""

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table subscriptions add column price text not null default ''")


def downgrade() -> None:
    op.execute("alter table subscriptions drop column price")
