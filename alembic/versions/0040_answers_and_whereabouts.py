"""An attempt at a webhook keeps what was answered; a conversation, the language and time zone of a browser.

Revision ID: 0040
Revises: 0039
"""

from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table webhook_attempts add column status int")
    op.execute("alter table webhook_attempts add column answer text not null default ''")
    op.execute("alter table webhook_attempts add check (length(answer) <= 500)")
    op.execute("alter table conversations add column visitor_language text not null default ''")
    op.execute("alter table conversations add column visitor_time_zone text not null default ''")


def downgrade() -> None:
    op.execute("alter table conversations drop column visitor_time_zone")
    op.execute("alter table conversations drop column visitor_language")
    op.execute("alter table webhook_attempts drop column answer")
    op.execute("alter table webhook_attempts drop column status")
