"""The words of chats: of an answer that was stopped, too, and no more of them than there is room for.

Revision ID: 0025
Revises: 0024
"""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

TRIGGER = """
drop trigger note_words_at_the_end on chat_messages;
create trigger note_words_at_the_end after update on chat_messages for each row
  when (new.state <> 'writing' and {})
  execute function note_words_of_chat();
"""
# A tsvector ends at a megabyte. What is stored may be compressed, and then be smaller than it is.
FUNCTION = """
create or replace function note_words_of_chat() returns trigger language plpgsql as $$
begin
  if new.state = 'replaced' then
    update chats set words = words_of_chat(new.workspace_id, new.chat_id)
    where workspace_id = new.workspace_id and id = new.chat_id;
  else
    update chats set words = words || strip(to_tsvector('simple', left(new.text, 20000)))
    where workspace_id = new.workspace_id and id = new.chat_id and pg_column_size({}) < 400000;
  end if;
  return null;
end $$;
"""


def upgrade() -> None:
    op.execute(FUNCTION.format("words || ''::tsvector"))
    op.execute(
        TRIGGER.format(
            "(old.state is distinct from new.state"
            " or new.state <> 'replaced' and old.text is distinct from new.text)"
        )
    )


def downgrade() -> None:
    op.execute(FUNCTION.format("words"))
    op.execute(TRIGGER.format("old.state is distinct from new.state"))
