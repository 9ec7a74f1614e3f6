"""Who had a conversation and until when it was put off before its status changed, for who undoes that.

Revision ID: 0042
Revises: 0041
"""

from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "alter table conversation_transitions add column assignee_before uuid,"
        " add column snoozed_before timestamptz"
    )


def downgrade() -> None:
    op.execute("alter table conversation_transitions drop column assignee_before, drop column snoozed_before")
