"""The days of a workspace on which nobody is there, whatever its business hours say.

Revision ID: 0020
Revises: 0019
"""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table workspaces add column holidays text[] not null default '{}'")


def downgrade() -> None:
    op.execute("alter table workspaces drop column holidays")
