"""Limits that were agreed with a workspace, in the place of its plan's.

Revision ID: 0026
Revises: 0025
"""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "alter table workspaces add column custom_limits jsonb not null default '{}'"
        " check (jsonb_typeof(custom_limits) = 'object')"
    )


def downgrade() -> None:
    op.execute("alter table workspaces drop column custom_limits")
