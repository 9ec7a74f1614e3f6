"""Invites, audit log, account links, and identity in one query.

Revision ID: 0002
Revises: 0001
"""

from alembic import context, op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

COLUMNS = """
alter table users add column email_verified_at timestamptz;
alter table sessions
  add column id uuid not null default gen_random_uuid() unique,
  add column workspace_id uuid references workspaces on delete set null,
  add column user_agent text not null default '',
  add column address text not null default '',
  add column last_seen_at timestamptz not null default now();
create index on sessions (workspace_id);
alter table members add column suspended_at timestamptz;
alter table workspaces
  add column business_hours jsonb not null default '{}',
  add column deleted_at timestamptz;
alter table workspace_handles add column is_closed boolean not null default false;
"""

# Found before user or workspace are known, so without row-level security; they hold nothing else.
DIRECTORIES = """
create table account_links (
  token_hash bytea primary key,
  user_id uuid not null references users on delete cascade,
  purpose text not null check (purpose in ('verify', 'reset')),
  email text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  used_at timestamptz
);
create index on account_links (user_id);
create table invite_hashes (
  token_hash bytea primary key,
  workspace_id uuid not null,
  invite_id uuid not null,
  is_mailed boolean not null default false,
  foreign key (workspace_id, invite_id) references invites (workspace_id, id) on delete cascade
);
create index on invite_hashes (workspace_id, invite_id);
"""

TABLES = """
create table invites (
  workspace_id uuid not null references workspaces on delete cascade,
  id uuid not null,
  email text not null default '' check (email = lower(email)),
  role text not null check (role in ('owner', 'admin', 'agent', 'analyst', 'viewer')),
  invited_by text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  accepted_at timestamptz,
  accepted_by uuid references users on delete set null,
  revoked_at timestamptz,
  primary key (workspace_id, id)
);
create index on invites (accepted_by);
create unique index one_open_invite on invites (workspace_id, email)
  where email <> '' and accepted_at is null and revoked_at is null;
create table audit_events (
  workspace_id uuid not null references workspaces on delete cascade,
  id uuid not null,
  created_at timestamptz not null default now(),
  actor text not null,
  actor_name text not null,
  action text not null,
  subject text not null default '',
  detail jsonb not null default '{}',
  primary key (workspace_id, id)
);
create index on audit_events (workspace_id, created_at desc, id desc);
"""

# One round trip each: the scope is set in between, so that every read is under row-level security.
IDENTITY = """
create function resolve_tenant(tenant text) returns uuid language plpgsql stable as $$
declare found_id uuid;
begin
  -- What looks like an id is one: no handle can take its place.
  if tenant ~ '^[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}$' then
    return tenant::uuid;
  end if;
  select workspace_id into found_id from workspace_handles
    where handle in (tenant, lower(tenant)) and not is_closed order by handle = tenant desc limit 1;
  return found_id;
end $$;

create function enter_scope(workspace uuid, audience text, member uuid) returns void language sql as $$
  select set_config('app.workspace', coalesce(workspace::text, ''), true),
         set_config('app.audience', audience, true),
         set_config('app.user', coalesce(member::text, ''), true)
$$;

create function enter_workspace(tenant text) returns table (workspace jsonb) language plpgsql as $$
begin
  perform enter_scope(resolve_tenant(tenant), 'visitors', null);
  return query select to_jsonb(w) from workspaces w
    where w.id = nullif(current_setting('app.workspace', true), '')::uuid and w.deleted_at is null;
end $$;

create function identify_session(given bytea, tenant text)
returns table (session_id uuid, user_id uuid, email text, name text, is_verified boolean, role text,
               is_suspended boolean, workspace jsonb) language plpgsql as $$
declare
  known record;
  wanted uuid := resolve_tenant(tenant);
begin
  select s.id, s.user_id, s.workspace_id, s.last_seen_at into known from sessions s
    where s.token_hash = given and s.revoked_at is null and s.expires_at > now();
  if not found then return; end if;
  if known.last_seen_at < now() - interval '5 minutes' then
    update sessions set last_seen_at = now() where token_hash = given;
  end if;
  perform enter_scope(null, 'visitors', known.user_id);
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

create function identify_key(given bytea, tenant text)
returns table (key_id uuid, name text, permissions text[], is_over boolean, is_elsewhere boolean,
               workspace jsonb) language plpgsql as $$
declare
  known record;
  last_used timestamptz;
begin
  select h.workspace_id, h.api_key_id into known from api_key_hashes h where h.key_hash = given;
  if not found then return; end if;
  perform enter_scope(known.workspace_id, 'members', null);
  select k.id, k.name, k.permissions, k.revoked_at is not null or coalesce(k.expires_at <= now(), false),
         k.last_used_at, to_jsonb(w)
    into key_id, name, permissions, is_over, last_used, workspace
    from api_keys k join workspaces w on w.id = k.workspace_id and w.deleted_at is null
    where k.workspace_id = known.workspace_id and k.id = known.api_key_id;
  if not found then return; end if;
  is_elsewhere := tenant is not null and resolve_tenant(tenant) is distinct from known.workspace_id;
  if is_over or is_elsewhere then
    perform enter_scope(null, 'visitors', null);
  elsif last_used is null or last_used < now() - interval '1 minute' then
    update api_keys k set last_used_at = now() where k.workspace_id = known.workspace_id and k.id = key_id;
  end if;
  return next;
end $$;
"""

WORKSPACE = "nullif(current_setting('app.workspace', true), '')::uuid"
IS_MEMBERS = "current_setting('app.audience', true) = 'members'"
USER = "nullif(current_setting('app.user', true), '')::uuid"


def upgrade() -> None:
    role = context.config.attributes.get("app_role", "hn_app")
    for ddl in (COLUMNS, TABLES, DIRECTORIES, IDENTITY):
        op.execute(ddl)
    for table in ("invites", "audit_events"):
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"alter table {table} force row level security")
    for table in ("invites", "audit_events"):
        op.execute(f"create policy workspace on {table} using (workspace_id = (select {WORKSPACE}))")
        op.execute(f"create policy audience on {table} as restrictive using ((select {IS_MEMBERS}))")
    # What happened is not changed afterwards; it goes with its workspace alone.
    op.execute(f'revoke update, delete on audit_events from "{role}"')
    # Members see each other, and change themselves.
    op.execute("drop policy account on users")
    op.execute(f"create policy account on users using (id = (select {USER}))")
    op.execute(
        "create policy colleagues on users for select using (exists"
        " (select 1 from members"
        f" where members.user_id = users.id and members.workspace_id = (select {WORKSPACE})))"
    )


def downgrade() -> None:
    op.execute("drop policy colleagues on users")
    op.execute("drop policy account on users")
    op.execute(
        f"create policy account on users using (id = (select {USER}) or exists"
        " (select 1 from members"
        f" where members.user_id = users.id and members.workspace_id = (select {WORKSPACE})))"
    )
    op.execute("drop function identify_key, identify_session, enter_workspace, enter_scope, resolve_tenant")
    op.execute("drop table invite_hashes, account_links, audit_events, invites")
    op.execute("alter table workspace_handles drop column is_closed")
    op.execute("alter table workspaces drop column business_hours, drop column deleted_at")
    op.execute("alter table members drop column suspended_at")
    op.execute(
        "alter table sessions drop column id, drop column workspace_id, drop column user_agent,"
        " drop column address, drop column last_seen_at"
    )
    op.execute("alter table users drop column email_verified_at")
