"""Mails about a conversation: how far its visitor has read, and whose conversation a mail answers.

Revision ID: 0019
Revises: 0018
"""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        alter table conversations add column visitor_seen_id uuid, add column visitor_mailed_id uuid;
        create table reply_threads (
          conversation_id uuid primary key,
          workspace_id uuid not null,
          foreign key (workspace_id, conversation_id) references conversations (workspace_id, id)
            on delete cascade
        );
        create index on reply_threads (workspace_id, conversation_id);
        """
    )


def downgrade() -> None:
    op.execute(
        """
        drop table reply_threads;
        alter table conversations drop column visitor_seen_id, drop column visitor_mailed_id;
        """
    )
