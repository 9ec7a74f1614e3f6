"""Sessions and account links are their owner's alone; what finds them holds nothing but hashes and ids.

Revision ID: 0005
Revises: 0004
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

USER = "nullif(current_setting('app.user', true), '')::uuid"

# Found before the user is known, so without row-level security.
SPLIT = """
create table session_hashes (
  token_hash bytea primary key,
  user_id uuid not null,
  session_id uuid not null,
  unique (user_id, session_id)
);
insert into session_hashes select token_hash, user_id, id from sessions;
alter table sessions drop column token_hash, drop constraint sessions_id_key, add primary key (user_id, id);
drop index sessions_user_id_idx;
alter table session_hashes
  add foreign key (user_id, session_id) references sessions (user_id, id) on delete cascade;

create table account_link_hashes (
  token_hash bytea primary key,
  user_id uuid not null,
  link_id uuid not null,
  unique (user_id, link_id)
);
alter table account_links add column id uuid not null default gen_random_uuid();
insert into account_link_hashes select token_hash, user_id, id from account_links;
alter table account_links drop column token_hash, add primary key (user_id, id);
drop index account_links_user_id_idx;
alter table account_link_hashes
  add foreign key (user_id, link_id) references account_links (user_id, id) on delete cascade;
"""

JOIN = """
alter table sessions add column token_hash bytea;
update sessions set token_hash = h.token_hash from session_hashes h
  where h.user_id = sessions.user_id and h.session_id = sessions.id;
drop table session_hashes;
delete from sessions where token_hash is null;
alter table sessions drop constraint sessions_pkey, add primary key (token_hash), add unique (id);
create index on sessions (user_id);

alter table account_links add column token_hash bytea;
update account_links set token_hash = h.token_hash from account_link_hashes h
  where h.user_id = account_links.user_id and h.link_id = account_links.id;
drop table account_link_hashes;
delete from account_links where token_hash is null;
alter table account_links drop constraint account_links_pkey, drop column id, add primary key (token_hash);
create index on account_links (user_id);
"""

FIND = """
  select h.user_id, h.session_id into hashed from session_hashes h where h.token_hash = given;
  if not found then return; end if;
  perform enter_scope(null, 'visitors', hashed.user_id);
  select s.id, s.user_id, s.workspace_id, s.last_seen_at into known from sessions s
    where s.user_id = hashed.user_id and s.id = hashed.session_id
      and s.revoked_at is null and s.expires_at > now();
  if not found then
    perform enter_scope(null, 'visitors', null);
    return;
  end if;
  if known.last_seen_at < now() - interval '5 minutes' then
    update sessions s set last_seen_at = now() where s.user_id = known.user_id and s.id = known.id;
  end if;
"""

FIND_BEFORE = """
  select s.id, s.user_id, s.workspace_id, s.last_seen_at into known from sessions s
    where s.token_hash = given and s.revoked_at is null and s.expires_at > now();
  if not found then return; end if;
  if known.last_seen_at < now() - interval '5 minutes' then
    update sessions set last_seen_at = now() where token_hash = given;
  end if;
  perform enter_scope(null, 'visitors', known.user_id);
"""


def identify_session(find: str) -> str:
    return f"""
create or replace function identify_session(given bytea, tenant text)
returns table (session_id uuid, user_id uuid, email text, name text, is_verified boolean, role text,
               is_suspended boolean, workspace jsonb) language plpgsql as $$
declare
  hashed record;
  known record;
  wanted uuid := resolve_tenant(tenant);
begin
{find}
  session_id := known.id;
  select u.id, u.email, u.name, u.email_verified_at is not null into user_id, email, name, is_verified
    from users u where u.id = known.user_id;
  select m.role, m.suspended_at is not null, to_jsonb(w) into role, is_suspended, workspace
    from members m join workspaces w on w.id = m.workspace_id
    where m.user_id = known.user_id and w.deleted_at is null and (tenant is null or w.id = wanted)
    order by m.suspended_at is not null, w.id is not distinct from known.workspace_id desc, m.created_at, w.id
    limit 1;
  if workspace is not null and not is_suspended then
    perform enter_scope((workspace->>'id')::uuid, 'members', known.user_id);
  end if;
  return next;
end $$;
"""


def upgrade() -> None:
    op.execute(SPLIT)
    op.execute(identify_session(FIND))
    for table in ("sessions", "account_links"):
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"alter table {table} force row level security")
        op.execute(f"create policy account on {table} using (user_id = (select {USER}))")


def downgrade() -> None:
    for table in ("sessions", "account_links"):
        op.execute(f"drop policy account on {table}")
        op.execute(f"alter table {table} no force row level security")
        op.execute(f"alter table {table} disable row level security")
    op.execute(JOIN)
    op.execute(identify_session(FIND_BEFORE))
