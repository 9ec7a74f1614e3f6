"""Questions know under which key they were sent, so that one that is sent again is not asked twice.

Revision ID: 0029
Revises: 0028
"""

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table chat_messages add column request_id uuid")
    op.execute(
        "create unique index asked_once on chat_messages (workspace_id, request_id)"
        " where request_id is not null"
    )


def downgrade() -> None:
    op.execute("alter table chat_messages drop column request_id")
