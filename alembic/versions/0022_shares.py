"""Outboxes are claimed by workspace: indexes for going from one to the next.

Revision ID: 0022
Revises: 0021
"""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

INDEXES = """
create index due_deliveries_lanes on due_deliveries (workspace_id, due_at);
create index due_deliveries_held on due_deliveries (workspace_id) where leased_until is not null;
create index due_webhooks_lanes on due_webhooks (workspace_id, endpoint_id, due_at);
create index due_webhooks_held on due_webhooks (workspace_id, endpoint_id) where leased_until is not null;
"""


def upgrade() -> None:
    op.execute(INDEXES)


def downgrade() -> None:
    op.execute("drop index due_deliveries_lanes, due_deliveries_held, due_webhooks_lanes, due_webhooks_held")
