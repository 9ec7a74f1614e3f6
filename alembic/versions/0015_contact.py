"""What visitors tell besides messages: who they are, and how good an answer and a conversation were.

Revision ID: 0015
Revises: 0014
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        alter table conversations
          add column contact text not null default 'unknown'
            check (contact in ('unknown', 'asked', 'given', 'declined')),
          add column contact_asked_at timestamptz,
          add column csat int check (csat between 1 and 5),
          add column csat_comment text not null default '' check (length(csat_comment) <= 1000);
        alter table messages add column rating text check (rating in ('up', 'down'));
        alter table conversations no force row level security;
        update conversations set contact = 'given' where visitor_email <> '';
        alter table conversations force row level security;
        """
    )


def downgrade() -> None:
    op.execute(
        """
        alter table conversations drop column contact, drop column contact_asked_at, drop column csat,
          drop column csat_comment;
        alter table messages drop column rating;
        """
    )
