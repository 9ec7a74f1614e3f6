"""Each attempt at a webhook keeps the status and the beginning of what was answered.

Revision ID: 0040
Revises: 0038
"""

from alembic import op

revision = "0040"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table webhook_attempts add column status int")
    op.execute("alter table webhook_attempts add column answer text not null default ''")
    op.execute("alter table webhook_attempts add check (length(answer) <= 500)")


def downgrade() -> None:
    op.execute("alter table webhook_attempts drop column answer")
    op.execute("alter table webhook_attempts drop column status")
