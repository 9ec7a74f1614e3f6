"""Integrations and rules that are deleted stay for a while, to be brought back.

Revision ID: 0024
Revises: 0023
"""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

TABLES = ("integrations", "rules")


def upgrade() -> None:
    for table in TABLES:
        op.execute(f"alter table {table} add column deleted_at timestamptz")


def downgrade() -> None:
    for table in TABLES:
        # What is deleted is gone for good there, as it was then.
        op.execute(f"alter table {table} no force row level security")
        op.execute(f"delete from {table} where deleted_at is not null")
        op.execute(f"alter table {table} force row level security")
        op.execute(f"alter table {table} drop column deleted_at")
