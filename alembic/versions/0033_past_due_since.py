"""Since when a subscription is past due: its days of grace are counted from there.

Revision ID: 0033
Revises: 0032
"""

from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table subscriptions add column past_due_since timestamptz")
    op.execute("alter table subscriptions no force row level security")
    # Nobody has fewer days than they were told of.
    op.execute("update subscriptions set past_due_since = period_start where status = 'past_due'")
    op.execute("alter table subscriptions force row level security")
    op.execute(
        "alter table subscriptions add constraint subscriptions_past_due_check"
        " check (status <> 'past_due' or past_due_since is not null)"
    )


def downgrade() -> None:
    op.execute("alter table subscriptions drop column past_due_since")
