"""The words of a chat in one place, since row-level security keeps an index of words unused.

Revision ID: 0013
Revises: 0012
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# A message's words are added when it is over; when some are replaced, what is left is counted anew. A chat
# takes no more at 400,000 bytes of them: PostgreSQL's tsvector ends at a megabyte.
WORDS = """
alter table chats add column words tsvector not null default '';
create function words_of_chat(in_workspace uuid, in_chat uuid) returns tsvector language sql stable as $$
  select coalesce(strip(to_tsvector('simple', left(string_agg(left(text, 20000), ' '), 400000))), '')
  from chat_messages
  where workspace_id = in_workspace and chat_id = in_chat and state not in ('writing', 'replaced')
$$;
create function note_words_of_chat() returns trigger language plpgsql as $$
begin
  if new.state = 'replaced' then
    update chats set words = words_of_chat(new.workspace_id, new.chat_id)
    where workspace_id = new.workspace_id and id = new.chat_id;
  else
    update chats set words = words || strip(to_tsvector('simple', left(new.text, 20000)))
    where workspace_id = new.workspace_id and id = new.chat_id and pg_column_size(words) < 400000;
  end if;
  return null;
end $$;
create trigger note_words after insert on chat_messages for each row
  when (new.state not in ('writing', 'replaced')) execute function note_words_of_chat();
create trigger note_words_at_the_end after update on chat_messages for each row
  when (new.state <> 'writing' and old.state is distinct from new.state)
  execute function note_words_of_chat();
alter table chats no force row level security;
alter table chat_messages no force row level security;
update chats set words = words_of_chat(workspace_id, id);
alter table chats force row level security;
alter table chat_messages force row level security;
alter table chat_messages drop column words;
"""

BEFORE = """
drop trigger note_words on chat_messages;
drop trigger note_words_at_the_end on chat_messages;
drop function note_words_of_chat();
drop function words_of_chat(uuid, uuid);
alter table chats drop column words;
alter table chat_messages add column words tsvector not null
  generated always as (to_tsvector('simple', left(text, 200000))) stored;
"""


def upgrade() -> None:
    op.execute(WORDS)


def downgrade() -> None:
    op.execute(BEFORE)
