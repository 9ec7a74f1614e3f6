"""A planned change keeps its price and what that is, for when the settings name another one by then.

Revision ID: 0038
Revises: 0037
"""

from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table subscriptions add column next_interval text")
    op.execute("alter table subscriptions add column next_price text not null default ''")


def downgrade() -> None:
    op.execute("alter table subscriptions drop column next_price")
    op.execute("alter table subscriptions drop column next_interval")
