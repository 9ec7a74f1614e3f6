"""What our own limits hold is held for a day from when it was to be sent, also what is sent again later.

Revision ID: 0041
Revises: 0040
"""

from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table due_deliveries add column since timestamptz not null default now()")
    # Else its owner would see no row of it.
    op.execute("alter table deliveries no force row level security")
    op.execute(
        "update due_deliveries due set since = d.created_at from deliveries d"
        " where d.workspace_id = due.workspace_id and d.id = due.delivery_id"
    )
    op.execute("alter table deliveries force row level security")


def downgrade() -> None:
    op.execute("alter table due_deliveries drop column since")
