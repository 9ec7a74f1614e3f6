"""What runs as the owner of the tables is for the role of the app alone, not for every role of the database.

Revision ID: 0031
Revises: 0030
"""

from alembic import context, op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

FUNCTIONS = "note_words(uuid, text[]), conversations_with(text)"


def upgrade() -> None:
    role = context.config.attributes.get("app_role", "hn_app")
    # PostgreSQL lets everybody execute a new function.
    op.execute(f"revoke execute on function {FUNCTIONS} from public")
    op.execute(f'grant execute on function {FUNCTIONS} to "{role}"')


def downgrade() -> None:
    op.execute(f"grant execute on function {FUNCTIONS} to public")
