"""Outboxes are claimed by workspace; webhook endpoints pause while the plan has none.

Revision ID: 0022
Revises: 0021
"""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

# For going from one workspace or endpoint to the next, and for what of each is under way.
INDEXES = """
create index due_deliveries_lanes on due_deliveries (workspace_id, due_at);
create index due_deliveries_held on due_deliveries (workspace_id) where leased_until is not null;
create index due_webhooks_lanes on due_webhooks (workspace_id, endpoint_id, due_at);
create index due_webhooks_held on due_webhooks (workspace_id, endpoint_id) where leased_until is not null;
"""
STATUS = """
alter table webhook_endpoints
  drop constraint webhook_endpoints_status_check,
  add constraint webhook_endpoints_status_check check (status in ({}));
"""


def upgrade() -> None:
    op.execute(INDEXES)
    op.execute(STATUS.format("'active', 'disabled', 'paused'"))


def downgrade() -> None:
    op.execute("drop index due_deliveries_lanes, due_deliveries_held, due_webhooks_lanes, due_webhooks_held")
    op.execute(
        """
        alter table webhook_endpoints no force row level security;
        update webhook_endpoints set status = 'disabled' where status = 'paused';
        alter table webhook_endpoints force row level security;
        """
    )
    op.execute(STATUS.format("'active', 'disabled'"))
