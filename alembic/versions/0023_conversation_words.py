"""The words of conversations in a table of their own, with an index that row-level security leaves in use.

Revision ID: 0023
Revises: 0022
"""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

WORKSPACE = "nullif(current_setting('app.workspace', true), '')::uuid"
IS_MEMBERS = "current_setting('app.audience', true) = 'members'"

# The words themselves lie beside the rows: who looks for a few conversations does not read what was said in
# all. Visitors write them through note_words, and have no policy by which they could read them.
TABLE = f"""
create table conversation_words (
  workspace_id uuid not null,
  conversation_id uuid not null,
  words tsvector not null,
  primary key (workspace_id, conversation_id),
  foreign key (workspace_id, conversation_id) references conversations (workspace_id, id) on delete cascade
) with (toast_tuple_target = 128);
alter table conversation_words enable row level security;
alter table conversation_words force row level security;
create policy members on conversation_words
  using (workspace_id = (select {WORKSPACE}) and (select {IS_MEMBERS}));
create policy owner on conversation_words to current_user using (true);
"""
FILL = """
alter table conversations no force row level security;
insert into conversation_words (workspace_id, conversation_id, words)
select workspace_id, id,
  case when pg_column_size(words || ''::tsvector) <= 400000
    then words || strip(to_tsvector('simple',
      translate(visitor_name || ' ' || visitor_email, '@.-_+', '     ')))
    else words end
from conversations where words <> '' or visitor_name <> '' or visitor_email <> '';
alter table conversations force row level security;
alter table conversations drop column words;
"""
# A tsvector ends at a megabyte. What is stored may be compressed, and then be smaller than it is.
# They run as the owner of the tables, to whom the policy gives all: only then is the index used, since the
# operator of words is not leakproof. They see to the workspace and the audience themselves.
FUNCTIONS = f"""
create index conversation_words_found on conversation_words using gin (workspace_id, words);
create function note_words(of_conversation uuid, said text[]) returns void
language sql security definer set search_path = public, pg_temp as $$
  insert into conversation_words as held (workspace_id, conversation_id, words)
  values ({WORKSPACE}, of_conversation, array_to_tsvector(said))
  on conflict (workspace_id, conversation_id) do update set words = held.words || excluded.words
  where pg_column_size(held.words || ''::tsvector) <= 400000
$$;
create function conversations_with(wanted text) returns setof uuid
language sql stable security definer rows 1000 set search_path = public, pg_temp as $$
  select conversation_id from conversation_words
  where workspace_id = {WORKSPACE} and {IS_MEMBERS} and words @@ wanted::tsquery
$$;
"""
# Names and addresses are words, too; what is left is what the inbox counts by and the policies compare with.
COUNTED = """
drop index conversations_counted;
create index conversations_counted on conversations (workspace_id, status, assignee_id)
  include (snoozed_until, last_message_at, site, session_id, is_signed, id);
"""


def upgrade() -> None:
    op.execute("create extension if not exists btree_gin")
    op.execute(TABLE)
    op.execute(FILL)
    op.execute(FUNCTIONS)
    op.execute(COUNTED)


def downgrade() -> None:
    op.execute(
        """
        alter table conversations add column words tsvector not null default '';
        alter table conversations no force row level security;
        update conversations set words = held.words from conversation_words as held
        where held.workspace_id = conversations.workspace_id and held.conversation_id = conversations.id;
        alter table conversations force row level security;
        drop function note_words(uuid, text[]);
        drop function conversations_with(text);
        drop table conversation_words;
        drop index conversations_counted;
        create index conversations_counted on conversations (workspace_id, status, assignee_id)
          include (snoozed_until, last_message_at, visitor_name, visitor_email, site, session_id, is_signed);
        """
    )
