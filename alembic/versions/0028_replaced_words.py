"""The words of a chat without its last question are kept, so that asking that one anew counts no words.

Revision ID: 0028
Revises: 0027
"""

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

# ``words_before`` are the words up to the last question, which stands at ``asked_position``. Most of what is
# replaced is that one. Else the words are counted anew, once, of so many messages as fill the room for them.
COLUMNS = """
alter table chats
  add column words_before tsvector not null default '',
  add column asked_position int not null default 0;
"""
FUNCTIONS = """
create or replace function words_of_chat(in_workspace uuid, in_chat uuid) returns tsvector
language sql stable as $$
  select coalesce(strip(to_tsvector('simple',
    left(string_agg(left(text, 20000), ' ' order by position), 200000))), '')
  from (
    select position, text,
      -- Of four bytes at most a character is made; the length in bytes is known without reading them.
      sum(least(octet_length(text) / 4, 20000)) over (order by position rows unbounded preceding
        exclude current row) as characters
    from chat_messages
    where workspace_id = in_workspace and chat_id = in_chat and state not in ('writing', 'replaced')
  ) message
  where coalesce(characters, 0) < 200000
$$;
create or replace function note_words_of_chat() returns trigger language plpgsql as $$
declare
  said tsvector := strip(to_tsvector('simple', left(new.text, 20000)));
begin
  update chats set
    words = case when pg_column_size(words || ''::tsvector) < 400000 then words || said else words end,
    words_before = case
      when new.role = 'user' then words
      when new.position < asked_position and pg_column_size(words_before || ''::tsvector) < 400000
        then words_before || said
      else words_before end,
    asked_position = case when new.role = 'user' then new.position else asked_position end
  where workspace_id = new.workspace_id and id = new.chat_id;
  return null;
end $$;
create function forget_words_of_chat(in_workspace uuid, in_chat uuid, since int) returns void
language sql as $$
  update chats
  set words = case when asked_position = since then words_before else words_of_chat(workspace_id, id) end
  where workspace_id = in_workspace and id = in_chat
$$;
drop trigger note_words_at_the_end on chat_messages;
create trigger note_words_at_the_end after update on chat_messages for each row
  when (new.state not in ('writing', 'replaced')
    and (old.state is distinct from new.state or old.text is distinct from new.text))
  execute function note_words_of_chat();
"""
BEFORE = """
drop function forget_words_of_chat(uuid, uuid, int);
create or replace function words_of_chat(in_workspace uuid, in_chat uuid) returns tsvector
language sql stable as $$
  select coalesce(strip(to_tsvector('simple', left(string_agg(left(text, 20000), ' '), 400000))), '')
  from chat_messages
  where workspace_id = in_workspace and chat_id = in_chat and state not in ('writing', 'replaced')
$$;
create or replace function note_words_of_chat() returns trigger language plpgsql as $$
begin
  if new.state = 'replaced' then
    update chats set words = words_of_chat(new.workspace_id, new.chat_id)
    where workspace_id = new.workspace_id and id = new.chat_id;
  else
    update chats set words = words || strip(to_tsvector('simple', left(new.text, 20000)))
    where workspace_id = new.workspace_id and id = new.chat_id
      and pg_column_size(words || ''::tsvector) < 400000;
  end if;
  return null;
end $$;
drop trigger note_words_at_the_end on chat_messages;
create trigger note_words_at_the_end after update on chat_messages for each row
  when (new.state <> 'writing' and (old.state is distinct from new.state
    or new.state <> 'replaced' and old.text is distinct from new.text))
  execute function note_words_of_chat();
alter table chats drop column words_before, drop column asked_position;
"""


def upgrade() -> None:
    op.execute(COLUMNS)
    op.execute(FUNCTIONS)


def downgrade() -> None:
    op.execute(BEFORE)
