"""A visitor's conversations are theirs alone, for the database too; and visitors see no members.

Revision ID: 0006
Revises: 0005
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

IS_MEMBERS = "current_setting('app.audience', true) = 'members'"
VISITOR = "nullif(current_setting('app.visitor', true), '')"
USER = "nullif(current_setting('app.user', true), '')::uuid"
IS_PROVEN = "current_setting('app.visitor_is_proven', true) = 'true'"
OF_CONVERSATIONS = ("messages", "conversation_transitions", "escalations")

ENTER_SCOPE = """
create or replace function enter_scope(workspace uuid, audience text, member uuid)
returns void language sql as $$
  select set_config('app.workspace', coalesce(workspace::text, ''), true),
         set_config('app.audience', audience, true),
         set_config('app.user', coalesce(member::text, ''), true),
         set_config('app.visitor', '', true),
         set_config('app.visitor_is_proven', '', true)
$$;
"""

ENTER_SCOPE_BEFORE = """
create or replace function enter_scope(workspace uuid, audience text, member uuid)
returns void language sql as $$
  select set_config('app.workspace', coalesce(workspace::text, ''), true),
         set_config('app.audience', audience, true),
         set_config('app.user', coalesce(member::text, ''), true)
$$;
"""


def upgrade() -> None:
    op.execute(ENTER_SCOPE)
    # Who only knows a session's id never sees what was said under its token.
    op.execute(
        "create policy visitor on conversations as restrictive using ((select"
        f" {IS_MEMBERS}) or (session_id = (select {VISITOR}) and (not is_signed or (select {IS_PROVEN}))))"
    )
    for table in OF_CONVERSATIONS:
        # The policies of conversations hold inside.
        op.execute(
            f"create policy visitor on {table} as restrictive using ((select {IS_MEMBERS}) or exists"
            " (select 1 from conversations"
            f" where conversations.workspace_id = {table}.workspace_id"
            f" and conversations.id = {table}.conversation_id))"
        )
    op.execute(
        "create policy audience on members as restrictive"
        f" using ((select {IS_MEMBERS}) or user_id = (select {USER}))"
    )


def downgrade() -> None:
    op.execute("drop policy audience on members")
    for table in ("conversations", *OF_CONVERSATIONS):
        op.execute(f"drop policy visitor on {table}")
    op.execute(ENTER_SCOPE_BEFORE)
